//! Writes the config that takes over the Secrets, as YAML. It does no IO.

use std::{collections::BTreeSet, fmt::Write};

use crate::{
    adoption::{Adoption, Entry, Method, Token},
    alike::{alike, named},
    comment::comment,
    discover::{PullSecret, Tool, Use},
    provider::{has_provider, name, providers},
    vendor::Source,
    yaml::{list, text, wrapped},
};

/// An example entry, for a config without entries.
const FIRST: &str = "\
# targets:
#   - namespace: team-a
#     region: eu-west-1
#     accounts: [\"123456789012\"]
";

/// Returns the config. Without entries it contains only comments.
pub fn config(adoption: &Adoption<'_>, server: &str) -> String {
    let mut yaml = comment(0, &format!("Made by `regcred init` from the pull secrets in {server}."));
    if !adoption.entries.is_empty() {
        yaml += &comment(
            0,
            "Stop the writers that are named above each entry first. Then `regcred plan` shows the changes, and `regcred once` makes them.",
        );
    }
    for [place, why] in alike(adoption.left.iter().map(|(secret, why)| (&secret.at, why.clone()))) {
        yaml += &comment(0, &format!("Left out: {place}: {why}."));
    }
    if adoption.entries.is_empty() {
        return yaml + &comment(0, "There is nothing to take over. An example of a first entry:") + FIRST;
    }
    yaml + &body(&adoption.entries.iter().collect::<Vec<_>>())
}

/// Returns a config with one entry.
pub(crate) fn entry(entry: &Entry<'_>) -> String {
    body(&[entry])
}

