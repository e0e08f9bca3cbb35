//! Label selectors, in the grammar of `kubectl -l`.

use std::{collections::BTreeMap, fmt};

use super::label::{check_key, check_value};

/// The label that Kubernetes sets on every namespace.
const OWN_NAME: &str = "kubernetes.io/metadata.name";

/// Conditions on the labels of an object. An empty selector matches every object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(Vec<Term>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Term {
    key: String,
    test: Requirement,
}

/// A condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Requirement {
    /// The label exists, with any value.
    Exists,
    /// The label does not exist.
    IsAbsent,
    /// The label has one of these values.
    IsOneOf(Vec<String>),
    /// The label has none of these values, or does not exist.
    IsNoneOf(Vec<String>),
}

impl Selector {
    /// Parses terms separated by commas: `a`, `!a`, `a=b`, `a==b`, `a!=b`, `a in (b, c)`, `a notin (b, c)`. The error
    /// is a message for the user.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut terms = split(text)?.into_iter().map(Term::parse).collect::<Result<Vec<_>, _>>()?;
        terms.sort();
        terms.dedup();
        Ok(Self(terms))
    }

    /// Returns whether labels meet all conditions.
    pub fn takes(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().all(|Term { key, test }| {
            let value = labels.get(key);
            match test {
                Requirement::Exists => value.is_some(),
                Requirement::IsAbsent => value.is_none(),
                Requirement::IsOneOf(values) => value.is_some_and(|it| values.contains(it)),
                Requirement::IsNoneOf(values) => value.is_none_or(|it| !values.contains(it)),
            }
        })
    }

    /// Returns each condition with its label, in a fixed order.
    pub fn requirements(&self) -> impl Iterator<Item = (&str, &Requirement)> {
        self.0.iter().map(|Term { key, test }| (key.as_str(), test))
    }

    /// Returns whether it matches everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether it requires a label other than the name, which each namespace has as a label.
    pub fn asks_for_a_label(&self) -> bool {
        self.0.iter().any(|Term { key, test }| match test {
            Requirement::Exists => key != OWN_NAME,
            Requirement::IsOneOf(values) => key != OWN_NAME && !values.iter().any(String::is_empty),
            Requirement::IsAbsent | Requirement::IsNoneOf(_) => false,
        })
    }
}

