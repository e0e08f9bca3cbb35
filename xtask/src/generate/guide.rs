//! The modules of rustdoc that hold the pages of the book.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use crate::{
    docs::{FOLDER, Page, outside_url},
    process::root,
};

/// A published crate includes only files from its own folder. There, `docs` is a link to the folder of the pages.
const MODULES: &str = "crates/regcred/src/guide.rs";
/// Every label that a page can link to, in the form of rustdoc. The first definition of a label counts.
const LABELS: &str = "crates/regcred/src/guide.md";

const HEAD: &str = "//! The pages of the book, which are in `docs/` of the repository too.\n\
    // Made by `cargo xtask generate` from docs/SUMMARY.md.\n";

/// Returns both files with their text.
pub(super) fn all() -> Result<Vec<(String, String)>> {
    let pages = pages()?;
    let (mut modules, mut labels) = (HEAD.to_owned(), BTreeSet::new());
    for (title, file) in &pages {
        let name = module(file);
        write!(
            modules,
            "\n/// {title}\n#[doc = \"\"]\n#[doc = include_str!(\"guide.md\")]\n\
             #[doc = include_str!(\"../docs/{file}\")]\npub mod {name} {{}}\n"
        )?;
        labels.extend(Page::parse(&fs::read_to_string(root().join(FOLDER).join(file))?).links().filter_map(label));
    }
    let mut definitions = String::from("<!-- Made by `cargo xtask generate`. -->\n\n");
    for (label, target) in labels {
        writeln!(definitions, "[{label}]: {target}")?;
    }
    Ok(vec![(MODULES.into(), modules), (LABELS.into(), definitions)])
}

/// Returns the titles and files of the book.
fn pages() -> Result<Vec<(String, String)>> {
    let contents = fs::read_to_string(root().join(FOLDER).join("SUMMARY.md"))?;
    let entries = contents.lines().filter_map(|line| line.trim_start_matches("- ").strip_prefix('['));
    let pages = entries.filter_map(|entry| entry.strip_suffix(')')?.split_once("]("));
    Ok(pages.map(|(title, file)| (title.to_owned(), file.to_owned())).collect())
}

/// Returns the label of a link in a page, and its target in rustdoc.
fn label(link: &str) -> Option<(String, String)> {
    if link.contains("://") || link.starts_with('#') {
        return None;
    }
    let (path, anchor) = link.split_once('#').map_or((link, String::new()), |(path, it)| (path, format!("#{it}")));
    match path.strip_prefix("../") {
        Some(path) => Some((format!("{path}{anchor}"), format!("{}{anchor}", outside_url(&PathBuf::from(path))))),
        None => Some((format!("{path}{anchor}"), format!("../{}/index.html{anchor}", module(path)))),
    }
}

fn module(page: &str) -> String {
    match Path::new(page).file_stem().and_then(|it| it.to_str()).unwrap_or_default() {
        "README" => "introduction".into(),
        stem => stem.replace('-', "_"),
    }
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn rustdoc_has_a_module_for_each_page() {
        let cases = [
            ("install.md", Some("../install/index.html")),
            ("when-not.md#where-it-is-right", Some("../when_not/index.html#where-it-is-right")),
            ("README.md", Some("../introduction/index.html")),
            ("../config/full.yaml", Some("https://github.com/regcred/regcred/blob/main/config/full.yaml")),
            ("../config", Some("https://github.com/regcred/regcred/tree/main/config")),
            ("#own", None),
            ("https://example.com", None),
        ];
        for (link, expected) in cases {
            assert_eq!(label(link).map(|(_, target)| target).as_deref(), expected, "{link}");
        }
    }
}
