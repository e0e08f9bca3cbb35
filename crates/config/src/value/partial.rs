//! Reads the valid parts of a config as a type, and reports all faults of form at once.

use std::collections::{BTreeMap, BTreeSet};

use figment::{error::Kind, value::Value};
use regcred_core::Code;
use serde::de::DeserializeOwned;

use super::{
    blank::{BLANK, blanks},
    keys::unknown_key,
    problem::Problem,
    provenance::Origin,
    reason::reason,
};
use crate::{
    codes,
    grammar::{Hint, Keys},
};

/// The valid parts of a piece of the config.
#[derive(Clone, Debug)]
pub struct Partial<T> {
    /// The value without its faulty parts. `None` if a required part is missing or faulty and has no substitute.
    pub value: Option<T>,
    /// All faults of its form.
    pub problems: Vec<Problem>,
    faulty: Vec<Vec<String>>,
}

impl<T> Partial<T> {
    /// Returns whether a key has a fault or a wrong name, or is required and missing.
    pub fn is_faulty(&self, key: &str) -> bool {
        self.faulty.iter().any(|steps| steps.first().is_some_and(|step| step == key))
    }
}

impl<T: DeserializeOwned> Partial<T> {
    /// Reads a value. `common` are top-level keys that were read already, and that messages list with the known ones.
    /// `substitutes` are texts for required top-level keys that are missing or faulty.
    pub(crate) fn read(
        value: &Value,
        origin: &Origin,
        hints: &[Hint],
        common: Keys,
        substitutes: &[(&str, &str)],
    ) -> Self {
        let mut reading = Reading::new(value, origin, hints, common);
        let value = reading.read(substitutes);
        Self { value, problems: reading.problems, faulty: reading.faulty.into_iter().collect() }
    }
}

/// Returns values to use for a missing required key, so that serde continues to the next fault.
fn placeholders() -> [Value; 4] {
    [Value::from("x"), Value::from(1_u32), Value::from(false), Value::from(Vec::<Value>::new())]
}

/// Removes each faulty value and reads the rest again, because serde stops at the first fault.
///
/// Steps lead to a value: keys of maps, and indices of lists. The steps in the fields refer to the whole value.
struct Reading<'a> {
    whole: &'a Value,
    origin: &'a Origin,
    hints: &'a [Hint],
    common: Keys,
    /// The rest of the whole value.
    value: Value,
    /// The indices removed from each list of the whole.
    gaps: BTreeMap<Vec<String>, BTreeSet<usize>>,
    /// Values without content.
    blanks: BTreeSet<Vec<String>>,
    /// Keys that have a placeholder, each with the placeholders that were not tried yet.
    invented: Vec<(Vec<String>, Vec<Value>)>,
    faulty: BTreeSet<Vec<String>>,
    problems: Vec<Problem>,
}

impl<'a> Reading<'a> {
    fn new(whole: &'a Value, origin: &'a Origin, hints: &'a [Hint], common: Keys) -> Self {
        Self {
            whole,
            origin,
            hints,
            common,
            value: whole.clone(),
            gaps: BTreeMap::new(),
            blanks: blanks(whole).into_iter().collect(),
            invented: vec![],
            faulty: BTreeSet::new(),
            problems: vec![],
        }
    }

    fn read<T: DeserializeOwned>(&mut self, substitutes: &[(&str, &str)]) -> Option<T> {
        let value = self.read_rest(substitutes);
        // If a required part is missing, reading ends before all blanks are seen.
        while self.next_blank().is_some() {}
        value
    }

    fn read_rest<T: DeserializeOwned>(&mut self, substitutes: &[(&str, &str)]) -> Option<T> {
        let mut substitutes = substitutes.to_vec(); // an invalid one is used only once
        loop {
            let error = match self.value.deserialize::<T>() {
                Ok(value) => {
                    if let Some(blank) = self.next_blank() {
                        self.take(&blank)?;
                    } else if let Some((invented, _)) = self.invented.pop() {
                        if let Some(steps) = self.left(&invented) {
                            self.take(parent(&steps)?)?;
                        }
                    } else {
                        return Some(value);
                    }
                    continue;
                }
                Err(error) => error,
            };
            let mut steps = error.path.clone();
            let in_whole = self.in_whole(&steps);
            match &error.kind {
                Kind::MissingField(name) => {
                    steps.push(name.to_string());
                    let substitute = substitutes.iter().position(|(key, _)| steps.len() == 1 && key == name);
                    let substitute = substitute.map(|place| substitutes.swap_remove(place).1);
                    self.replace_missing(&steps, substitute)?;
                }
                _ if self.invented.iter().any(|(steps, _)| *steps == in_whole) => self.invent_another(&steps)?,
                Kind::UnknownField(key, known) => {
                    // The path ends with the unknown key already.
                    if steps.last() != Some(key) {
                        steps.push(key.clone());
                    }
                    let common = if steps.len() == 1 { self.common } else { &[] };
                    let (message, meant) = unknown_key(key, &[known, common].concat(), self.hints);
                    let in_whole = self.in_whole(&steps);
                    self.report(&in_whole, &codes::UNKNOWN_KEY, message);
                    let above = &in_whole[..in_whole.len() - 1];
                    self.faulty.extend(meant.map(|meant| above.iter().cloned().chain([meant.to_owned()]).collect()));
                    self.take(&steps)?;
                }
                _ if self.blanks.contains(&in_whole) => {
                    self.report(&in_whole, &codes::TYPE, BLANK);
                    self.take(&steps)?;
                }
                kind => {
                    let (code, message) = reason(&steps, kind, find(&self.value, &steps));
                    self.report(&in_whole, code, message);
                    self.take(&steps)?;
                }
            }
        }
    }

