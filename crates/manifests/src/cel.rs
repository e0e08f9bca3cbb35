//! Builds expressions in the Common Expression Language (CEL) for the API server.

use regcred_config::{PLATFORM, PLATFORM_PREFIXES, Requirement, Selection};
use regcred_core::Namespace;

/// Length in characters of the longest expression that an API server compiles.
pub(crate) const LONGEST: usize = 100_000;
/// Number of entries in one map. A namespace name has at most 63 characters, and a Secret name at most 253.
pub(crate) const NAMESPACES_AT_ONCE: usize = 1_000;
pub(crate) const SECRETS_AT_ONCE: usize = 300;

/// Returns a string literal. Names contain no quotes and no backslashes, but regular expressions do.
pub(crate) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"))
}

/// Returns a string literal for any text, quoted as in JSON.
pub(crate) fn any_text(text: &str) -> String {
    // YAML 1.1 parsers treat these two characters as line breaks.
    serde_json::Value::from(text).to_string().replace('\u{2028}', r"\u2028").replace('\u{2029}', r"\u2029")
}

/// Returns a map literal.
pub(crate) fn map<K: AsRef<str>>(items: impl IntoIterator<Item = (K, String)>) -> String {
    let items = items.into_iter().map(|(key, value)| format!("{}: {value}", text(key.as_ref()))).collect::<Vec<_>>();
    format!("{{{}}}", items.join(", "))
}

/// Returns a list literal.
pub(crate) fn list<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items = items.into_iter().map(|item| text(item.as_ref())).collect::<Vec<_>>();
    format!("[{}]", items.join(", "))
}

/// Returns `one || other`, or `false` if there are no parts.
pub(crate) fn one_of(parts: impl IntoIterator<Item = String>) -> String {
    joined(parts, " || ", "false")
}

/// Returns `one && other`, or `true` if there are no parts.
pub(crate) fn all_of(parts: impl IntoIterator<Item = String>) -> String {
    joined(parts, " && ", "true")
}

fn joined(parts: impl IntoIterator<Item = String>, between: &str, none: &str) -> String {
    let parts = parts.into_iter().collect::<Vec<_>>();
    match parts.as_slice() {
        [] => none.into(),
        [one] => one.clone(),
        several => several.iter().map(|part| format!("({part})")).collect::<Vec<_>>().join(between),
    }
}

/// Returns an expression that is true if the config selects the request's namespace.
///
/// It agrees with [`Selection::takes`], and never selects regcred's own namespace.
pub(crate) fn is_selected(selection: &Selection, own: &Namespace) -> String {
    let include = one_of(selection.include().map(matches));
    let include = (include != matches("*")).then_some(include);
    let exclude = selection.exclude().map(|pattern| format!("!{}", matches(pattern)));
    let labels = selection.selector().requirements().map(|(key, requirement)| label(key, requirement));
    all_of(include.into_iter().chain(exclude).chain(labels).chain([is_not_of_the_platform(own)]))
}

fn is_not_of_the_platform(own: &Namespace) -> String {
    let prefixes = PLATFORM_PREFIXES.map(|prefix| format!("request.namespace.startsWith({})", text(prefix)));
    let names = list(PLATFORM.into_iter().chain([own.as_str()]));
    format!("!(request.namespace in {names} || {})", prefixes.join(" || "))
}

/// Returns the condition on one label of the request's namespace.
fn label(key: &str, requirement: &Requirement) -> String {
    let labels = "namespaceObject.metadata.labels";
    let there = format!("has({labels}) && {} in {labels}", text(key));
    let is_in = |values: &[String]| format!("{labels}[{}] in {}", text(key), list(values));
    match requirement {
        Requirement::Exists => there,
        Requirement::IsAbsent => format!("!({there})"),
        Requirement::IsOneOf(values) => format!("{there} && {}", is_in(values)),
        Requirement::IsNoneOf(values) => format!("!({there} && {})", is_in(values)),
    }
}

/// Returns an expression that is true if the request's namespace matches a pattern.
fn matches(pattern: &str) -> String {
    format!("request.namespace.matches({})", text(&regex(pattern)))
}

/// Converts a pattern to an RE2 regular expression. The config validates patterns: brackets contain only letters and
/// ranges.
fn regex(pattern: &str) -> String {
    format!("^{}$", pattern.replace("[!", "[^").replace('*', ".*").replace('?', "."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pattern_and_its_regular_expression_match_the_same(
            pattern in "([ab*?1-]|\\[!?(a|b|1|a-b|0-1){1,3}\\]){1,6}", names in proptest::collection::vec("[ab1-]{1,6}", 1..20)
        ) {
            let glob = glob::Pattern::new(&pattern);
            prop_assume!(glob.is_ok() && !pattern.contains("**"));
            let expression = regex(&pattern);
            let regex = regex::Regex::new(&expression).expect("it is one");
            let glob = glob.expect("it is one");
            for name in names {
                prop_assert_eq!(glob.matches(&name), regex.is_match(&name), "{} {} {}", pattern, expression, name);
            }
        }
    }

    #[test]
    fn text_is_written_as_cel_literals() {
        assert_eq!(text(r"^a\-.*$"), r"'^a\\-.*$'");
        assert_eq!(list(["a", "b"]), "['a', 'b']");
        assert_eq!(
            (one_of([]), one_of(["a".into()]), all_of(["a".into(), "b".into()])),
            ("false".into(), "a".into(), "(a) && (b)".into())
        );
    }
}
