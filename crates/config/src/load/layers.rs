//! Merges files, environment and command line into one map, which records the origin of each key.

use std::{
    collections::BTreeSet,
    error::Error,
    fs::File as OpenFile,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use figment::{
    Figment, Profile, Provider,
    providers::Serialized,
    value::{Dict, Tag, Value},
};

use regcred_core::{Code, ProviderName, StoreName, read_text, read_text_file};

use super::environment::Environment;
use crate::{
    AccountLink, Grammar, Origin, Problem, Problems, codes,
    model::{file, secret::RawSecret},
    names::nearest::meant,
    value::{
        keys::keys,
        provenance::{Provenance, Source},
    },
    yaml::{self, lines::Lines},
};

const TARGETS: &str = "targets";
/// Used instead of a file name.
const STDIN: &str = "-";

/// The sources of a configuration, besides the environment.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// YAML files, at least one. `-` is standard input. A later file overrides an earlier one, and the `targets` of all
    /// are joined.
    pub files: Vec<PathBuf>,
    /// The values of the command line.
    pub overrides: Overrides,
}

/// Values that the command line can set. They override files and environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// See [`Config::instance`](crate::Config::instance).
    pub instance: Option<String>,
    /// See [`Config::schedule`](crate::Config::schedule).
    pub schedule: Option<String>,
    /// The IANA name of the schedule's time zone. Default: UTC.
    pub time_zone: Option<String>,
}

/// The union of all layers.
#[derive(Debug)]
pub(crate) struct United {
    pub(crate) dict: Dict,
    pub(crate) root: Origin,
    pub(crate) warnings: Vec<Problem>,
}

/// Reads files and environment, and unites them with the command line.
pub(crate) fn load(layers: &Layers, grammar: &Grammar) -> Result<United, Problems> {
    let texts = layers.files.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
    let files = texts.iter().map(|(name, text)| parse(name, text, grammar)).collect::<Result<Vec<_>, _>>()?;
    let Overrides { instance, schedule, time_zone } = &layers.overrides;
    let said = [("instance", instance), ("schedule", schedule), ("time_zone", time_zone)];
    let said = said.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?)));
    let environment = Environment::read();
    let (dict, provenance) = unite(files, &environment, &said.collect::<Vec<_>>())?;
    let warnings = environment.warnings(keys::<file::File>());
    Ok(United { dict, root: Origin::root(Arc::new(provenance)), warnings })
}

/// Uses one text as the only layer.
pub(crate) fn only(text: &str, grammar: &Grammar) -> Result<United, Problems> {
    let mut only = parse("config", text, grammar)?;
    only.lines = None;
    let (dict, provenance) = unite(vec![only], &Environment::default(), &[])?;
    Ok(United { dict, root: Origin::root(Arc::new(provenance)), warnings: vec![] })
}

/// Returns the problems. Removes every text from the files if a file is a link to another folder.
pub(crate) fn without_quotes_of_links(layers: &Layers, problems: Problems) -> Problems {
    match layers.files.iter().find(|path| is_elsewhere(path)) {
        Some(link) => without_quotes(&problems, link),
        None => problems,
    }
}

struct File {
    name: String,
    data: Dict,
    lines: Option<Lines>,
}

/// Folders of streams that the caller opened, as a shell does for `<(command)`. Any other pipe is refused.
const STREAMS: [&str; 2] = ["/dev/fd/", "/proc/self/fd/"];

fn text(path: &Path) -> Result<(String, String), Problems> {
    let (name, is_stdin) = (path.display().to_string(), path == Path::new(STDIN) || path == Path::new("/dev/stdin"));
    let name = if is_stdin { "standard input".to_owned() } else { name };
    let unreadable = |cause: String| whole(&name, &codes::UNREADABLE, &format!("cannot be read: {cause}"));
    let text = if is_stdin {
        read_text(io::stdin()).map_err(|error| unreadable(error.to_string()))
    } else if STREAMS.iter().any(|folder| path.starts_with(folder)) {
        OpenFile::open(path).and_then(read_text).map_err(|error| unreadable(error.to_string()))
    } else {
        read_text_file(path).map_err(|error| unreadable(error.source().map(ToString::to_string).unwrap_or_default()))
    };
    Ok((name, text?))
}

/// Returns whether a file is a link to another folder. The links of a mounted `ConfigMap` stay inside.
fn is_elsewhere(path: &Path) -> bool {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (path.canonicalize(), folder.canonicalize()) {
        (Ok(file), Ok(folder)) => !file.starts_with(folder),
        _ => false, // a stream
    }
}

