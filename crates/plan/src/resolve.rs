//! Joins the entries of a config: each address is one Secret with the logins of all its entries. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use regcred_config::{
    Access, AccountLink, Checked, Config, Layers, Namespaces, Origin, Problem, Problems, SecretSettings, Selection,
    Spec, TargetEntry, Wants, codes::SCHEDULE,
};
use regcred_core::{Namespace, ProviderName, SecretName, StoreName, codes::ANOTHER_PROVIDER};

use crate::{
    codes,
    group::{Accounts, Group, Placement, Selected, TargetSettings},
    links::links,
    reads,
    types::{
        planned::PlannedProvider,
        registry::Types,
        sink::{Choice, SinkPlan, SinkTarget},
    },
};

/// Reads the layers of a config with these types. Returns every problem at once.
pub fn load(layers: &Layers, types: &Types) -> Result<Config, Problems> {
    Config::load(layers, &types.grammar(), |config| check(config, types))
}

/// Reads the text of a config with these types, without files and environment. Returns every problem at once.
pub fn from_yaml(text: &str, types: &Types) -> Result<Config, Problems> {
    Config::from_yaml(text, &types.grammar(), |config| check(config, types))
}

/// Returns the problems of a well-formed config:
/// - options that its types refuse
/// - two logins for one registry in one Secret
/// - two settings for one Secret
/// - a schedule with pauses longer than the lifetime of a credential
fn check(config: &Config, types: &Types) -> Checked {
    let resolved = Resolved::of(config, types);
    let problems = resolved.sinks(&resolved.groups(), types).err().unwrap_or_default();
    Checked { problems, warnings: resolved.warnings }
}

#[derive(Default)]
pub(crate) struct Resolved {
    pub(crate) providers: BTreeMap<ProviderName, PlannedProvider>,
    pub(crate) sinks: BTreeMap<StoreName, Spec>,
    /// The recorded names of the entries of `providers:`, by their names in the config.
    named: HashMap<ProviderName, ProviderName>,
    /// The providers of targets that name registries. Many targets name the same ones.
    inline: HashMap<Spec, ProviderName>,
    wanted: BTreeMap<Address, Wanted>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// The place of a Secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    store: StoreName,
    place: Location,
    name: SecretName,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Location {
    Named(Namespace),
    Selected(Selection),
    /// The options of the entry give the place. This is their digest.
    Described(u64),
}

impl Resolved {
    pub(crate) fn of(config: &Config, types: &Types) -> Self {
        let mut resolved = Self::default();
        for spec in config.providers() {
            let provider = types.provider(spec).map_err(Vec::<Problem>::from);
            // The invalid name was reported already.
            let Ok(name) = ProviderName::new(spec.name()) else {
                resolved.problems.extend(provider.err().into_iter().flatten());
                continue;
            };
            let provider = provider.and_then(|provider| Ok((recorded(spec, &provider)?, provider)));
            match provider {
                Ok((recorded, provider)) => {
                    resolved.named.insert(name, recorded.clone());
                    resolved.providers.insert(recorded, provider);
                }
                Err(problems) => resolved.problems.extend(problems),
            }
        }
        for spec in config.sinks() {
            let Ok(name) = StoreName::new(spec.name()) else {
                // The invalid name was reported already. The options are checked nevertheless.
                let problems = types.sink(spec, &[]).err();
                resolved.problems.extend(problems.into_iter().flat_map(Vec::<Problem>::from));
                continue;
            };
            resolved.sinks.insert(name, spec.clone());
        }
        for (position, target) in config.targets().iter().enumerate() {
            resolved.add(position, target, types);
        }
        for keys in config.doubtful() {
            for problem in types.inline(keys).err().into_iter().flat_map(Vec::<Problem>::from) {
                if !resolved.problems.contains(&problem) {
                    resolved.problems.push(problem);
                }
            }
        }
        resolved.problems.extend(resolved.slow_schedule(config));
        resolved
    }

    /// Plans the sinks. Returns every problem of the config, if there is one.
    pub(crate) fn sinks(
        &self,
        groups: &[Group],
        types: &Types,
    ) -> Result<BTreeMap<StoreName, (Spec, SinkPlan)>, Vec<Problem>> {
        let (mut sinks, mut problems) = (BTreeMap::new(), self.problems.clone());
        for (name, entry) in &self.sinks {
            let own = groups.iter().filter(|group| group.settings.store == *name);
            let targets = own.map(|group| sink_target(group, &self.providers, false)).collect::<Vec<_>>();
            match types.sink(entry, &targets) {
                Ok(plan) => drop(sinks.insert(name.clone(), (entry.clone(), plan))),
                Err(wrong) => problems.extend(Vec::from(wrong)),
            }
        }
        // A sink with a problem may be the cluster of a Secret.
        if problems.is_empty() {
            problems.extend(reads::problems(self.providers.values(), &sinks));
        }
        if problems.is_empty() { Ok(sinks) } else { Err(problems) }
    }

