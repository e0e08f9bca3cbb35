//! The config that takes over what was found, as YAML. Pure.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use regcred_openshift::discover::{Job, Tool, Use};

use super::{
    adoption::{Adoption, Entry, Token, Way},
    comment::{comment, quoted},
    report::alike,
};

/// Of a line, as an editor shows it whole.
const WIDTH: usize = 110;
/// So many namespaces are named in a comment.
const NAMED: usize = 3;
/// So many namespaces go into one command.
const LOOPED: usize = 8;
/// Words that YAML, in one version or another, takes for something else than text.
const NOT_TEXT: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];

/// The whole of it. Without entries it is comments alone.
pub(super) fn render(adoption: &Adoption<'_>, server: &str) -> String {
    let mut yaml = comment(0, &format!("Made by `regcred init` from what stands in {server}."));
    if !adoption.entries.is_empty() {
        yaml += &comment(
            0,
            "Stop what is named above an entry; then `regcred plan` says what would be done, `regcred once` does it.",
        );
    }
    for [place, why] in alike(adoption.left.iter().map(|(secret, why)| (&secret.at, why.clone()))) {
        yaml += &comment(0, &format!("Left out: {place}: {why}."));
    }
    if adoption.entries.is_empty() {
        return yaml + &comment(0, "There is nothing to take over.");
    }
    yaml + &body(&adoption.entries.iter().collect::<Vec<_>>())
}

/// A config of one entry alone.
pub(super) fn entry(entry: &Entry<'_>) -> String {
    body(&[entry])
}

