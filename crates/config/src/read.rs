//! From one map to a valid configuration, with every problem at once.

use std::time::Duration;

use figment::value::{Dict, Value};
use regcred_core::{InstanceName, ProviderName, StoreName};

use crate::{
    Config, EcrOptions, OpenShiftOptions, Origin, Problem, Problems, Schedule, Spec, TargetEntry, Wants,
    duration::duration,
    fields::{Fields, shown},
    file::{self, keys},
    merged::Merged,
    nearest::meant,
    spec::{Usual, digest_of, sort},
    target::{self, Defaults, Doubtful},
};

const VERSION: u64 = 1;
/// An API server takes ten times as many: its other clients are not to feel it.
const WRITES: u32 = 50;
/// As often as due times are looked at.
const RESYNC: Duration = Duration::from_mins(5);
/// An API server hardly feels one look a second.
const SHORTEST: Duration = Duration::from_secs(1);
/// Of a token of Amazon ECR.
const LIFE: Duration = Duration::from_hours(12);
/// The sink that nobody has to name.
const CLUSTER: &str = "cluster";

pub(crate) fn read(dict: &Dict, root: &Origin, check: impl Fn(&Config) -> Vec<Problem>) -> Result<Config, Problems> {
    let mut fields = Fields::of::<file::File>(dict, root);
    fields.version();
    let (instance, schedule) = (fields.instance(), fields.schedule());
    let previous_instance = fields.previous_instance(&instance);
    let ecr = Usual { kind: "ecr", keys: keys::<EcrOptions>(), example: "{ type: ecr, region: eu-west-1 }" };
    let (providers, provider_names) = fields.specs("providers", &ecr, |name| ProviderName::new(name).map(drop));
    let openshift = Usual { kind: "openshift", keys: keys::<OpenShiftOptions>(), example: "{ type: openshift }" };
    let (mut sinks, mut sink_names) = fields.specs("sinks", &openshift, |name| StoreName::new(name).map(drop));
    if sink_names.is_empty() && !fields.has("sinks") {
        sinks.push(Spec::new(CLUSTER, "openshift", root.join("sinks").join(CLUSTER)));
        sink_names.push(CLUSTER.into());
    }
    if matches!(fields.get("sinks"), Some(Value::Dict(_, all)) if all.is_empty()) {
        fields.problem("sinks", "it names none: leave it out for the cluster that regcred runs in");
    }
    let defaults = fields.defaults();
    let (targets, doubtful) = fields.targets(&defaults);
    fields.refuse_unnamed(&targets, &provider_names, &sink_names);
    fields.warn_unused(&targets, &providers, &sinks);
    let max_writes_per_second = fields.number("max_writes_per_second").unwrap_or(WRITES);
    let (resync, prune) = (fields.resync(), fields.typed("prune").unwrap_or_default());
    fields.judge_schedule(schedule.as_ref(), &providers, &targets);
    let Fields { mut problems, warnings, .. } = fields;
    let merged = Merged::new(dict, root);
    let config = Config {
        instance,
        previous_instance,
        schedule,
        providers,
        sinks,
        targets,
        doubtful,
        max_writes_per_second,
        resync,
        prune,
        warnings,
        merged,
        digest: digest_of(dict),
    };
    problems.extend(check(&config));
    Problems::check(problems)?;
    Ok(config)
}

