//! From layers to a valid configuration, with every problem at once.

use std::{path::PathBuf, sync::Arc};

use figment::{
    Figment, Profile, Provider,
    providers::{Env, Format},
    value::{Dict, Value},
};

use regcred_core::{InstanceName, ProviderName};

use crate::{
    Config, Origin, Problem, Problems, Schedule, Spec, TargetEntry, Wants, lines::Lines, nearest::meant, target,
    yaml::Yaml,
};

/// The environment's prefix. Two underscores: a Service named `regcred` puts `REGCRED_PORT` and its like into every pod.
const PREFIX: &str = "REGCRED__";
const KEYS: [&str; 6] = ["instance", "providers", "schedule", "targets", "time_zone", "version"];
const VERSION: u64 = 1;

/// Where a configuration comes from, besides the environment.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// A YAML file.
    pub file: PathBuf,
    /// What the command line says.
    pub overrides: Overrides,
}

/// What the command line may say; it wins over file and environment.
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
    /// Reads file, environment and command line. `check` is shown what is well-formed, and adds what only a provider knows to be
    /// wrong, so that every problem is told at once.
    pub fn load(layers: &Layers, check: impl Fn(&Self) -> Vec<Problem>) -> Result<Self, Problems> {
        let file = layers.file.display().to_string();
        let text =
            std::fs::read_to_string(&layers.file).map_err(|error| whole(&file, &format!("cannot be read: {error}")))?;
        let mut figment = Figment::from(Yaml::string(&text)).merge(Env::prefixed(PREFIX).split("__"));
        let Overrides { instance, schedule, time_zone } = &layers.overrides;
        let overrides = [("instance", instance), ("schedule", schedule), ("time_zone", time_zone)];
        for (key, value) in overrides {
            if let Some(value) = value {
                figment = figment.merge(figment::providers::Serialized::default(key, value));
            }
        }
        read(&figment, &file, Some(Arc::new(Lines::of(&text))), check)
    }

    /// Reads text alone: no file, no environment.
    pub fn from_yaml(text: &str) -> Result<Self, Problems> {
        read(&Figment::from(Yaml::string(text)), "config", None, |_| vec![])
    }
}

fn whole(source: &str, message: &str) -> Problems {
    Problem::everywhere(format!("{source}: {message}")).into()
}

fn read(
    figment: &Figment,
    file: &str,
    lines: Option<Arc<Lines>>,
    check: impl Fn(&Config) -> Vec<Problem>,
) -> Result<Config, Problems> {
    let data = figment.data().map_err(|error| whole(file, &format!("is not valid: {}", error.kind)))?;
    let mut dict = data.get(&Profile::Default).cloned().unwrap_or_default();
    let mut reader = Reader { figment, file, lines, problems: vec![], warnings: vec![], meant: vec![], named: vec![] };
    reader.refuse_unknown(&dict);
    reader.version(dict.remove("version"));
    let instance = reader.instance(dict.remove("instance"));
    let schedule = reader.schedule(dict.remove("schedule"), dict.remove("time_zone"));
    let providers = reader.providers(dict.remove("providers"));
    let targets = reader.targets(dict.remove("targets"));
    reader.refuse_unnamed(&targets);
    let Reader { mut problems, warnings, .. } = reader;
    let config = Config { instance, schedule, providers, targets, warnings };
    problems.extend(check(&config));
    Problems::check(problems)?;
    Ok(config)
}

struct Reader<'a> {
    figment: &'a Figment,
    file: &'a str,
    lines: Option<Arc<Lines>>,
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
    /// Keys that are there under a wrong name.
    meant: Vec<&'static str>,
    /// What `providers:` names, also where something else is wrong with it.
    named: Vec<String>,
}

