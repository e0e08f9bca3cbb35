//! Checks Markdown as GitHub renders it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::Result;
use pulldown_cmark::{BrokenLink, Event, LinkType, Options, Parser, Tag, TagEnd};

use super::repository::{FOLDER, Repository, resolve};
use crate::process::root;

/// Fragments of pages. Their links belong to the page.
const PIECES: &str = "xtask/src/generate";

/// The links and the anchors of a page.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Line, target, and whether the target is in a separate definition.
    links: Vec<(usize, String, bool)>,
    anchors: BTreeSet<String>,
    /// References without a definition, with their lines.
    undefined: Vec<(usize, String)>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Self {
        let line = |offset: usize| text[..offset].matches('\n').count() + 1;
        let mut page = Self::default();
        let mut undefined = vec![];
        // rustdoc resolves `[Type]` by itself, so only `[text][label]` needs a definition.
        let callback = |link: BrokenLink<'_>| {
            if link.link_type == LinkType::Reference {
                undefined.push((line(link.span.start), link.reference.to_string()));
            }
            None
        };
        let mut heading = None::<String>;
        let parser = Parser::new_with_broken_link_callback(text, Options::ENABLE_TABLES, Some(callback));
        for (event, range) in parser.into_offset_iter() {
            match event {
                Event::Start(Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. }) => {
                    let defined = matches!(link_type, LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut);
                    page.links.push((line(range.start), dest_url.to_string(), defined));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => page.add_heading(&heading.take().unwrap_or_default()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        page.undefined = undefined;
        page
    }

    fn add_heading(&mut self, heading: &str) {
        let anchor = anchor(heading);
        let numbered = (0..).map(|number| if number == 0 { anchor.clone() } else { format!("{anchor}-{number}") });
        let free = numbered.into_iter().find(|it| !self.anchors.contains(it));
        self.anchors.extend(free);
    }

    /// Returns the targets of links.
    pub(crate) fn links(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|(_, target, _)| target.as_str())
    }
}

/// Returns the anchor of a heading, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|it| it.is_alphanumeric() || matches!(it, ' ' | '-' | '_'));
    kept.map(|it| if it == ' ' { '-' } else { it }).collect::<String>().to_lowercase()
}

/// Returns the number of links in all pages, and those that are broken on GitHub.
pub(super) fn problems(repository: &Repository) -> Result<(usize, Vec<String>)> {
    let is_page = |file: &&Path| file.extension().is_some_and(|it| it == "md") && !file.starts_with(PIECES);
    let mut pages = BTreeMap::new();
    for file in repository.files().filter(is_page) {
        pages.insert(file, Page::parse(&fs::read_to_string(root().join(file))?));
    }
    let problems = pages.iter().flat_map(|(file, page)| broken(file, page, &pages, repository)).collect();
    Ok((pages.values().map(|page| page.links.len()).sum(), problems))
}

fn broken(file: &Path, page: &Page, pages: &BTreeMap<&Path, Page>, repository: &Repository) -> Vec<String> {
    let folder = file.parent().unwrap_or(Path::new(""));
    let is_in_book = folder == Path::new(FOLDER) && !file.ends_with("SUMMARY.md");
    let mut problems = vec![];
    for (line, reference) in &page.undefined {
        problems.push(format!("{}:{line}: no line defines [{reference}]", file.display()));
    }
    for (line, target, defined) in &page.links {
        let mut report = |problem: &str| problems.push(format!("{}:{line}: {target} {problem}", file.display()));
        if target.contains("://") || target.starts_with("mailto:") {
            if !repository.serves(target) {
                report("is not in the repository");
            }
            continue;
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        if is_in_book && !path.is_empty() && !defined {
            report(&format!("is written inline. Write [text][{path}], and define it at the end of the page"));
        }
        let Some(path) = (if path.is_empty() { Some(file.to_owned()) } else { resolve(folder, path) }) else {
            report("is outside the repository");
            continue;
        };
        if !repository.contains(&path) {
            report("does not exist");
        } else if !anchor.is_empty() && !pages.get(path.as_path()).is_some_and(|page| page.anchors.contains(anchor)) {
            report("has no such heading");
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(page: &str) -> Vec<String> {
        let repository =
            ["docs/a.md", "docs/b.md", "deploy/c.yaml"].map(Into::into).into_iter().collect::<Repository>();
        let pages = [("docs/a.md", page), ("docs/b.md", "# B\n\n## 1. Do `it`\n\n## Twice\n\n## Twice\n")];
        let pages =
            pages.map(|(file, text)| (Path::new(file), Page::parse(text))).into_iter().collect::<BTreeMap<_, _>>();
        broken(Path::new("docs/a.md"), &pages[Path::new("docs/a.md")], &pages, &repository)
    }

    #[test]
    fn a_broken_markdown_link_is_found() {
        let cases = [
            ("[x][b]\n\n[b]: b.md", None),
            ("[x][b]\n\n[b]: b.md#1-do-it", None),
            ("[x][b]\n\n[b]: b.md#twice-1", None),
            ("[x][b]\n\n[b]: ../deploy", None),
            ("# Own\n[x](#own)", None),
            ("[x](https://example.com)", None),
            ("[x](https://github.com/regcred/regcred/blob/main/deploy/c.yaml)", None),
            ("`[x](y.md)`\n\n```text\n[x](y.md)\n```", None),
            ("[x][b]\n\n[b]: b.md#twice-2", Some("docs/a.md:1: b.md#twice-2 has no such heading")),
            ("[x][b]\n\n[b]: c.md", Some("docs/a.md:1: c.md does not exist")),
            ("[x][b]\n\n[b]: ../../c", Some("docs/a.md:1: ../../c is outside the repository")),
            ("\n[x][b]", Some("docs/a.md:2: no line defines [b]")),
            (
                "[x](b.md)",
                Some("docs/a.md:1: b.md is written inline. Write [text][b.md], and define it at the end of the page"),
            ),
            (
                "[x](https://github.com/regcred/regcred/blob/main/d.yaml)",
                Some("docs/a.md:1: https://github.com/regcred/regcred/blob/main/d.yaml is not in the repository"),
            ),
        ];
        for (page, expected) in cases {
            assert_eq!(of(page), expected.into_iter().collect::<Vec<_>>(), "{page}");
        }
    }
}
