//! Blocks of pages that are copies of source files, so that a compiler or a test checks the code on the page.
//!
//! A block is between `<!-- begin generated FILE -->` and `<!-- end generated -->`. The tests of a Rust file are
//! omitted.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::{docs::FOLDER, process::root};

const BEGIN: &str = "<!-- begin generated ";
const END: &str = "<!-- end generated -->\n";

/// Returns every page with such blocks, with its text.
pub(super) fn all() -> Result<Vec<(String, String)>> {
    let mut pages = vec![PathBuf::from("README.md")];
    for entry in fs::read_dir(root().join(FOLDER))? {
        pages.push(Path::new(FOLDER).join(entry?.file_name()));
    }
    let source = |file: &str| fs::read_to_string(root().join(file)).with_context(|| format!("cannot read {file}"));
    let mut filled = vec![];
    for page in pages.into_iter().filter(|page| page.extension().is_some_and(|it| it == "md")) {
        let text = fs::read_to_string(root().join(&page))?;
        if text.contains(BEGIN) {
            let text = fill(&text, &source).with_context(|| format!("cannot fill {}", page.display()))?;
            filled.push((page.display().to_string(), text));
        }
    }
    Ok(filled)
}

fn fill(page: &str, source: &dyn Fn(&str) -> Result<String>) -> Result<String> {
    let mut parts = page.split(BEGIN);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (file, rest) = part.split_once(" -->\n").context("a begin does not end with ` -->`")?;
        let (_, rest) = rest.split_once(END).with_context(|| format!("{file} has no {}", END.trim_end()))?;
        let text = source(file)?;
        let text = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default().trim_end();
        let language = match Path::new(file).extension().and_then(|it| it.to_str()) {
            Some("rs") => "rust,ignore", // rustdoc would compile it without the crates that it needs
            Some("yaml") => "yaml",
            _ => "text",
        };
        filled.extend([BEGIN, file, " -->\n```", language, "\n", text, "\n```\n", END, rest]);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(page: &str) -> Result<String> {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n}\n";
        fill(page, &|file| if file == "a.rs" { Ok(text.into()) } else { Err(anyhow::anyhow!("no file")) })
    }

    #[test]
    fn a_block_is_replaced_by_the_source_without_its_tests() -> Result<()> {
        let page = "x\n<!-- begin generated a.rs -->\nold\n<!-- end generated -->\ny\n";
        let expected = "x\n<!-- begin generated a.rs -->\n```rust,ignore\nfn a() {}\n```\n<!-- end generated -->\ny\n";
        assert_eq!(filled(page)?, expected);
        assert_eq!(filled(expected)?, expected);
        Ok(())
    }

    #[test]
    fn a_block_without_source_or_end_is_an_error() {
        for page in ["<!-- begin generated b.rs -->\n<!-- end generated -->\n", "<!-- begin generated a.rs -->\nold\n"]
        {
            assert!(filled(page).is_err(), "{page}");
        }
    }
}
