//! Text in place of fixed words, such as `true` and `false`.

/// Longest word that a message quotes.
const LONGEST: usize = 8;

/// The values of `merge`, in words.
pub(crate) const MERGE: &str = "true, false or create";
/// The values of `verify`, in words.
pub(crate) const VERIFY_LEVELS: &str = "true, false or strict";

/// Returns the message for a value in place of fixed words, such as `true or false`. `found` is the sort of the value.
/// `text` is its text, if it is one.
pub fn not_one_of(words: &str, found: &str, text: Option<&str>) -> String {
    match text {
        // YAML reads these as text only in quotes.
        Some(word @ ("true" | "false")) => format!("{word:?} is text: write {word} without quotes"),
        Some(word) if is_quotable(word) => format!("{word:?} is not {words}: write one of these"),
        _ => format!("{found} is not {words}: write one of these"),
    }
}

/// Returns whether a message may quote a text that can be a password. It may quote a short word of letters, or one
/// digit.
fn is_quotable(text: &str) -> bool {
    let is_word = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    !text.is_empty() && (is_word || matches!(text, "0" | "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_words_are_quoted() {
        for (text, expected) in [
            (Some("maybe"), "\"maybe\" is not true or false: write one of these"),
            (Some("ON"), "\"ON\" is not true or false: write one of these"),
            (Some("1"), "\"1\" is not true or false: write one of these"),
            (Some("true"), "\"true\" is text: write true without quotes"),
            (Some("hunter2"), "text is not true or false: write one of these"),
            (Some("correcthorse"), "text is not true or false: write one of these"),
            (Some("a b"), "text is not true or false: write one of these"),
            (Some(""), "text is not true or false: write one of these"),
            (None, "text is not true or false: write one of these"),
        ] {
            assert_eq!(not_one_of("true or false", "text", text), expected, "{text:?}");
        }
    }
}
