//! Renders the findings as JSON, with stable field names.

use std::{collections::HashMap, time::SystemTime};

use regcred_core::{Error, Namespace};
use regcred_openshift::Presence;
use serde_json::{Value, json};

use crate::{
    adoption::{Adoption, Method},
    discover::{Address, Discovery, Job, Keys, PullSecret, Tool, Use},
    stop::suspend,
};

/// Renders the findings and the config. `date` formats a point in time.
pub fn json(discovery: &Discovery, adoption: &Adoption<'_>, config: &str, date: fn(SystemTime) -> String) -> Value {
    let with_logins = discovery.with_logins();
    let (methods, left) =
        (adoption.methods(), adoption.left.iter().map(|(it, why)| (&it.at, why)).collect::<HashMap<_, _>>());
    let secret = |it: &PullSecret| {
        json!({
            "namespace": it.at.namespace,
            "secret": it.at.name,
            "becomes": methods.get(&it.at).map_or("left-out", |method| word(*method)),
            "why": left.get(&it.at),
            "registries": it.registries,
            "other_logins": it.others,
            "undecodable_entries": it.undecodable,
            "expires_at": it.ends.map(|end| date(end.at)),
            "expires_at_is_estimate": it.ends.map(|end| end.is_estimate),
            "written_at": it.written_at.map(date),
            "writers": it.writers,
            "tool": it.tool.map(Tool::name),
            "instance": it.instance,
            "merged_by": it.merged_by,
            "odd_keys": it.odd,
            "wildcard_keys": it.wildcards,
            "hidden_from_readers": it.hidden,
            "beside_auths": it.more,
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
    let template = |it: &Address| json!({ "namespace": it.namespace, "template": it.name });
    let unreadable = |it: &Address| json!({ "namespace": it.namespace, "secret": it.name });
    let nothing = |(namespace, presence): &(Namespace, Presence)| {
        let exists = match presence {
            Presence::Unknown => None,
            it => Some(*it != Presence::Absent),
        };
        json!({ "namespace": namespace.as_str(), "exists": exists })
    };
    json!({
        "secrets": discovery.secrets.iter().map(secret).collect::<Vec<_>>(),
        "writers": discovery.jobs.iter().map(job).collect::<Vec<_>>(),
        "templates": discovery.templates.iter().map(template).collect::<Vec<_>>(),
        "aws_keys": discovery.keys.iter().map(key).collect::<Vec<_>>(),
        "unreadable": discovery.unreadable.iter().map(unreadable).collect::<Vec<_>>(),
        "nothing_in": discovery.nothing_in.iter().map(nothing).collect::<Vec<_>>(),
        "not_listed": discovery.unlisted.iter().map(Error::chain).collect::<Vec<_>>(),
        "config": (!adoption.entries.is_empty()).then_some(config),
    })
}

fn word(method: Method) -> &'static str {
    match method {
        Method::Adopt => "adopted",
        Method::Merge => "merged",
        Method::Keep | Method::KeepMerged => "kept",
    }
}

fn link(it: &Use) -> Value {
    let lists = [(it.pull, "pull"), (it.mount, "mount")];
    let lists = lists.into_iter().filter_map(|(is, name)| is.then_some(name)).collect::<Vec<_>>();
    json!({ "name": it.account, "link": lists })
}
