//! From a plan to an engine: the one place that knows every vendor.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use regcred_config::{AccountLink, Config, LinkName, OpenShiftOptions, Problems, SecretSettings, Spec};
use regcred_core::{
    Clock, Error, ErrorKind, InstanceName, Namespace, Result, SecretName, StoreName, Target, TargetSource,
};
use regcred_ecr::{Alias, PUBLIC_HOSTS, RegistryHost, Transport, password};
use regcred_engine::{Builder, Engine, Minter, Route};
use regcred_openshift::{
    Cluster, Connection, Foreign, Link, LoginFormat, NamespaceList, NamespaceSource, OpenShiftSink, discover::Vendor,
};

use crate::{
    Types,
    broken::Broken,
    plan::{Accounts, Group, Need, Places, Selected},
    provider::{Provider, Token},
    types::{Kept, OPENSHIFT, SinkEntry},
};

pub use crate::{plan::Plan, resolve::problems};

/// From so many Secrets of one name on, a few lists are cheaper than four reads each.
const BULK: usize = 8;

/// What a config comes to. Asks nobody; every problem at once.
pub fn plan(config: &Config, types: &Types) -> Result<Plan, Problems> {
    Plan::new(config, types)
}

/// The clusters that a plan keeps Secrets in, by the sinks of the config.
#[derive(Clone, Debug)]
pub struct Clusters(BTreeMap<StoreName, Cluster>);

impl Clusters {
    /// As the config describes each; reads kubeconfigs, and asks nobody. What the command line says wins, if there is one cluster;
    /// if there are several, it cannot be meant for all.
    pub async fn connect(plan: &Plan, said: &Connection) -> Result<Self> {
        let sinks = clusters(plan).collect::<Vec<_>>();
        let is_said = said.kubeconfig.is_some() || said.context.is_some();
        if is_said && sinks.len() > 1 {
            let names = sinks.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("the config names several clusters, {names}, and the command line one");
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        let mut connected = BTreeMap::new();
        for (name, spec) in sinks {
            let options = spec.options::<OpenShiftOptions>();
            let options = options.map_err(|problem| Error::new(ErrorKind::Invalid, problem.to_string()))?;
            let own = Connection { kubeconfig: options.kubeconfig, context: options.context };
            let cluster = Cluster::connect(if is_said { said } else { &own }).await?;
            if let Some(server) =
                options.server.filter(|it| it.trim_end_matches('/') != cluster.server().trim_end_matches('/'))
            {
                let message = format!("sink {name} is for the cluster at {server}, and this is {}", cluster.server());
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            connected.insert(name.clone(), cluster);
        }
        Ok(Self(connected))
    }

    /// This one for every sink that is a cluster.
    pub fn one(plan: &Plan, cluster: &Cluster) -> Self {
        Self(clusters(plan).map(|(name, _)| (name.clone(), cluster.clone())).collect())
    }

    /// Each, by the name of its sink.
    pub fn iter(&self) -> impl Iterator<Item = (&StoreName, &Cluster)> {
        self.0.iter()
    }
}

/// The sinks that are clusters, and that a target needs.
fn clusters(plan: &Plan) -> impl Iterator<Item = (&StoreName, &Spec)> {
    let needed = |name: &StoreName| plan.groups.iter().any(|group| group.need.store == *name);
    plan.sinks.iter().filter(move |(name, spec)| OPENSHIFT.contains(&spec.kind()) && needed(name))
}

/// An engine for the plan: one token per region and identity, however many registries and namespaces need it. Its routes are the
/// groups of the plan. Reads environment and AWS profile; asks nobody.
pub async fn engine(plan: Plan, types: &Types, clusters: Clusters, clock: Arc<dyn Clock>) -> Result<Builder> {
    let mut engine = Engine::builder(clock.clone());
    if let Some(schedule) = plan.schedule() {
        engine = engine.with_schedule(schedule);
    }
    for minter in minters(&plan, types, &clock).await? {
        engine = engine.with_minter(minter);
    }
    let mut alike = HashMap::<_, usize>::new();
    for Group { need, places, .. } in &plan.groups {
        let many = match places {
            Places::Named(namespaces) => namespaces.len(),
            Places::Selected(_) => BULK,
        };
        *alike.entry((Way::of(need, plan.adopt), need.secret.name.clone())).or_default() += many;
    }
    let mut sinks = Sinks { clusters, instance: plan.instance.clone(), made: vec![], lists: BTreeMap::new() };
    let mut others = others(&plan, types).await;
    for group in plan.groups {
        let name = group.origin.name();
        let (source, sink) = if let Some(kept) = others.get_mut(&group.need.store).and_then(Iterator::next) {
            kept
        } else {
            let way = Way::of(&group.need, plan.adopt);
            let bulk = alike[&(way.clone(), group.need.secret.name.clone())] >= BULK;
            (sinks.source(&group)?, sinks.sink(way, bulk)? as _)
        };
        engine = engine.with_route(Route { name, providers: group.need.providers, source, sink });
    }
    Ok(engine)
}

/// What sinks of other types keep, in the order of their groups.
async fn others(plan: &Plan, types: &Types) -> HashMap<StoreName, impl Iterator<Item = Kept> + use<>> {
    let mut others = HashMap::new();
    for (name, spec) in plan.sinks.iter().filter(|(_, spec)| !OPENSHIFT.contains(&spec.kind())) {
        let groups = plan.groups.iter().filter(|group| group.need.store == *name);
        let entries = groups.map(SinkEntry::of).collect::<Vec<_>>();
        let made = match types.sink(spec, &entries) {
            Ok(making) => making.await,
            Err(problem) => Err(Error::new(ErrorKind::Invalid, problem.to_string())),
        };
        let made = made.and_then(|made| {
            let message = || format!("the sink {name} made {} parts of {} entries", made.len(), entries.len());
            if made.len() == entries.len() { Ok(made) } else { Err(Error::new(ErrorKind::Bug, message())) }
        });
        let made = made.unwrap_or_else(|error| vec![Broken::kept(error); entries.len()]);
        others.insert(name.clone(), made.into_iter());
    }
    others
}

/// How a Secret is kept, whatever its name.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Way {
    store: StoreName,
    foreign: Foreign,
    accounts: Accounts,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    logins: LoginFormat,
}

impl Way {
    fn of(need: &Need, adopt: bool) -> Self {
        let SecretSettings { merge, adopt: adopts, credentials, labels, annotations, .. } = need.secret.clone();
        let foreign = match (merge, adopts || adopt) {
            (true, _) => Foreign::Merge,
            (false, true) => Foreign::Adopt,
            (false, false) => Foreign::Refuse,
        };
        let logins = match credentials {
            regcred_config::LoginFormat::Auth => LoginFormat::Auth,
            regcred_config::LoginFormat::Full => LoginFormat::Full,
        };
        Self { store: need.store.clone(), foreign, accounts: need.accounts.clone(), labels, annotations, logins }
    }