fn body(entries: &[&Entry<'_>]) -> String {
    let named = entries.iter().flat_map(|it| &it.tokens).filter(|it| has_provider(it)).collect::<BTreeSet<_>>();
    let named = named.into_iter().collect::<Vec<_>>();
    let mut yaml = providers(&named);
    yaml += "\ntargets:\n";
    for (place, entry) in entries.iter().enumerate() {
        if place > 0 {
            yaml.push('\n');
        }
        yaml += &remarks(entry);
        for token in &entry.tokens {
            yaml += &target(entry, token, &named);
        }
    }
    yaml
}

fn target(entry: &Entry<'_>, token: &Token, named: &[&Token]) -> String {
    let namespaces = entry.secrets.iter().map(|it| it.at.namespace.as_str()).collect::<Vec<_>>();
    let mut yaml = match namespaces[..] {
        [one] => format!("  - namespace: {}\n", text(one)),
        _ => format!("  - namespaces: {}\n", list(6, namespaces.into_iter())),
    };
    if let Some(place) = named.iter().position(|it| *it == token) {
        let _ = writeln!(yaml, "    providers: [{}]", name(named, place));
    } else if let Token::Ecr { region, accounts, .. } = token {
        let accounts = list(6, accounts.iter().map(String::as_str));
        let _ = writeln!(yaml, "    region: {region}\n    accounts: {accounts}");
    }
    let how = match entry.method {
        Method::Adopt => ", adopt: true",
        Method::Merge | Method::KeepMerged => ", merge: true",
        Method::Keep => "",
    };
    let _ = writeln!(yaml, "    secret: {{ name: {}{how} }}", text(entry.name.as_str()));
    if let Some(accounts) = &entry.accounts {
        let _ = writeln!(yaml, "    service_accounts: {}", links(accounts));
    }
    yaml
}

fn links(accounts: &[Use]) -> String {
    let how = |it: &Use| match (it.pull, it.mount) {
        (true, true) => "[pull, mount]",
        (false, true) => "[mount]",
        (_, false) => "[pull]",
    };
    let all = accounts.iter().map(|it| format!("{{ name: {}, link: {} }}", text(&it.account), how(it)));
    wrapped(6, all)
}

/// Returns comments with the facts and steps to know before the entry is used.
fn remarks(entry: &Entry<'_>) -> String {
    let Some(first) = entry.secrets.first() else { return String::new() };
    let writers = first.writers.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ");
    let writers = if writers.is_empty() { "an unknown writer".into() } else { writers };
    let tool = first.tool.map(|tool| format!(" ({tool})")).unwrap_or_default();
    let mut remarks = match entry.method {
        Method::Keep => comment(2, "regcred owns it already: compare with the config that created it"),
        Method::KeepMerged => comment(2, "regcred already merges logins into it: compare with the config that does so"),
        Method::Adopt | Method::Merge => comment(2, &format!("written by {writers}{tool}")),
    };
    if entry.method == Method::Merge {
        remarks += &beside(entry);
    }
    if matches!(entry.method, Method::Merge | Method::KeepMerged) {
        let hidden = entry.secrets.iter().filter_map(|it| it.hidden.as_deref()).collect::<BTreeSet<_>>();
        if let Some(which) = which(entry, |it| it.hidden.is_some()) {
            let hidden = hidden.into_iter().collect::<Vec<_>>().join("; ");
            remarks += &comment(2, &format!("not every reader gets the renewed login{which}: {hidden}"));
        }
    }
    if let Some(which) = which(entry, |it| !it.has_user) {
        let what =
            format!("not all of its logins have the user name AWS{which}: are they for a proxy in front of ECR?");
        remarks += &comment(2, &what);
    }
    if entry.secrets.iter().any(|it| it.links.is_none()) {
        remarks += &comment(
            2,
            "the ServiceAccounts that use it could not be listed: regcred will link it to the default ones",
        );
    }
    remarks + &stop(entry, first.tool)
}

/// Returns comments on the content that regcred would not write.
fn beside(entry: &Entry<'_>) -> String {
    let mut why = vec![];
    if let Some(which) = which(entry, |it| it.others > 0 || !it.sources.iter().all(Source::is_adoptable)) {
        why.push(format!("it holds other logins{which}"));
    }
    if let Some(which) = which(entry, |it| !it.more.is_empty()) {
        let more = entry.secrets.iter().flat_map(|it| &it.more).map(String::as_str).collect::<BTreeSet<_>>();
        let more = more.into_iter().collect::<Vec<_>>().join(", ");
        why.push(format!("it holds more than `auths`{which}, {more}"));
    }
    if let Some(which) = which(entry, |it| !it.odd.is_empty()) {
        let odd = entry.secrets.iter().flat_map(|it| &it.odd).map(String::as_str).collect::<BTreeSet<_>>();
        let odd = named(&odd.into_iter().map(|it| format!("{it:?}")).collect::<Vec<_>>());
        why.push(format!("some of its keys are not plain hosts{which}: {odd}, which regcred renews too"));
    }
    if let Some(which) = which(entry, |it| !it.wildcards.is_empty()) {
        let keys = entry.secrets.iter().flat_map(|it| &it.wildcards).map(String::as_str).collect::<BTreeSet<_>>();
        let keys = named(&keys.into_iter().map(|it| format!("{it:?}")).collect::<Vec<_>>());
        why.push(format!("some of its keys have wildcards{which}: {keys}, which regcred does not renew"));
    }
    comment(
        2,
        &format!(
            "{}. Its owner keeps it, and with `merge` regcred updates only the logins of its providers",
            why.join("; ")
        ),
    )
}

/// Returns in which namespaces a condition holds. `None` means in no namespace, and an empty text in all.
fn which(entry: &Entry<'_>, is: impl Fn(&PullSecret) -> bool) -> Option<String> {
    let those = entry.secrets.iter().filter(|it| is(it)).map(|it| it.at.namespace.as_str()).collect::<Vec<_>>();
    match those.len() {
        0 => None,
        all if all == entry.secrets.len() => Some(String::new()),
        _ => Some(format!(" in {}", named(&those))),
    }
}

/// Returns comments with the jobs to stop first, and with the writers in namespaces without a job.
fn stop(entry: &Entry<'_>, tool: Option<Tool>) -> String {
    let is_kept = matches!(entry.method, Method::Keep | Method::KeepMerged);
    let lead = if is_kept { "still to stop" } else { "stop first" };
    let known = entry.stops.iter().map(|it| it.instructions(lead)).collect::<String>();
    if is_kept {
        return known;
    }
    let other = match entry.method {
        Method::Merge => "the writer of those logins. The writers of other logins can continue",
        _ => tool.map_or("that writer, which is not a tool that regcred knows", Tool::stop),
    };
    let unwritten = entry.unwritten();
    match (entry.jobs.is_empty(), unwritten.is_empty()) {
        (true, _) => comment(2, &format!("stop first: {other}")),
        (false, true) if entry.stops.is_empty() => comment(2, "its CronJob is suspended"),
        (false, true) => known,
        (false, false) => {
            known + &comment(2, &format!("stop first in {}, where no job was found: {other}", named(&unwritten)))
        }
    }
}
