//! The code blocks of a page.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The start of a block that `cargo xtask generate` copies from a source file.
const COPIED: &str = "<!-- begin generated ";

#[derive(Debug)]
pub(super) struct Block {
    pub(super) line: usize,
    pub(super) kind: Kind,
    pub(super) text: String,
}

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    /// A config, another file, or objects.
    Yaml,
    /// Command lines after `$ `, with their output.
    Console,
    /// Text that no program reads.
    Text,
    /// Rust that is compiled elsewhere: a copy of a source file, or a doctest.
    Rust,
    /// Any other block, with its info string.
    Unknown(String),
}

/// Returns the blocks of a page, in order. rustdoc runs the Rust of a page that documents a crate.
pub(super) fn of(page: &str, is_rustdoc: bool) -> Vec<Block> {
    let (mut blocks, mut open) = (vec![], None::<Block>);
    for (event, range) in Parser::new_ext(page, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(kind)) => {
                let before = &page[..range.start];
                let is_copied = before.lines().next_back().is_some_and(|line| line.starts_with(COPIED));
                let line = before.matches('\n').count() + 1;
                open = Some(Block { line, kind: Kind::of(&kind, is_copied, is_rustdoc), text: String::new() });
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

impl Kind {
    fn of(kind: &CodeBlockKind<'_>, is_copied: bool, is_rustdoc: bool) -> Self {
        let info = match kind {
            CodeBlockKind::Indented => "indented",
            CodeBlockKind::Fenced(info) => info.as_ref(),
        };
        match info {
            "yaml" => Self::Yaml,
            "console" => Self::Console,
            "text" => Self::Text,
            "rust,ignore" if is_copied => Self::Rust,
            "" | "rust" | "no_run" | "rust,no_run" if is_rustdoc => Self::Rust,
            info => Self::Unknown(info.into()),
        }
    }
}

#[test]
fn blocks_of_unknown_kinds_are_found() {
    let page = "```yaml\na: b\n```\n\n- x\n\n  ```console\n  $ true\n  ```\n\n```sh\nls\n```\n\nx\n\n    indented\n\n\
        ```\nbare\n```\n\n```rust,ignore\nfn a() {}\n```\n<!-- begin generated a.rs -->\n```rust,ignore\nfn a() {}\n```\n";
    let unknown = |info: &str| Kind::Unknown(info.into());
    let mut expected = vec![
        (1, Kind::Yaml),
        (7, Kind::Console),
        (11, unknown("sh")),
        (17, unknown("indented")),
        (19, unknown("")),
        (23, unknown("rust,ignore")),
        (27, Kind::Rust),
    ];
    let found = |is_rustdoc| of(page, is_rustdoc).into_iter().map(|block| (block.line, block.kind)).collect::<Vec<_>>();
    assert_eq!(found(false), expected);
    expected[4].1 = Kind::Rust;
    assert_eq!(found(true), expected);
}
