//! The tests that SECURITY.md names for its guarantees.

use std::{fs, path::Path};

use anyhow::Result;

use crate::process::root;

/// Returns the tests of SECURITY.md that are not in the file that the page names.
pub(super) fn missing() -> Result<Vec<String>> {
    let page = fs::read_to_string(root().join("SECURITY.md"))?;
    let is_missing = |(test, file): &(&str, &str)| {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        !text.contains(&format!("fn {test}("))
    };
    let missing = named_tests(&page).into_iter().filter(is_missing);
    Ok(missing.map(|(test, file)| format!("SECURITY.md: cannot find the test {test} in {file}")).collect())
}

/// Returns the tests and their files in list items such as "- Tests: `one_test`, `another_test` in `a/file.rs`".
fn named_tests(page: &str) -> Vec<(&str, &str)> {
    let mut all = vec![];
    for item in page.lines().filter_map(|line| line.trim_start().strip_prefix("- Tests: ")) {
        let mut waiting = vec![];
        for name in item.split('`').skip(1).step_by(2) {
            if Path::new(name).extension().is_some_and(|it| it == "rs") {
                all.extend(waiting.drain(..).map(|test| (test, name)));
            } else {
                waiting.push(name);
            }
        }
        // Without a file, the test cannot be found.
        all.extend(waiting.into_iter().filter(|it| it.contains('_')).map(|test| (test, "")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::named_tests;

    #[test]
    fn a_test_belongs_to_the_file_that_follows_it() {
        let page = "- text with `code_of_ours`\n  - Tests: `one_a`, `two_b` in `a.rs`; `three_c` in `b.rs`; `four_d`\n";
        assert_eq!(named_tests(page), [("one_a", "a.rs"), ("two_b", "a.rs"), ("three_c", "b.rs"), ("four_d", "")]);
    }
}
