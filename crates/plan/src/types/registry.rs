//! The types that a program knows.

use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
    time::SystemTime,
};

use regcred_config::{COMMON_KEYS, Grammar, Problem, Problems, Spec, TypeSchemas, codes::UNKNOWN_NAME, keys};
use regcred_core::{Code, Error, ProviderName, Result, Scope};
use serde_json::Value;

use super::{
    erased::{AnyProviderType, AnySinkType},
    identity::Identities,
    planned::{PlannedProvider, Verified},
    provider::{Inline, ProviderType, Variant},
    sink::{Run, SinkPlan, SinkTarget, SinkType, SourceAndSink},
    verifier::Verifier,
};
use crate::codes;

/// The types that entries of `providers:` and `sinks:` may have. Default: none.
#[derive(Clone, Default)]
pub struct Types {
    providers: BTreeMap<&'static str, Arc<dyn AnyProviderType>>,
    /// The variants, each with the name of its type.
    variants: BTreeMap<&'static str, (&'static str, Variant)>,
    /// The types of sinks, under each of their names.
    sinks: BTreeMap<&'static str, Sink>,
    verifier: Option<Arc<dyn Verifier>>,
    log_targets: Vec<String>,
}

/// A type of sink, with and without its concrete type.
#[derive(Clone)]
struct Sink {
    of: Arc<dyn AnySinkType>,
    itself: Arc<dyn Any + Send + Sync>,
}

impl Types {
    /// Adds a type of provider.
    ///
    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if the type exists already. Also fails if
    /// another type has an identity, a flag, or a key of a target with the same name, or if an option has the name of a
    /// [common key](COMMON_KEYS).
    pub fn with_provider<T: ProviderType>(mut self, provider: T) -> Result<Self> {
        if let Some(name) = self.identities().shared(&provider.identities()).filter(|_| !self.has_provider(T::NAME)) {
            let cause = format!("another type has the identity or the flag {name}");
            return Err(refused("provider", T::NAME, &cause));
        }
        let own = keys::<T::Options>().unwrap_or_default();
        if let Some(common) = COMMON_KEYS.iter().find(|key| own.contains(key)) {
            return Err(refused("provider", T::NAME, &format!("all types have the key {common}, so it is no option")));
        }
        let keys = provider.grammar().target_keys().unwrap_or_default();
        let others = self.providers.iter().filter(|(name, _)| **name != T::NAME);
        let taken = others.filter_map(|(_, of)| of.grammar().target_keys()).flatten().find(|key| keys.contains(key));
        if let Some(key) = taken {
            return Err(refused("provider", T::NAME, &format!("another type reads the key {key} of a target")));
        }
        let variants = provider.variants();
        let names = variants.iter().map(|it| it.name).chain([T::NAME]);
        if let Some(name) = names.into_iter().find(|name| self.has_provider(name)) {
            return Err(refused("provider", name, TAKEN));
        }
        self.providers.insert(T::NAME, Arc::new(provider));
        self.variants.extend(variants.into_iter().map(|it| (it.name, (T::NAME, it))));
        Ok(self)
    }

    /// Adds a type of sink. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if the type exists
    /// already.
    pub fn with_sink<T: SinkType>(mut self, sink: T) -> Result<Self> {
        let sink = Arc::new(sink);
        for name in [T::NAME].iter().chain(T::ALIASES) {
            let entry = Sink { of: sink.clone(), itself: sink.clone() };
            if self.sinks.insert(name, entry).is_some() {
                return Err(refused("sink", name, TAKEN));
            }
        }
        Ok(self)
    }

    /// Lets entries of `providers:` verify their credentials with the key `verify`. Default: such a config is not valid.
    #[must_use]
    pub fn with_verifier(self, verifier: Arc<dyn Verifier>) -> Self {
        Self { verifier: Some(verifier), ..self }
    }

    /// Returns whether there is a verifier.
    pub fn has_verifier(&self) -> bool {
        self.verifier.is_some()
    }

    /// Lets the binary print the logs of a crate. The name is the crate's name as in `use`: `my_provider`.
    ///
    /// Default: the binary prints only the logs of regcred's own crates, at any level. A library can log the secrets
    /// that it handles.
    #[must_use]
    pub fn with_log_target(mut self, crate_name: impl Into<String>) -> Self {
        self.log_targets.push(crate_name.into());
        self
    }

