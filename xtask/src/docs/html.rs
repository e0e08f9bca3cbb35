//! Checks the links of built pages.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::repository::{Repository, resolve};

/// The documentation of a published crate. rustdoc's folder contains the pages of unpublished versions.
const DOCS_RS: &str = "https://docs.rs/regcred";

/// Returns the pages below a folder.
pub(super) fn pages(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = vec![];
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            pages.extend(self::pages(&path)?);
        } else if path.extension().is_some_and(|it| it == "html") {
            pages.push(path);
        }
    }
    Ok(pages)
}

/// Returns the number of links in pages of a folder, and the broken ones.
pub(super) fn problems(
    folder: &Path,
    files: Vec<PathBuf>,
    rustdoc: &Path,
    repository: &Repository,
) -> Result<(usize, Vec<String>)> {
    let (mut pages, mut links, mut problems) = (Pages::default(), 0, BTreeSet::new());
    for file in files {
        let own = file.strip_prefix(folder)?.parent().unwrap_or(Path::new("")).to_owned();
        for link in pages.read(&file)?.links.clone() {
            links += 1;
            let target = match link.strip_prefix(DOCS_RS) {
                Some(rest) => published(rustdoc, rest),
                None if link.contains("://") => {
                    if !repository.serves(&link) {
                        problems.insert(format!("{}: {link} is not in the repository", file.display()));
                    }
                    continue;
                }
                None if link.starts_with("javascript:") || link.starts_with("mailto:") => continue,
                None => local(folder, &own, &file, &link),
            };
            let found = match target {
                Some((file, anchor)) => pages.has(&file, &anchor)?,
                None => false,
            };
            if !found {
                problems.insert(format!("{}: {link} has no target", file.display()));
            }
        }
    }
    Ok((links, problems.into_iter().collect()))
}

/// Returns the file and the anchor of a link without a host.
fn local(folder: &Path, own: &Path, file: &Path, link: &str) -> Option<(PathBuf, String)> {
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let path = path.split('?').next().unwrap_or_default();
    let target = if path.is_empty() { file.to_owned() } else { folder.join(resolve(own, path)?) };
    Some((target, anchor.to_owned()))
}

/// Returns the file and the anchor of `-ecr/latest/regcred_ecr/struct.A.html#b`.
fn published(rustdoc: &Path, rest: &str) -> Option<(PathBuf, String)> {
    let (_, path) = rest.split_once("/latest/")?;
    let (path, anchor) = path.split_once('#').unwrap_or((path, ""));
    Some((rustdoc.join(path), anchor.to_owned()))
}

/// Pages that were read already.
#[derive(Debug, Default)]
struct Pages(BTreeMap<PathBuf, Page>);

#[derive(Clone, Debug, Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Pages {
    fn read(&mut self, file: &Path) -> Result<&Page> {
        if !self.0.contains_key(file) {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            self.0.insert(file.to_owned(), Page::parse(&text));
        }
        Ok(&self.0[file])
    }

    /// Returns whether the file exists and has this anchor.
    fn has(&mut self, file: &Path, anchor: &str) -> Result<bool> {
        let index = file.join("index.html");
        let file = if file.is_dir() { index.as_path() } else { file };
        if !file.exists() {
            return Ok(false);
        }
        // A script marks the lines of source pages.
        let is_source = file.components().any(|part| part.as_os_str() == "src");
        Ok(anchor.is_empty() || is_source || self.read(file)?.anchors.contains(anchor))
    }
}

impl Page {
    /// Parses a page. Both programs quote every attribute.
    fn parse(text: &str) -> Self {
        let plain = |value: &str| value.replace("&amp;", "&").replace("&#39;", "'").replace("&quot;", "\"");
        let values = |name: &str| {
            let start = format!(" {name}=\"");
            let values = text.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).map(plain);
            values.collect::<Vec<_>>()
        };
        let is_page = |link: &String| !link.is_empty() && link != "#";
        let links = [values("href"), values("src")].concat().into_iter().filter(is_page).collect();
        Self { links, anchors: values("id").into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_missing_file_or_anchor_is_broken() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let repository = Repository::from_iter(["docs/a.md".into()]);
        fs::create_dir(folder.path().join("b"))?;
        fs::write(folder.path().join("b/index.html"), "<h1 id=\"there\">")?;
        let cases = [
            ("b/index.html", true),
            ("b/#there", true),
            ("#here", true),
            ("https://example.com/none", true),
            ("https://github.com/regcred/regcred/blob/main/docs/a.md", true),
            ("https://docs.rs/regcred-b/latest/b/index.html#there", true),
            ("b/index.html#nowhere", false),
            ("c.html", false),
            ("../b.html", false),
            ("#there", false),
            ("https://github.com/regcred/regcred/blob/main/docs/c.md", false),
            ("https://docs.rs/regcred-b/latest/b/struct.C.html", false),
        ];
        for (link, expected) in cases {
            fs::write(folder.path().join("a.html"), format!("<h1 id=\"here\"><a href=\"{link}\">"))?;
            let (links, problems) =
                problems(folder.path(), vec![folder.path().join("a.html")], folder.path(), &repository)?;
            assert_eq!((links, problems.is_empty()), (1, expected), "{link}: {problems:?}");
        }
        Ok(())
    }
}
