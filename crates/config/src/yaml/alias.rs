//! Errors for an alias without an anchor: a pattern without quotes, or an undefined name.

/// Longest anchor name that a message quotes.
const LONGEST: usize = 32;
/// Keys whose values can be patterns.
const PATTERNS: [&str; 4] = ["namespace", "namespaces", "include", "exclude"];

/// The message for a value that begins with `*` and looks like a pattern.
pub(crate) const PATTERN: &str = "`*` begins an alias in YAML: put a pattern in quotes, such as \"*-dev\"";

/// Returns the message for such an alias. The name of the anchor is quoted only below a known key, because it can be
/// part of a secret.
///
/// `line` and `column` give the position of the alias. They start at 1.
pub(crate) fn explain(yaml: &str, line: u64, column: u64, is_known: impl Fn(&str) -> bool) -> String {
    let above = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let text = yaml.lines().nth(above).unwrap_or_default();
    let Some((before, name)) = alias(text, usize::try_from(column).unwrap_or(1)) else { return PATTERN.into() };
    let key = key_in(before).or_else(|| key_above(yaml, above, before.len()));
    if !is_name(name) || key.is_some_and(|key| PATTERNS.contains(&key)) {
        return PATTERN.into();
    }
    let fix = "put text that begins with `*` in quotes";
    match key {
        Some(key) if key == "<<" || is_known(key) => format!("there is no anchor `{name}` above this line: {fix}"),
        _ => format!("there is no anchor of this name above this line: {fix}"),
    }
}

/// Returns the text before an alias, and the name after its `*`.
fn alias(line: &str, column: usize) -> Option<(&str, &str)> {
    let at = line.char_indices().nth(column.saturating_sub(1)).map(|(at, _)| at);
    let at = at.filter(|at| line[*at..].starts_with('*')).or_else(|| line.find('*'))?;
    let rest = &line[at + 1..];
    let end = rest.find(|it: char| it.is_whitespace() || ",]}[{".contains(it)).unwrap_or(rest.len());
    Some((&line[..at], &rest[..end]))
}

/// Returns whether the text can be the name of an anchor, and not a pattern.
fn is_name(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let starts_well = text.starts_with(|it: char| it.is_ascii_alphanumeric() || it == '_');
    starts_well && text.len() <= LONGEST && text.bytes().all(is_plain)
}

/// Returns the last key of a text such as `- { namespace: a, region: `.
fn key_in(text: &str) -> Option<&str> {
    let (before, _) = text.rsplit_once(": ").or_else(|| Some((text.trim_end().strip_suffix(':')?, "")))?;
    let start = before.rfind(|it: char| it.is_whitespace() || ",{[".contains(it)).map_or(0, |at| at + 1);
    Some(before[start..].trim_matches(['"', '\'']))
}

/// Returns the key of the block list that contains an item: the nearest line above that ends with `:` and is indented
/// at most as deep as the item.
fn key_above(yaml: &str, above: usize, depth: usize) -> Option<&str> {
    let lines = yaml.lines().take(above).collect::<Vec<_>>();
    let is_open = |line: &&&str| {
        let indent = line.len() - line.trim_start().len();
        line.trim_end().ends_with(':') && indent <= depth
    };
    key_in(lines.iter().rev().find(is_open)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_yaml_anchor_is_named_with_a_hint_to_quote_the_text() {
        let known = |key: &str| ["region", "providers", "link", "name"].contains(&key);
        let named = "there is no anchor `y` above this line: put text that begins with `*` in quotes";
        let unnamed = "there is no anchor of this name above this line: put text that begins with `*` in quotes";
        for (yaml, line, column, expected) in [
            ("region: *y\n", 1, 9, named),
            ("- { namespace: a, region: *y }\n", 1, 27, named),
            ("- { namespace: a, region: *y }\n", 1, 1, named),
            ("- { namespace: a, <<: *y }\n", 1, 23, named),
            ("targets:\n- providers: [*y]\n", 2, 15, named),
            ("targets:\n- providers: [a, *y]\n", 2, 18, named),
            ("targets:\n- providers:\n  - *y\n", 3, 5, named),
            ("targets:\n- providers:\n  - a\n  - *y\n", 4, 5, named),
            ("password: *y\n", 1, 11, unnamed),
            ("stringData:\n  a: *hunter2\n", 2, 6, unnamed),
            ("namespaces: [*]\n", 1, 14, PATTERN),
            ("namespaces: [*-dev]\n", 1, 14, PATTERN),
            ("namespaces: [*dev]\n", 1, 14, PATTERN),
            ("namespaces:\n- a\n- *dev\n", 3, 3, PATTERN),
            ("- { namespaces: { include: [team-a, *x] } }\n", 1, 37, PATTERN),
            ("namespace: *dev\n", 1, 12, PATTERN),
            ("region: *\n", 1, 9, PATTERN),
            ("region: *-1\n", 1, 9, PATTERN),
            ("region: eu\n", 1, 9, PATTERN),
            ("", 7, 9, PATTERN),
        ] {
            assert_eq!(explain(yaml, line, column, known), expected, "{yaml}");
        }
    }
}