impl Fields<'_> {
    fn version(&mut self) {
        let Some(value) = self.get("version") else { return };
        if value.to_u128() != Some(VERSION.into()) && value.as_str() != Some("1") {
            let message = format!("{} is not a version that is known: write {VERSION}", shown(value));
            self.problem("version", message);
        }
    }

    fn instance(&mut self) -> InstanceName {
        let Some(text) = self.text("instance") else { return InstanceName::default() };
        InstanceName::new(text).unwrap_or_else(|error| {
            self.problem("instance", error.to_string());
            InstanceName::default()
        })
    }

    fn previous_instance(&mut self, instance: &InstanceName) -> Option<InstanceName> {
        match InstanceName::new(self.text("previous_instance")?) {
            Ok(previous) if previous == *instance => {
                let message =
                    format!("it is the name of `instance`, {instance}: leave it out, or give `instance` a new name");
                self.problem("previous_instance", message);
                None
            }
            Ok(previous) => Some(previous),
            Err(error) => {
                self.problem("previous_instance", error.to_string());
                None
            }
        }
    }

    fn schedule(&mut self) -> Option<Schedule> {
        let (zone, text) = (self.text("time_zone"), self.text("schedule"));
        if let Some(zone) = &zone {
            if let Err(error) = Schedule::parse("@daily", Some(zone)) {
                self.problem("time_zone", error.to_string());
            } else if text.is_none() && !self.has("schedule") {
                self.warn("time_zone", "it is the zone of `schedule`, and there is none");
            }
        }
        let text = text?;
        if let Err(error) = Schedule::parse(&text, None) {
            self.problem("schedule", error.to_string());
            return None;
        }
        Schedule::parse(&text, zone.as_deref()).ok()
    }

    fn resync(&mut self) -> Duration {
        let Some(value) = self.get("resync") else { return RESYNC };
        let span = value.as_str().and_then(duration);
        let wrong = match (value, span) {
            (_, Some(span)) if span >= SHORTEST => return span,
            (_, Some(_)) => format!("{} is too often: at least 1s", shown(value)),
            (Value::Num(..), None) => format!("{} has no unit: write a duration such as 5m", shown(value)),
            (_, None) => format!("{} is not a duration such as 90s, 5m or 1h", shown(value)),
        };
        self.problem("resync", wrong);
        RESYNC
    }

    /// Refuses a schedule between whose runs tokens end: a pass that runs by it alone would let them expire.
    fn judge_schedule(&mut self, schedule: Option<&Schedule>, providers: &[Spec], targets: &[TargetEntry]) {
        let is_ecr = |target: &TargetEntry| match &target.wants {
            Wants::Registries(_) => true,
            Wants::Providers(names) => {
                let is_named = |spec: &&Spec| names.iter().any(|name| name.as_str() == spec.name());
                providers.iter().filter(is_named).any(|spec| spec.kind() == "ecr")
            }
        };
        let Some(schedule) = schedule.filter(|_| targets.iter().any(is_ecr)) else { return };
        let longest = schedule.gaps().map_or(Duration::MAX, |(_, longest)| longest);
        if longest < LIFE.mul_f64(0.9) {
            return;
        }
        let pause = match schedule.gaps() {
            Some((_, longest)) => format!("pauses for up to {} hours", longest.as_secs().div_ceil(3_600)),
            None => "runs only once".into(),
        };
        let message = format!(
            "{schedule} {pause}, and a token of Amazon ECR lives for 12: run it at least every 10 hours, or leave the schedule out"
        );
        self.problem("schedule", message);
    }

    /// A map of things with a type; also the names of those in which something is wrong.
    fn specs(
        &mut self,
        key: &str,
        usual: &Usual,
        check: fn(&str) -> regcred_core::Result<()>,
    ) -> (Vec<Spec>, Vec<String>) {
        let (mut specs, mut names) = (vec![], vec![]);
        let entries = match self.get(key) {
            None => return (specs, names),
            Some(Value::Dict(_, entries)) => entries,
            Some(other) => {
                let message = format!("{} is not a map of names, each with a `type` and its options", sort(other));
                self.problem(key, message);
                return (specs, names);
            }
        };
        for (name, entry) in entries {
            names.push(name.clone());
            let origin = self.origin().join(key).join(name);
            if let Err(error) = check(name) {
                self.problems.push(Problem::at(origin.clone(), error.to_string()));
            }
            let (spec, problem) = Spec::read(name, entry, origin, usual);
            specs.extend(spec);
            self.problems.extend(problem);
        }
        (specs, names)
    }

    fn defaults(&mut self) -> Defaults {
        let Some(value) = self.get("defaults") else { return Defaults::default() };
        let (defaults, problems) = Defaults::read(value, &self.origin().join("defaults"));
        self.problems.extend(problems);
        defaults
    }

    fn targets(&mut self, defaults: &Defaults) -> (Vec<TargetEntry>, Vec<Doubtful>) {
        let nothing =
            "no target is named: `targets:` is a list of entries such as { namespace: team-a, region: eu-west-1 }";
        let entries = match self.get("targets") {
            Some(Value::Array(_, entries)) if !entries.is_empty() => entries,
            _ => {
                self.missing("targets", nothing);
                return (vec![], vec![]);
            }
        };
        let (mut targets, mut doubtful) = (vec![], vec![]);
        for (place, entry) in entries.iter().enumerate() {
            let origin = self.origin().join(&format!("targets[{place}]"));
            match target::read(entry, &origin, defaults, &mut self.warnings) {
                Ok(target) => targets.push(target),
                Err((problems, registries)) => {
                    self.problems.extend(problems);
                    doubtful.extend(registries);
                }
            }
        }
        self.problems.extend(target::take_repeated(&mut targets));
        (targets, doubtful)
    }

    /// What nobody uses was meant for somebody.
    fn warn_unused(&mut self, targets: &[TargetEntry], providers: &[Spec], sinks: &[Spec]) {
        if !self.problems.is_empty() {
            return; // whoever uses it may be among what is wrong
        }
        let is_unwanted = |spec: &&Spec| {
            !targets.iter().any(|target| match &target.wants {
                Wants::Providers(names) => names.iter().any(|name| name.as_str() == spec.name()),
                Wants::Registries(_) => false,
            })
        };
        for spec in providers.iter().filter(is_unwanted) {
            self.warnings.push(Problem::at(spec.origin().clone(), "no target wants it"));
        }
        let is_unused = |spec: &&Spec| {
            let uses = |target: &TargetEntry| target.sink.as_ref().is_none_or(|sink| sink.as_str() == spec.name());
            !targets.iter().any(uses)
        };
        for spec in sinks.iter().filter(is_unused) {
            self.warnings.push(Problem::at(spec.origin().clone(), "no target is kept there"));
        }
    }

    /// Every provider and sink that a target names has to be there.
    fn refuse_unnamed(&mut self, targets: &[TargetEntry], providers: &[String], sinks: &[String]) {
        for target in targets {
            if let Wants::Providers(names) = &target.wants
                && !self.is_misspelt("providers")
            {
                for (place, name) in names.iter().enumerate() {
                    if let Some(message) = unnamed("providers", name.as_str(), providers) {
                        self.problems.push(Problem::at(target.origin.join(&format!("providers[{place}]")), message));
                    }
                }
            }
            match &target.sink {
                Some(name) => {
                    if let Some(message) = unnamed("sinks", name.as_str(), sinks) {
                        self.problems.push(Problem::at(target.origin.join("sink"), message));
                    }
                }
                None if sinks.len() > 1 => {
                    let message = format!("it is missing, and `sinks:` names several: {}", sinks.join(", "));
                    self.problems.push(Problem::at(target.origin.join("sink"), message));
                }
                None => {}
            }
        }
    }
}

