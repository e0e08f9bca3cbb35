//! From files, environment and command line to one map, which remembers where each key came from.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use figment::{
    Figment, Profile, Provider,
    providers::{Format, Serialized},
    value::{Dict, Tag, Value},
};

use crate::{
    Config, Origin, Problem, Problems,
    environment::Environment,
    lines::Lines,
    provenance::{Provenance, Source},
    read::read,
    yaml::Yaml,
};

const TARGETS: &str = "targets";
/// Instead of a file's name.
const STDIN: &str = "-";

/// Where a configuration comes from, besides the environment.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// YAML files; `-` is standard input. What a later one says wins, and the `targets` of all are joined. At least one.
    pub files: Vec<PathBuf>,
    /// What the command line says.
    pub overrides: Overrides,
}

/// What the command line may say; it wins over files and environment.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// See [`Config::instance`].
    pub instance: Option<String>,
    /// See [`Config::schedule`].
    pub schedule: Option<String>,
    /// The IANA name of the schedule's time zone. Default: UTC.
    pub time_zone: Option<String>,
}

impl Config {
    /// Reads files, environment and command line. `check` is shown what is well-formed, and adds what only a provider or a sink
    /// knows to be wrong, so that every problem is told at once.
    pub fn load(layers: &Layers, check: impl Fn(&Self) -> Vec<Problem>) -> Result<Self, Problems> {
        let texts = layers.files.iter().map(|path| text(path)).collect::<Result<Vec<_>, _>>()?;
        let files = texts.iter().map(|(name, text)| file(name, text)).collect::<Result<Vec<_>, _>>()?;
        let Overrides { instance, schedule, time_zone } = &layers.overrides;
        let said = [("instance", instance), ("schedule", schedule), ("time_zone", time_zone)];
        let said = said.into_iter().filter_map(|(key, text)| Some((key, text.as_ref()?)));
        let (dict, provenance) = unite(files, &Environment::read(), &said.collect::<Vec<_>>())?;
        read(&dict, &Origin::root(Arc::new(provenance)), check)
    }

    /// Reads text alone: no file, no environment.
    pub fn from_yaml(text: &str) -> Result<Self, Problems> {
        let mut only = file("config", text)?;
        only.lines = None;
        let (dict, provenance) = unite(vec![only], &Environment::default(), &[])?;
        read(&dict, &Origin::root(Arc::new(provenance)), |_| vec![])
    }
}

struct File {
    name: String,
    data: Dict,
    lines: Option<Lines>,
}

fn text(path: &Path) -> Result<(String, String), Problems> {
    let (name, text) = if path == Path::new(STDIN) {
        ("standard input".to_owned(), io::read_to_string(io::stdin()))
    } else {
        (path.display().to_string(), fs::read_to_string(path))
    };
    let text = text.map_err(|error| whole(&name, &format!("cannot be read: {error}")))?;
    Ok((name, text))
}

fn file(name: &str, text: &str) -> Result<File, Problems> {
    let data = Figment::from(Yaml::string(text)).data();
    let mut data = data.map_err(|error| whole(name, &format!("is not valid: {}", error.kind)))?;
    let data = data.remove(&Profile::Default).unwrap_or_default();
    Ok(File { name: name.into(), data, lines: Some(Lines::of(text)) })
}

fn whole(source: &str, message: &str) -> Problems {
    Problem::everywhere(format!("{source}: {message}")).into()
}

fn unite(
    files: Vec<File>,
    environment: &Environment,
    said: &[(&str, &String)],
) -> Result<(Dict, Provenance), Problems> {
    let mut provenance = Provenance {
        environment: environment.keys().map(str::to_owned).collect(),
        overrides: said.iter().map(|(key, _)| (*key).to_owned()).collect::<BTreeSet<_>>(),
        ..Provenance::default()
    };
    let (mut figment, mut targets) = (Figment::new(), vec![]);
    for File { name, mut data, lines } in files {
        let before = targets.len();
        // What is no list is left in its place, where it is told to be none.
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
    figment = figment.merge(environment.clone());
    for (key, text) in said {
        figment = figment.merge(Serialized::default(key, text));
    }
    let data = figment.data().map_err(|error| whole("config", &format!("is not valid: {}", error.kind)))?;
    Ok((data.get(&Profile::Default).cloned().unwrap_or_default(), provenance))
}