    /// Whose Secret it stays has linked it already: only what the config asks for is added.
    fn links(&self) -> Vec<Link> {
        match (&self.accounts, self.foreign) {
            (Accounts::These(accounts), _) => accounts.iter().map(link).collect(),
            (_, Foreign::Merge) => vec![],
            (Accounts::Usual, _) => Link::defaults(),
            (Accounts::Builders, _) => Link::builders(),
        }
    }
}

/// What keeping Secrets of one name in one way asks of a cluster.
#[derive(Debug)]
pub(crate) struct Demand {
    pub(crate) secret: SecretName,
    /// Whether it is made where it is not there.
    pub(crate) creates: bool,
    /// The ServiceAccounts that it is linked to.
    pub(crate) accounts: Vec<String>,
    /// Those that the config names.
    pub(crate) namespaces: Vec<Namespace>,
    /// What chooses further ones.
    pub(crate) selected: Vec<Selected>,
    /// Whether they are listed where that is granted.
    pub(crate) bulk: bool,
}

/// All that a plan keeps in a cluster, each way once.
pub(crate) fn demands(plan: &Plan, store: &StoreName) -> Vec<Demand> {
    let mut ways = BTreeMap::<_, (Vec<_>, Vec<_>)>::new();
    for Group { need, places, .. } in plan.groups.iter().filter(|group| group.need.store == *store) {
        let way = Way::of(need, plan.adopt);
        let accounts = way.links().iter().map(|link| link.account().to_owned()).collect::<Vec<_>>();
        let alike = ways.entry((need.secret.name.clone(), way.foreign != Foreign::Merge, accounts));
        let (namespaces, selected) = alike.or_default();
        match places {
            Places::Named(named) => namespaces.extend(named.iter().cloned()),
            Places::Selected(chosen) => selected.push(chosen.clone()),
        }
    }
    let demand = |((secret, creates, accounts), (mut namespaces, selected)): (_, (Vec<Namespace>, Vec<Selected>))| {
        namespaces.sort();
        let bulk = namespaces.len() >= BULK || !selected.is_empty();
        Demand { secret, creates, accounts, namespaces, selected, bulk }
    };
    ways.into_iter().map(demand).collect()
}

/// The sinks of other types that a plan needs, each with its type.
pub(crate) fn other_sinks(plan: &Plan) -> impl Iterator<Item = (&StoreName, &str)> {
    let needed = |name: &StoreName| plan.groups.iter().any(|group| group.need.store == *name);
    let others = plan.sinks.iter().filter(move |(name, spec)| !OPENSHIFT.contains(&spec.kind()) && needed(name));
    others.map(|(name, spec)| (name, spec.kind()))
}

/// One sink for each way: what it has read of the cluster serves all of its targets.
struct Sinks {
    clusters: Clusters,
    instance: InstanceName,
    made: Vec<(Way, bool, Arc<OpenShiftSink>)>,
    lists: BTreeMap<StoreName, NamespaceList>,
}

impl Sinks {
    fn cluster(&self, store: &StoreName) -> Result<&Cluster> {
        let missing = || Error::new(ErrorKind::Invalid, format!("nobody has connected to the cluster of sink {store}"));
        self.clusters.0.get(store).ok_or_else(missing)
    }

