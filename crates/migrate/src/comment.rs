//! Writes untrusted text as YAML comments.

/// Length of a line in characters, which fits into an editor window.
pub(crate) const WIDTH: usize = 110;

/// Returns a text as comment lines. No character in the text can end the comment.
pub(crate) fn comment(indent: usize, text: &str) -> String {
    let margin = format!("{}# ", " ".repeat(indent));
    let mut lines = vec![String::new()];
    for word in visible(text).split(' ').filter(|word| !word.is_empty()) {
        let line = lines.last_mut().expect("there is one");
        if line.is_empty() {
            line.push_str(word);
        } else if margin.len() + line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines.into_iter().map(|line| margin.clone() + &line + "\n").collect()
}

/// Returns a text as one comment line of any length, so that it can be copied.
pub(crate) fn quoted(indent: usize, code: &str) -> String {
    format!("{}#   {}\n", " ".repeat(indent), visible(code))
}

/// Escapes characters that are not plainly visible: line breaks, control characters and marks that change the text
/// direction.
pub(crate) fn visible(text: &str) -> String {
    let shown = |it: char| it == ' ' || it.is_ascii_graphic() || it.is_alphanumeric();
    text.chars().map(|it| if shown(it) { it.to_string() } else { it.escape_unicode().to_string() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_cannot_end_a_comment() {
        for hostile in
            ["a\ntargets: []", "a\rb", "a\u{85}b", "a\u{2028}b", "a\u{2029}b", "a\u{202e}b", "a\x1b[2Jb", "\0"]
        {
            let comment = comment(2, hostile);
            assert!(comment.starts_with("  # ") && comment.lines().count() == 1, "{comment:?}");
            assert!(comment.trim_end().chars().all(|it| it == ' ' || it.is_ascii_graphic()), "{comment:?}");
        }
    }

    #[test]
    fn long_text_is_broken_between_words() {
        let text = ["word"; 50].join(" ");
        let comment = comment(2, &text);
        assert!(
            comment.lines().count() > 1 && comment.lines().all(|it| it.len() <= WIDTH + 2 && it.starts_with("  # "))
        );
        assert_eq!(comment.matches("word").count(), 50);
    }
}