impl Reader<'_> {
    fn refuse_unknown(&mut self, dict: &Dict) {
        for (key, value) in dict.iter().filter(|(key, _)| !KEYS.contains(&key.as_str())) {
            let (message, meant) = unknown_key(key, &KEYS);
            self.problems.push(Problem::at(self.origin(value, key), message));
            self.meant.extend(meant);
        }
    }

    fn version(&mut self, value: Option<Value>) {
        if let Some(value) = value.filter(|it| it.to_u128() != Some(VERSION.into())) {
            let message = format!("{} is not a version that is known: only {VERSION} is", shown(&value));
            self.problems.push(Problem::at(self.origin(&value, "version"), message));
        }
    }

    fn instance(&mut self, value: Option<Value>) -> InstanceName {
        let Some((text, origin)) = value.and_then(|value| self.text("instance", value)) else {
            return InstanceName::default();
        };
        InstanceName::new(text).unwrap_or_else(|error| {
            self.problems.push(Problem::at(origin, error.to_string()));
            InstanceName::default()
        })
    }

    fn schedule(&mut self, schedule: Option<Value>, time_zone: Option<Value>) -> Option<Schedule> {
        let time_zone = time_zone.and_then(|value| self.text("time_zone", value));
        let schedule = schedule.and_then(|value| self.text("schedule", value));
        let zone = time_zone.as_ref().map(|(text, _)| text.as_str());
        if let Some((zone, origin)) = &time_zone {
            if let Err(error) = Schedule::parse("@daily", Some(zone)) {
                self.problems.push(Problem::at(origin.clone(), error.to_string()));
            } else if schedule.is_none() {
                self.warnings.push(Problem::at(origin.clone(), "it is the zone of `schedule`, and there is none"));
            }
        }
        let (text, origin) = schedule?;
        if let Err(error) = Schedule::parse(&text, None) {
            self.problems.push(Problem::at(origin, error.to_string()));
            return None;
        }
        Schedule::parse(&text, zone).ok()
    }

    fn providers(&mut self, value: Option<Value>) -> Vec<Spec> {
        let Some(value) = value else { return vec![] };
        let origin = self.origin(&value, "providers");
        let Value::Dict(_, entries) = value else {
            let message = format!("{} is not a map of names, each with a `type` and its options", shown(&value));
            self.problems.push(Problem::at(origin, message));
            return vec![];
        };
        let mut providers = vec![];
        for (name, entry) in entries {
            self.named.push(name.clone());
            let origin = self.origin(&entry, &format!("providers.{name}"));
            let named = ProviderName::new(&name).map_err(|error| Problem::at(origin.clone(), error.to_string()));
            match named.and_then(|name| Spec::read(name, &entry, origin)) {
                Ok(spec) => providers.push(spec),
                Err(problem) => self.problems.push(problem),
            }
        }
        providers
    }

    fn targets(&mut self, value: Option<Value>) -> Vec<TargetEntry> {
        let nothing =
            "no target is named: `targets:` is a list of entries such as { namespace: team-a, region: eu-west-1 }";
        let Some(value) = value else {
            if self.meant.contains(&"targets") {
                return vec![]; // it is there, under a name that was told already
            }
            self.problems.push(Problem::everywhere(format!("{}: {nothing}", self.file)));
            return vec![];
        };
        let origin = self.origin(&value, "targets");
        let entries = match value {
            Value::Array(_, entries) if !entries.is_empty() => entries,
            _ => {
                self.problems.push(Problem::at(origin, nothing));
                return vec![];
            }
        };
        let mut targets = vec![];
        for (place, entry) in entries.into_iter().enumerate() {
            let origin = self.origin(&entry, &format!("targets[{place}]"));
            match target::read(&entry, &origin, &mut self.warnings) {
                Ok(target) => targets.push(target),
                Err(problems) => self.problems.extend(problems),
            }
        }
        self.problems.extend(target::take_repeated(&mut targets));
        targets
    }

    fn refuse_unnamed(&mut self, targets: &[TargetEntry]) {
        for target in targets {
            let Wants::Providers(names) = &target.wants else { continue };
            for (place, name) in names.iter().enumerate() {
                if self.named.iter().any(|named| named == name.as_str()) {
                    continue;
                }
                let hint = match meant(name.as_str(), self.named.iter().map(String::as_str)) {
                    Some(meant) => format!("did you mean {meant}?"),
                    None if self.named.is_empty() => "it names none".into(),
                    None => format!("known are {}", self.named.join(", ")),
                };
                let message = format!("`providers:` does not name {:?}; {hint}", name.as_str());
                self.problems.push(Problem::at(target.origin.join(&format!("providers[{place}]")), message));
            }
        }
    }

    fn text(&mut self, key: &str, value: Value) -> Option<(String, Origin)> {
        let origin = self.origin(&value, key);
        match value {
            Value::String(_, text) => Some((text, origin)),
            other => {
                self.problems.push(Problem::at(origin, format!("{} is not text", shown(&other))));
                None
            }
        }
    }

    /// The layer of a value, by the name that its writer knows it under.
    fn origin(&self, value: &Value, key: &str) -> Origin {
        let metadata = self.figment.get_metadata(value.tag());
        let name = metadata.map(|metadata| metadata.name.to_string()).unwrap_or_default();
        let (source, lines) = if name.contains("environment") {
            (format!("environment {PREFIX}{}", key.replace('.', "__").to_uppercase()), None)
        } else if name.contains("YAML") {
            (self.file.to_owned(), self.lines.clone())
        } else {
            ("command line".into(), None)
        };
        Origin { source: Some(source), key: key.into(), lines }
    }
}

