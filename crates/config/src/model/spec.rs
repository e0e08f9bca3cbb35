//! Something of a type, as a config describes it: options that the type alone understands.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;

use crate::{
    Origin, Partial, Problem, Problems,
    value::{
        digest::{canonical, digest},
        shown::{not_text, shown, sort},
    },
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
    /// An entry of this type without options, at a place of the config.
    pub fn without_options(kind: &str, origin: Origin) -> Self {
        Self { name: origin.name(), kind: kind.into(), options: Dict::new(), origin }
    }

    /// Without options.
    pub(crate) fn new(name: &str, kind: &str, origin: Origin) -> Self {
        Self { name: name.into(), kind: kind.into(), options: Dict::new(), origin }
    }

    /// The keys of an entry of `targets:` that a type of sink understands.
    pub(crate) fn of_target(kind: &str, options: Dict, origin: Origin) -> Self {
        Self { name: origin.name(), kind: kind.into(), options, origin }
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

    /// Its name in the config.
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

    /// Its place in the config.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns a problem with one of its options.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem::at(self.origin.join(key), message)
    }

    /// Returns whether there is no option.
    pub fn is_empty(&self) -> bool {
        self.options.is_empty()
    }

    /// Returns whether an option is there, valid or not.
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

/// Two specs are equal if their types and options are, under any name and at any place.
impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, self.digest()) == (&other.kind, other.digest())
    }
}

impl Eq for Spec {}

impl Hash for Spec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest().hash(state);
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
