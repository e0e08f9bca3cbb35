//! The namespaces of an entry of `targets:`.

use figment::value::{Dict, Value};
use glob::Pattern;
use regcred_core::Namespace;

use super::fields::Fields;
use crate::{
    Namespaces, PLATFORM_PREFIXES, Selection, Selector, codes,
    model::{file, namespaces::is_system},
    value::{
        keys::{keys, unknown_key},
        shown::{not_text, shown, sort},
    },
};

/// A name, or a pattern of names.
enum Item {
    Name(Namespace),
    Pattern(Pattern),
}

/// Reads `namespace: a`, `namespaces: [a, "b-*"]` or `namespaces: { include, exclude, selector }`. `instead`: the keys of
/// a type of sink that can also name the place.
pub(crate) fn namespaces(fields: &mut Fields<'_>, instead: &[&str]) -> Option<Namespaces> {
    match (fields.get("namespace"), fields.get("namespaces")) {
        (Some(value), None) => {
            let named = match item(fields, "namespace", value)? {
                Item::Name(name) => vec![name],
                Item::Pattern(pattern) => {
                    let pattern = pattern.as_str();
                    fields.problem(
                        "namespace",
                        format!("{pattern:?} is a pattern, and this is one name: write `namespaces: [{pattern:?}]`"),
                    );
                    return None;
                }
            };
            Some(Namespaces { named, selection: None })
        }
        (None, Some(Value::Dict(_, dict))) => chosen(fields, dict),
        (None, Some(_)) => {
            let items = items(fields, "namespaces")?;
            Some(gather(items, vec![], Selector::default()))
        }
        (Some(one), Some(several)) => {
            fields.report("namespaces", &codes::COMBINATION, "`namespace` names one already: leave one of the two out");
            item(fields, "namespace", one);
            match several {
                Value::Dict(_, dict) => drop(chosen(fields, dict)),
                _ => drop(items(fields, "namespaces")),
            }
            None
        }
        (None, None) => {
            let other = match instead {
                [] => String::new(),
                keys => format!(", and so are the keys of its sink, such as `{}`", keys.join("`, `")),
            };
            fields.missing("namespace", format!("it is missing{other}"));
            None
        }
    }
}

fn chosen(fields: &mut Fields<'_>, dict: &Dict) -> Option<Namespaces> {
    let before = fields.problems.len();
    let known = keys::<file::Namespaces>();
    let mut meant = vec![];
    for key in dict.keys().filter(|key| !known.contains(&key.as_str())) {
        let (message, near) = unknown_key(key, known, &[]);
        fields.report(&format!("namespaces.{key}"), &codes::UNKNOWN_KEY, message);
        meant.extend(near);
    }
    let selector = dict.get("selector").map(|value| selector(fields, value));
    let include = dict.get("include").map(|value| items_of(fields, "namespaces.include", value));
    let exclude = dict.get("exclude").map(|value| items_of(fields, "namespaces.exclude", value));
    let is_said = |key: &str| dict.contains_key(key);
    let include = match include {
        None if is_said("selector") => Some(vec![Item::Pattern(Pattern::new("*").expect("it is a pattern"))]),
        None if meant.iter().any(|key| ["include", "selector"].contains(key)) => None,
        None => {
            fields.problem(
                "namespaces",
                "it selects no namespace: add names or patterns to `include`, or labels to `selector`",
            );
            None
        }
        Some(include) => include,
    };
    let exclude = exclude.unwrap_or_else(|| Some(vec![]));
    // These checks need a list without faults.
    if let Some(include) = &include {
        let has_pattern = include.iter().any(|item| matches!(item, Item::Pattern(_)));
        if is_said("selector") && !has_pattern {
            let message =
                "it filters patterns, and `include` has only names: leave one of the two out, or include \"*\"";
            fields.report("namespaces.selector", &codes::COMBINATION, message);
        }
        if is_said("exclude") && !has_pattern {
            fields.report("namespaces.exclude", &codes::COMBINATION, "it needs a pattern in `include`");
        }
    }
    let as_pattern = |item| match item {
        Item::Pattern(pattern) => pattern,
        Item::Name(name) => Pattern::new(name.as_str()).expect("a name is a pattern"),
    };
    let exclude = exclude.map(|items| items.into_iter().map(as_pattern).collect::<Vec<_>>());
    for (place, item) in include.iter().flatten().enumerate() {
        if let Item::Name(name) = item
            && exclude.iter().flatten().any(|pattern| pattern.matches(name.as_str()))
        {
            let message = format!("`exclude` removes {name}");
            fields.problem(&format!("namespaces.include[{place}]"), message);
        }
    }
    let selector = selector.unwrap_or_else(|| Some(Selector::default()));
    if fields.problems.len() > before {
        return None;
    }
    Some(gather(include?, exclude?, selector?))
}

