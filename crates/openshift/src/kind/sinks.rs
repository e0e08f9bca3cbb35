//! Creates the sources and sinks of a cluster for the targets of a config.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use regcred_config::{Merge, NamedWatches, SecretSettings};
use regcred_core::{Address, Scope, Target, TargetSource};
use regcred_plan::{Run, ServiceAccountLink, SinkTarget, SourceAndSink};

use super::listed::listed;
use crate::{
    Cache, Cluster, Foreign, Link, LoginFormat, NamespaceList, NamespaceSource, OpenShiftSink, WatchedObjects,
    WatchedSource, Watches,
};

/// The settings of a sink. Targets with the same settings share one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Settings {
    foreign: Foreign,
    links: Vec<ServiceAccountLink>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    logins: LoginFormat,
    /// The entries and patterns that an adopted Secret may hold. `None`: they are not known.
    expected: Option<Vec<String>>,
}

impl Settings {
    fn of<O>(target: &SinkTarget<O>) -> Self {
        let SecretSettings { merge, adopt, credentials, labels, annotations, .. } = target.secret.clone();
        let foreign = match (merge, adopt) {
            (Merge::Create, _) => Foreign::MergeOrCreate,
            (Merge::Yes, _) => Foreign::Merge,
            (Merge::No, true) => Foreign::Adopt,
            (Merge::No, false) => Foreign::Refuse,
        };
        let logins = match credentials {
            regcred_config::LoginFormat::Auth => LoginFormat::Auth,
            regcred_config::LoginFormat::Full => LoginFormat::Full,
        };
        let expected = if foreign == Foreign::Adopt { expected(&target.scopes) } else { None };
        Self { foreign, links: target.accounts.clone(), labels, annotations, logins, expected }
    }
}

/// Returns the registries and patterns of all scopes, as text. `None`: one of them is not known.
fn expected(scopes: &[Scope]) -> Option<Vec<String>> {
    let mut all = vec![];
    for scope in scopes {
        match scope {
            Scope::Exact(registries) => all.extend(registries.iter().map(ToString::to_string)),
            Scope::Matching(patterns) => all.extend(patterns.iter().map(ToString::to_string)),
            _ => return None,
        }
    }
    Some(all)
}

/// The sinks of one cluster. They share a cache.
pub(super) struct Sinks<'a> {
    cluster: Cluster,
    run: &'a Run,
    made: HashMap<Settings, Arc<OpenShiftSink>>,
    cache: Cache,
    /// The namespaces, for all targets with a selection.
    list: NamespaceList,
    /// The shared watches. `None`: one pass.
    watches: Option<Watches>,
    named: NamedWatches,
}

impl<'a> Sinks<'a> {
    pub(super) fn new<O>(cluster: Cluster, targets: &[SinkTarget<O>], run: &'a Run) -> Self {
        let annotations = targets.iter().flat_map(|target| target.secret.annotations.keys().cloned());
        let cache = Cache::new(&cluster, annotations, listed(targets));
        let watches = run.watching.map(|resync| watches(targets, &cluster, &cache, resync));
        let (list, named) = (NamespaceList::new(&cluster), named_watches(targets));
        Self { cluster, run, made: HashMap::new(), cache, list, watches, named }
    }

    /// Creates a source and a sink for each target, in order.
    pub(super) fn make<O>(mut self, targets: &[SinkTarget<O>]) -> Vec<SourceAndSink> {
        let mut kept = vec![];
        for target in targets {
            let sink = self.sink(Settings::of(target));
            kept.push((self.source(target, &sink), sink as _));
        }
        kept
    }

    fn source<O>(&self, target: &SinkTarget<O>, sink: &OpenShiftSink) -> Arc<dyn TargetSource> {
        let (store, name) = (target.store.clone(), target.secret.name.clone());
        if let Some(selection) = target.selection.clone() {
            let takes = move |namespace: &str, labels: &BTreeMap<_, _>| selection.takes(namespace, labels);
            return match &self.watches {
                Some(watches) => Arc::new(WatchedSource::new(watches.clone(), store, name, takes, sink)),
                None => Arc::new(NamespaceSource::new(self.list.clone(), store, name, takes)),
            };
        }
        let at = |namespace| Target::new(store.clone(), Address::secret(namespace, name.clone()));
        let Some(every) = self.run.watching else {
            return Arc::new(target.namespaces.iter().cloned().map(at).collect::<Vec<_>>());
        };
        let watched = match self.named {
            NamedWatches::Everything => WatchedObjects::All,
            NamedWatches::Secrets => WatchedObjects::Secrets,
            NamedWatches::Nothing => WatchedObjects::None,
        };
        let namespaces = target.namespaces.iter().cloned();
        Arc::new(WatchedSource::named(&self.cluster, store.clone(), name.clone(), namespaces, sink, every, watched))
    }

    fn sink(&mut self, settings: Settings) -> Arc<OpenShiftSink> {
        if let Some(sink) = self.made.get(&settings) {
            return sink.clone();
        }
        let mut sink = OpenShiftSink::builder(self.cluster.clone())
            .with_instance(self.run.instance.clone())
            .with_previous_instance(self.run.previous_instance.clone())
            .with_foreign(settings.foreign)
            .with_links(settings.links.iter().map(link))
            .with_labels(settings.labels.clone())
            .with_annotations(settings.annotations.clone())
            .with_login_format(settings.logins)
            .with_cache(Some(self.cache.clone()))
            .with_namespaces(Some(self.list.clone()));
        if let Some(expected) = settings.expected.clone() {
            let patterns = expected.iter().filter_map(|it| regcred_core::Pattern::new(it).ok()).collect::<Vec<_>>();
            sink = sink.with_expected(move |host| patterns.iter().any(|pattern| pattern.matches(host)));
        }
        let sink = Arc::new(sink.build());
        self.made.insert(settings, sink.clone());
        sink
    }
}

/// Returns the shared watches that the targets with a selection need.
fn watches<O>(targets: &[SinkTarget<O>], cluster: &Cluster, cache: &Cache, resync: Duration) -> Watches {
    let selecting = || targets.iter().filter(|target| target.selection.is_some());
    let secrets = selecting().map(|target| target.secret.name.clone());
    let accounts = selecting().flat_map(|target| &target.accounts).map(|link| link.account.clone());
    Watches::new(cluster, secrets, accounts, cache, resync)
}

/// Returns the watches of namespaces that the targets name.
fn named_watches<O>(targets: &[SinkTarget<O>]) -> NamedWatches {
    let (mut secrets, mut accounts, mut namespaces) = (0, 0, BTreeSet::new());
    for target in targets.iter().filter(|target| target.selection.is_none()) {
        secrets += target.namespaces.len();
        let linked = target.accounts.iter().map(|link| &link.account).collect::<BTreeSet<_>>();
        accounts += target.namespaces.len() * linked.len();
        namespaces.extend(&target.namespaces);
    }
    NamedWatches::of(secrets, accounts, namespaces.len())
}

fn link(of: &ServiceAccountLink) -> Link {
    let link = match (of.pull, of.mount) {
        (true, true) => Link::pull_and_mount(&of.account),
        (false, true) => Link::mount(&of.account),
        (_, false) => Link::pull(&of.account),
    };
    if of.is_expected { link } else { link.where_it_exists() }
}
