//! What can be taken over, and how. Pure.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use regcred_config::Problem;
use regcred_core::{InstanceName, Namespace, SecretName};
use regcred_openshift::discover::{Address, Discovery, Job, PullSecret, Tool, Use};

use super::{
    alike::named,
    config::entry,
    stop::{Stop, stops},
};
use crate::wire::{self, Host};

/// Where OpenShift keeps what every node pulls with.
const GLOBAL: (&str, &str) = ("openshift-config", "pull-secret");

/// What becomes of every Secret that was found.
#[derive(Debug, Default)]
pub(super) struct Adoption<'a> {
    /// What the config has entries for.
    pub(super) entries: Vec<Entry<'a>>,
    /// Those that it cannot have, each with the reason.
    pub(super) left: Vec<(&'a PullSecret, String)>,
}

/// Secrets that are kept alike.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) way: Way,
    pub(super) name: SecretName,
    /// By region.
    pub(super) tokens: Vec<Token>,
    /// Who uses it; `None`: as the config has it unless it is told.
    pub(super) accounts: Option<Vec<Use>>,
    pub(super) secrets: Vec<&'a PullSecret>,
    /// Jobs that write them.
    pub(super) jobs: Vec<&'a Job>,
    /// What stops those that run.
    pub(super) stops: Vec<Stop<'a>>,
}

/// How a Secret is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Way {
    /// It holds nothing but logins that can be renewed.
    Adopt,
    /// Others stand beside them.
    Merge,
    /// It is regcred's own.
    Keep,
    /// regcred has merged logins into it.
    KeepMerged,
}

/// Accounts in one region, under one or several hosts.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Token {
    pub(super) region: String,
    pub(super) accounts: BTreeSet<String>,
    pub(super) aliases: BTreeSet<&'static str>,
}

/// What two Secrets have in common that one entry is for.
type Like<'a> = (Way, &'a str, Vec<Token>, Option<&'a [Use]>, &'a [String], Option<Tool>);

impl<'a> Adoption<'a> {
    /// `loads` says of a config whether it is valid: what would not be is left out, with the reason.
    pub(super) fn of(discovery: &'a Discovery, loads: impl Fn(&str) -> Result<(), Problem>) -> Self {
        let (mut alike, mut adoption) = (BTreeMap::<Like<'a>, Vec<&'a PullSecret>>::new(), Self::default());
        for secret in &discovery.secrets {
            match way(secret) {
                Ok(way) => alike.entry(like(way, secret)).or_default().push(secret),
                Err(why) => adoption.left.push((secret, why)),
            }
        }
        for ((way, name, tokens, accounts, ..), secrets) in alike {
            let Ok(name) = SecretName::new(name) else { continue }; // looked at before
            let accounts = accounts.map(<[Use]>::to_vec);
            let jobs = writing(&discovery.jobs, &secrets);
            let stops = stops(&jobs, discovery);
            let it = Entry { way, name, tokens, accounts, secrets, jobs, stops };
            match loads(&entry(&it)) {
                Ok(()) => adoption.entries.push(it),
                // Without the place in a config that nobody sees.
                Err(Problem { message, .. }) => {
                    adoption.left.extend(it.secrets.into_iter().map(|secret| (secret, message.clone())));
                }
            }
        }
        adoption.entries.sort_by(|one, other| {
            let first = |it: &Entry<'a>| it.secrets.first().map(|secret| &secret.at);
            first(one).cmp(&first(other))
        });
        adoption.left.sort_by(|(one, _), (other, _)| one.at.cmp(&other.at));
        adoption
    }

    /// How each Secret is kept that is in the config.
    pub(super) fn ways(&self) -> HashMap<&'a Address, Way> {
        self.entries.iter().flat_map(|entry| entry.secrets.iter().map(|it| (&it.at, entry.way))).collect()
    }
}

