//! Compares the output in a page with the actual output.

/// A placeholder for any text in a line. Alone on a line, it matches any number of lines.
const LEFT_OUT: &str = "...";

/// Whether an output matches the output in the page.
pub(super) fn is_shown(shown: &str, output: &str) -> bool {
    let shown = shown.lines().map(str::trim_end).collect::<Vec<_>>();
    lines(&shown, &output.lines().map(str::trim_end).collect::<Vec<_>>())
}

fn lines(shown: &[&str], output: &[&str]) -> bool {
    match shown {
        [] => output.is_empty(),
        [LEFT_OUT, rest @ ..] => (0..=output.len()).any(|skipped| lines(rest, &output[skipped..])),
        [first, rest @ ..] => {
            output.split_first().is_some_and(|(line, more)| is_line(first, line) && lines(rest, more))
        }
    }
}

fn is_line(shown: &str, line: &str) -> bool {
    let Some((before, after)) = shown.split_once(LEFT_OUT) else { return shown == line };
    line.strip_prefix(before).is_some_and(|rest| {
        rest.char_indices().map(|(at, _)| at).chain([rest.len()]).any(|at| is_line(after, &rest[at..]))
    })
}

#[test]
fn dots_match_omitted_output() {
    let cases = [
        ("a\nb", "a\nb\n", true),
        ("...", "", true),
        ("...", "a\nb\n", true),
        ("a\n...\nd", "a\nb\nc\nd\n", true),
        ("a ... c", "a b c", true),
        ("a ... c ...", "a b c d", true),
        ("a", "a\nb\n", false),
        ("a\nb", "a\n", false),
        ("a\n...\nd", "a\nb\nc\n", false),
        ("a ... c", "a b d", false),
        ("", "a", false),
    ];
    for (shown, output, expected) in cases {
        assert_eq!(is_shown(shown, output), expected, "{shown:?} {output:?}");
    }
}
