//! The line numbers of the keys of a file.

use std::{
    collections::{HashMap, hash_map::Entry},
    fmt,
};

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::Spanned;

use super::options::{options, permissive};

/// The lines of a YAML text by key path, such as `targets[2].region`. Lines start at 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines(HashMap<String, u64>);

impl Lines {
    /// Returns the lines of a text. There are none if the text is not YAML.
    pub(crate) fn of(text: &str) -> Self {
        let mut lines = HashMap::new();
        if let Ok(root) = serde_saphyr::from_str_with_options::<Spanned<Node>>(text, options()) {
            root.value.collect("", &mut lines);
        }
        Self(lines)
    }

    /// Returns the line of a key. If the key is missing, returns the line of the nearest key above it, or `None` if
    /// there is none.
    pub(crate) fn line(&self, key: &str) -> Option<u64> {
        self.nearest(key).map(|(_, line)| line)
    }

    /// Returns the length of the longest existing part of a key, in characters.
    pub(crate) fn depth(&self, key: &str) -> usize {
        self.nearest(key).map_or(0, |(key, _)| key.len())
    }

    fn nearest<'a>(&self, key: &'a str) -> Option<(&'a str, u64)> {
        let mut key = key;
        loop {
            if let Some(line) = self.0.get(key) {
                return Some((key, *line));
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }
}

/// A duplicate key of a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// Path of the map. Empty for the top-level map.
    pub(crate) map: String,
    pub(crate) key: String,
    /// Line of the first occurrence, starting at 1.
    pub(crate) first: u64,
    /// Line of the second occurrence.
    pub(crate) line: u64,
}

/// Returns the duplicate keys, in the order of their lines.
pub(crate) fn repeated(text: &str) -> Vec<Repeated> {
    let mut found = vec![];
    if let Ok(root) = serde_saphyr::from_str_with_options::<Spanned<Node>>(text, permissive()) {
        root.value.collect_repeated("", &mut found);
    }
    found.sort_by_key(|it| it.line);
    found
}

/// A YAML value, as far as it has keys.
enum Node {
    Map(Vec<(Spanned<String>, Node)>),
    List(Vec<Spanned<Node>>),
    Scalar,
}

impl Node {
    fn collect_repeated(&self, path: &str, found: &mut Vec<Repeated>) {
        match self {
            Self::Scalar => {}
            Self::Map(fields) => {
                let mut seen = HashMap::<&str, u64>::new();
                for (name, node) in fields {
                    let (key, line) = (name.value.as_str(), name.referenced.line());
                    match seen.entry(key) {
                        Entry::Vacant(free) => drop(free.insert(line)),
                        Entry::Occupied(first) => {
                            found.push(Repeated { map: path.into(), key: key.into(), first: *first.get(), line });
                        }
                    }
                    let dot = if path.is_empty() { "" } else { "." };
                    node.collect_repeated(&format!("{path}{dot}{key}"), found);
                }
            }
            Self::List(items) => {
                for (place, item) in items.iter().enumerate() {
                    item.value.collect_repeated(&format!("{path}[{place}]"), found);
                }
            }
        }
    }

    fn collect(self, path: &str, lines: &mut HashMap<String, u64>) {
        let children = match self {
            Self::Scalar => vec![],
            Self::Map(fields) => {
                let below = |name: &str| if path.is_empty() { name.into() } else { format!("{path}.{name}") };
                let field = |(name, node): (Spanned<String>, Self)| (below(&name.value), name.referenced.line(), node);
                fields.into_iter().map(field).collect::<Vec<_>>()
            }
            Self::List(items) => {
                let items = items.into_iter().enumerate();
                items.map(|(place, it)| (format!("{path}[{place}]"), it.referenced.line(), it.value)).collect()
            }
        };
        for (path, line, node) in children {
            lines.insert(path.clone(), line);
            node.collect(&path, lines);
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut fields = vec![];
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Node::Map(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut items = vec![];
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_i128<E>(self, _: i128) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_u128<E>(self, _: u128) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_str<E>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Scalar)
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
                IgnoredAny::deserialize(deserializer).map(|_| Node::Scalar)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_line_and_a_missing_key_has_the_line_of_its_parent() {
        let yaml = "# a comment\nschedule: '@daily'\n\ntargets:\n- { namespace: a, region: eu-west-1 }\n- namespace: b\n  accounts:\n  - 1\n  - 2\n";
        let lines = Lines::of(yaml);
        for (key, line) in [
            ("schedule", 2),
            ("targets", 4),
            ("targets[0]", 5),
            ("targets[0].region", 5),
            ("targets[1]", 6),
            ("targets[1].namespace", 6),
            ("targets[1].region", 6),
            ("targets[1].accounts", 7),
            ("targets[1].accounts[1]", 9),
        ] {
            assert_eq!(lines.line(key), Some(line), "{key}");
        }
        assert_eq!(lines.line("version"), None);
        assert_eq!(Lines::of("targets: ["), Lines::default());
    }

    #[test]
    fn a_duplicate_key_is_reported_with_both_lines() {
        for (yaml, expected) in [
            ("a: 1\nb: 2\n", &[][..]),
            ("a: 1\nb: 2\na: 3\n", &[("", "a", 1, 3)]),
            ("p: { a: 1, a: 2 }\n", &[("p", "a", 1, 1)]),
            ("p:\n  a: { b: 1 }\n  c: 1\n  a:\n    b: 1\n    b: 2\n", &[("p", "a", 2, 4), ("p.a", "b", 5, 6)]),
            ("t:\n- a: 1\n- b: 1\n  b: 2\n  b: 3\n", &[("t[1]", "b", 3, 4), ("t[1]", "b", 3, 5)]),
            ("x: &x { a: 1 }\ny: { <<: *x, a: 2 }\n", &[]),
        ] {
            let found = repeated(yaml);
            let found = found.iter().map(|it| (it.map.as_str(), it.key.as_str(), it.first, it.line));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{yaml}");
        }
    }
}