fn selector(fields: &mut Fields<'_>, value: &Value) -> Option<Selector> {
    let key = "namespaces.selector";
    let Value::String(_, text) = value else {
        fields.report(key, &codes::TYPE, format!("{} is not text, such as regcred.dev/profile=pull", shown(value)));
        return None;
    };
    match Selector::parse(text) {
        Ok(selector) => Some(selector),
        Err(why) => {
            fields.problem(key, format!("{text:?} is not a label selector, such as regcred.dev/profile=pull: {why}"));
            None
        }
    }
}

fn items(fields: &mut Fields<'_>, key: &str) -> Option<Vec<Item>> {
    fields.get(key).and_then(|value| items_of(fields, key, value))
}

fn items_of(fields: &mut Fields<'_>, key: &str, value: &Value) -> Option<Vec<Item>> {
    let list = match value {
        Value::Array(_, list) if !list.is_empty() => list,
        _ => {
            fields.report(key, &codes::TYPE, "it is not a list of namespaces, such as [team-a, \"app-*\"]");
            return None;
        }
    };
    let before = fields.problems.len();
    let mut items = vec![];
    let mut seen = vec![];
    for (place, value) in list.iter().enumerate() {
        let key = format!("{key}[{place}]");
        let Some(item) = item(fields, &key, value) else { continue };
        let text = match &item {
            Item::Name(name) => name.to_string(),
            Item::Pattern(pattern) => pattern.to_string(),
        };
        if seen.contains(&text) {
            fields.report(&key, &codes::DUPLICATE, format!("{text} is a duplicate"));
        }
        seen.push(text);
        items.push(item);
    }
    (fields.problems.len() == before).then_some(items)
}

fn item(fields: &mut Fields<'_>, key: &str, value: &Value) -> Option<Item> {
    let Value::String(_, text) = value else {
        fields.report(key, &codes::TYPE, format!("{} {}", shown(value), not_text(key, sort(value))));
        return None;
    };
    if text.contains(['*', '?', '[']) {
        return pattern(fields, key, text).map(Item::Pattern);
    }
    match Namespace::new(text) {
        Ok(namespace) => {
            if is_system(text) && !key.contains("exclude") {
                fields.warn(key, format!("{text} is a namespace of the platform; is that meant?"));
            }
            Some(Item::Name(namespace))
        }
        Err(error) => {
            fields.problem(key, error.to_string());
            None
        }
    }
}

fn pattern(fields: &mut Fields<'_>, key: &str, text: &str) -> Option<Pattern> {
    let can_match = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-' | '*' | '?' | '[' | ']' | '!');
    let why = match (text.chars().find(|letter| !can_match(*letter)), Pattern::new(text)) {
        (Some(letter), _) => format!("no namespace has a {letter:?} in its name"),
        (None, _) if text.contains("**") => "one * is enough".into(),
        (None, Ok(_)) if !has_plain_classes(text) => "brackets hold letters and ranges such as [a-c0-9] or [!a]".into(),
        (None, Ok(pattern)) => {
            if PLATFORM_PREFIXES.iter().any(|prefix| text.starts_with(prefix)) && !key.contains("exclude") {
                fields.warn(key, "it matches no namespace: name the namespaces of the platform");
            }
            return Some(pattern);
        }
        (None, Err(error)) => error.msg.to_owned(),
    };
    fields.problem(key, format!("{text:?} is not a pattern of namespaces, such as \"app-*\": {why}"));
    None
}

/// Returns whether all brackets hold letters of names and rising ranges. Implementations of patterns differ on anything
/// else.
fn has_plain_classes(pattern: &str) -> bool {
    let classes = pattern.split('[').skip(1).map(|rest| rest.split_once(']').map_or(rest, |(class, _)| class));
    let is_plain = |class: &str| {
        let class = class.strip_prefix('!').unwrap_or(class).as_bytes();
        let ends = class.first() != Some(&b'-') && class.last() != Some(&b'-');
        let letters = class.iter().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || *it == b'-');
        let ranges =
            class.windows(3).filter(|it| it[1] == b'-').all(|it| it[0] <= it[2] && it[0] != b'-' && it[2] != b'-');
        !class.is_empty() && ends && letters && ranges
    };
    classes.into_iter().all(is_plain)
}

