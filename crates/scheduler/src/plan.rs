//! Which providers there are, and which Secret needs which of them. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use regcred_config::{AccountLink, Config, Problem, Problems, SecretSettings, Spec, TargetEntry, Wants};
use regcred_core::{InstanceName, Namespace, ProviderName, Schedule, SecretName};

use crate::{
    Types,
    provider::{Ecr, Login, Provider},
};

/// What a config comes to: every provider once, and for each way to keep a Secret the namespaces that keep one so.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) providers: BTreeMap<ProviderName, Provider>,
    pub(crate) groups: Vec<Group>,
    pub(crate) instance: InstanceName,
    pub(crate) adopt: bool,
    pub(crate) schedule: Option<regcred_config::Schedule>,
}

/// Namespaces that keep the same Secret in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) need: Need,
    pub(crate) namespaces: Vec<Namespace>,
}

/// What a Secret opens, how it is kept, and who uses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Need {
    pub(crate) providers: Vec<ProviderName>,
    pub(crate) secret: SecretSettings,
    /// `None`: the usual ones.
    pub(crate) accounts: Option<Vec<AccountLink>>,
}

impl Plan {
    /// From a config; every problem at once.
    pub(crate) fn new(config: &Config, types: &Types) -> Result<Self, Problems> {
        let Resolved { mut providers, wanted, problems, .. } = Resolved::of(config, types);
        Problems::check(problems)?;
        let mut groups = HashMap::<Need, Vec<Namespace>>::new();
        for ((namespace, _), wanted) in wanted {
            groups.entry(wanted.need).or_default().push(namespace);
        }
        let groups = groups.into_iter().map(|(need, namespaces)| Group { need, namespaces });
        let mut groups = groups.collect::<Vec<_>>();
        groups.sort_by(|one, other| {
            one.namespaces.cmp(&other.namespaces).then_with(|| one.need.secret.name.cmp(&other.need.secret.name))
        });
        retain_needed(&mut providers, &groups);
        let (instance, schedule) = (config.instance().clone(), config.schedule().cloned());
        Ok(Self { providers, groups, instance, adopt: false, schedule })
    }

    /// Every namespace, in alphabetical order.
    pub fn namespaces(&self) -> Vec<&Namespace> {
        let mut namespaces = self.groups.iter().flat_map(|group| &group.namespaces).collect::<Vec<_>>();
        namespaces.sort();
        namespaces.dedup();
        namespaces
    }

    /// How many Secrets are kept.
    pub fn secrets(&self) -> usize {
        self.groups.iter().map(|group| group.namespaces.len()).sum()
    }

    /// Every provider that a target needs, in alphabetical order.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderName> {
        self.providers.keys()
    }

    /// How many credentials a full pass mints: of ECR one per region and identity.
    pub fn mints(&self) -> usize {
        self.tokens(self.providers.keys())
    }

    /// How many credentials a pass mints that writes these Secrets alone.
    pub fn mints_for(&self, secrets: &BTreeSet<(&Namespace, &SecretName)>) -> usize {
        let is_written = |group: &&Group| {
            let name = &group.need.secret.name;
            group.namespaces.iter().any(|namespace| secrets.contains(&(namespace, name)))
        };
        self.tokens(self.groups.iter().filter(is_written).flat_map(|group| &group.need.providers))
    }

    fn tokens<'a>(&self, providers: impl Iterator<Item = &'a ProviderName>) -> usize {
        let (mut tokens, mut others) = (BTreeSet::new(), BTreeSet::new());
        for (name, provider) in providers.filter_map(|name| Some((name, self.providers.get(name)?))) {
            match provider {
                Provider::Ecr(ecr) => drop(tokens.insert(&ecr.token)),
                Provider::Other(_) => drop(others.insert(name)),
            }
        }
        tokens.len() + others.len()
    }

    /// Takes over Secrets that somebody else made and has given up, if they hold nothing but logins of the config.
    #[must_use]
    pub fn with_adoption(self, adopt: bool) -> Self {
        Self { adopt, ..self }
    }

    /// Of these namespaces alone; the ones that the config does not name, if there are any.
    pub fn restrict_to(&mut self, wanted: &[Namespace]) -> Result<(), Vec<Namespace>> {
        let known = self.namespaces();
        let unknown = wanted.iter().filter(|namespace| !known.contains(namespace)).cloned().collect::<Vec<_>>();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        for group in &mut self.groups {
            group.namespaces.retain(|namespace| wanted.contains(namespace));
        }
        self.groups.retain(|group| !group.namespaces.is_empty());
        retain_needed(&mut self.providers, &self.groups);
        Ok(())
    }

    /// The runs that the config schedules, as the engine asks for them.
    pub(crate) fn schedule(&self) -> Option<std::sync::Arc<Schedule>> {
        let schedule = self.schedule.clone()?;
        Some(std::sync::Arc::new(move |after| schedule.next_after(after)))
    }
}

