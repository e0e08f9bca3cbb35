//! Objects as text.

use std::fmt::Write;

use serde_json::Value;

/// Documents of YAML, which readers of its older version read alike. `head`: lines of comment above them all.
#[expect(clippy::missing_panics_doc, reason = "whatever JSON is, it is YAML")]
pub fn yaml(head: &[String], objects: &[Value]) -> String {
    let options = serde_saphyr::ser_options! { compact_list_indent: false, folded_wrap_chars: usize::MAX };
    let mut text = String::new();
    for line in head {
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