fn gather(items: Vec<Item>, exclude: Vec<Pattern>, selector: Selector) -> Namespaces {
    let (mut named, mut include) = (vec![], vec![]);
    for item in items {
        match item {
            Item::Name(name) => named.push(name),
            Item::Pattern(pattern) => include.push(pattern),
        }
    }
    Namespaces { named, selection: Selection::new(include, exclude, selector) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::grammar::tests::config;

    fn of(namespaces: &str) -> Result<Namespaces, String> {
        let yaml = format!("targets:\n- {{ namespaces: {namespaces}, host: quay.io }}\n");
        let config = config(&yaml).map_err(|problems| problems.to_string())?;
        Ok(config.targets()[0].namespaces.clone())
    }

    fn selection(namespaces: &str) -> Selection {
        of(namespaces).expect(namespaces).selection.expect(namespaces)
    }

    #[test]
    fn names_and_patterns_may_share_one_list() {
        let mixed = of("[team-a, 'app-*', team-b]").expect("valid");
        assert_eq!(mixed.named.iter().map(Namespace::as_str).collect::<Vec<_>>(), ["team-a", "team-b"]);
        assert_eq!(mixed.selection.expect("a pattern").to_string(), "app-*");
        assert_eq!(of("[team-a]").expect("valid").selection, None);
    }

    #[test]
    fn a_namespace_must_match_a_pattern_and_the_selector_and_exclude_wins() {
        let selection =
            selection("{ include: ['app-*', 'x?[12]'], exclude: ['app-legacy-*', app-b], selector: 'team in (a)' }");
        let team = |value: &str| [("team".to_owned(), value.to_owned())].into();
        for taken in ["app-a", "app-", "xy1"] {
            assert!(selection.takes(taken, &team("a")), "{taken}");
            assert!(!selection.takes(taken, &team("b")), "{taken}");
        }
        for left in ["app-legacy-a", "app-b", "xy3", "xyz1", "my-app-a"] {
            assert!(!selection.takes(left, &team("a")), "{left}");
        }
        assert_eq!(selection.to_string(), "app-*, x?[12] with team=a, without app-b, app-legacy-*");
    }

    #[test]
    fn no_pattern_matches_a_platform_namespace() {
        let (all, labelled) = (selection("['*']"), selection("{ selector: '!x' }"));
        for system in ["default", "openshift", "openshift-config", "kube-system", "redhat-ods", "dedicated-admin"] {
            assert!(!all.takes(system, &BTreeMap::new()) && !labelled.takes(system, &BTreeMap::new()), "{system}");
        }
        assert!(all.takes("openshifty", &BTreeMap::new()) && labelled.takes("team-a", &BTreeMap::new()));
    }

    #[test]
    fn an_empty_or_contradictory_namespace_selection_is_refused() {
        for (bad, told) in [
            ("{}", "namespaces: it selects no namespace"),
            ("{ exclude: [a] }", "namespaces: it selects no namespace"),
            ("{ include: [] }", "namespaces.include: it is not a list of namespaces"),
            ("{ include: [a], selector: b }", "namespaces.selector: it filters patterns"),
            ("{ include: [a], exclude: [b] }", "namespaces.exclude: it needs a pattern"),
            ("{ include: [app-a, 'b*'], exclude: ['app-*'] }", "namespaces.include[0]: `exclude` removes app-a"),
            ("{ inclde: [a] }", "namespaces.inclde: this key is not known; did you mean `include`?"),
            ("{ selector: 'a in b' }", "namespaces.selector: \"a in b\" is not a label selector"),
            ("{ selector: 7 }", "namespaces.selector: 7 is not text"),
            (
                "['App-*']",
                "namespaces[0]: \"App-*\" is not a pattern of namespaces, such as \"app-*\": no namespace has a 'A'",
            ),
            ("['app-[a']", "namespaces[0]: \"app-[a\" is not a pattern of namespaces"),
            ("['a*', 'a*']", "namespaces[1]: a* is a duplicate"),
            ("[a, 7]", "namespaces[1]: 7 is not text: put it in quotes"),
            (
                "['app-**']",
                "namespaces[0]: \"app-**\" is not a pattern of namespaces, such as \"app-*\": one * is enough",
            ),
            (
                "['x[z-a]']",
                "namespaces[0]: \"x[z-a]\" is not a pattern of namespaces, such as \"app-*\": brackets hold letters",
            ),
            ("['x[]-a]']", "namespaces[0]: \"x[]-a]\" is not a pattern of namespaces"),
            ("['x[a*]']", "namespaces[0]: \"x[a*]\" is not a pattern of namespaces"),
            ("a", "namespaces: it is not a list of namespaces"),
        ] {
            let problems = of(bad).expect_err(bad);
            assert!(problems.starts_with(&format!("config: targets[0].{told}")), "{bad}: {problems}");
        }
    }
}
