//! Documentation in its three forms: Markdown on GitHub, the book, and rustdoc. Every link works in each.

mod commands;
mod html;
mod markdown;
mod preprocess;
mod repository;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use self::repository::Repository;
use crate::{
    process::{cargo, read, root, run as run_command},
    tools::MDBOOK,
};

pub(crate) use self::{
    markdown::Page,
    preprocess::run as preprocess,
    repository::{FOLDER, url as outside_url},
};

/// The pages in rustdoc.
const GUIDE: &str = "regcred/guide";

/// Builds the book and rustdoc, and fails with every broken link at once.
pub(crate) fn run() -> Result<()> {
    let repository = Repository::read()?;
    let (links, mut problems) = markdown::problems(&repository)?;
    println!("Markdown: {links} links");
    problems.extend(commands::problems(&repository)?);
    problems.extend(unlisted(&repository)?);

    let (book, doc) = (root().join("target/book"), root().join("target/doc"));
    let program = std::env::current_exe().context("cannot find this program")?;
    let preprocess = format!("{} preprocess", program.display());
    run_command(MDBOOK.command(["build", FOLDER])?.env("MDBOOK_PREPROCESSOR__REPOSITORY__COMMAND", preprocess))?;
    run_command(&mut rustdoc())?;
    run_command(rustdoc().arg("--examples"))?;
    let pages = [("book", &book, html::pages(&book)?), ("rustdoc", &doc, rustdoc_pages(&doc)?)];
    for (name, folder, pages) in pages {
        let (links, broken) = html::problems(folder, pages, &doc, &repository)?;
        println!("{name}: {links} links");
        problems.extend(broken);
    }
    if problems.is_empty() {
        println!("the book is in {}", book.display());
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}

/// Returns a rustdoc command for the libraries and programs of the workspace, with the features of the lints.
///
/// It has no `--bins`, because that builds programs with `doc = false` too, and one has the name of a library.
fn rustdoc() -> Command {
    let mut doc = cargo();
    doc.env("RUSTDOCFLAGS", "-D warnings").args(["doc", "--quiet", "--workspace", "--no-deps", "--locked"]);
    doc.args(["--features", "regcred-tests/live,regcred-tests/year"]);
    doc
}

/// Returns the pages of rustdoc that come from Markdown files: those of the crates, and the guide. rustdoc itself
/// checks the links of all other pages.
fn rustdoc_pages(doc: &Path) -> Result<Vec<PathBuf>> {
    let metadata = read(cargo().args(["metadata", "--format-version", "1", "--locked", "--no-deps"]))?;
    let metadata = serde_json::from_str::<Value>(&metadata)?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let libraries = targets.filter(|target| target["kind"][0] == "lib").filter_map(|target| target["name"].as_str());
    let mut pages = html::pages(&doc.join(GUIDE))?;
    pages.extend(libraries.map(|library| doc.join(library.replace('-', "_")).join("index.html")));
    Ok(pages)
}

/// Returns the pages that the table of contents does not name.
fn unlisted(repository: &Repository) -> Result<Vec<String>> {
    let contents = fs::read_to_string(root().join(FOLDER).join("SUMMARY.md"))?;
    let pages = repository.files().filter_map(|file| file.strip_prefix(FOLDER).ok());
    let pages =
        pages.filter(|page| page.extension().is_some_and(|it| it == "md")).map(|page| page.display().to_string());
    let missing = pages.filter(|page| page != "SUMMARY.md" && !contents.contains(&format!("]({page})")));
    Ok(missing.map(|page| format!("{FOLDER}/{page} is not in {FOLDER}/SUMMARY.md")).collect())
}