    /// Refuses a schedule whose pauses are longer than nine tenths of the life of a credential that a target gets.
    fn slow_schedule(&self, config: &Config) -> Option<Problem> {
        let schedule = config.schedule()?;
        let used = self.wanted.values().flat_map(|wanted| &wanted.providers);
        let lives = used.filter_map(|name| {
            let provider = self.providers.get(name)?;
            Some((provider.plan.longest_life?, provider.kind()))
        });
        let (life, kind) = lives.min()?;
        let longest = schedule.gaps().map_or(Duration::MAX, |(_, longest)| longest);
        if longest < life.mul_f64(0.9) {
            return None;
        }
        let pause = match schedule.gaps() {
            Some((_, longest)) => format!("pauses for up to {} hours", longest.as_secs().div_ceil(3_600)),
            None => "runs only once".into(),
        };
        let (lives, often) = (span(life), span(life.mul_f64(0.9)));
        let message = format!(
            "{schedule} {pause}, and a credential of type {kind} lives for {lives}: run it at least every {often}, or leave the schedule out"
        );
        Some(Problem::at(config.origin().join("schedule"), message).with_code(&SCHEDULE))
    }

    /// Groups the Secrets with the same settings, in the order of the config.
    pub(crate) fn groups(&self) -> Vec<Group> {
        let mut wanted = self.wanted.iter().collect::<Vec<_>>();
        wanted.sort_by_key(|(address, wanted)| (wanted.position, matches!(address.place, Location::Selected(_))));
        // Named namespaces come before or after each entry that selects, in the order of the config.
        let (mut groups, mut alike, mut chosen) = (Vec::<Group>::new(), HashMap::new(), 0);
        for (address, wanted) in wanted {
            let settings = wanted.settings(&self.providers);
            let namespace = match &address.place {
                Location::Named(namespace) => namespace.clone(),
                Location::Selected(selection) => {
                    let selected = Selected::new(selection.clone(), wanted.also_named.clone());
                    groups.push(Group {
                        origin: wanted.origin.clone(),
                        settings,
                        placement: Placement::Selected(selected),
                    });
                    chosen += 1;
                    continue;
                }
                Location::Described(_) => {
                    groups.push(Group { origin: wanted.origin.clone(), settings, placement: Placement::Named(vec![]) });
                    continue;
                }
            };
            // Namespaces that an earlier selection may own wait for it, and the others do not. So they are separate
            // groups.
            let may_be_another_s = groups.iter().any(|earlier| earlier.may_have(&settings, &namespace));
            let place = *alike.entry((chosen, may_be_another_s, settings.clone())).or_insert(groups.len());
            if let Some(Placement::Named(namespaces)) = groups.get_mut(place).map(|group| &mut group.placement) {
                namespaces.push(namespace);
            } else {
                let placement = Placement::Named(vec![namespace]);
                groups.push(Group { origin: wanted.origin.clone(), settings, placement });
            }
        }
        for group in &mut groups {
            if let Placement::Named(namespaces) = &mut group.placement {
                namespaces.sort();
            }
        }
        groups
    }

    fn add(&mut self, position: usize, target: &TargetEntry, types: &Types) {
        let Some(providers) = self.wants(target, types) else { return };
        let Some(store) = self.store(target) else { return }; // this was reported already
        let (also, untold) = self.named_beside(&store, target);
        let named = target.namespaces.named.iter().cloned().chain(also).map(Location::Named);
        let selected = target.namespaces.selection.clone().map(Location::Selected);
        let mut told = vec![]; // once per entry, not per namespace
        told.extend(untold.into_iter().chain(self.unguarded_push(target, &providers)));
        let described = target.options.as_ref().filter(|_| target.namespaces == Namespaces::default());
        let described = described.map(|options| Location::Described(options.digest()));
        for place in named.chain(selected).chain(described) {
            let address = Address { store: store.clone(), place, name: target.secret.name.clone() };
            let is_selected = matches!(address.place, Location::Selected(_));
            let wanted = self.wanted.entry(address).or_insert_with(|| Wanted::new(position, &store, target));
            if is_selected {
                wanted.also_named.extend(target.namespaces.named.iter().cloned());
            }
            for problem in wanted.add(target, &providers, &self.providers) {
                if !told.contains(&problem) {
                    told.push(problem);
                }
            }
        }
        self.problems.extend(told);
    }

