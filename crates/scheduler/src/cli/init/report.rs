//! What was found, the worst first.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write,
    time::SystemTime,
};

use regcred_core::Error;
use regcred_openshift::discover::{Address, Discovery, End, Job, Keys, PullSecret, Tool, Use};
use serde_json::{Value, json};

use super::{
    adoption::{Adoption, Way},
    comment::visible,
    config::suspend,
};
use crate::cli::output::{rfc3339, span, table};

/// So many of a sort are shown in the table; JSON has all.
const SHOWN: usize = 20;

pub(super) fn as_text(discovery: &Discovery, adoption: &Adoption<'_>, now: SystemTime) -> String {
    let with_logins = with_logins(discovery);
    let kinds: [(&str, Vec<[String; 2]>); 6] = [
        ("expired", expired(discovery, now)),
        ("broken", broken(discovery)),
        ("aws-key", discovery.keys.iter().map(|it| [place(&it.at), key(it, &with_logins)]).collect()),
        ("writer", discovery.jobs.iter().filter(|it| !it.is_suspended).map(|it| [place(&it.at), job(it)]).collect()),
        ("left-out", adoption.left.iter().map(|(it, why)| [place(&it.at), visible(why)]).collect()),
        ("not-listed", discovery.unlisted.iter().map(|it| ["-".into(), visible(&it.chain())]).collect()),
    ];
    let mut rows = vec![];
    for (kind, found) in kinds {
        let more = found.len().saturating_sub(SHOWN);
        rows.extend(found.into_iter().take(SHOWN).map(|[place, what]| [kind.to_owned(), place, what]));
        if more > 0 {
            rows.push([kind.to_owned(), "...".into(), format!("{more} more: --output json has all")]);
        }
    }
    let mut text = if rows.is_empty() { String::new() } else { table(["FOUND", "WHERE", "WHAT"], &rows) };
    let count = |way: Way| adoption.entries.iter().filter(|it| it.way == way).map(|it| it.secrets.len()).sum::<usize>();
    let _ = writeln!(
        text,
        "{} with logins of ECR: {} to adopt, {} to merge into, {} kept already, {} left out",
        counted(discovery.secrets.len(), "Secret"),
        count(Way::Adopt),
        count(Way::Merge),
        count(Way::Keep),
        adoption.left.len(),
    );
    text
}

fn expired(discovery: &Discovery, now: SystemTime) -> Vec<[String; 2]> {
    let mut ended = discovery.secrets.iter().filter_map(|it| Some((it, it.ends?))).collect::<Vec<_>>();
    ended.retain(|(_, end)| end.at <= now);
    ended.sort_by_key(|(it, end)| (*end, it.at.clone()));
    let told = |(secret, end): (&PullSecret, End)| {
        let since = span(now.duration_since(end.at).unwrap_or_default());
        let about = if end.is_estimate { "probably, by its last write, " } else { "" };
        let used = match secret.links.as_ref().map(|links| links.accounts.len()) {
            Some(0) => "; no ServiceAccount uses it".into(),
            Some(count) => {
                format!("; {} use{} it", counted(count, "ServiceAccount"), if count == 1 { "s" } else { "" })
            }
            None => String::new(),
        };
        [place(&secret.at), format!("{about}{since} ago{used}")]
    };
    ended.into_iter().map(told).collect()
}

fn broken(discovery: &Discovery) -> Vec<[String; 2]> {
    let refused = discovery.secrets.iter().filter(|it| it.undecodable > 0).map(|it| {
        let entries = if it.undecodable == 1 { "1 entry" } else { &format!("{} entries", it.undecodable) };
        [place(&it.at), format!("{entries} cannot be decoded, for which the kubelet refuses all of it")]
    });
    let unreadable = discovery.unreadable.iter().map(|it| [place(it), "its data is not a Docker config".into()]);
    refused.chain(unreadable).collect()
}

/// The namespaces in which logins of ECR stand.
fn with_logins(discovery: &Discovery) -> HashSet<&str> {
    discovery.secrets.iter().map(|it| it.at.namespace.as_str()).collect()
}

fn key(keys: &Keys, with_logins: &HashSet<&str>) -> String {
    let names = keys.names.iter().map(|it| visible(it)).collect::<Vec<_>>().join(", ");
    let beside = if with_logins.contains(keys.at.namespace.as_str()) { ", beside a login of ECR" } else { "" };
    format!("{names}{beside}: whoever reads Secrets there has them")
}

fn job(job: &Job) -> String {
    let tool = job.tool.map(|tool| format!(" of {tool}")).unwrap_or_default();
    visible(&format!("CronJob{tool} at {:?}: {}", job.schedule, suspend(job)))
}

fn place(at: &Address) -> String {
    visible(&format!("{}/{}", at.namespace, at.name))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

pub(super) fn as_json(discovery: &Discovery, adoption: &Adoption<'_>, config: &str, code: u8) -> Value {
    let with_logins = with_logins(discovery);
    let (ways, left) =
        (adoption.ways(), adoption.left.iter().map(|(it, why)| (&it.at, why)).collect::<HashMap<_, _>>());
    let secret = |it: &PullSecret| {
        json!({
            "namespace": it.at.namespace,
            "secret": it.at.name,
            "becomes": ways.get(&it.at).map_or("left-out", |way| word(*way)),
            "why": left.get(&it.at),
            "registries": it.registries,
            "other_logins": it.others,
            "undecodable_entries": it.undecodable,
            "expires_at": it.ends.map(|end| rfc3339(end.at)),
            "expires_at_is_estimate": it.ends.map(|end| end.is_estimate),
            "written_at": it.written_at.map(rfc3339),
            "writers": it.writers,
            "tool": it.tool.map(Tool::name),
            "instance": it.instance,
            "has_copy_in_annotation": it.has_copy,
            "service_accounts": it.links.as_ref().map(|links| links.accounts.iter().map(link).collect::<Vec<_>>()),
        })
    };
    let job = |it: &Job| {
        json!({
            "namespace": it.at.namespace,
            "cronjob": it.at.name,
            "tool": it.tool.map(Tool::name),
            "schedule": it.schedule,
            "suspended": it.is_suspended,
            "stop": (!it.is_suspended).then(|| suspend(it)),
        })
    };
    let key = |it: &Keys| {
        let beside = with_logins.contains(it.at.namespace.as_str());
        json!({ "namespace": it.at.namespace, "secret": it.at.name, "names": it.names, "beside_login": beside })
    };
    let unreadable = |it: &Address| json!({ "namespace": it.namespace, "secret": it.name });
    json!({
        "secrets": discovery.secrets.iter().map(secret).collect::<Vec<_>>(),
        "writers": discovery.jobs.iter().map(job).collect::<Vec<_>>(),
        "aws_keys": discovery.keys.iter().map(key).collect::<Vec<_>>(),
        "unreadable": discovery.unreadable.iter().map(unreadable).collect::<Vec<_>>(),
        "not_listed": discovery.unlisted.iter().map(Error::chain).collect::<Vec<_>>(),
        "config": (!adoption.entries.is_empty()).then_some(config),
        "exit_code": code,
    })
}

fn word(way: Way) -> &'static str {
    match way {
        Way::Adopt => "adopted",
        Way::Merge => "merged",
        Way::Keep => "kept",
    }
}

fn link(it: &Use) -> Value {
    let lists = [(it.pull, "pull"), (it.mount, "mount")];
    let lists = lists.into_iter().filter_map(|(is, name)| is.then_some(name)).collect::<Vec<_>>();
    json!({ "name": it.account, "link": lists })
}