/// A message for a key that is not known, and the known one that was probably meant.
pub(crate) fn unknown_key(key: &str, known: &'static [&'static str]) -> (String, Option<&'static str>) {
    let snake = snake_case(key);
    match meant(&snake, known.iter().copied()) {
        Some(name) => (format!("this key is not known; did you mean `{name}`?"), Some(name)),
        None => (format!("this key is not known; known are {}", known.join(", ")), None),
    }
}

fn snake_case(key: &str) -> String {
    let mut snake = String::with_capacity(key.len() + 4);
    for letter in key.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase().map(|it| if it == '-' { '_' } else { it }));
    }
    snake
}

/// A value as its writer would know it again.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, letter) => format!("{letter:?}"),
        Value::Bool(_, is) => is.to_string(),
        Value::Num(_, number) => number
            .to_u128()
            .map(|it| it.to_string())
            .or_else(|| number.to_i128().map(|it| it.to_string()))
            .or_else(|| number.to_f64().map(|it| it.to_string()))
            .unwrap_or_default(),
        Value::Empty(..) => "nothing".into(),
        Value::Dict(..) => "a map".into(),
        Value::Array(..) => "a list".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(yaml: &str) -> String {
        Config::from_yaml(yaml).expect_err(yaml).to_string()
    }

    const TARGETS: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";

    #[test]
    fn what_is_valid_is_taken_whole() {
        let yaml = format!("version: 1\nschedule: '17 */4 * * *'\ntime_zone: Europe/Berlin\n{TARGETS}");
        let config = Config::from_yaml(&yaml).expect("it is valid");
        let schedule = config.schedule().expect("there is one");
        assert_eq!((schedule.to_string().as_str(), schedule.time_zone()), ("17 */4 * * *", "Europe/Berlin"));
        assert_eq!((config.targets().len(), config.warnings().len()), (1, 0));
    }

    #[test]
    fn every_problem_is_told_at_once_with_its_key() {
        let yaml = "timeZone: UTC\nschedule: '61 * * * *'\nversion: 2\ntargets:\n\
                    - { namespace: Team, region: eu-west-1 }\n- { namespace: team-b }\n- 7\n";
        assert_eq!(
            problems(yaml),
            "config: timeZone: this key is not known; did you mean `time_zone`?\n\
             config: version: 2 is not a version that is known: only 1 is\n"
                .to_owned()
                + &format!("config: schedule: {}\n", Schedule::parse("61 * * * *", None).expect_err("61 minutes"))
                + "config: targets[0].namespace: \"Team\" is not a namespace: only lower-case letters, digits and '-' are allowed\n\
                   config: targets[1].region: it is missing: name a `region`, or a `registry` by its host\n\
                   config: targets[2]: 7 is not an entry such as { namespace: team-a, region: eu-west-1 }"
        );
    }

    #[test]
    fn a_schedule_or_zone_that_is_none_is_told_where_it_stands() {
        let zone = problems(&format!("schedule: '@daily'\ntime_zone: Europe/Bonn\n{TARGETS}"));
        assert!(zone.starts_with("config: time_zone: ") && zone.contains("Europe/Bonn"), "{zone}");
        let number = problems(&format!("schedule: 5\n{TARGETS}"));
        assert_eq!(number, "config: schedule: 5 is not text");
    }

    #[test]
    fn a_config_without_targets_is_refused() {
        for yaml in ["", "targets: []", "targets:", "targets: {}", "version: 1"] {
            assert!(problems(yaml).contains("no target is named"), "{yaml}");
        }
        assert_eq!(problems("target: []"), "config: target: this key is not known; did you mean `targets`?");
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_line() {
        for yaml in ["targets: [", "a: 1\na: 2", "- x", "\tx"] {
            let problems = problems(yaml);
            assert!(problems.starts_with("config: "), "{problems}");
        }
        assert!(problems("version: 1\ntargets: [").contains("line 2"), "{}", problems("version: 1\ntargets: ["));
    }
}
