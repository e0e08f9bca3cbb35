//! Which providers there are, and which namespace needs which of them. Pure.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt::Write as _,
};

use regcred_config::{Config, Origin, Problem, Problems, Registries, TargetEntry};
use regcred_core::{InstanceName, Namespace, ProviderName, Schedule, SecretName};
use regcred_ecr::{AccountId, Region, RegistryHost};

/// Under this name the shell recipe keeps it too.
const SECRET: &str = "ecr-secret";

/// What a config comes to: every provider once, and for each set of them the namespaces that need it.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(crate) providers: BTreeMap<ProviderName, Provider>,
    pub(crate) groups: Vec<Group>,
    pub(crate) secret: SecretName,
    pub(crate) instance: InstanceName,
    pub(crate) adopt: bool,
    pub(crate) schedule: Option<regcred_config::Schedule>,
}

/// A region whose token is wanted, and for which hosts; none: the host that the token's own answer names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Provider {
    pub(crate) region: Region,
    pub(crate) hosts: Vec<RegistryHost>,
}

/// Namespaces that need the same providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) providers: Vec<ProviderName>,
    pub(crate) namespaces: Vec<Namespace>,
}

impl Plan {
    /// From a config; every problem at once.
    pub(crate) fn new(config: &Config) -> Result<Self, Problems> {
        let (providers, wanted, problems) = resolve(config.targets());
        Problems::check(problems)?;
        let mut groups = HashMap::<Vec<ProviderName>, Vec<Namespace>>::new();
        for (namespace, wanted) in wanted {
            groups.entry(wanted.providers).or_default().push(namespace);
        }
        let groups = groups.into_iter().map(|(providers, namespaces)| Group { providers, namespaces });
        let mut groups = groups.collect::<Vec<_>>();
        groups.sort_by(|one, other| one.namespaces.cmp(&other.namespaces));
        let secret = SecretName::new(SECRET).expect("the default is a valid name");
        let (instance, schedule) = (config.instance().clone(), config.schedule().cloned());
        Ok(Self { providers, groups, secret, instance, adopt: false, schedule })
    }

    /// Every namespace, in alphabetical order.
    pub fn namespaces(&self) -> Vec<&Namespace> {
        let mut namespaces = self.groups.iter().flat_map(|group| &group.namespaces).collect::<Vec<_>>();
        namespaces.sort();
        namespaces
    }

    /// Every provider, in alphabetical order.
    pub fn providers(&self) -> impl Iterator<Item = &ProviderName> {
        self.providers.keys()
    }

    /// How many tokens a full pass mints: one per region.
    pub fn mints(&self) -> usize {
        self.regions(self.providers.keys())
    }

    /// How many tokens a pass mints that writes in these namespaces alone.
    pub fn mints_for(&self, namespaces: &BTreeSet<&Namespace>) -> usize {
        let groups = self.groups.iter().filter(|group| group.namespaces.iter().any(|it| namespaces.contains(it)));
        self.regions(groups.flat_map(|group| &group.providers))
    }

    fn regions<'a>(&self, providers: impl Iterator<Item = &'a ProviderName>) -> usize {
        providers.filter_map(|name| Some(&self.providers.get(name)?.region)).collect::<BTreeSet<_>>().len()
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
        // A provider that nobody needs any more is not made.
        self.providers.retain(|name, _| self.groups.iter().any(|group| group.providers.contains(name)));
        Ok(())
    }

    /// The runs that the config schedules, as the engine asks for them.
    pub(crate) fn schedule(&self) -> Option<std::sync::Arc<Schedule>> {
        let schedule = self.schedule.clone()?;
        Some(std::sync::Arc::new(move |after| schedule.next_after(after)))
    }
}

/// What is wrong with entries that are well-formed: a region or host that AWS does not have, two logins for one host.
pub fn problems(targets: &[TargetEntry]) -> Vec<Problem> {
    resolve(targets).2
}

fn resolve(targets: &[TargetEntry]) -> (BTreeMap<ProviderName, Provider>, BTreeMap<Namespace, Wanted>, Vec<Problem>) {
    let mut providers = BTreeMap::new();
    let mut wanted = BTreeMap::<Namespace, Wanted>::new();
    let mut problems = vec![];
    for target in targets {
        match Provider::new(&target.registries, &target.origin) {
            Ok(provider) => {
                let name = provider.name();
                let wanted = wanted.entry(target.namespace.clone()).or_default();
                problems.extend(wanted.add(&name, &provider, &target.origin));
                providers.insert(name, provider);
            }
            Err(problem) => problems.push(problem),
        }
    }
    (providers, wanted, problems)
}

/// What one namespace needs so far.
#[derive(Debug, Default)]
struct Wanted {
    providers: Vec<ProviderName>,
    hosts: HashMap<RegistryHost, Origin>,
}

impl Wanted {
    fn add(&mut self, name: &ProviderName, provider: &Provider, origin: &Origin) -> Vec<Problem> {
        let mut problems = vec![];
        for host in &provider.hosts {
            if let Some(first) = self.hosts.insert(host.clone(), origin.clone()) {
                let message = format!("{} has a login for {host} already; one Secret holds one", first.key);
                problems.push(Problem::at(origin.clone(), message));
            }
        }
        if !self.providers.contains(name) {
            self.providers.push(name.clone());
        }
        problems
    }
}

impl Provider {
    fn new(registries: &Registries, origin: &Origin) -> Result<Self, Problem> {
        let problem = |key: &str| {
            let origin = origin.join(key);
            move |error: regcred_core::Error| Problem::at(origin, error.to_string())
        };
        match registries {
            Registries::Host(host) => {
                let host = RegistryHost::parse(host).map_err(problem("registry"))?;
                Ok(Self { region: host.region().clone(), hosts: vec![host] })
            }
            Registries::Region { region, accounts } => {
                let region = Region::new(region).map_err(problem("region"))?;
                let accounts = accounts.iter().map(AccountId::new).collect::<Result<Vec<_>, _>>();
                let accounts = accounts.map_err(problem("accounts"))?;
                let mut hosts =
                    accounts.into_iter().map(|it| RegistryHost::plain(it, region.clone())).collect::<Vec<_>>();
                hosts.sort();
                Ok(Self { region, hosts })
            }
        }
    }

    /// The same for the same settings, in every process: it stands in the annotations of Secrets.
    fn name(&self) -> ProviderName {
        let mut name = format!("ecr-{}", self.region);
        match self.hosts.as_slice() {
            [] => {}
            [host] if *host == RegistryHost::plain(host.account().clone(), self.region.clone()) => {
                let _ = write!(name, "-{}", host.account());
            }
            hosts => {
                let all = hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let _ = write!(name, "-{:016x}", fnv(all.as_bytes()));
            }
        }
        ProviderName::new(name).expect("a region and a number make a valid name")
    }
}

/// FNV-1a: short, and the same for ever, which the standard library's hash does not promise.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(yaml: &str) -> Result<Plan, String> {
        Plan::new(&Config::from_yaml(yaml).expect("its form is valid")).map_err(|problems| problems.to_string())
    }

    fn groups(plan: &Plan) -> Vec<(Vec<&str>, Vec<&str>)> {
        fn names(group: &Group) -> (Vec<&str>, Vec<&str>) {
            let providers = group.providers.iter().map(ProviderName::as_str).collect();
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