    fn source(&mut self, group: &Group) -> Result<Arc<dyn TargetSource>> {
        let (store, name) = (group.need.store.clone(), group.need.secret.name.clone());
        let selected = match &group.places {
            Places::Selected(selected) => selected.clone(),
            Places::Named(namespaces) => {
                let target = |namespace| Target { store: store.clone(), namespace, name: name.clone() };
                return Ok(Arc::new(namespaces.iter().cloned().map(target).collect::<Vec<_>>()));
            }
        };
        if !self.lists.contains_key(&store) {
            self.lists.insert(store.clone(), NamespaceList::new(self.cluster(&store)?));
        }
        let list = self.lists[&store].clone();
        let takes = move |namespace: &str, labels: &BTreeMap<_, _>| selected.takes(namespace, labels);
        Ok(Arc::new(NamespaceSource::new(list, store, name, takes)))
    }

    fn sink(&mut self, way: Way, bulk: bool) -> Result<Arc<OpenShiftSink>> {
        if let Some((.., sink)) = self.made.iter().find(|(made, reads, _)| (made, *reads) == (&way, bulk)) {
            return Ok(sink.clone());
        }
        let sink = OpenShiftSink::builder(self.cluster(&way.store)?.clone())
            .with_instance(self.instance.clone())
            .with_foreign(way.foreign)
            .with_links(way.links())
            .with_labels(way.labels.clone())
            .with_annotations(way.annotations.clone())
            .with_login_format(way.logins)
            .with_bulk_reads(bulk);
        let sink = Arc::new(sink.build());
        self.made.push((way, bulk, sink.clone()));
        Ok(sink)
    }
}

fn link(AccountLink { name, link }: &AccountLink) -> Link {
    match (link.contains(&LinkName::Pull), link.contains(&LinkName::Mount)) {
        (true, true) => Link::pull_and_mount(name),
        (false, true) => Link::mount(name),
        (_, false) => Link::pull(name),
    }
}

/// One per provider of the plan. Those of one token of ECR share the one that asks for it, and differ in the hosts they name.
async fn minters(plan: &Plan, types: &Types, clock: &Arc<dyn Clock>) -> Result<Vec<Minter>> {
    let mut tokens = BTreeMap::<&Token, Arc<Minter>>::new();
    let (transport, mut minters) = (Transport::new()?, vec![]);
    for (name, wanted) in &plan.providers {
        let wanted = match wanted {
            Provider::Ecr(wanted) => wanted,
            Provider::Other(spec) => {
                minters.push(Minter::new(name.clone(), Arc::new(types.provider(spec.clone()))));
                continue;
            }
        };
        if !tokens.contains_key(&wanted.token) {
            let provider = wanted.token.provider().with_transport(transport.clone()).with_clock(clock.clone());
            let base = Minter::new(name.clone(), Arc::new(provider.build().await?));
            tokens.insert(&wanted.token, Arc::new(base));
        }
        let base = tokens[&wanted.token].clone();
        let registries = wanted.hosts.iter().map(RegistryHost::registry).collect::<Vec<_>>();
        minters.push(Minter::derived(name.clone(), base, move |own| {
            if registries.is_empty() { Ok(own.clone()) } else { own.for_registries(registries.clone()) }
        }));
    }
    Ok(minters)
}

/// How logins of ECR are told from those of others in a cluster.
pub(crate) fn ecr() -> Vendor {
    Vendor {
        owns: |key| RegistryHost::parse(key).is_ok() || PUBLIC_HOSTS.contains(&key),
        user: password::USER,
        ends: password::ends_at,
        life: password::LIFE,
    }
}

/// A host of ECR, as a config asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host {
    pub(crate) region: String,
    pub(crate) account: String,
    /// Which of `aliases` it takes; `None`: it is the plain one.
    pub(crate) alias: Option<&'static str>,
}

/// What such a host is; `None` of one of ECR Public, or of another vendor.
pub(crate) fn host(registry: &str) -> Option<Host> {
    let host = RegistryHost::parse(registry).ok()?;
    let alias = host.alias().map(|alias| match alias {
        Alias::Fips => "fips",
        Alias::DualStack => "dualstack",
        Alias::DualStackFips => "all",
    });
    Some(Host { region: host.region().to_string(), account: host.account().to_string(), alias })
}