    /// Returns the crates of [`Types::with_log_target`].
    pub fn log_targets(&self) -> &[String] {
        &self.log_targets
    }

    /// Returns whether there is a type of provider with this name.
    pub fn has_provider(&self, name: &str) -> bool {
        self.providers.contains_key(name) || self.variants.contains_key(name)
    }

    /// Returns whether there is a type of sink with this name.
    pub fn has_sink(&self, name: &str) -> bool {
        self.sinks.contains_key(name)
    }

    /// Returns the type of sink that was added as `T`. `None`: there is none with its name, or it is another type.
    pub fn sink_type<T: SinkType>(&self) -> Option<Arc<T>> {
        self.sinks.get(T::NAME)?.itself.clone().downcast().ok()
    }

    /// Returns the identities that a pod can get for providers of these types.
    pub fn identities(&self) -> Identities {
        let mut identities = Identities::default();
        self.providers.values().for_each(|it| identities.extend(it.identities()));
        identities
    }

    /// Returns the JSON schema of a config with these types.
    pub fn schema(&self) -> Value {
        let mut schemas = TypeSchemas::default();
        for (name, provider) in &self.providers {
            let provider = provider.clone();
            let inline = provider.clone();
            schemas = schemas
                .with_provider(name, move |generator| provider.schema(generator))
                .with_inline(move |generator| inline.inline_schema(generator).unwrap_or_default());
        }
        for (name, (_, variant)) in &self.variants {
            schemas = schemas.with_provider(name, variant.schema);
        }
        for (name, sink) in &self.sinks {
            let (of_entry, of_target) = (sink.of.clone(), sink.of.clone());
            schemas = schemas.with_sink(
                name,
                move |generator| of_entry.schema(generator),
                move |generator| of_target.target_schema(generator),
            );
        }
        regcred_config::schema(&schemas)
    }

