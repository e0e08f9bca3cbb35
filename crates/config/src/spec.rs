//! Something of a type, as a config describes it: options that the type alone understands.

use std::fmt::{self, Write as _};

use figment::{
    error::Actual,
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;

use crate::{
    Origin, Partial, Problem, Problems, digest,
    fields::{not_text, shown},
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

/// The type that an entry usually has.
pub(crate) struct Usual {
    pub(crate) kind: &'static str,
    /// The keys of its options.
    pub(crate) keys: &'static [&'static str],
    pub(crate) example: &'static str,
}

impl Spec {
    /// Without options.
    pub(crate) fn new(name: &str, kind: &str, origin: Origin) -> Self {
        Self { name: name.into(), kind: kind.into(), options: Dict::new(), origin }
    }

    /// Reads an entry. If its type is missing or faulty, it is returned with the usual type when all of its keys fit, so that its
    /// options are checked too.
    pub(crate) fn read(name: &str, value: &Value, origin: Origin, usual: &Usual) -> (Option<Self>, Option<Problem>) {
        let Usual { kind, keys, example } = usual;
        let Value::Dict(_, dict) = value else {
            let message = format!("{} is not a map such as {example}", sort(value));
            return (None, Some(Problem::at(origin, message)));
        };
        let mut options = dict.clone();
        let message = match options.remove(TYPE) {
            Some(Value::String(_, kind)) => return (Some(Self { name: name.into(), kind, options, origin }), None),
            Some(other) => format!("{} {}", shown(&other), not_text(TYPE, sort(&other))),
            None => format!("it is missing, as in {example}"),
        };
        let problem = Problem::at(origin.join(TYPE), message);
        let fits = !options.is_empty() && options.keys().all(|key| keys.contains(&key.as_str()));
        let spec = fits.then(|| Self { name: name.into(), kind: (*kind).into(), options, origin });
        (spec, Some(problem))
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

    /// Whether an option is there, valid or not.
    pub fn has(&self, key: &str) -> bool {
        self.options.contains_key(key)
    }

    /// Reads its options as a type. A type that denies unknown fields reports each of them by its key. All faults of the form are
    /// reported at once.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        let Partial { value, problems, .. } = self.partial(&[]);
        Problems::check(problems)?;
        value.ok_or_else(|| Problem::at(self.origin.clone(), "its options cannot be read").into())
    }

    /// Reads its options as a type, as far as they are valid. `stand_ins` are values for required options that are missing or faulty, so
    /// that the other options can be checked.
    pub fn partial<T: DeserializeOwned>(&self, stand_ins: &[(&str, &str)]) -> Partial<T> {
        Partial::read(&Value::from(self.options.clone()), &self.origin, stand_ins)
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
pub(crate) fn sort_of(found: &Actual) -> &'static str {
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
