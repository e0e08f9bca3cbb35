//! Something of a type, as a config describes it: options that the type alone understands.

use std::fmt::{self, Write as _};

use figment::{
    error::{Actual, Kind},
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;

use crate::{
    Origin, Problem, Problems, digest,
    fields::{not_text, shown, unknown_key},
    nearest::meant,
};

const TYPE: &str = "type";

/// One entry of `providers:` or `sinks:`: its name, its type, and options that the type alone understands.
#[derive(Clone)]
pub struct Spec {
    name: String,
    kind: String,
    options: Dict,
    origin: Origin,
}

impl Spec {
    /// Without options.
    pub(crate) fn new(name: &str, kind: &str, origin: Origin) -> Self {
        Self { name: name.into(), kind: kind.into(), options: Dict::new(), origin }
    }

    pub(crate) fn read(name: &str, value: &Value, origin: Origin, example: &str) -> Result<Self, Problem> {
        let Value::Dict(_, dict) = value else {
            return Err(Problem::at(origin, format!("{} is not a map such as {example}", sort(value))));
        };
        let mut options = dict.clone();
        match options.remove(TYPE) {
            Some(Value::String(_, kind)) => Ok(Self { name: name.into(), kind, options, origin }),
            Some(other) => {
                let message = format!("{} {}", shown(&other), not_text(TYPE, sort(&other)));
                Err(Problem::at(origin.join(TYPE), message))
            }
            None => Err(Problem::at(origin.join(TYPE), format!("it is missing, as in {example}"))),
        }
    }

    /// What the config calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its `type`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Of type and options: the same for the same ones, in every process.
    pub fn digest(&self) -> u64 {
        let mut text = format!("{:?}", self.kind);
        canonical(&Value::from(self.options.clone()), &mut text);
        digest(&text)
    }

    /// Where it stands.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// What is wrong with one of its options.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem::at(self.origin.join(key), message)
    }

    /// Reads its options as a type. A type that denies unknown fields reports each of them by its key. All faults of the form are
    /// reported at once.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        let (options, problems) = options(&Value::from(self.options.clone()), &self.origin);
        Problems::check(problems)?;
        options.ok_or_else(|| Problem::at(self.origin.clone(), "its options cannot be read").into())
    }
}

/// Without the values of its options, which may be anything.
impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, options, origin } = self;
        let options = options.keys().collect::<Vec<_>>();
        let mut debug = f.debug_struct("Spec");
        debug.field("name", name).field("kind", kind).field("options", &options).field("origin", &origin.key).finish()
    }
}

/// Of a map: the same for the same one, in every process.
pub(crate) fn digest_of(dict: &Dict) -> u64 {
    let mut text = String::new();
    canonical(&Value::from(dict.clone()), &mut text);
    digest(&text)
}

