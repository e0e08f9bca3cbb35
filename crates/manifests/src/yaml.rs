//! Converts objects to YAML text and back.

use std::fmt::Write;

use serde_json::Value;
use serde_saphyr::Error;

/// Parses a text that contains one object. The error describes the problem.
pub fn read(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map(|at| format!(" at line {}", at.line())).unwrap_or_default();
        match error.without_snippet() {
            Error::MultipleDocuments { .. } => {
                format!("it is not one object as YAML or JSON: a second document begins{line}")
            }
            Error::DuplicateMappingKey { .. } => {
                format!("it is not one object as YAML or JSON: a key occurs twice{line}")
            }
            _ => format!("it is not one object as YAML or JSON{line}"),
        }
    })
}

/// Returns objects as YAML documents that parsers of YAML 1.1 and 1.2 read the same way. `head` becomes comment lines
/// at the top.
#[expect(clippy::missing_panics_doc, reason = "all JSON is valid YAML")]
pub fn yaml(head: &[String], objects: &[Value]) -> String {
    let options = serde_saphyr::ser_options! { compact_list_indent: false, folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    for line in head {
        let line = line.replace(|it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}'), "?");
        let _ = writeln!(text, "{}", format!("# {line}").trim_end());
    }
    for (place, object) in objects.iter().enumerate() {
        if place > 0 {
            text.push_str("---\n");
        }
        let mut document = String::new();
        serde_saphyr::to_fmt_writer_with_options(&mut document, object, options.clone()).expect("JSON is YAML");
        text.push_str(document.trim_end_matches('\n'));
        text.push('\n');
    }
    text
}