fn body(entries: &[&Entry<'_>]) -> String {
    let named = entries.iter().flat_map(|it| &it.tokens).filter(|it| !it.aliases.is_empty()).collect::<BTreeSet<_>>();
    let named = named.into_iter().collect::<Vec<_>>();
    let mut yaml = String::new();
    if !named.is_empty() {
        yaml += "\nproviders:\n";
        for (place, token) in named.iter().enumerate() {
            let aliases =
                if token.aliases.contains("all") { "all".into() } else { list(2, token.aliases.iter().copied()) };
            let accounts = list(4, token.accounts.iter().map(String::as_str));
            let _ = writeln!(yaml, "  {}:\n    type: ecr\n    region: {}", name(&named, place), token.region);
            let _ = writeln!(yaml, "    accounts: {accounts}\n    aliases: {aliases}");
        }
    }
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

/// Of a provider: the region, and a number where there are several.
fn name(named: &[&Token], place: usize) -> String {
    let region = &named[place].region;
    match named[..place].iter().filter(|it| it.region == *region).count() {
        0 => format!("ecr-{region}"),
        earlier => format!("ecr-{region}-{}", earlier + 1),
    }
}

fn target(entry: &Entry<'_>, token: &Token, named: &[&Token]) -> String {
    let namespaces = entry.secrets.iter().map(|it| it.at.namespace.as_str()).collect::<Vec<_>>();
    let mut yaml = match namespaces[..] {
        [one] => format!("  - namespace: {}\n", text(one)),
        _ => format!("  - namespaces: {}\n", list(6, namespaces.into_iter())),
    };
    if let Some(place) = named.iter().position(|it| *it == token) {
        let _ = writeln!(yaml, "    providers: [{}]", name(named, place));
    } else {
        let accounts = list(6, token.accounts.iter().map(String::as_str));
        let _ = writeln!(yaml, "    region: {}\n    accounts: {accounts}", token.region);
    }
    let how = match entry.way {
        Way::Adopt => ", adopt: true",
        Way::Merge => ", merge: true",
        Way::Keep => "",
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

fn list<'a>(indent: usize, items: impl Iterator<Item = &'a str>) -> String {
    wrapped(indent, items.map(text))
}

/// `[a, b]`, over as many lines as it takes.
fn wrapped(indent: usize, items: impl Iterator<Item = String>) -> String {
    let (mut lines, mut line) = (vec![], String::new());
    for item in items {
        if !line.is_empty() && indent + line.len() + item.len() + 3 > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        line += if line.is_empty() { "" } else { " " };
        line += &item;
        line.push(',');
    }
    lines.push(line);
    let margin = format!("\n{}", " ".repeat(indent));
    let all = lines.join(&margin);
    let all = all.trim_end_matches(',');
    if all.contains('\n') { format!("[{margin}{all}\n{}]", " ".repeat(indent - 2)) } else { format!("[{all}]") }
}

/// A name as text in every version of YAML.
fn text(name: &str) -> String {
    let plain = name.starts_with(|it: char| it.is_ascii_lowercase())
        && name.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, b'-' | b'.'))
        && !NOT_TEXT.contains(&name);
    if plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

/// What to know and to do before an entry is used.
fn remarks(entry: &Entry<'_>) -> String {
    let Some(first) = entry.secrets.first() else { return String::new() };
    let writers = first.writers.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ");
    let writers = if writers.is_empty() { "nobody says whom".into() } else { writers };
    let tool = first.tool.map(|tool| format!(" ({tool})")).unwrap_or_default();
    let mut remarks = match entry.way {
        Way::Keep => comment(2, "regcred's already: compare with the config that made it"),
        Way::Adopt | Way::Merge => comment(2, &format!("written by {writers}{tool}")),
    };
    if entry.way == Way::Merge {
        remarks += &comment(2, "other logins stand in it, so it stays its owner's: `merge` keeps them");
    }
    if entry.secrets.iter().any(|it| !it.has_user) {
        remarks += &comment(2, "not all of its logins are by the user AWS: is it for something between here and ECR?");
    }
    if entry.secrets.iter().any(|it| it.links.is_none()) {
        remarks += &comment(2, "who uses it could not be listed: it will be linked as by default");
    }
    if entry.way != Way::Keep {
        remarks += &stops(entry, first.tool);
    }
    remarks
}

/// What to stop first, as lines of comments.
fn stops(entry: &Entry<'_>, tool: Option<Tool>) -> String {
    let running = entry.jobs.iter().filter(|it| !it.is_suspended).collect::<Vec<_>>();
    if running.is_empty() && !entry.jobs.is_empty() {
        return comment(2, "its CronJob is suspended");
    }
    if running.is_empty() {
        let stop = match entry.way {
            Way::Merge => "what writes its logins of ECR; what writes the others may go on",
            Way::Adopt | Way::Keep => tool.map_or("whoever that is; nobody known goes by that name", Tool::stop),
        };
        return comment(2, &format!("stop first: {stop}"));
    }
    let mut by_name = BTreeMap::<&str, Vec<&Job>>::new();
    for job in running {
        by_name.entry(&job.at.name).or_default().push(job);
    }
    by_name.into_iter().map(|(name, jobs)| stop(name, &jobs)).collect()
}

/// Of jobs that have this name.
fn stop(name: &str, jobs: &[&Job]) -> String {
    let namespaces = jobs.iter().map(|it| it.at.namespace.as_str()).collect::<Vec<_>>();
    let command = match namespaces[..] {
        [namespace] => is_plain(namespace).then(|| command(name, namespace)).flatten(),
        _ if namespaces.len() <= LOOPED && namespaces.iter().all(|it| is_plain(it)) => {
            let command = command(name, "$it");
            command.map(|command| format!("for it in {}; do {command}; done", namespaces.join(" ")))
        }
        _ => command(name, "NAMESPACE"),
    };
    match command {
        Some(command) if namespaces.len() > LOOPED => {
            let (named, more) = (namespaces[..NAMED].join(", "), namespaces.len() - NAMED);
            comment(2, &format!("stop first, in {named} and {more} more namespaces:")) + &quoted(2, &command)
        }
        Some(command) => comment(2, "stop first:") + &quoted(2, &command),
        None => {
            let named = namespaces.iter().take(NAMED).map(|it| format!("{it:?}")).collect::<Vec<_>>().join(", ");
            comment(2, &format!("stop first: suspend the CronJob {name:?} in {named}"))
        }
    }
}

/// How a job is suspended, in words where its name cannot go into a shell.
pub(super) fn suspend(job: &Job) -> String {
    let (name, namespace) = (&job.at.name, &job.at.namespace);
    let command = is_plain(namespace).then(|| command(name, namespace)).flatten();
    command.unwrap_or_else(|| format!("suspend the CronJob {name:?} in {namespace:?}"))
}

fn command(name: &str, namespace: &str) -> Option<String> {
    let patch = r#"'{"spec":{"suspend":true}}'"#;
    is_plain(name).then(|| format!("kubectl patch cronjob {name} --namespace {namespace} --type merge --patch {patch}"))
}

/// Whether a shell takes it as it stands.
fn is_plain(name: &str) -> bool {
    let plain = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'.');
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(plain)
}