/// That a name is not there, and which may have been meant.
fn unnamed(key: &str, name: &str, known: &[String]) -> Option<String> {
    if known.iter().any(|known| known == name) {
        return None;
    }
    let hint = match meant(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        None if known.is_empty() => "it names none".into(),
        None => format!("known are {}", known.join(", ")),
    };
    Some(format!("`{key}:` does not name {name:?}; {hint}"))
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
             config: version: 2 is not a version that is known: write 1\n"
                .to_owned()
                + &format!("config: schedule: {}\n", Schedule::parse("61 * * * *", None).expect_err("61 minutes"))
                + "config: targets[0].namespace: \"Team\" is not a namespace: only lower-case letters, digits and '-' are allowed\n\
                   config: targets[1].region: it is missing: name a `region`, or a `registry` by its host\n\
                   config: targets[2]: 7 is not an entry such as { namespace: team-a, region: eu-west-1 }"
        );
    }

    #[test]
    fn a_schedule_or_zone_that_is_none_is_told_where_it_stands() {
        let zone = problems(&format!("schedule: '@hourly'\ntime_zone: Europe/Bonn\n{TARGETS}"));
        assert!(zone.starts_with("config: time_zone: ") && zone.contains("Europe/Bonn"), "{zone}");
        let number = problems(&format!("schedule: 5\n{TARGETS}"));
        assert_eq!(number, "config: schedule: 5 is not text: put it in quotes");
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
            assert!(problems.starts_with("config:"), "{problems}");
        }
        let unclosed = problems("version: 1\ntargets: [");
        assert!(unclosed.starts_with("config:2: "), "{unclosed}");
    }
}