    /// Returns the sink that an entry names, or the only one.
    fn store(&self, target: &TargetEntry) -> Option<StoreName> {
        let (store, _) = match (&target.sink, self.sinks.len()) {
            (Some(name), _) => self.sinks.get_key_value(name),
            (None, 1) => self.sinks.first_key_value(),
            (None, _) => None,
        }?;
        Some(store.clone())
    }

    /// Returns the namespaces that earlier entries name beside the same selection. This entry selects them too, unless
    /// labels decide. Then the result is a problem.
    fn named_beside(&self, store: &StoreName, target: &TargetEntry) -> (Vec<Namespace>, Option<Problem>) {
        let Some(selection) = &target.namespaces.selection else { return (vec![], None) };
        let place = Location::Selected(selection.clone());
        let address = Address { store: store.clone(), place, name: target.secret.name.clone() };
        let Some(earlier) = self.wanted.get(&address) else { return (vec![], None) };
        let is_new = |it: &&Namespace| !target.namespaces.named.contains(it) && selection.may_take(it.as_str());
        let beside = earlier.also_named.iter().filter(is_new).cloned().collect::<Vec<_>>();
        let unknown = beside.first().filter(|_| selection.has_selector()).map(|name| {
            let earlier = earlier.origin.name();
            let message = format!(
                "{earlier} names {name}, and this entry selects by labels that are not known for it: name it here too"
            );
            Problem::at(target.origin.join("namespaces"), message).with_code(&codes::OVERLAP)
        });
        (beside, unknown)
    }

    /// Refuses a push login for namespaces without a required label. A user who may create namespaces chooses their
    /// names, but not their labels.
    fn unguarded_push(&self, target: &TargetEntry, providers: &[ProviderName]) -> Option<Problem> {
        let selection = target.namespaces.selection.as_ref().filter(|it| !it.asks_for_a_label())?;
        let pushes = providers.iter().any(|name| self.providers[name].plan.access == Access::Push);
        let message = format!(
            "anyone who can create a namespace named {selection} would get a login that pushes: name the namespaces, or add a \
             `selector` for a required label"
        );
        pushes.then(|| Problem::at(target.origin.join("namespaces"), message).with_code(&codes::OPEN_PUSH))
    }

    /// Returns the recorded names of a target's providers. Returns `None` if one of them is invalid, which was
    /// reported.
    fn wants(&mut self, target: &TargetEntry, types: &Types) -> Option<Vec<ProviderName>> {
        match &target.wants {
            Wants::Inline(keys) => {
                if let Some(name) = self.inline.get(keys) {
                    return Some(vec![name.clone()]);
                }
                match types.inline(keys) {
                    Ok((name, provider, warnings)) => {
                        // Each entry gets its own warnings.
                        if warnings.is_empty() {
                            self.inline.insert(keys.clone(), name.clone());
                        }
                        self.warnings.extend(warnings);
                        self.providers.entry(name.clone()).or_insert(provider);
                        Some(vec![name])
                    }
                    Err(problems) => {
                        self.problems.extend(Vec::from(problems));
                        None
                    }
                }
            }
            // A missing name has an invalid entry, which was reported already.
            Wants::Providers(names) => names.iter().map(|name| self.named.get(name).cloned()).collect(),
        }
    }
}

/// Returns the provider name for the annotations of Secrets. It changes with the provider, so that no existing
/// credential matches a changed provider.
fn recorded(spec: &Spec, provider: &PlannedProvider) -> Result<ProviderName, Vec<Problem>> {
    ProviderName::new(format!("{}-{:016x}", spec.name(), provider.digest))
        .map_err(|_| vec![Problem::at(spec.origin().clone(), "its name is too long")])
}

/// The settings of one Secret so far.
struct Wanted {
    position: usize,
    /// The first entry that asks for it.
    origin: Origin,
    store: StoreName,
    providers: Vec<ProviderName>,
    secret: SecretSettings,
    options: Option<Spec>,
    /// `None`: the default ones.
    accounts: Option<Vec<AccountLink>>,
    /// The entry that asks for each login.
    logins: BTreeMap<String, String>,
    /// For a selection: the namespaces that the same entries name.
    also_named: BTreeSet<Namespace>,
}

impl Wanted {
    fn new(position: usize, store: &StoreName, target: &TargetEntry) -> Self {
        Self {
            position,
            origin: target.origin.clone(),
            store: store.clone(),
            providers: vec![],
            secret: target.secret.clone(),
            options: target.options.clone(),
            accounts: target.accounts.is_some().then(Vec::new),
            logins: BTreeMap::new(),
            also_named: BTreeSet::new(),
        }
    }