/// How a Secret can be kept, or why it cannot.
fn way(secret: &PullSecret) -> Result<Way, String> {
    if Namespace::new(&secret.at.namespace).is_err() || SecretName::new(&secret.at.name).is_err() {
        return Err("its name is none that a config takes".into());
    }
    if (secret.at.namespace.as_str(), secret.at.name.as_str()) == GLOBAL {
        return Err("it is the pull secret of the whole cluster: each write to it is rolled out to every node".into());
    }
    let own = InstanceName::default();
    match &secret.instance {
        Some(instance) if instance != own.as_str() => {
            return Err(format!("regcred's instance {:?} keeps it", instance.chars().take(63).collect::<String>()));
        }
        _ => {}
    }
    let is_merged = secret.merged_by.iter().any(|it| it == own.as_str());
    if let Some(instance) = secret.merged_by.first().filter(|_| !is_merged) {
        return Err(format!("regcred's instance {instance:?} keeps logins in it"));
    }
    if let Some(obstacle) = &secret.obstacle {
        return Err(match secret.tool {
            Some(tool) if tool != Tool::Script => format!("{obstacle}; it is written by {tool}: {}", tool.stop()),
            _ => obstacle.to_string(),
        });
    }
    let is_private = |registry: &String| wire::host(registry).is_some();
    if secret.registries.is_empty() {
        let keys = named(&secret.wildcards);
        return Err(format!(
            "its logins are for {keys}, which the kubelet alone reads: write an entry by hand that names the accounts, with \
             `merge: true`, and the kubelet tries that login first"
        ));
    }
    if !secret.registries.iter().any(is_private) {
        return Err("it is for ECR Public alone, of which regcred gets no tokens".into());
    }
    if secret.instance.is_some() {
        return Ok(Way::Keep);
    }
    if is_merged {
        return Ok(Way::KeepMerged);
    }
    let is_alone = secret.others == 0 && secret.more.is_empty() && secret.odd.is_empty() && secret.wildcards.is_empty();
    Ok(if is_alone && secret.registries.iter().all(is_private) { Way::Adopt } else { Way::Merge })
}

fn like(way: Way, secret: &PullSecret) -> Like<'_> {
    // Whose Secret it stays links it; of others it is told where it is not as we would have it.
    let is_theirs = matches!(way, Way::Merge | Way::KeepMerged);
    let links = secret.links.as_ref().filter(|links| !is_theirs && !links.are_defaults);
    let accounts = links.map(|links| links.accounts.as_slice());
    (way, &secret.at.name, tokens(&secret.registries), accounts, &secret.writers, secret.tool)
}

fn tokens(registries: &[String]) -> Vec<Token> {
    let mut by_region = BTreeMap::<String, Token>::new();
    for Host { region, account, alias } in registries.iter().filter_map(|it| wire::host(it)) {
        let token = by_region.entry(region.clone()).or_default();
        token.region = region;
        token.accounts.insert(account);
        token.aliases.extend(alias);
    }
    by_region.into_values().collect()
}

/// The namespaces of these Secrets in which no such job was found.
pub(super) fn unwritten<'a>(jobs: &[&Job], secrets: &[&'a PullSecret]) -> Vec<&'a str> {
    let is_written = |secret: &PullSecret| {
        jobs.iter().any(|job| match job.tool {
            Some(tool) if tool != Tool::Script => secret.tool == Some(tool),
            _ => job.at.namespace == secret.at.namespace,
        })
    };
    secrets.iter().filter(|it| !is_written(it)).map(|it| it.at.namespace.as_str()).collect()
}

