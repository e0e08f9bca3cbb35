//! Decides which Secrets regcred can take over, and how. It does no IO.

use std::collections::{BTreeMap, HashSet};

use regcred_config::Problem;
use regcred_core::{InstanceName, Namespace, SecretName};

use crate::{
    adoption::{Adoption, Entry, Method, Token},
    alike::named,
    config::entry,
    discover::{Discovery, Job, PullSecret, Tool, Use},
    stop::stops,
    vendor::Source,
};

/// The pull secret that OpenShift uses on every node.
const GLOBAL: (&str, &str) = ("openshift-config", "pull-secret");

/// The properties that Secrets must share to be in one entry.
type Like<'a> = (Method, &'a str, Vec<Token>, Option<&'a [Use]>, &'a [String], Option<Tool>);

/// Decides how to take over each Secret. `loads` validates a config of one entry. An invalid entry is left out, with
/// the reason.
pub fn adopt<'a>(discovery: &'a Discovery, loads: impl Fn(&str) -> Result<(), Problem>) -> Adoption<'a> {
    let (mut alike, mut adoption) = (BTreeMap::<Like<'a>, Vec<&'a PullSecret>>::new(), Adoption::default());
    for secret in &discovery.secrets {
        match method(secret) {
            Ok(method) => alike.entry(like(method, secret)).or_default().push(secret),
            Err(why) => adoption.left.push((secret, why)),
        }
    }
    for ((method, name, tokens, accounts, ..), secrets) in alike {
        let Ok(name) = SecretName::new(name) else { continue }; // `method` has checked the name
        let accounts = accounts.map(<[Use]>::to_vec);
        let jobs = writing(&discovery.jobs, &secrets);
        let stops = stops(&jobs, discovery);
        let it = Entry { method, name, tokens, accounts, secrets, jobs, stops };
        match loads(&entry(&it)) {
            Ok(()) => adoption.entries.push(it),
            // The position is left out, because the user never sees this config.
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

/// Returns how regcred can keep a Secret, or why it cannot.
fn method(secret: &PullSecret) -> Result<Method, String> {
    if Namespace::new(&secret.at.namespace).is_err() || SecretName::new(&secret.at.name).is_err() {
        return Err("a config cannot contain its name".into());
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
    if secret.registries.is_empty() {
        let keys = named(&secret.wildcards);
        return Err(format!(
            "its logins are for {keys}, which only the kubelet and OpenShift's image import read: write an entry by hand that names \
             the registries, with `merge: true`, and the kubelet tries that login first"
        ));
    }
    if !secret.sources.iter().any(Source::is_adoptable) {
        return Err("it does not show which OIDC integration of JFrog issued it: write an entry by hand, with a provider of type jfrog".into());
    }
    if secret.instance.is_some() {
        return Ok(Method::Keep);
    }
    if is_merged {
        return Ok(Method::KeepMerged);
    }
    let is_alone = secret.others == 0 && secret.more.is_empty() && secret.odd.is_empty() && secret.wildcards.is_empty();
    Ok(if is_alone && secret.sources.iter().all(Source::is_adoptable) { Method::Adopt } else { Method::Merge })
}

fn like(method: Method, secret: &PullSecret) -> Like<'_> {
    // The owner of a merged Secret links it. The config lists the links of an owned Secret only if they are not the defaults.
    let is_theirs = matches!(method, Method::Merge | Method::KeepMerged);
    let links = secret.links.as_ref().filter(|links| !is_theirs && !links.are_defaults);
    let accounts = links.map(|links| links.accounts.as_slice());
    (method, &secret.at.name, Token::all(&secret.sources), accounts, &secret.writers, secret.tool)
}

/// Returns the jobs that may write these Secrets. A script writes in its own namespace, and a tool wherever it left
/// traces.
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
