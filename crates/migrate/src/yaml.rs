//! Writes untrusted text as YAML values.

use crate::comment::WIDTH;

/// Words that some version of YAML does not read as text.
const NOT_TEXT: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// Returns a list of texts in the flow style, wrapped over several lines if necessary.
pub(crate) fn list<'a>(indent: usize, items: impl Iterator<Item = &'a str>) -> String {
    wrapped(indent, items.map(text))
}

/// Returns `[a, b]`, wrapped over several lines if necessary.
pub(crate) fn wrapped(indent: usize, items: impl Iterator<Item = String>) -> String {
    let (mut lines, mut line) = (vec![], String::new());
    for item in items {
        if !line.is_empty() && indent + line.len() + item.len() + 3 > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        line += if line.is_empty() { "" } else { " " };
        line += &item;
        line.push(',');
    }
    lines.push(line);
    let margin = format!("\n{}", " ".repeat(indent));
    let all = lines.join(&margin);
    let all = all.trim_end_matches(',');
    if all.contains('\n') { format!("[{margin}{all}\n{}]", " ".repeat(indent - 2)) } else { format!("[{all}]") }
}

/// Returns a name that every version of YAML reads as text.
pub(crate) fn text(name: &str) -> String {
    let plain = name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, b'-' | b'.'))
        && !NOT_TEXT.contains(&name);
    if plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}
