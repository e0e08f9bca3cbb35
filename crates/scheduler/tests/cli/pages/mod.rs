//! Tests every code block in every Markdown file.
//!
//! The binary loads each config, and a shell runs each command line against fake servers.

mod blocks;
mod objects;
mod output;
#[path = "../../../../../tests/offline/published.rs"]
mod published;
mod sandbox;

use std::{
    fs,
    path::{Path, PathBuf},
};

use self::{
    blocks::{Block, Kind},
    objects::Objects,
    sandbox::Sandbox,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Folders without pages. `cargo xtask generate` builds pages from the files in the last one.
const SKIPPED: [&str; 3] = ["target", ".git", "xtask/src/generate"];

/// Returns the paths of the Markdown files, relative to the workspace.
fn pages() -> Vec<PathBuf> {
    let (mut folders, mut pages) = (vec![PathBuf::new()], vec![]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(Path::new(ROOT).join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry");
            let (kind, path) = (entry.file_type().expect("a type"), folder.join(entry.file_name()));
            if kind.is_dir() && !SKIPPED.iter().any(|skipped| path == Path::new(skipped)) {
                folders.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|it| it == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    pages
}

/// Whether rustdoc shows this page as the page of a crate.
fn is_rustdoc(page: &Path) -> bool {
    let library = page.with_file_name("src").join("lib.rs");
    let library = fs::read_to_string(Path::new(ROOT).join(library)).unwrap_or_default();
    library.contains("include_str!(\"../README.md\")") && page.ends_with("README.md")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_block_in_the_docs_works_as_shown() {
    let (mut configs, mut consoles, mut problems) = (0, 0, vec![]);
    let objects = Objects::new();
    for page in pages() {
        let text = fs::read_to_string(Path::new(ROOT).join(&page)).expect("text");
        let sandbox = Sandbox::new(Path::new(ROOT), &page).await;
        for Block { line, kind, text } in blocks::of(&text, is_rustdoc(&page)) {
            let found = match kind {
                Kind::Yaml => {
                    configs += 1;
                    sandbox.yaml(&text, &objects)
                }
                Kind::Console => {
                    consoles += 1;
                    sandbox.console(&text)
                }
                Kind::Text | Kind::Rust => vec![],
                Kind::Unknown(info) => vec![format!("no check knows blocks of kind {info:?}")],
            };
            problems.extend(found.into_iter().map(|problem| format!("{}:{line}: {problem}", page.display())));
        }
    }
    assert!(problems.is_empty(), "{}\n\n{} problems", problems.join("\n\n"), problems.len());
    assert!(configs >= 25 && consoles >= 70, "{configs} YAML blocks and {consoles} consoles were found");
}
