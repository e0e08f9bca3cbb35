//! Crates that only one file may use, as their wrapper.

use std::{ffi::OsStr, fs, path::Path};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};

use super::workspace;
use crate::process::root;

/// Each crate, and the file that may name it.
const CONFINED: [(&str, &str); 2] =
    [("chrono", "crates/config/src/schedule/calendar.rs"), ("cron", "crates/config/src/schedule/calendar.rs")];

/// Returns the files that name a crate although another file wraps it.
pub(super) fn outside() -> Result<Vec<String>> {
    let mut problems = vec![];
    for file in workspace::files()?.iter().filter(|file| file.extension() == Some(OsStr::new("rs"))) {
        let Ok(text) = fs::read_to_string(root().join(file)) else { continue }; // deleted, but not yet in git
        let tokens = text.parse::<TokenStream>();
        let tokens = tokens.ok().with_context(|| format!("cannot parse {}", file.display()))?;
        let outside = CONFINED.iter().filter(|(name, home)| file != Path::new(home) && names(tokens.clone(), name));
        problems.extend(outside.map(|(name, home)| format!("{} names {name}, which only {home} may", file.display())));
    }
    Ok(problems)
}

/// Returns whether a path begins with the name of the crate, or a `use` imports the crate itself.
fn names(tokens: TokenStream, name: &str) -> bool {
    let tokens = tokens.into_iter().collect::<Vec<_>>();
    let is = |at: Option<&TokenTree>, text: &str| at.is_some_and(|token| token.to_string() == text);
    let at = |index: Option<usize>| index.and_then(|index| tokens.get(index));
    tokens.iter().enumerate().any(|(index, token)| match token {
        TokenTree::Group(group) => names(group.stream(), name),
        TokenTree::Ident(ident) if ident == name => {
            let before = at(index.checked_sub(1));
            let follows_path =
                is(before, ":") && at(index.checked_sub(3)).is_some_and(|it| matches!(it, TokenTree::Ident(_)));
            let leads_path = is(at(Some(index + 1)), ":") && is(at(Some(index + 2)), ":");
            (leads_path && !follows_path) || is(before, "use")
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_into_the_crate_names_it() {
        let cases = [
            ("use cron::Schedule;", true),
            ("use cron;", true),
            ("use {std::fs, cron::Schedule};", true),
            ("fn a() -> ::cron::Schedule { b }", true),
            ("fn a() { format!(\"{}\", cron::b()) }", true),
            ("use crate::cron::Schedule;", false),
            ("struct A { cron: String }", false),
            ("mod cron; fn a(cron: u8) { let b = A { cron }; }", false),
            ("// cron::Schedule\nconst A: &str = \"cron::Schedule\";", false),
        ];
        for (text, expected) in cases {
            assert_eq!(names(text.parse().expect("tokens"), "cron"), expected, "{text}");
        }
    }
}