/// Splits at the commas outside brackets.
fn split(text: &str) -> Result<Vec<&str>, String> {
    let (mut terms, mut start, mut inside) = (vec![], 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '(' if inside => return Err("brackets cannot contain brackets".into()),
            '(' => inside = true,
            ')' if !inside => return Err("a closing bracket has no opening bracket".into()),
            ')' => inside = false,
            ',' if !inside => {
                terms.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if inside {
        return Err("a bracket is not closed".into());
    }
    terms.push(&text[start..]);
    Ok(terms)
}

impl Term {
    fn parse(term: &str) -> Result<Self, String> {
        let term = term.trim();
        let one = |value: &str| vec![value.trim().to_owned()];
        let (key, test) = if let Some((key, value)) = term.split_once("!=") {
            (key, Requirement::IsNoneOf(one(value)))
        } else if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (key, Requirement::IsOneOf(one(value)))
        } else if let Some((head, list)) = term.split_once('(') {
            let list = list.strip_suffix(')').ok_or_else(|| format!("{term:?}: text follows the brackets"))?;
            let mut values = list.split(',').map(|it| it.trim().to_owned()).collect::<Vec<_>>();
            if list.trim().is_empty() {
                return Err(format!("{term:?}: the brackets contain no value"));
            }
            values.sort();
            values.dedup();
            match head.trim().rsplit_once(char::is_whitespace) {
                Some((key, "in")) => (key, Requirement::IsOneOf(values)),
                Some((key, "notin")) => (key, Requirement::IsNoneOf(values)),
                _ => return Err(format!("{term:?}: put a key and `in` or `notin` before the brackets")),
            }
        } else if term.split_whitespace().nth(1).is_some_and(|word| matches!(word, "in" | "notin")) {
            return Err(format!("{term:?}: put the values of `in` and `notin` in brackets, as in (a, b)"));
        } else if let Some(key) = term.strip_prefix('!') {
            (key, Requirement::IsAbsent)
        } else {
            (term, Requirement::Exists)
        };
        let key = key.trim();
        check_key(key)?;
        if let Requirement::IsOneOf(values) | Requirement::IsNoneOf(values) = &test {
            values.iter().try_for_each(|value| check_value(value))?;
        }
        Ok(Self { key: key.into(), test })
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.0.iter().map(|Term { key, test }| match test {
            Requirement::Exists => key.clone(),
            Requirement::IsAbsent => format!("!{key}"),
            Requirement::IsOneOf(values) => match values.as_slice() {
                [value] => format!("{key}={value}"),
                values => format!("{key} in ({})", values.join(",")),
            },
            Requirement::IsNoneOf(values) => match values.as_slice() {
                [value] => format!("{key}!={value}"),
                values => format!("{key} notin ({})", values.join(",")),
            },
        });
        f.write_str(&terms.collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Selector::parse(selector).expect(selector).takes(&labels)
    }

    #[test]
    fn a_selector_matches_only_if_every_term_matches() {
        let labels = [("regcred.dev/profile", "pull"), ("team", "a"), ("empty", "")];
        for selector in [
            "team",
            "!other",
            "team=a",
            "team == a",
            "team!=b",
            "other!=b",
            "empty=",
            "team in (a, b)",
            "team notin (b,c)",
            "other notin (b)",
            "regcred.dev/profile=pull, team in (a),!x",
        ] {
            assert!(takes(selector, &labels), "{selector}");
        }
        for selector in
            ["other", "!team", "team=b", "team!=a", "team in (b)", "team notin (a)", "team=a,team=b", "other="]
        {
            assert!(!takes(selector, &labels), "{selector}");
        }
        assert!(Selector::default().takes(&BTreeMap::new()) && Selector::default().is_empty());
    }

    #[test]
    fn a_selector_is_written_in_one_form_that_parses_again() {
        let written = Selector::parse("a == b , c in (d, e),f notin (g,h), !i,j, k!=l").expect("valid").to_string();
        assert_eq!(written, "a=b,c in (d,e),f notin (g,h),!i,j,k!=l");
        let same = Selector::parse("k!=l,j,!i,f notin(h,g),c in (e,d,e),a=b").expect("valid");
        assert_eq!(same.to_string(), written, "in any order");
        assert_eq!(Selector::parse(&written).expect("valid").to_string(), written);
    }

    #[test]
    fn only_a_selector_that_requires_a_custom_label_asks_for_a_label() {
        let asks = |selector: &str| Selector::parse(selector).expect(selector).asks_for_a_label();
        assert!(asks("team") && asks("team=a") && asks("!x,team in (a,b)"));
        for every_namespace in ["!x", "team!=x", "team notin (x)", "kubernetes.io/metadata.name", "team in (a,)"] {
            assert!(!asks(every_namespace), "{every_namespace}");
        }
    }

    #[test]
    fn an_invalid_selector_is_refused_with_the_reason() {
        for (bad, why) in [
            ("", "it is empty"),
            ("a,", "it is empty"),
            ("team in a", "`notin` in brackets, as in (a, b)"),
            ("team in (a", "not closed"),
            ("team) in (a)", "no opening bracket"),
            ("team in ()", "the brackets contain no value"),
            ("team in ((a))", "cannot contain brackets"),
            ("team of (a)", "`in` or `notin`"),
            ("team in (a) b", "follows the brackets"),
            ("a=b=c", "\"b=c\" is not a label's value"),
            ("a/b/c", "\"a/b/c\" is not the key of a label"),
            ("=a", "it is empty"),
            ("-a=b", "\"-a\" is not the key of a label"),
            ("a=é", "\"é\" is not a label's value"),
        ] {
            let error = Selector::parse(bad).expect_err(bad);
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
