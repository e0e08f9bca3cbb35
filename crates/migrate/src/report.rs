//! Renders the findings for people, with the worst first.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use regcred_openshift::Presence;

use crate::{
    adoption::{Adoption, Method},
    alike::{Finding, alike},
    comment::visible,
    discover::{Discovery, End, Job, Keys, PullSecret},
    stop::suspend,
};

/// Limit on the rows of each kind. The JSON output has all of them.
const SHOWN: usize = 20;

/// The findings for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The kind, the place and the description of each finding. The worst findings come first.
    pub rows: Vec<[String; 3]>,
    /// The number of Secrets for each decision.
    pub summary: String,
}

/// Returns the findings at a point in time. `span` formats a duration.
pub fn report(discovery: &Discovery, adoption: &Adoption<'_>, now: SystemTime, span: fn(Duration) -> String) -> Report {
    let kinds = [
        ("expired", expired(discovery, now, span)),
        ("broken", broken(discovery)),
        ("aws-key", keys(discovery)),
        ("writer", writers(discovery, adoption)),
        ("left-out", adoption.left.iter().map(|(it, why)| (&it.at, why.clone())).collect()),
    ];
    let mut rows = vec![];
    for (kind, found) in kinds {
        let alike = alike(found);
        let more = alike.len().saturating_sub(SHOWN);
        rows.extend(alike.into_iter().take(SHOWN).map(|[place, what]| [kind.to_owned(), place, what]));
        if more > 0 {
            rows.push([kind.to_owned(), "...".into(), format!("{more} more: --output json has all")]);
        }
    }
    for (namespace, presence) in &discovery.nothing_in {
        let what = match presence {
            Presence::Absent => "there is no such namespace",
            _ => "no login that expires was found there",
        };
        rows.push(["nothing".into(), namespace.to_string(), what.into()]);
    }
    for error in &discovery.unlisted {
        rows.push(["not-listed".into(), "-".into(), visible(&error.chain())]);
    }
    let count = |method: Method| {
        adoption.entries.iter().filter(|it| it.method == method).map(|it| it.secrets.len()).sum::<usize>()
    };
    let summary = format!(
        "{} with logins that expire: {} to adopt, {} to merge into, {} kept already, {} left out",
        counted(discovery.secrets.len(), "Secret"),
        count(Method::Adopt),
        count(Method::Merge),
        count(Method::Keep) + count(Method::KeepMerged),
        adoption.left.len(),
    );
    Report { rows, summary }
}

/// Returns the expired Secrets, with the earliest expiry first.
fn expired(discovery: &Discovery, now: SystemTime, span: fn(Duration) -> String) -> Vec<Finding<'_>> {
    let mut ended = discovery.secrets.iter().filter_map(|it| Some((it, it.ends?))).collect::<Vec<_>>();
    ended.retain(|(_, end)| end.at <= now);
    ended.sort_by_key(|(it, end)| (*end, &it.at));
    let told = |(secret, end): (&'_ PullSecret, End)| {
        let since = span(now.duration_since(end.at).unwrap_or_default());
        let about = if end.is_estimate { ", going by its last write" } else { "" };
        let used = match secret.links.as_ref().map(|links| links.accounts.len()) {
            Some(0) => "; no ServiceAccount uses it".into(),
            Some(1) => "; 1 ServiceAccount uses it".into(),
            Some(count) => format!("; {count} ServiceAccounts use it"),
            None => String::new(),
        };
        format!("{since} ago{about}{used}")
    };
    ended.into_iter().map(|(secret, end)| (&secret.at, told((secret, end)))).collect()
}

fn broken(discovery: &Discovery) -> Vec<Finding<'_>> {
    let refused = discovery.secrets.iter().filter(|it| it.undecodable > 0).map(|it| {
        let entries = if it.undecodable == 1 { "1 entry" } else { &format!("{} entries", it.undecodable) };
        (&it.at, format!("{entries} cannot be decoded, so the kubelet refuses the whole Secret"))
    });
    let unreadable = discovery.unreadable.iter().map(|it| (it, "its data is not a Docker config".into()));
    refused.chain(unreadable).collect()
}

/// Returns the AWS keys. Keys in namespaces with logins come first.
fn keys(discovery: &Discovery) -> Vec<Finding<'_>> {
    let with_logins = discovery.with_logins();
    let told = |it: &Keys, beside: bool| {
        let beside = if beside { ", beside a registry login" } else { "" };
        format!("{}{beside}: everyone who can read Secrets there has this key", it.names.join(", "))
    };
    let is_beside = |it: &&Keys| with_logins.contains(it.at.namespace.as_str());
    let (beside, others) = discovery.keys.iter().partition::<Vec<_>, _>(is_beside);
    let others = others.into_iter().map(|it| (&it.at, told(it, false)));
    beside.into_iter().map(|it| (&it.at, told(it, true))).chain(others).collect()
}

/// Returns the templates that would create jobs, and the jobs that run. If the config has an entry for what a job
/// writes, it also contains the command to stop the job.
fn writers<'a>(discovery: &'a Discovery, adoption: &Adoption<'_>) -> Vec<Finding<'a>> {
    let known = adoption.entries.iter().flat_map(|it| &it.jobs).map(|it| &it.at).collect::<HashSet<_>>();
    let told = |it: &Job| {
        let tool = it.tool.map(|tool| format!(" of {tool}")).unwrap_or_default();
        let stop =
            if known.contains(&it.at) { "the config contains the command that stops it".into() } else { suspend(it) };
        format!("CronJob{tool} at {:?}: {stop}", it.schedule)
    };
    let template =
        "Template: each new project gets the job again, until you remove the job and its objects from the template";
    let templates = discovery.templates.iter().map(|it| (it, template.to_owned()));
    templates.chain(discovery.jobs.iter().filter(|it| !it.is_suspended).map(|it| (&it.at, told(it)))).collect()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
