//! The environment as a layer.

use std::{env, ffi::OsString};

use figment::{
    providers::Format,
    value::{Dict, Value},
};

use crate::{Problem, codes, value::variable::PREFIX, yaml::text::Yaml};

/// The prefix with one underscore, which is a common mistake.
const SHORT: &str = "REGCRED_";

/// The variables that set keys, such as `REGCRED__PROVIDERS__PULL__REGION`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// Keys above come before keys below.
    variables: Vec<Variable>,
    /// The names of variables with one underscore, and the keys that were probably meant.
    short: Vec<(String, Vec<String>)>,
}

#[derive(Clone, Debug)]
struct Variable {
    name: String,
    steps: Vec<String>,
    value: Value,
}

impl Environment {
    /// Reads the environment of the process.
    pub(crate) fn read() -> Self {
        Self::of(env::vars_os())
    }

    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut environment = Self::default();
        for (name, text) in variables {
            let Ok(name) = name.into_string() else { continue };
            if let Some(steps) = steps(&name, PREFIX) {
                let value = value(&text.to_string_lossy());
                environment.variables.push(Variable { name, steps, value });
            } else if let Some(steps) = steps(&name, SHORT) {
                environment.short.push((name, steps));
            }
        }
        environment.variables.sort_by(|one, other| one.steps.cmp(&other.steps));
        environment.short.sort();
        environment
    }

    /// Warns of variables that look like regcred's and are not read. `known`: the keys of a config.
    pub(crate) fn warnings(&self, known: &[&str]) -> Vec<Problem> {
        let is_key = |steps: &[String]| steps.first().is_some_and(|step| known.contains(&step.as_str()));
        let meant = self.short.iter().filter(|(_, steps)| is_key(steps));
        let warning = |(name, steps): &(String, Vec<String>)| {
            let right = format!("{PREFIX}{}", steps.join("__").to_uppercase());
            Problem::everywhere(format!(
                "environment {name}: regcred does not read it: use two underscores, as in {right}"
            ))
            .with_code(&codes::VARIABLE)
        };
        meant.map(warning).collect()
    }

    /// Sets the variables in a map, and returns their keys there, such as `targets[0].region`.
    pub(crate) fn apply(&self, dict: &mut Dict) -> Result<Vec<String>, Vec<Problem>> {
        let mut root = Value::from(std::mem::take(dict));
        let (mut keys, mut problems) = (vec![], vec![]);
        for Variable { name, steps, value } in &self.variables {
            match put(&mut root, steps, value.clone(), String::new()) {
                Ok(key) => keys.push(key),
                Err(why) => {
                    problems
                        .push(Problem::everywhere(format!("environment {name}: {why}")).with_code(&codes::VARIABLE));
                }
            }
        }
        *dict = root.into_dict().unwrap_or_default();
        if problems.is_empty() { Ok(keys) } else { Err(problems) }
    }
}

/// Sets the value at the end of the steps. A number is an index into a list. Returns the key.
fn put(value: &mut Value, steps: &[String], new: Value, key: String) -> Result<String, String> {
    let [step, rest @ ..] = steps else {
        *value = new;
        return Ok(key);
    };
    if let Value::Array(_, list) = value {
        let count = list.len();
        let place = step.parse::<usize>().ok().and_then(|place| Some((place, list.get_mut(place)?)));
        let (place, entry) =
            place.ok_or_else(|| format!("`{key}` is a list of {count}, counted from 0, and has no entry {step}"))?;
        return put(entry, rest, new, format!("{key}[{place}]"));
    }
    let mut dict = value.as_dict().cloned().unwrap_or_default();
    let key = if key.is_empty() { step.clone() } else { format!("{key}.{step}") };
    let entry = dict.entry(step.clone()).or_insert_with(|| Value::from(Dict::new()));
    let key = put(entry, rest, new, key);
    *value = Value::from(dict);
    key
}

fn steps(variable: &str, prefix: &str) -> Option<Vec<String>> {
    let steps = variable.strip_prefix(prefix)?.split("__").map(str::to_ascii_lowercase).collect::<Vec<_>>();
    steps.iter().all(|step| !step.is_empty()).then_some(steps)
}

