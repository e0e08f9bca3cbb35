//! YAML as a layer, stricter than the YAML standard.

use figment::{
    providers::Format,
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;
use serde_saphyr::Error;

use super::{
    alias,
    lines::{Repeated, repeated},
    options::options,
};

/// The rules for scalars. Booleans are only `true` and `false`. Digits after a zero are text, so that account ids keep
/// their zeros.
#[derive(Debug)]
pub(crate) struct Yaml;

impl Format for Yaml {
    type Error = Error;

    const NAME: &'static str = "YAML";

    fn from_str<T: DeserializeOwned>(text: &str) -> Result<T, Self::Error> {
        serde_saphyr::from_str_with_options(text, options())
    }
}

/// Why a text is not valid YAML. It contains no text of the parser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The line, starting at 1.
    pub(crate) line: Option<u64>,
    pub(crate) message: String,
}

/// Reads a text as one map. Returns one fault, or one for each duplicate key.
///
/// `is_known` returns whether a key of the map at a path may be quoted, because the text can be a file of secrets.
pub(crate) fn read(text: &str, is_known: impl Fn(&str, &str) -> bool) -> Result<Dict, Vec<Fault>> {
    let error = match Yaml::from_str::<Value>(text) {
        Ok(Value::Dict(_, dict)) => return Ok(dict),
        Ok(Value::Empty(..)) => return Ok(Dict::new()),
        Ok(other) => {
            let found = match other {
                Value::Array(..) => "a list",
                _ => "text",
            };
            let message = format!("it holds {found}, and a config is a map of keys");
            return Err(vec![Fault { line: None, message }]);
        }
        Err(error) => error,
    };
    if let Error::DuplicateMappingKey { .. } = error.without_snippet() {
        let faults = repeated(text).iter().map(|it| twice(it, &is_known)).collect::<Vec<_>>();
        if !faults.is_empty() {
            return Err(faults);
        }
    }
    if let (Error::UnknownAnchor { .. }, Some(at)) = (error.without_snippet(), error.location()) {
        let message = alias::explain(text, at.line(), at.column(), |key| is_known("", key));
        return Err(vec![Fault { line: Some(at.line()), message }]);
    }
    let line = line_of(&error, text);
    let at = line.and_then(|line| text.lines().nth(usize::try_from(line).ok()?.checked_sub(1)?));
    Err(vec![Fault { line, message: explain(&error, at.unwrap_or_default()) }])
}

fn twice(repeated: &Repeated, is_known: impl Fn(&str, &str) -> bool) -> Fault {
    let Repeated { map, key, first, line } = repeated;
    let key = if is_known(map, key) { format!("`{key}`") } else { "a key".into() };
    let message = format!("{key} occurs twice in one map, first in line {first}: keep one of the two");
    Fault { line: Some(*line), message }
}

/// Returns the line of an opening bracket or quote that the error names. Otherwise returns the line where reading
/// ended.
fn line_of(error: &Error, yaml: &str) -> Option<u64> {
    let text = error.without_snippet().to_string();
    if let Error::MultipleDocuments { .. } = error.without_snippet() {
        return second_document(yaml);
    }
    if text.contains("tab") {
        // The reported position is the end of the line above.
        let mut lines = yaml.lines().zip(1..);
        let is_indented_by_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t');
        if let Some((_, number)) = lines.find(|(line, _)| is_indented_by_tab(line)) {
            return Some(number);
        }
    }
    let named = text.split("line ").nth(1).and_then(|rest| {
        let digits = rest.split(|it: char| !it.is_ascii_digit()).next().unwrap_or_default();
        digits.parse::<u64>().ok()
    });
    named.or_else(|| error.location().map(|at| at.line()))
}

/// Returns the line of the `---` between the first and the second document. The parser reports the line after it.
fn second_document(yaml: &str) -> Option<u64> {
    let is_marker =
        |line: &str| line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
    let is_content = |line: &str| !line.trim().is_empty() && !line.starts_with(['#', '%']) && !is_marker(line);
    let mut lines = yaml.lines().zip(1..).skip_while(|(line, _)| !is_content(line));
    lines.find(|(line, _)| is_marker(line)).map(|(_, number)| number)
}

/// Returns the message for a fault. It quotes nothing of the text.
fn explain(error: &Error, line: &str) -> String {
    let error = error.without_snippet();
    match error {
        Error::MultipleDocuments { .. } => {
            return "a second document begins here, and a file holds one: remove `---`, or use two files".into();
        }
        Error::DuplicateMappingKey { .. } => return "a key occurs twice in one map: keep one of the two".into(),
        Error::Eof { .. } => return "it ends in the middle of a value".into(),
        _ => {}
    }
    let text = error.to_string().to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let begins_value = |sign: &&str| {
        let mut parts = line.split([':', ',', '[', '{']).map(|part| part.trim_start().trim_start_matches("- "));
        parts.any(|part| part.trim_start().starts_with(*sign))
    };
    match () {
        () if says(&["alias"]) || (says(&["anchor", "node content"]) && line.contains('*')) => alias::PATTERN,
        () if says(&["anchor"]) => "`&` begins an anchor in YAML: put the value in quotes",
        () if says(&["tab"]) => "a tab cannot indent YAML: use blanks",
        () if says(&["trailing content"]) => "text follows a closing quote: put all of the value in quotes",
        () if says(&["escape", "surrogate"]) => "a backslash is an escape in double quotes: use single quotes",
        () if says(&["unclosed quote", "quoted scalar"]) => "a quote is not closed",
        () if says(&["unclosed bracket", "eof while parsing a flow"]) => "a bracket is not closed",
        () if says(&["mismatched bracket", "misplaced bracket"]) => "a bracket is closed by one of another kind",
        () if says(&["unexpected character", "directive", "cannot start"]) => {
            match ["@", "`", "%"].into_iter().find(begins_value) {
                Some(sign) => return format!("`{sign}` cannot begin a value in YAML: put the value in quotes"),
                None => "this cannot begin a value in YAML: put the value in quotes",
            }
        }
        () if says(&["comments must"]) => "a `#` needs a blank before it, or quotes around the value",
        () if says(&["must be followed"]) => "a blank is missing after `-` or `:`",
        () if says(&["expected ':'", "expected key"]) && !line.contains(':') => "a key needs a `:` and a value",
        () if says(&["mapping values", "mapping keys", "simple key", "':'"]) => {
            "a `:` does not fit here: check the indentation, and put text with `: ` in quotes"
        }
        () if says(&["indicator", "indent", "block ", "multiline", "expected key"]) => {
            "the indentation does not fit the lines above"
        }
        () if says(&["flow sequence", "flow mapping"]) => "a comma or a closing bracket is missing",
        () if says(&["node content"]) => "a value is missing",
        () if says(&["eof", "unexpected end"]) => "it ends in the middle of a value",
        () if says(&["budget", "limit", "depth", "recurs"]) => "it is nested too deeply or too large for a config",
        () if says(&["tag", "binary"]) => "tags such as `!x` are not read: leave them out",
        () => "it is not valid YAML",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use figment::value::Value;

    use super::*;

    #[test]
    fn a_large_config_may_use_one_anchor_thousands_of_times() {
        let entry = "- { namespace: a, secret: { name: b, labels: { c: d, e: f } }, service_accounts: *links }\n";
        let yaml = format!("x: &links [{{ name: default }}]\ntargets:\n{}", entry.repeat(12_000));
        let value = Yaml::from_str::<Value>(&yaml).expect("it is fine");
        assert_eq!(value.find_ref("targets").and_then(Value::as_array).map(<[Value]>::len), Some(12_000));
    }
}