/// A provider that nobody needs is not made.
fn retain_needed(providers: &mut BTreeMap<ProviderName, Provider>, groups: &[Group]) {
    let needed = groups.iter().flat_map(|group| &group.need.providers).collect::<BTreeSet<_>>();
    providers.retain(|name, _| needed.contains(name));
}

/// What is wrong with a config that is well-formed: a region or host that AWS does not have, options that do not go together,
/// a provider that is not there, two logins for one host of one Secret, one Secret kept in two ways.
pub fn problems(config: &Config, types: &Types) -> Vec<Problem> {
    Resolved::of(config, types).problems
}

#[derive(Default)]
struct Resolved {
    providers: BTreeMap<ProviderName, Provider>,
    /// The entries of `providers:`, by what the config calls them.
    named: HashMap<ProviderName, ProviderName>,
    wanted: BTreeMap<(Namespace, SecretName), Wanted>,
    problems: Vec<Problem>,
}

impl Resolved {
    fn of(config: &Config, types: &Types) -> Self {
        let mut resolved = Self::default();
        for spec in config.providers() {
            let provider = Provider::named(spec, types).and_then(|provider| Ok((recorded(spec)?, provider)));
            match provider {
                Ok((recorded, provider)) => {
                    resolved.named.insert(spec.name().clone(), recorded.clone());
                    resolved.providers.insert(recorded, provider);
                }
                Err(problems) => resolved.problems.extend(problems),
            }
        }
        for target in config.targets() {
            let Some(providers) = resolved.wants(target) else { continue };
            let mut told = vec![]; // of an entry once, not of each of its namespaces
            for namespace in &target.namespaces {
                let address = (namespace.clone(), target.secret.name.clone());
                let wanted = resolved.wanted.entry(address).or_insert_with(|| Wanted::new(target));
                for problem in wanted.add(target, &providers, &resolved.providers) {
                    if !told.contains(&problem) {
                        told.push(problem);
                    }
                }
            }
            resolved.problems.extend(told);
        }
        resolved
    }

    /// What a target wants, as it is recorded; `None` if something of it is wrong, which is told.
    fn wants(&mut self, target: &TargetEntry) -> Option<Vec<ProviderName>> {
        match &target.wants {
            Wants::Registries(registries) => match Ecr::short(registries, &target.origin) {
                Ok(provider) => {
                    let name = provider.name();
                    self.providers.insert(name.clone(), Provider::Ecr(provider.into()));
                    Some(vec![name])
                }
                Err(problem) => {
                    self.problems.push(problem);
                    None
                }
            },
            // One that is not here was told to be wrong where it stands.
            Wants::Providers(names) => names.iter().map(|name| self.named.get(name).cloned()).collect(),
        }
    }
}

/// The name that stands in the annotations of Secrets: whoever changes what a provider is gets another one, whose credentials
/// nobody holds yet.
fn recorded(spec: &Spec) -> Result<ProviderName, Vec<Problem>> {
    let name = format!("{}-{:016x}", spec.name(), spec.digest());
    ProviderName::new(name).map_err(|_| vec![Problem::at(spec.origin().clone(), "its name is too long")])
}

/// What one Secret needs so far.
struct Wanted {
    need: Need,
    /// For every login the entry that wants it.
    logins: BTreeMap<Login, String>,
    /// The entry that is the first to want anything.
    first: String,
}

impl Wanted {
    fn new(target: &TargetEntry) -> Self {
        let accounts = target.accounts.is_some().then(Vec::new);
        let need = Need { providers: vec![], secret: target.secret.clone(), accounts };
        Self { need, logins: BTreeMap::new(), first: target.origin.key.clone() }
    }