    /// Reports the next unreported blank, and returns the steps to it in what is left.
    fn next_blank(&mut self) -> Option<Vec<String>> {
        while let Some(blank) = self.blanks.pop_first() {
            if let Some(steps) = self.left(&blank).filter(|_| !self.faulty.contains(&blank)) {
                self.report(&blank, &codes::TYPE, BLANK);
                return Some(steps);
            }
        }
        None
    }

    /// Inserts a substitute, or else a placeholder, for a required key.
    fn replace_missing(&mut self, steps: &[String], substitute: Option<&str>) -> Option<()> {
        let in_whole = self.in_whole(steps);
        if !self.faulty.contains(&in_whole) {
            self.report(&in_whole, &codes::MISSING, "it is missing");
        }
        if let Some(text) = substitute {
            return self.insert(steps, Value::from(text));
        }
        let [first, others @ ..] = placeholders();
        self.invented.push((in_whole, others.into()));
        self.insert(steps, first)
    }

    /// Replaces a placeholder that does not have the type of its key. If no placeholder does, its map is removed.
    fn invent_another(&mut self, steps: &[String]) -> Option<()> {
        let in_whole = self.in_whole(steps);
        let place = self.invented.iter().position(|(steps, _)| *steps == in_whole)?;
        if let Some(next) = self.invented[place].1.pop() {
            return self.insert(steps, next);
        }
        self.invented.remove(place);
        self.take(parent(steps)?)
    }

    fn report(&mut self, in_whole: &[String], code: &'static Code, message: impl Into<String>) {
        let mut origin = self.origin.clone();
        for (depth, step) in in_whole.iter().enumerate() {
            let is_list = matches!(find(self.whole, &in_whole[..depth]), Some(Value::Array(..)));
            origin = if is_list { origin.join(&format!("[{step}]")) } else { origin.join(step) };
        }
        self.problems.push(Problem::at(origin, message).with_code(code));
        self.faulty.insert(in_whole.to_vec());
    }

    /// Converts steps in what is left to steps in the whole.
    fn in_whole(&self, steps: &[String]) -> Vec<String> {
        let mut whole = vec![];
        for step in steps {
            let place = step.parse::<usize>().ok().zip(self.gaps.get(&whole));
            let step = match place {
                Some((place, gaps)) => (0..).filter(|it| !gaps.contains(it)).nth(place).unwrap_or(place).to_string(),
                None => step.clone(),
            };
            whole.push(step);
        }
        whole
    }

    /// Converts steps in the whole to steps in what is left. Returns `None` if that part was removed.
    fn left(&self, whole: &[String]) -> Option<Vec<String>> {
        let mut left = vec![];
        for (depth, step) in whole.iter().enumerate() {
            let gaps = self.gaps.get(&whole[..depth]);
            let step = match step.parse::<usize>().ok().zip(gaps) {
                Some((place, gaps)) if gaps.contains(&place) => return None,
                Some((place, gaps)) => (place - gaps.range(..place).count()).to_string(),
                None => step.clone(),
            };
            left.push(step);
        }
        find(&self.value, &left).is_some().then_some(left)
    }

    /// Removes the value at the end of the steps, and a list that is then empty. Returns `None` if the steps lead to
    /// the whole.
    fn take(&mut self, steps: &[String]) -> Option<()> {
        let (last, above) = steps.split_last()?;
        let in_whole = self.in_whole(steps);
        let is_empty = match find_mut(&mut self.value, above)? {
            Value::Dict(_, dict) => {
                dict.remove(last)?;
                false
            }
            Value::Array(_, items) => {
                items.remove(last.parse::<usize>().ok().filter(|place| *place < items.len())?);
                let (place, whole_list) = in_whole.split_last()?;
                self.gaps.entry(whole_list.to_vec()).or_default().extend(place.parse::<usize>());
                items.is_empty()
            }
            _ => return None,
        };
        self.faulty.insert(in_whole);
        if is_empty { self.take(above) } else { Some(()) }
    }