/// Returns the problems without any text of the files, because the link may lead to a file that is not a config.
fn without_quotes(problems: &Problems, link: &Path) -> Problems {
    let unquoted = |problem: &Problem| {
        let place = problem.origin.as_ref().map(|it| (it.source(), it.line()));
        let place = place.or_else(|| Some((problem.file.clone()?, problem.line)));
        let message = format!(
            "not valid. {} is a link to a file outside its folder, so regcred does not quote it: name that file",
            link.display()
        );
        match place {
            Some((file, at)) => Problem::in_file(&file, at, message),
            None => Problem::everywhere(message),
        }
        .with_code(&codes::NOT_A_CONFIG)
    };
    let mut shown = problems.iter().map(unquoted).collect::<Vec<_>>();
    shown.dedup();
    Problems::check(shown).expect_err("there is at least one")
}

fn parse(name: &str, text: &str, grammar: &Grammar) -> Result<File, Problems> {
    let known = keys::<file::File>();
    let is_quotable = |map: &str, key: &str| {
        known.contains(&key) || is_key_below(key) || grammar.has_key(key) || is_name_in(map, key)
    };
    let mut data = yaml::text::read(text, is_quotable).map_err(|faults| {
        let problems =
            faults.into_iter().map(|fault| Problem::in_file(name, fault.line, fault.message).with_code(&codes::SYNTAX));
        Problems::check(problems.collect()).expect_err("there is at least one")
    })?;
    let is_meant = |key: &String| known.contains(&key.as_str()) || meant(key, known.iter().copied()).is_some();
    // A file without any of our keys may contain secrets, so none of its keys is quoted.
    if !data.is_empty() && !data.keys().any(is_meant) {
        let is_kubeconfig = data.contains_key("clusters") && data.contains_key("users");
        let hint = if is_kubeconfig { ": it looks like a kubeconfig, which --kubeconfig names" } else { "" };
        return Err(whole(
            name,
            &codes::NOT_A_CONFIG,
            &format!("is not a config of regcred{hint}; known keys are {}", known.join(", ")),
        ));
    }
    data.retain(|key, _| !key.starts_with(EXTENSION));
    Ok(File { name: name.into(), data, lines: Some(Lines::of(text)) })
}

/// The prefix of the user's own keys, such as a place for anchors.
const EXTENSION: &str = "x-";

/// Returns whether this crate reads the key below the top level of a config.
fn is_key_below(key: &str) -> bool {
    let parts = [
        keys::<file::Target>(),
        keys::<file::Defaults>(),
        keys::<file::Namespaces>(),
        keys::<RawSecret>(),
        keys::<AccountLink>(),
    ];
    parts.iter().any(|part| part.contains(&key))
}

/// Returns whether the text is a valid name in a map of names.
fn is_name_in(map: &str, key: &str) -> bool {
    match map {
        "providers" => ProviderName::new(key).is_ok(),
        "sinks" => StoreName::new(key).is_ok(),
        _ => false,
    }
}

fn whole(source: &str, code: &'static Code, message: &str) -> Problems {
    Problem::in_file(source, None, message).with_code(code).into()
}

fn unite(
    files: Vec<File>,
    environment: &Environment,
    said: &[(&str, &String)],
) -> Result<(Dict, Provenance), Problems> {
    let mut provenance = Provenance {
        overrides: said.iter().map(|(key, _)| (*key).to_owned()).collect::<BTreeSet<_>>(),
        ..Provenance::default()
    };
    let (mut figment, mut targets) = (Figment::new(), vec![]);
    for File { name, mut data, lines } in files {
        let before = targets.len();
        // A value that is not a list stays in its place, and its reader reports it.
        if let Some(Value::Array(_, list)) = data.get_mut(TARGETS) {
            targets.append(list);
            data.remove(TARGETS);
        }
        figment = figment.merge(Serialized::defaults(data));
        provenance.files.push(Source { name, lines, targets: before..targets.len() });
    }
    if !targets.is_empty() && !figment.contains(TARGETS) {
        let list = Dict::from([(TARGETS.to_owned(), Value::Array(Tag::Default, targets))]);
        figment = Figment::from(Serialized::defaults(list)).merge(figment);
    }
    let data =
        figment.data().map_err(|error| whole("config", &codes::VALUE, &format!("cannot be united: {}", error.kind)))?;
    let mut dict = data.get(&Profile::Default).cloned().unwrap_or_default();
    let set = environment.apply(&mut dict).map_err(|problems| Problems::check(problems).expect_err("there is one"))?;
    provenance.environment = set.into_iter().collect();
    for (key, text) in said {
        dict.insert((*key).to_owned(), Value::from((*text).clone()));
    }
    Ok((dict, provenance))
}