/// Writes a value in one way only: without what figment knows of its source.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Dict(_, dict) => {
            text.push('{');
            for (key, value) in dict {
                let _ = write!(text, "{key:?}:");
                canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(_, list) => {
            text.push('[');
            for value in list {
                canonical(value, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&shown(scalar)),
    }
}

/// Reads a part of a config as a type. Returns the value without its faulty parts, and all faults of its form.
///
/// Serde stops at the first fault. So this removes each faulty value and reads the rest again.
pub(crate) fn options<T: DeserializeOwned>(value: &Value, origin: &Origin) -> (Option<T>, Vec<Problem>) {
    let (mut value, mut problems, mut taken) = (value.clone(), vec![], vec![]);
    for steps in blanks(&value) {
        let message = "nothing stands there: leave the key out, or say something";
        problems.push(Problem::at(origin.at(&steps), message));
        if !take(&mut value, &steps, &mut taken) && steps.is_empty() {
            return (None, problems);
        }
    }
    loop {
        let error = match value.deserialize::<T>() {
            Ok(options) => return (Some(options), problems),
            Err(error) => error,
        };
        let mut steps = error.path.clone();
        match &error.kind {
            Kind::MissingField(name) => {
                steps.push(name.to_string());
                if !taken.contains(&steps) {
                    problems.push(Problem::at(origin.at(&steps), "it is missing"));
                }
                steps.pop();
            }
            Kind::UnknownField(key, known) => {
                // The path ends with the unknown key already.
                if steps.last() != Some(key) {
                    steps.push(key.clone());
                }
                let (message, meant) = unknown_key(key, known);
                problems.push(Problem::at(origin.at(&steps), message));
                let above = &steps[..steps.len() - 1];
                taken.extend(meant.map(|meant| above.iter().cloned().chain([meant.to_owned()]).collect()));
            }
            kind => problems.push(Problem::at(origin.at(&steps), reason(&steps, kind, find(&value, &steps)))),
        }
        if !take(&mut value, &steps, &mut taken) {
            return (None, problems);
        }
    }
}

/// Returns the value at the end of the steps. A number leads into a list.
fn find<'a>(value: &'a Value, steps: &[String]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Dict(_, dict) => dict.get(step),
        Value::Array(_, list) => list.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Removes the value at the end of the steps, or the list around it, whose indices would change. Returns false if there is none.
fn take(value: &mut Value, steps: &[String], taken: &mut Vec<Vec<String>>) -> bool {
    let is_map = |depth: &usize| matches!(find(value, &steps[..*depth]), Some(Value::Dict(..)));
    let maps = (0..steps.len()).take_while(is_map).count();
    let Some((last, above)) = steps[..maps].split_last() else { return false };
    let mut map = value;
    for step in above {
        let Value::Dict(_, dict) = map else { return false };
        let Some(below) = dict.get_mut(step) else { return false };
        map = below;
    }
    let Value::Dict(_, dict) = map else { return false };
    taken.push(steps[..maps].to_vec());
    dict.remove(last).is_some()
}

/// Maps of texts that may be empty.
const FREE: [&str; 2] = ["labels", "annotations"];

/// Each key without a value: to take it for one that is not there could be a role, a pin or a guard that is not kept.
fn blanks(value: &Value) -> Vec<Vec<String>> {
    let below = |step: String, found: Vec<Vec<String>>| {
        found.into_iter().map(move |rest| std::iter::once(step.clone()).chain(rest).collect::<Vec<_>>())
    };
    match value {
        Value::Empty(..) => vec![vec![]],
        Value::String(_, text) if text.trim().is_empty() => vec![vec![]],
        Value::Dict(_, dict) => {
            let of_key = |(key, value): (&String, &Value)| {
                // The value of a label may be empty.
                let texts = value.as_dict().filter(|_| FREE.contains(&key.as_str()));
                let found = match texts {
                    Some(texts) => {
                        let empty = texts.iter().filter(|(_, it)| matches!(it, Value::Empty(..)));
                        empty.map(|(name, _)| vec![name.clone()]).collect()
                    }
                    None => blanks(value),
                };
                below(key.clone(), found).collect::<Vec<_>>()
            };
            dict.iter().flat_map(of_key).collect()
        }
        Value::Array(_, list) => {
            list.iter().enumerate().flat_map(|(place, value)| below(place.to_string(), blanks(value))).collect()
        }
        _ => vec![],
    }
}

/// Returns the fault of a value. The value can be a password, so only words for true and false are quoted.
fn reason(steps: &[String], kind: &Kind, value: Option<&Value>) -> String {
    match kind {
        Kind::UnknownVariant(found, known) => {
            let hint = match meant(&found.to_lowercase(), known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known are {}", known.join(", ")),
            };
            format!("{found:?} is not known; {hint}")
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let found = sort_of(found);
            let key = steps.iter().rev().find(|step| step.parse::<usize>().is_err()).map_or("", String::as_str);
            match expected.as_str() {
                "a string" | "path string" => format!("{found} {}", not_text(key, found)),
                "a boolean" => {
                    let text = value.and_then(Value::as_str);
                    let word = text.filter(|it| BOOLEANS.contains(&it.to_lowercase().as_str()));
                    let found = word.map_or_else(|| found.to_owned(), |word| format!("{word:?}"));
                    format!("{found} is not true or false: write one of these, without quotes")
                }
                "a sequence" => format!("{found} is not a list: put it in brackets"),
                text if text.starts_with('u') && text[1..].parse::<u8>().is_ok() => {
                    format!("{found} is not a whole number that is allowed here")
                }
                other => format!("{found} is not {other}"),
            }
        }
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    }
}

/// Words for true and false.
const BOOLEANS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "y", "n", "1", "0"];

/// Returns the sort of a value, in words.
pub(crate) fn sort(value: &Value) -> &'static str {
    match value {
        Value::String(..) | Value::Char(..) => "text",
        Value::Bool(..) => "true or false",
        Value::Num(..) => "a number",
        Value::Empty(..) => "nothing",
        Value::Dict(..) => "a map",
        Value::Array(..) => "a list",
    }
}

/// The same of what serde has found.
fn sort_of(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) => "text",
        Actual::Seq => "a list",
        Actual::Map => "a map",
        Actual::Unit | Actual::Option => "nothing",
        _ => "this",
    }
}