    fn insert(&mut self, steps: &[String], value: Value) -> Option<()> {
        let (last, above) = steps.split_last()?;
        let Value::Dict(_, dict) = find_mut(&mut self.value, above)? else { return None };
        dict.insert(last.clone(), value);
        Some(())
    }
}

fn parent(steps: &[String]) -> Option<&[String]> {
    steps.split_last().map(|(_, above)| above)
}

/// Returns the value at the end of the steps.
fn find<'a>(value: &'a Value, steps: &[String]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Dict(_, dict) => dict.get(step),
        Value::Array(_, list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

fn find_mut<'a>(value: &'a mut Value, steps: &[String]) -> Option<&'a mut Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Dict(_, dict) => dict.get_mut(step),
        Value::Array(_, list) => list.get_mut(step.parse::<usize>().ok()?),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::grammar::tests::config;

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Options {
        name: String,
        count: u32,
        #[serde(default)]
        list: Vec<u32>,
        #[serde(default)]
        map: BTreeMap<String, String>,
        inner: Option<Inner>,
        hint: Option<String>,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        first: String,
        second: u32,
        third: String,
    }

    /// Reads the options of a provider `p`.
    fn read<T: DeserializeOwned>(options: &str, substitutes: &[(&str, &str)]) -> (Option<T>, Vec<String>) {
        let yaml =
            format!("providers: {{ p: {{ type: other, {options} }} }}\ntargets: [{{ namespace: a, providers: [p] }}]");
        let config = config(&yaml).expect(&yaml);
        let Partial { value, problems, .. } = config.providers()[0].partial::<T>(substitutes);
        let key =
            |it: &Problem| it.origin.as_ref().map(|it| it.key.replacen("providers.p.", "", 1)).unwrap_or_default();
        let mut keys = problems.iter().map(key).collect::<Vec<_>>();
        keys.sort();
        (value, keys)
    }

    #[test]
    fn every_error_is_reported_once_with_its_own_key() {
        for (options, keys) in [
            ("name: a, count: 1", &[][..]),
            ("name: [a], count: x", &["count", "name"]),
            ("nam: a, conut: 1", &["conut", "nam"]),
            ("nam: a, cnt: 1", &["cnt", "count", "nam"]),
            ("hint: '', nam: ''", &["count", "hint", "nam"]),
            ("list: [a, 1, b, 2, c]", &["count", "list[0]", "list[2]", "list[4]", "name"]),
            ("list: [a, b], name: a, count: 1", &["list[0]", "list[1]"]),
            ("list: [a, '', , 7], name: a, count: 1", &["list[0]", "list[1]", "list[2]"]),
            ("map: { '1': 1, b: [], c: '', d: e }, name: a, count: 1", &["map.1", "map.b", "map.c"]),
            ("inner: {}, name: a, count: 1", &["inner.first", "inner.second", "inner.third"]),
            ("inner: { x: 1, frst: a }, name: a", &["count", "inner.frst", "inner.second", "inner.third", "inner.x"]),
            (
                "inner: { first: 1, second: a, third: '' }",
                &["count", "inner.first", "inner.second", "inner.third", "name"],
            ),
        ] {
            let options = options.replace(", ,", ", null,");
            let (value, found) = read::<Options>(&options, &[]);
            assert_eq!(found, keys, "{options}");
            let required = keys.contains(&"name") || keys.contains(&"count") || keys.contains(&"nam");
            assert_eq!(value.is_none(), required, "{options}: {value:?}");
        }
    }

    #[test]
    fn valid_parts_of_invalid_options_are_kept() {
        let (value, _) = read::<Options>("name: a, count: 1, list: [a, 7], hint: 3, inner: { first: x }", &[]);
        let map = BTreeMap::new();
        assert_eq!(value, Some(Options { name: "a".into(), count: 1, list: vec![7], map, inner: None, hint: None }));
        for name in ["", "name: 7,", "name: [],", "name: '',", "nam: eu-west-1,"] {
            let options = format!("{name} count: 3, hint: '', list: [foo, 2]");
            let (value, keys) = read::<Options>(&options, &[("name", "b")]);
            let value = value.expect("the name has a substitute");
            assert_eq!((value.name.as_str(), value.count, value.hint, value.list.len()), ("b", 3, None, 1));
            assert_eq!(keys.len(), 3, "{options}: {keys:?}");
        }
    }
}
