//! Reads one map into the content of a config, with all problems at once.

use std::time::Duration;

use figment::value::{Dict, Value};
use regcred_core::{InstanceName, ProviderName, StoreName};

use super::{
    entries::{refuse_unnamed, specs, warn_unused},
    fields::Fields,
    schedule::schedule,
    target::{self, Defaults},
};
use crate::{
    Grammar, Origin, Problem, Spec, TargetEntry,
    model::{content::Content, file, merged::Merged},
    names::duration::duration,
    value::{digest::digest_of, shown::shown},
};

const VERSION: u64 = 1;
/// An API server accepts ten times as many. Its other clients must not notice regcred's writes.
const WRITES: u32 = 50;
/// The interval at which the engine checks due times.
const RESYNC: Duration = Duration::from_mins(5);
/// One read per second is a negligible load for an API server.
const SHORTEST: Duration = Duration::from_secs(1);
/// The sink of a config without `sinks`.
const CLUSTER: &str = "cluster";

/// Reads a map. Returns its valid parts, and every problem.
pub(crate) fn read(dict: &Dict, root: &Origin, grammar: &Grammar) -> (Content, Vec<Problem>) {
    let mut fields = Fields::of::<file::File>(dict, root);
    version(&mut fields);
    let (instance, schedule) = (instance(&mut fields), schedule(&mut fields));
    let previous_instance = previous_instance(&mut fields, &instance);
    let is_provider = |name: &str| ProviderName::new(name).map(drop);
    let (providers, provider_names) =
        specs(&mut fields, "providers", &grammar.providers, is_provider, Spec::read_provider);
    let is_store = |name: &str| StoreName::new(name).map(drop);
    let (mut sinks, mut sink_names) = specs(&mut fields, "sinks", &grammar.sinks, is_store, Spec::read);
    if sink_names.is_empty() && !fields.has("sinks") {
        sinks.push(Spec::new(CLUSTER, "openshift", root.join("sinks").join(CLUSTER)));
        sink_names.push(CLUSTER.into());
    }
    if matches!(fields.get("sinks"), Some(Value::Dict(_, all)) if all.is_empty()) {
        fields.problem("sinks", "it names none: leave it out for the cluster that regcred runs in");
    }
    let defaults = defaults(&mut fields);
    let (targets, doubtful) = targets(&mut fields, &defaults, grammar, &sinks);
    refuse_unnamed(&mut fields, &targets, &provider_names, &sink_names);
    warn_unused(&mut fields, &targets, &providers, &sinks);
    let max_writes_per_second = fields.number("max_writes_per_second").unwrap_or(WRITES);
    let (resync, prune) = (resync(&mut fields), fields.typed("prune").unwrap_or_default());
    let Fields { problems, warnings, .. } = fields;
    let merged = Merged::new(dict, root, grammar);
    let content = Content {
        origin: root.clone(),
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
    (content, problems)
}

fn version(fields: &mut Fields<'_>) {
    let Some(value) = fields.get("version") else { return };
    if value.to_u128() != Some(VERSION.into()) && value.as_str() != Some("1") {
        let message = format!("{} is not a known version: write {VERSION}", shown(value));
        fields.problem("version", message);
    }
}

fn instance(fields: &mut Fields<'_>) -> InstanceName {
    let Some(text) = fields.text("instance") else { return InstanceName::default() };
    InstanceName::new(text).unwrap_or_else(|error| {
        fields.problem("instance", error.to_string());
        InstanceName::default()
    })
}

fn previous_instance(fields: &mut Fields<'_>, instance: &InstanceName) -> Option<InstanceName> {
    match InstanceName::new(fields.text("previous_instance")?) {
        Ok(previous) if previous == *instance => {
            let message =
                format!("it is the name of `instance`, {instance}: leave it out, or give `instance` a new name");
            fields.problem("previous_instance", message);
            None
        }
        Ok(previous) => Some(previous),
        Err(error) => {
            fields.problem("previous_instance", error.to_string());
            None
        }
    }
}

fn resync(fields: &mut Fields<'_>) -> Duration {
    let Some(value) = fields.get("resync") else { return RESYNC };
    let span = value.as_str().and_then(duration);
    let wrong = match (value, span) {
        (_, Some(span)) if span >= SHORTEST => return span,
        (_, Some(_)) => format!("{} is too often: at least 1s", shown(value)),
        (Value::Num(..), None) => format!("{} has no unit: write a duration such as 5m", shown(value)),
        (_, None) => format!("{} is not a duration such as 90s, 5m or 1h", shown(value)),
    };
    fields.problem("resync", wrong);
    RESYNC
}

fn defaults(fields: &mut Fields<'_>) -> Defaults {
    let Some(value) = fields.get("defaults") else { return Defaults::default() };
    let (defaults, problems) = Defaults::read(value, &fields.origin().join("defaults"));
    fields.problems.extend(problems);
    defaults
}

fn targets(
    fields: &mut Fields<'_>,
    defaults: &Defaults,
    grammar: &Grammar,
    sinks: &[Spec],
) -> (Vec<TargetEntry>, Vec<Spec>) {
    let entries = match fields.get("targets") {
        Some(Value::Array(_, entries)) if !entries.is_empty() => entries,
        _ => {
            let example = grammar.target_example();
            fields.missing("targets", format!("no target is named: `targets:` is a list of entries such as {example}"));
            return (vec![], vec![]);
        }
    };
    let reader = target::Reader::new(grammar, sinks, defaults);
    let (mut targets, mut doubtful) = (vec![], vec![]);
    for (place, entry) in entries.iter().enumerate() {
        let origin = fields.origin().join(&format!("targets[{place}]"));
        match reader.read(entry, &origin, &mut fields.warnings) {
            Ok(target) => targets.push(target),
            Err((problems, unchecked)) => {
                fields.problems.extend(problems);
                doubtful.extend(unchecked);
            }
        }
    }
    fields.problems.extend(target::take_repeated(&mut targets));
    (targets, doubtful)
}

#[cfg(test)]
mod tests {
    use crate::{Schedule, grammar::tests::config};

    fn problems(yaml: &str) -> String {
        config(yaml).expect_err(yaml).to_string()
    }

    const TARGETS: &str = "targets: [{ namespace: team-a, host: quay.io }]\n";

    #[test]
    fn a_valid_config_is_read_completely() {
        let yaml = format!("version: 1\nschedule: '17 */4 * * *'\ntime_zone: Europe/Berlin\n{TARGETS}");
        let config = config(&yaml).expect("it is valid");
        let schedule = config.schedule().expect("there is one");
        assert_eq!((schedule.to_string().as_str(), schedule.time_zone()), ("17 */4 * * *", "Europe/Berlin"));
        assert_eq!((config.targets().len(), config.warnings().len()), (1, 0));
    }

    #[test]
    fn all_problems_are_reported_at_once_with_their_keys() {
        let yaml = "timeZone: UTC\nschedule: '61 * * * *'\nversion: 2\ntargets:\n\
                    - { namespace: Team, host: quay.io }\n- { namespace: team-b }\n- 7\n";
        assert_eq!(
            problems(yaml),
            "config: timeZone: this key is not known; did you mean `time_zone`?\n\
             config: version: 2 is not a known version: write 1\n"
                .to_owned()
                + &format!("config: schedule: {}\n", Schedule::parse("61 * * * *", None).expect_err("61 minutes"))
                + "config: targets[0].namespace: \"Team\" is not a namespace: only lower-case letters, digits and '-' are allowed\n\
                   config: targets[2]: 7 is not an entry such as { namespace: team-a, host: quay.io }"
        );
    }

    #[test]
    fn an_invalid_schedule_or_time_zone_is_reported_with_its_key() {
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
    fn invalid_yaml_is_refused_with_its_line() {
        for yaml in ["targets: [", "a: 1\na: 2", "- x", "\tx"] {
            let problems = problems(yaml);
            assert!(problems.starts_with("config:"), "{problems}");
        }
        let unclosed = problems("version: 1\ntargets: [");
        assert!(unclosed.starts_with("config:2: "), "{unclosed}");
    }
}