/// Parses `true`, `false`, a list, a map or a quoted text as in YAML. Anything else is text, even if it looks like a
/// number: an account keeps its zeros.
fn value(text: &str) -> Value {
    match text {
        "true" => Value::from(true),
        "false" => Value::from(false),
        text if text.trim_start().starts_with(['[', '{', '"', '\'']) => {
            Yaml::from_str(text).unwrap_or_else(|_| Value::from(text))
        }
        text => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::variable::variable;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::of(variables.iter().map(|(name, text)| (name.into(), text.into())))
    }

    #[test]
    fn variables_set_keys_and_keep_leading_zeros_and_quoted_text() {
        let environment = environment(&[
            ("REGCRED__PROVIDERS__PULL__EXTERNAL_ID", "0123"),
            ("REGCRED__PROVIDERS__PULL__FIPS", "false"),
            ("REGCRED__PROVIDERS__PULL__ACCOUNTS", "[012345678901, '1']"),
            ("REGCRED__INSTANCE", "'7'"),
            ("REGCRED__SCHEDULE", "*/5 * * * *"),
            ("REGCRED_PORT", "tcp://10.0.0.1:80"),
            ("REGCRED__", "x"),
            ("REGCRED____", "x"),
        ]);
        let mut dict = Dict::new();
        let keys = environment.apply(&mut dict).expect("they fit");
        let root = Value::from(dict);
        let text = |key: &str| root.find_ref(key).map(|it| it.as_str().map(str::to_owned));
        assert_eq!(text("providers.pull.external_id"), Some(Some("0123".into())));
        assert_eq!(root.find_ref("providers.pull.fips").and_then(Value::to_bool), Some(false));
        let accounts = root.find_ref("providers.pull.accounts").and_then(Value::as_array).expect("a list");
        assert_eq!(accounts.iter().map(Value::as_str).collect::<Vec<_>>(), [Some("012345678901"), Some("1")]);
        assert_eq!((text("instance"), text("schedule")), (Some(Some("7".into())), Some(Some("*/5 * * * *".into()))));
        assert_eq!(root.as_dict().map(Dict::len), Some(3), "nothing of a Service's variables");
        let variables = keys.iter().map(|key| variable(key)).collect::<Vec<_>>();
        assert!(variables.contains(&"REGCRED__PROVIDERS__PULL__EXTERNAL_ID".to_owned()), "{variables:?}");
    }

    #[test]
    fn a_number_in_a_variable_addresses_an_existing_list_entry() {
        let list = || {
            let yaml = "targets: [{ namespace: a, region: x }, { namespace: b }]";
            Yaml::from_str::<Dict>(yaml).expect("a map")
        };
        let mut dict = list();
        let set = environment(&[("REGCRED__TARGETS__0__REGION", "y"), ("REGCRED__TARGETS__1__SECRET__NAME", "z")]);
        let keys = set.apply(&mut dict).expect("they fit");
        assert_eq!(keys, ["targets[0].region", "targets[1].secret.name"]);
        assert_eq!(variable(&keys[0]), "REGCRED__TARGETS__0__REGION");
        let targets = dict["targets"].as_array().expect("it stays a list");
        assert_eq!(targets[0].find_ref("region").and_then(Value::as_str), Some("y"));
        assert_eq!(targets[0].find_ref("namespace").and_then(Value::as_str), Some("a"));
        for name in ["REGCRED__TARGETS__2__REGION", "REGCRED__TARGETS__REGION", "REGCRED__TARGETS__-1__REGION"] {
            let problems = environment(&[(name, "y")]).apply(&mut list()).expect_err(name);
            let told = problems[0].to_string();
            assert!(told.starts_with(&format!("environment {name}: `targets` is a list of 2")), "{told}");
        }
    }

    #[test]
    fn a_variable_with_one_underscore_causes_a_warning_if_it_looks_like_a_key() {
        let variables = [
            ("REGCRED_SCHEDULE", "x"),
            ("REGCRED_PROVIDERS__PULL__REGION", "x"),
            ("REGCRED_PORT", "x"),
            ("REGCRED_CONFIG", "x"),
            ("REGCRED_SERVICE_HOST", "x"),
            ("REGCRED__INSTANCE", "x"),
        ];
        let warnings = environment(&variables).warnings(&["schedule", "providers", "instance"]);
        let told = warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            told,
            [
                "environment REGCRED_PROVIDERS__PULL__REGION: regcred does not read it: use two underscores, as in REGCRED__PROVIDERS__PULL__REGION",
                "environment REGCRED_SCHEDULE: regcred does not read it: use two underscores, as in REGCRED__SCHEDULE",
            ]
        );
    }
}