    /// Unites what an entry wants with what earlier ones do.
    fn add(
        &mut self,
        target: &TargetEntry,
        names: &[ProviderName],
        known: &BTreeMap<ProviderName, Provider>,
    ) -> Vec<Problem> {
        let mut problems = vec![];
        if target.secret != self.need.secret {
            let message =
                format!("{} keeps this Secret otherwise: `merge` and `adopt` have to be the same", self.first);
            problems.push(Problem::at(target.origin.join("secret"), message));
        }
        let is_named = matches!(target.wants, Wants::Providers(_));
        for name in names {
            let again = self.need.providers.contains(name);
            if again && is_named {
                continue; // entries may share a provider; what the short form says twice, nobody means
            }
            for login in known[name].logins() {
                let entry = target.origin.key.clone();
                let Some(earlier) = self.logins.insert(login.clone(), entry.clone()) else { continue };
                let whose = if earlier == entry { "another of its providers" } else { &earlier };
                let message = format!("{whose} has a login for {login} already; one Secret holds one");
                problems.push(Problem::at(target.origin.clone(), message));
            }
            if !again {
                self.need.providers.push(name.clone());
            }
        }
        match (&mut self.need.accounts, &target.accounts) {
            (Some(accounts), Some(others)) => unite(accounts, others),
            (None, None) => {}
            _ => {
                let message = format!("{} and this one keep one Secret: both say who uses it, or neither", self.first);
                problems.push(Problem::at(target.origin.join("service_accounts"), message));
            }
        }
        problems
    }
}

/// Each account once, with every use that either list has, in one order.
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

#[cfg(test)]
mod tests {
    use regcred_config::LinkName;

    use super::*;

    fn plan(yaml: &str) -> Result<Plan, String> {
        Plan::new(&Config::from_yaml(yaml).expect("its form is valid"), &Types::default())
            .map_err(|problems| problems.to_string())
    }

    fn without_digest(name: &str) -> &str {
        name.rsplit_once('-').filter(|(_, digest)| digest.len() == 16).map_or(name, |(name, _)| name)
    }

    fn groups(plan: &Plan) -> Vec<(Vec<&str>, Vec<&str>)> {
        fn names(group: &Group) -> (Vec<&str>, Vec<&str>) {
            let providers = group.need.providers.iter().map(|name| without_digest(name.as_str())).collect();
            (providers, group.namespaces.iter().map(Namespace::as_str).collect())
        }
        plan.groups.iter().map(names).collect()
    }

    #[test]
    fn entries_of_one_namespace_are_united_and_equal_needs_grouped() {
        let yaml = "targets:\n- { namespace: b, region: eu-west-1 }\n- { namespace: a, region: eu-west-1 }\n\
                    - { namespace: c, region: us-east-1 }\n- { namespace: c, region: eu-west-1 }\n\
                    - { namespace: d, registry: 210987654321.dkr.ecr.us-east-1.amazonaws.com }\n";
        let plan = plan(yaml).expect("valid");
        assert_eq!(
            groups(&plan),
            [
                (vec!["ecr-eu-west-1"], vec!["a", "b"]),
                (vec!["ecr-us-east-1", "ecr-eu-west-1"], vec!["c"]),
                (vec!["ecr-us-east-1-210987654321"], vec!["d"]),
            ]
        );
        assert_eq!((plan.mints(), plan.providers().count(), plan.namespaces().len()), (2, 3, 4));
    }

    #[test]
    fn providers_with_equal_settings_are_one_and_their_names_never_change() {
        let yaml = "targets:\n- { namespace: a, region: eu-west-1, accounts: [123456789012, 210987654321] }\n\
                    - { namespace: b, region: eu-west-1, accounts: [210987654321, 123456789012] }\n\
                    - { namespace: c, registry: 123456789012.dkr.ecr-fips.us-east-1.amazonaws.com }\n";
        let plan = plan(yaml).expect("valid");
        let names = plan.providers().map(ProviderName::as_str).collect::<Vec<_>>();
        assert_eq!(names.len(), 2, "{names:?}");
        assert!(names[0].starts_with("ecr-eu-west-1-") && names[0].len() == "ecr-eu-west-1-".len() + 16, "{names:?}");
    }

