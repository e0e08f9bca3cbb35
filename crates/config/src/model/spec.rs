//! Something of a type, as a config describes it: options that the type alone understands.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;

use crate::{
    Hint, Origin, Partial, Problem, Problems, TypeGrammar,
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
    /// Many targets have the same ones.
    options: Arc<Dict>,
    /// Help for unknown keys.
    hints: &'static [Hint],
    /// Keys that are there under a wrong name, which was reported.
    misspelt: Vec<&'static str>,
    origin: Origin,
}

impl Spec {
    /// An entry of this type without options, at a place of the config.
    pub fn without_options(kind: &str, origin: Origin) -> Self {
        Self::new(&origin.name(), kind, origin)
    }

    /// Without options.
    pub(crate) fn new(name: &str, kind: &str, origin: Origin) -> Self {
        Self { name: name.into(), kind: kind.into(), options: Arc::default(), hints: &[], misspelt: vec![], origin }
    }

    /// The keys of an entry of `targets:` that a type understands.
    pub(crate) fn of_target(kind: &str, hints: &'static [Hint], options: Arc<Dict>, origin: Origin) -> Self {
        Self { options, hints, ..Self::without_options(kind, origin) }
    }

    /// Adds keys of the type that are not missing, although they are not there.
    pub(crate) fn with_misspelt(self, misspelt: Vec<&'static str>) -> Self {
        Self { misspelt, ..self }
    }

    /// Reads an entry. If its type is missing or faulty, it is returned with the first type that all of its keys fit, so that its
    /// options are checked too.
    pub(crate) fn read(
        name: &str,
        value: &Value,
        origin: Origin,
        types: &[TypeGrammar],
    ) -> (Option<Self>, Option<Problem>) {
        let example = |fitting: Option<&TypeGrammar>| {
            fitting.or(types.first()).map_or("{ type: openshift }", |it| it.example.as_str()).to_owned()
        };
        let Value::Dict(_, dict) = value else {
            let message = format!("{} is not a map such as {}", sort(value), example(None));
            return (None, Some(Problem::at(origin, message)));
        };
        let mut options = dict.clone();
        let kind = options.remove(TYPE);
        let fits = |it: &&TypeGrammar| {
            !options.is_empty() && it.options.is_some_and(|keys| options.keys().all(|key| keys.contains(&key.as_str())))
        };
        let (kind, problem) = match kind {
            Some(Value::String(_, kind)) => (Some(kind), None),
            other => {
                let fitting = types.iter().find(fits);
                let message = match other {
                    Some(other) => format!("{} {}", shown(&other), not_text(TYPE, sort(&other))),
                    None => format!("it is missing, as in {}", example(fitting)),
                };
                (fitting.map(|it| it.name.to_owned()), Some(Problem::at(origin.join(TYPE), message)))
            }
        };
        let spec = kind.map(|kind| {
            let hints = types.iter().find(|it| it.name == kind).map_or(&[][..], |it| it.hints);
            Self { options: options.into(), hints, ..Self::new(name, &kind, origin) }
        });
        (spec, problem)
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
        canonical(&Value::from(self.options.as_ref().clone()), &mut text);
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

    /// Returns whether an option is there under a wrong name, which was reported already. Do not report that it is missing.
    pub fn is_misspelt(&self, key: &str) -> bool {
        self.misspelt.contains(&key)
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
        Partial::read(&Value::from(self.options.as_ref().clone()), &self.origin, self.hints, stand_ins)
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
        let Self { name, kind, options, origin, .. } = self;
        let options = options.keys().collect::<Vec<_>>();
        let mut debug = f.debug_struct("Spec");
        debug.field("name", name).field("kind", kind).field("options", &options).field("origin", &origin.key).finish()
    }
}
