//! An entry with a type: options that only the type understands.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use figment::value::{Dict, Value};
use serde::de::DeserializeOwned;

use crate::{
    COMMON_KEYS, Hint, Keys, Origin, Partial, Problem, Problems, TypeGrammar, Verify, codes,
    value::{
        digest::{canonical, digest},
        shown::{not_text, shown, sort},
    },
};

const TYPE: &str = "type";

/// One entry of `providers:` or `sinks:`: its name, its type, and options that only the type understands.
#[derive(Clone)]
pub struct Spec {
    name: String,
    kind: String,
    options: Arc<Dict>,
    /// The digest of type and options. Configs with many targets compare it often.
    digest: u64,
    /// Help for unknown keys.
    hints: &'static [Hint],
    /// Keys with a wrong name. They were reported already.
    misspelt: Vec<&'static str>,
    /// Keys that are not options of the type, for messages.
    common: Keys,
    /// `None`: its credentials are not tried.
    verify: Option<Verify>,
    origin: Origin,
}

impl Spec {
    /// Creates an entry of this type without options, at a place of the config.
    pub fn without_options(kind: &str, origin: Origin) -> Self {
        Self::new(&origin.name(), kind, origin)
    }

    /// Creates an entry without options.
    pub(crate) fn new(name: &str, kind: &str, origin: Origin) -> Self {
        Self::of(name, kind, &[], Dict::new(), origin)
    }

    fn of(name: &str, kind: &str, hints: &'static [Hint], options: Dict, origin: Origin) -> Self {
        let mut text = format!("{kind:?}");
        canonical(&options, &mut text);
        let (digest, options) = (digest(&text), options.into());
        let (name, kind, misspelt) = (name.into(), kind.into(), vec![]);
        Self { name, kind, options, digest, hints, misspelt, common: &[], verify: None, origin }
    }

    /// Creates a spec from the keys of an entry of `targets:` that a type understands.
    pub(crate) fn of_target(kind: &str, hints: &'static [Hint], options: Dict, origin: Origin) -> Self {
        Self::of(&origin.name(), kind, hints, options, origin)
    }

    /// Marks keys of the type as present under a wrong name, so that they are not reported as missing.
    pub(crate) fn with_misspelt(self, misspelt: Vec<&'static str>) -> Self {
        Self { misspelt, ..self }
    }

    /// Reads an entry of `providers:`, with the keys that all types have.
    pub(crate) fn read_provider(
        name: &str,
        value: &Value,
        origin: Origin,
        types: &[TypeGrammar],
    ) -> (Option<Self>, Vec<Problem>) {
        let (mut value, mut verify, mut problems) = (value.clone(), None, vec![]);
        if let Value::Dict(_, options) = &mut value {
            (verify, problems) = Verify::take(options, &origin);
        }
        let (spec, others) = Self::read(name, &value, origin, types);
        problems.extend(others);
        (spec.map(|spec| Self { verify, common: COMMON_KEYS, ..spec }), problems)
    }

    /// Reads an entry. A missing or faulty type is replaced by the first type that accepts all keys, so that the
    /// options are checked too.
    pub(crate) fn read(
        name: &str,
        value: &Value,
        origin: Origin,
        types: &[TypeGrammar],
    ) -> (Option<Self>, Vec<Problem>) {
        let example = |fitting: Option<&TypeGrammar>| {
            fitting.or(types.first()).map_or("{ type: TYPE }", |it| it.example.as_str()).to_owned()
        };
        let Value::Dict(_, dict) = value else {
            let message = format!("{} is not a map such as {}", sort(value), example(None));
            return (None, vec![Problem::at(origin, message).with_code(&codes::TYPE)]);
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
                let (code, message) = match other {
                    Some(other) => (&codes::TYPE, format!("{} {}", shown(&other), not_text(TYPE, sort(&other)))),
                    None => (&codes::MISSING, format!("it is missing, as in {}", example(fitting))),
                };
                (fitting.map(|it| it.name.to_owned()), Some(Problem::at(origin.join(TYPE), message).with_code(code)))
            }
        };
        let spec = kind.map(|kind| {
            let hints = types.iter().find(|it| it.name == kind).map_or(&[][..], |it| it.hints);
            Self::of(name, &kind, hints, options, origin)
        });
        (spec, problem.into_iter().collect())
    }

    /// Returns its name in the config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its `type`.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the digest of type and options. Equal ones have the same digest in every process.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Returns how its credentials are tried before they replace working ones. `None`: they are not tried. It is not
    /// part of the digest, because it changes no credential.
    pub fn verify(&self) -> Option<&Verify> {
        self.verify.as_ref()
    }

    /// Returns its place in the config.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns a problem with one of its options.
    pub fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        Problem::at(self.origin.join(key), message)
    }

    /// Returns whether there are no options.
    pub fn is_empty(&self) -> bool {
        self.options.is_empty()
    }

    /// Returns whether an option is present, valid or not.
    pub fn has(&self, key: &str) -> bool {
        self.options.contains_key(key)
    }

    /// Returns whether an option has a wrong name. This was reported already. Do not report the option as missing.
    pub fn is_misspelt(&self, key: &str) -> bool {
        self.misspelt.contains(&key)
    }

    /// Reads its options as a type. A type that denies unknown fields reports each of them by its key. All faults of
    /// form are reported at once.
    pub fn options<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        let Partial { value, problems, .. } = self.partial(&[]);
        Problems::check(problems)?;
        value.ok_or_else(|| Problem::at(self.origin.clone(), "its options cannot be read").into())
    }

    /// Reads the valid parts of its options as a type. `substitutes` are values for required options that are missing
    /// or faulty, so that the other options can be checked.
    pub fn partial<T: DeserializeOwned>(&self, substitutes: &[(&str, &str)]) -> Partial<T> {
        Partial::read(&Value::from(self.options.as_ref().clone()), &self.origin, self.hints, self.common, substitutes)
    }
}

/// Two specs are equal if their types and options are. Their names and places do not matter.
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

/// Hides the values of its options, because they may be secret.
impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, options, origin, .. } = self;
        let options = options.keys().collect::<Vec<_>>();
        let mut debug = f.debug_struct("Spec");
        debug.field("name", name).field("kind", kind).field("options", &options).field("origin", &origin.key).finish()
    }
}