    #[test]
    fn two_logins_for_one_host_of_one_secret_are_refused_where_the_second_stands() {
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        let yaml = format!(
            "targets:\n- {{ namespace: a, region: eu-west-1, accounts: [123456789012] }}\n\
             - {{ namespace: a, registry: {host} }}\n- {{ namespace: b, registry: {host} }}\n"
        );
        // The same account in the same region has one name, and one provider is not two.
        let problems = plan(&yaml).expect_err("twice");
        assert_eq!(
            problems,
            format!("config: targets[1]: targets[0] has a login for {host} already; one Secret holds one")
        );
    }

    #[test]
    fn what_only_the_provider_knows_to_be_wrong_is_told_with_its_key() {
        let yaml = "targets:\n- { namespace: a, region: xx-west-1 }\n\
                    - { namespace: a, registry: 123456789012.dkr.ecr.eu-west-1.amazonaws.com.cn }\n";
        let problems = plan(yaml).expect_err("wrong");
        let lines = problems.lines().collect::<Vec<_>>();
        assert!(lines[0].starts_with("config: targets[0].region: \"xx-west-1\" is not an AWS region"), "{problems}");
        assert!(lines[1].starts_with("config: targets[1].registry: ") && lines.len() == 2, "{problems}");
    }

    const ROLE: &str = "role_arn: 'arn:aws:iam::123456789012:role/pull'";