    /// Returns the codes of the types, and of the verifier.
    pub fn codes(&self) -> Vec<&'static Code> {
        let providers = self.providers.values().map(|it| it.codes());
        let verifier = self.verifier.iter().map(|it| it.codes());
        providers.chain(self.sinks.values().map(|it| it.of.codes())).chain(verifier).flatten().copied().collect()
    }

    /// Returns what these types add to the grammar of a config.
    pub fn grammar(&self) -> Grammar {
        let grammar = self.providers.values().fold(Grammar::default(), |all, it| all.with_provider(it.grammar()));
        let variants = self.variants.values().map(|(_, variant)| variant.grammar.clone());
        let grammar = variants.fold(grammar, Grammar::with_provider);
        self.sinks.iter().fold(grammar, |all, (name, sink)| all.with_sink(sink.of.grammar().named(name)))
    }

    /// Makes every type read the environment and files again, for objects created afterwards.
    pub fn reload(&self) {
        self.providers.values().for_each(|it| it.reload());
    }

    /// Returns the current time of a service, from the first type of provider that knows it.
    pub fn server_time(&self) -> Option<SystemTime> {
        self.providers.values().find_map(|it| it.server_time())
    }

    /// Returns each known time of a service, with the service's name.
    pub fn server_times(&self) -> Vec<(&'static str, SystemTime)> {
        self.providers.values().filter_map(|it| Some((it.service(), it.server_time()?))).collect()
    }

    /// Returns the type of an entry, and the name of the type. An entry of a variant has the name of its type.
    fn provider_type(&self, entry: &Spec) -> Result<(&'static str, &Arc<dyn AnyProviderType>), Problem> {
        let name = self.variants.get(entry.kind()).map_or(entry.kind(), |(name, _)| name);
        let found = self.providers.get_key_value(name).map(|(name, of)| (*name, of));
        found.ok_or_else(|| unknown(entry, "provider", self.providers.keys().chain(self.variants.keys())))
    }

    /// Plans an entry of `providers:`. Returns every problem of it at once.
    pub(crate) fn provider(&self, entry: &Spec) -> Result<PlannedProvider, Problems> {
        let (kind, of) = self.provider_type(entry)?;
        let (planned, verified) = (of.plan(entry), self.verified(entry));
        let (options, mut plan) = match (planned, &verified) {
            (Ok(planned), Ok(_)) => planned,
            (planned, _) => {
                let problems = planned.err().into_iter().flat_map(Vec::from).chain(verified.err());
                return Err(Problems::check(problems.collect()).expect_err("there is a problem"));
            }
        };
        let verified = verified.unwrap_or_default();
        if let Some((verify, verifier)) = &verified {
            // Entries that share a credential also share its verification.
            plan.mint = plan.mint.map(|key| format!("{key} {verify:?}"));
            if let Scope::Exact(registries) = &plan.scope {
                plan.egress.extend(registries.iter().flat_map(|registry| verifier.hosts(registry)));
            }
        }
        let digest = plan.identity.as_deref().map_or_else(|| entry.digest(), regcred_config::digest);
        Ok(PlannedProvider {
            name: entry.name().into(),
            entry: Some(entry.clone()),
            kind,
            digest,
            plan,
            options,
            of: of.clone(),
            verified,
        })
    }

    /// Returns how an entry verifies its credentials, and the verifier. `None`: it does not.
    fn verified(&self, entry: &Spec) -> Result<Option<Verified>, Problem> {
        let Some(verify) = entry.verify() else { return Ok(None) };
        let missing = || {
            let message = "this program cannot verify credentials: leave the key out";
            entry.problem("verify", message).with_code(&codes::NO_VERIFIER)
        };
        Ok(Some((verify.clone(), self.verifier.clone().ok_or_else(missing)?)))
    }

    /// Plans the provider of a target by the keys of its entry, and returns warnings about them.
    pub(crate) fn inline(&self, keys: &Spec) -> Result<(ProviderName, PlannedProvider, Vec<Problem>), Problems> {
        let (kind, of) = self.provider_type(keys)?;
        let Inline { name, options, plan, warnings } = of.inline(keys)?;
        let digest = regcred_config::digest(plan.identity.as_deref().unwrap_or(name.as_str()));
        let planned = PlannedProvider {
            name: name.to_string(),
            entry: None,
            kind,
            digest,
            plan,
            options,
            of: of.clone(),
            verified: None,
        };
        Ok((name, planned, warnings))
    }

    /// Plans an entry of `sinks:` with the targets that it keeps. Returns every problem at once.
    pub(crate) fn sink(&self, entry: &Spec, targets: &[SinkTarget<Option<Spec>>]) -> Result<SinkPlan, Problems> {
        match self.sinks.get(entry.kind()) {
            Some(sink) => sink.of.plan(entry, targets),
            None => Err(unknown(entry, "sink", self.sinks.keys()).into()),
        }
    }

    /// Creates a source and a sink for each of these targets of an entry of `sinks:`.
    pub(crate) async fn make_sink(
        &self,
        entry: &Spec,
        targets: Vec<SinkTarget<Option<Spec>>>,
        run: &Run,
    ) -> Result<Vec<SourceAndSink>> {
        match self.sinks.get(entry.kind()) {
            Some(sink) => sink.of.make(entry, targets, run).await,
            None => Err(Error::new(&UNKNOWN_NAME, unknown(entry, "sink", self.sinks.keys()).to_string())),
        }
    }
}

/// The reason for a type whose name is in use.
const TAKEN: &str = "another type has this name";

/// Returns the error for a type that cannot be added. `what`: a provider or a sink.
fn refused(what: &str, name: &str, cause: &str) -> Error {
    Error::new(&codes::TYPES, format!("cannot add the type {name} of {what}")).with_cause(cause)
}

fn unknown<'a>(entry: &Spec, what: &str, known: impl Iterator<Item = &'a &'static str>) -> Problem {
    let known = known.copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ");
    entry
        .problem("type", format!("{:?} is not a type of {what} (known types: {known})", entry.kind()))
        .with_code(&UNKNOWN_NAME)
}

impl fmt::Debug for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Types")
            .field("providers", &self.providers.keys())
            .field("sinks", &self.sinks.keys())
            .field("verifier", &self.verifier)
            .finish_non_exhaustive()
    }
}