    fn settings(&self, known: &BTreeMap<ProviderName, PlannedProvider>) -> TargetSettings {
        let accounts = match &self.accounts {
            Some(accounts) => Accounts::These(accounts.clone()),
            None if self.providers.iter().any(|name| known[name].plan.access == Access::Push) => Accounts::Builders,
            None => Accounts::Usual,
        };
        let (store, providers) = (self.store.clone(), self.providers.clone());
        TargetSettings { store, providers, secret: self.secret.clone(), accounts, options: self.options.clone() }
    }

    /// Adds the settings of an entry to those of earlier ones.
    fn add(
        &mut self,
        target: &TargetEntry,
        names: &[ProviderName],
        known: &BTreeMap<ProviderName, PlannedProvider>,
    ) -> Vec<Problem> {
        let mut problems = vec![];
        if target.secret != self.secret {
            let (one, other) = (&self.secret, &target.secret);
            let all = [
                ("merge", one.merge != other.merge),
                ("adopt", one.adopt != other.adopt),
                ("credentials", one.credentials != other.credentials),
                ("labels", one.labels != other.labels),
                ("annotations", one.annotations != other.annotations),
            ];
            let differing = all.iter().filter(|(_, differs)| *differs).map(|(key, _)| *key).collect::<Vec<_>>();
            let message = format!(
                "{} and this one write the same Secret: {} must be the same in both",
                self.origin.name(),
                differing.join(", ")
            );
            problems.push(Problem::at(target.origin.join("secret"), message).with_code(&codes::DIFFERENT));
        }
        if target.options != self.options {
            let message = format!(
                "{} and this one write the same Secret: the options of its sink must be the same",
                self.origin.name()
            );
            problems.push(Problem::at(target.origin.clone(), message).with_code(&codes::DIFFERENT));
        }
        let is_named = matches!(target.wants, Wants::Providers(_));
        for name in names {
            let again = self.providers.contains(name);
            if again && is_named {
                continue; // entries may share a provider, but a duplicate in the short form is a mistake
            }
            for login in known[name].plan.logins() {
                let entry = target.origin.name();
                let Some(earlier) = self.logins.insert(login.key, entry.clone()) else { continue };
                let whose = if earlier == entry { "another of its providers" } else { &earlier };
                let message =
                    format!("{whose} already has a login for {}, and a Secret can hold only one", login.description);
                problems.push(Problem::at(target.origin.clone(), message).with_code(&ANOTHER_PROVIDER));
            }
            if !again {
                self.providers.push(name.clone());
            }
        }
        match (&mut self.accounts, &target.accounts) {
            (Some(accounts), Some(others)) => unite(accounts, others),
            (None, None) => {}
            _ => {
                let message = format!(
                    "{} and this one write the same Secret: set `service_accounts` in both or in neither",
                    self.origin.name()
                );
                problems
                    .push(Problem::at(target.origin.join("service_accounts"), message).with_code(&codes::DIFFERENT));
            }
        }
        problems
    }
}

/// Returns each account once, in a fixed order, with the uses of both lists.
fn unite(accounts: &mut Vec<AccountLink>, others: &[AccountLink]) {
    for other in others {
        match accounts.iter_mut().find(|account| account.name == other.name) {
            None => accounts.push(other.clone()),
            Some(account) => account.link.extend(other.link.clone()),
        }
    }
    for account in accounts.iter_mut() {
        account.link.sort();
        account.link.dedup();
    }
    accounts.sort();
}

/// Returns the sink's task for a group. `adopt`: whether Secrets of other owners are taken over everywhere.
pub(crate) fn sink_target(
    group: &Group,
    known: &BTreeMap<ProviderName, PlannedProvider>,
    adopt: bool,
) -> SinkTarget<Option<Spec>> {
    let accounts = links(&group.settings);
    let TargetSettings { store, providers, secret, options, .. } = group.settings.clone();
    let selection = match &group.placement {
        Placement::Named(_) => None,
        Placement::Selected(selected) => Some(Choice(selected.clone())),
    };
    let adopt = secret.adopt || (adopt && !secret.merge.is_on());
    SinkTarget {
        store,
        namespaces: group.placement.named().to_vec(),
        selection,
        secret: SecretSettings { adopt, ..secret },
        accounts,
        scopes: providers.iter().map(|name| known[name].plan.scope.clone()).collect(),
        options,
        origin: group.origin.clone(),
    }
}

/// Formats a duration, such as `10 hours` or `45 minutes`.
fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 7_200 => format!("{} hours", seconds / 3_600),
        seconds => format!("{} minutes", seconds / 60),
    }
}