/// Jobs that may be what writes these Secrets: a script does so where it is, a tool wherever it is known to have written.
fn writing<'a>(jobs: &'a [Job], secrets: &[&PullSecret]) -> Vec<&'a Job> {
    let tools = secrets.iter().filter_map(|it| it.tool).filter(|it| *it != Tool::Script).collect::<HashSet<_>>();
    let by_script = secrets.iter().filter(|it| matches!(it.tool, None | Some(Tool::Script)));
    let by_script = by_script.map(|it| it.at.namespace.as_str()).collect::<HashSet<_>>();
    let writes = |job: &&Job| match job.tool {
        Some(tool) if tool != Tool::Script => tools.contains(&tool),
        _ => by_script.contains(job.at.namespace.as_str()),
    };
    jobs.iter().filter(writes).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::{prelude::*, sample::select};
    use regcred_openshift::discover::{Address, End, Links};

    use super::*;
    use crate::{
        Types,
        cli::init::{config::render, loads},
    };

    const NAMES: [&str; 9] = ["team-a", "on", "no", "1e5", "0x1", "null", "y", "a.b", "123"];
    const HOSTS: [&str; 9] = [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "000000000001.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
        "123456789012.dkr-ecr.us-east-1.on.aws",
        "123456789012.dkr-ecr-fips.us-east-1.on.aws",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "123456789012.dkr.ecr.us-moon-1.amazonaws.com",
        "public.ecr.aws",
    ];

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![select(&NAMES[..]).prop_map(str::to_owned), any::<String>(), "[a-z0-9.-]{1,20}"]
    }

    fn address() -> impl Strategy<Value = Address> {
        (name(), name()).prop_map(|(namespace, name)| Address { namespace, name })
    }

    fn tool() -> impl Strategy<Value = Option<Tool>> {
        let all = [Tool::Script, Tool::EcrLoginRenew, Tool::ExternalSecrets, Tool::Helm];
        proptest::option::of(select(all.to_vec()))
    }

    prop_compose! {
        fn links()(uses in proptest::collection::btree_map(name(), (any::<bool>(), any::<bool>()), 0..3), usual in any::<bool>())
            -> Links
        {
            let by = |(account, (pull, mount)): (String, (bool, bool))| Use { account, pull: pull || !mount, mount };
            Links { accounts: uses.into_iter().map(by).collect(), are_defaults: usual }
        }
    }

    prop_compose! {
        fn secret()(
            at in address(),
            hosts in proptest::collection::btree_set(select(&HOSTS[..]), 1..4),
            numbers in (0..2_usize, 0..2_usize, any::<bool>(), any::<bool>(), any::<bool>()),
            ends in proptest::option::of(any::<bool>()),
            writers in proptest::collection::vec(any::<String>(), 0..3),
            tool in tool(),
            instance in proptest::option::of(select(vec!["default", "blue"])),
            merged in proptest::option::of(select(vec!["default", "blue"])),
            links in proptest::option::of(links()),
        ) -> PullSecret {
            let (others, undecodable, has_more, has_user, is_odd) = numbers;
            let text = |is: bool, text: &str| is.then(|| text.to_owned()).into_iter().collect::<Vec<_>>();
            let (more, odd) = (text(has_more, "`credsStore`"), text(is_odd, "HOST:443"));
            let end = |is_estimate| End { at: SystemTime::UNIX_EPOCH + Duration::from_hours(1), is_estimate };
            PullSecret {
                at, registries: hosts.into_iter().map(str::to_owned).collect(), others, undecodable, more, odd, has_user,
                wildcards: vec![], hidden: is_odd.then(|| "Docker cannot use it".to_owned()),
                ends: ends.map(end), written_at: None, writers, tool, instance: instance.map(str::to_owned), obstacle: None,
                merged_by: merged.into_iter().map(str::to_owned).collect(), has_copy: false, links,
            }
        }
    }

    prop_compose! {
        fn job()(at in address(), tool in tool(), schedule in any::<String>(), is in any::<[bool; 2]>()) -> Job {
            Job { at, tool, schedule, is_suspended: is[0], is_by_name: is[1] }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn the_config_always_loads_and_every_secret_is_in_it_or_left_out(
            secrets in proptest::collection::hash_map(address(), secret(), 1..6),
            jobs in proptest::collection::vec(job(), 0..4),
            server in any::<String>(),
        ) {
            let secrets = secrets.into_iter().map(|(at, it)| PullSecret { at, ..it }).collect::<Vec<_>>();
            let discovery = Discovery { secrets, jobs, is_whole: true, ..Discovery::default() };
            let check = |yaml: &str| loads(yaml, &Types::default());
            let adoption = Adoption::of(&discovery, check);
            let yaml = render(&adoption, &server);
            prop_assert_eq!(adoption.ways().len() + adoption.left.len(), discovery.secrets.len());
            if adoption.entries.is_empty() {
                prop_assert!(yaml.lines().all(|line| line.starts_with("# ")), "{}", yaml);
            } else {
                prop_assert_eq!(check(&yaml), Ok(()), "{}", yaml);
            }
            prop_assert!(yaml.chars().all(|it| it == '\n' || it == ' ' || it.is_ascii_graphic() || it.is_alphanumeric()));
        }
    }
}