    #[test]
    fn named_providers_with_one_identity_share_a_token_and_others_do_not() {
        let yaml = format!(
            "providers:\n  one: {{ type: ecr, region: eu-west-1, accounts: ['123456789012'], aliases: all, {ROLE} }}\n  \
             two: {{ type: ecr, region: eu-west-1, accounts: [210987654321], {ROLE} }}\n  \
             other: {{ type: ecr, region: eu-west-1 }}\n  unused: {{ type: ecr, region: us-east-1 }}\n\
             targets:\n- {{ namespaces: [a, b], providers: [one, two] }}\n\
             - {{ namespace: a, providers: [other], secret: {{ name: mine, merge: true }}, service_accounts: [] }}\n"
        );
        let plan = plan(&yaml).expect("valid");
        assert_eq!(groups(&plan), [(vec!["other"], vec!["a"]), (vec!["one", "two"], vec!["a", "b"])]);
        assert_eq!((plan.mints(), plan.providers().count(), plan.namespaces().len(), plan.secrets()), (2, 3, 2, 3));
        let mine = ("a".parse::<Namespace>().expect("valid"), "mine".parse::<SecretName>().expect("valid"));
        assert_eq!(plan.mints_for(&BTreeSet::from([(&mine.0, &mine.1)])), 1, "the other Secret of a is not written");
        let one = plan.providers.iter().find(|(name, _)| without_digest(name.as_str()) == "one").expect("it is there");
        let hosts = one.1.logins().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            hosts,
            [
                "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
                "123456789012.dkr.ecr-fips.eu-west-1.amazonaws.com",
                "123456789012.dkr-ecr.eu-west-1.on.aws",
                "123456789012.dkr-ecr-fips.eu-west-1.on.aws",
            ]
        );
    }

    #[test]
    fn entries_for_one_secret_are_united_with_their_accounts() {
        let yaml = "providers:\n  one: { type: ecr, region: eu-west-1 }\n  two: { type: ecr, region: us-east-1 }\n\
                    targets:\n- { namespace: a, providers: [two] }\n\
                    - { namespaces: { include: [b] }, providers: [two], service_accounts: [{ name: x }] }\n\
                    - { namespace: b, providers: [two, one], service_accounts: [{ name: default }] }\n\
                    - { namespace: b, providers: [one], service_accounts: [{ name: default, link: [mount] }] }\n";
        let plan = plan(yaml).expect("valid");
        assert_eq!(groups(&plan), [(vec!["two"], vec!["a"]), (vec!["two", "one"], vec!["b"])]);
        let accounts = plan.groups[1].need.accounts.iter().flatten();
        let accounts = accounts.map(|it| (it.name.as_str(), it.link.as_slice())).collect::<Vec<_>>();
        assert_eq!(
            accounts,
            [("default", [LinkName::Pull, LinkName::Mount].as_slice()), ("x", [LinkName::Pull].as_slice())]
        );
        assert_eq!(plan.groups[0].need.accounts, None);
    }

    #[test]
    fn who_changes_what_a_provider_is_gets_another_one() {
        let recorded = |options: &str| {
            let yaml =
                format!("providers: {{ pull: {{ {options} }} }}\ntargets: [{{ namespace: a, providers: [pull] }}]\n");
            let plan = plan(&yaml).expect("valid");
            plan.providers().next().expect("one").to_string()
        };
        let first = recorded("type: ecr, region: eu-west-1, accounts: ['123456789012']");
        assert_eq!(first, recorded("region: eu-west-1, accounts: ['123456789012'], type: ecr"), "in any order");
        for other in [
            format!("type: ecr, region: eu-west-1, accounts: ['123456789012'], {ROLE}"),
            "type: ecr, region: eu-west-1, accounts: ['123456789012', '210987654321']".into(),
            "type: ecr, region: eu-west-1".into(),
        ] {
            assert_ne!(recorded(&other), first, "{other}");
        }
        assert_eq!(first, "pull-9a813b2d76c725f1", "it stands in Secrets, and never changes");
    }

    #[test]
    fn what_does_not_go_together_is_told_where_it_stands() {
        let yaml = format!(
            "providers:\n  alike: {{ type: ecr, region: eu-west-1, accounts: ['123456789012'] }}\n  \
             bad: {{ type: ecr, region: eu-west-1, profile: x, identity: instance, external_id: y }}\n  \
             ecr-us-east-1: {{ type: ecr, region: us-east-1 }}\n  \
             pull: {{ type: ecr, region: eu-west-1, accounts: ['123456789012'], {ROLE} }}\n  \
             quay: {{ type: quay }}\n  \
             role: {{ type: ecr, region: eu-west-1, role_arn: pull }}\n  \
             typo: {{ type: ecr, region: eu-west-1, rolearn: x }}\n\
             targets:\n- {{ namespaces: [a, b], providers: [alike, pull] }}\n\
             - {{ namespace: d, region: us-east-1 }}\n- {{ namespace: e, providers: [pull], secret: {{ adopt: true }} }}\n\
             - {{ namespace: e, providers: [ecr-us-east-1] }}\n\
             - {{ namespace: d, providers: [ecr-us-east-1], service_accounts: [{{ name: x }}] }}\n"
        );
        let problems = plan(&yaml).expect_err("a lot is wrong");
        let expected = [
            "providers.bad.identity: one identity asks: leave out all but one of profile, web_identity and identity",
            "providers.bad.external_id: it belongs to a `role_arn`, and there is none",
            "providers.quay.type: \"quay\" is no type of provider; known are ecr",
            "providers.role.role_arn: \"pull\" is not the ARN of a role, which is arn:aws:iam::ACCOUNT:role/NAME",
            "providers.typo.rolearn: this key is not known; did you mean `role_arn`?",
            "targets[0]: another of its providers has a login for 123456789012.dkr.ecr.eu-west-1.amazonaws.com already; \
             one Secret holds one",
            "targets[3].secret: targets[2] keeps this Secret otherwise: `merge` and `adopt` have to be the same",
            "targets[4]: targets[1] has a login for its own registry in us-east-1 already; one Secret holds one",
            "targets[4].service_accounts: targets[1] and this one keep one Secret: both say who uses it, or neither",
        ];
        assert_eq!(problems, expected.map(|it| format!("config: {it}")).join("\n"));
    }

    #[test]
    fn a_plan_can_be_restricted_to_namespaces_that_it_knows() {
        let yaml = "targets:\n- { namespace: a, region: eu-west-1 }\n- { namespace: b, region: us-east-1 }\n";
        let mut plan = plan(yaml).expect("valid");
        let name = |name| Namespace::new(name).expect("valid");
        assert_eq!(plan.restrict_to(&[name("a"), name("x")]), Err(vec![name("x")]));
        plan.restrict_to(&[name("a")]).expect("known");
        assert_eq!((plan.namespaces().len(), plan.groups.len()), (1, 1));
        assert_eq!(plan.providers().map(ProviderName::as_str).collect::<Vec<_>>(), ["ecr-eu-west-1"]);
    }
}
