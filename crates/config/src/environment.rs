//! The environment as a layer.

use std::{env, ffi::OsString};

use figment::{
    Error, Metadata, Profile, Provider,
    providers::Format,
    util::nest,
    value::{Dict, Map, Value},
};

use crate::yaml::Yaml;

/// Two underscores: a Service named `regcred` puts `REGCRED_PORT` and its like into every pod.
const PREFIX: &str = "REGCRED__";

/// What variables such as `REGCRED__PROVIDERS__PULL__REGION` say, by key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(Vec<(String, Value)>);

impl Environment {
    /// That of the process.
    pub(crate) fn read() -> Self {
        Self::of(env::vars_os())
    }

    fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let texts = variables.into_iter().filter_map(|(name, text)| Some((name.into_string().ok()?, text)));
        let mut all =
            texts.filter_map(|(name, text)| Some((key(&name)?, value(&text.to_string_lossy())))).collect::<Vec<_>>();
        all.sort_by(|(one, _), (other, _)| one.cmp(other)); // what is above comes before what is below
        Self(all)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

impl Provider for Environment {
    fn metadata(&self) -> Metadata {
        Metadata::named("environment")
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let mut figment = figment::Figment::new();
        for (key, value) in &self.0 {
            let dict = nest(key, value.clone()).into_dict().unwrap_or_default();
            figment = figment.merge(figment::providers::Serialized::defaults(dict));
        }
        figment.data()
    }
}

/// The variable that sets a key.
pub(crate) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn key(variable: &str) -> Option<String> {
    let steps = variable.strip_prefix(PREFIX)?.split("__").map(str::to_ascii_lowercase).collect::<Vec<_>>();
    steps.iter().all(|step| !step.is_empty()).then(|| steps.join("."))
}

/// `true`, `false`, a list, a map or a quoted text as in YAML; anything else is text, also where it looks like a number: an
/// account keeps its zeros.
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

    #[test]
    fn variables_are_keys_and_their_texts_stay_what_they_are() {
        let variables = [
            ("REGCRED__PROVIDERS__PULL__EXTERNAL_ID", "0123"),
            ("REGCRED__PROVIDERS__PULL__FIPS", "false"),
            ("REGCRED__PROVIDERS__PULL__ACCOUNTS", "[012345678901, '1']"),
            ("REGCRED__INSTANCE", "'7'"),
            ("REGCRED__SCHEDULE", "*/5 * * * *"),
            ("REGCRED_PORT", "tcp://10.0.0.1:80"),
            ("REGCRED__", "x"),
            ("REGCRED____", "x"),
        ];
        let environment = Environment::of(variables.map(|(name, text)| (name.into(), text.into())));
        let data = environment.data().expect("it is data");
        let root = Value::from(data[&Profile::Default].clone());
        let text = |key: &str| root.find_ref(key).map(|it| it.as_str().map(str::to_owned));
        assert_eq!(text("providers.pull.external_id"), Some(Some("0123".into())));
        assert_eq!(root.find_ref("providers.pull.fips").and_then(Value::to_bool), Some(false));
        let accounts = root.find_ref("providers.pull.accounts").and_then(Value::as_array).expect("a list");
        assert_eq!(accounts.iter().map(Value::as_str).collect::<Vec<_>>(), [Some("012345678901"), Some("1")]);
        assert_eq!((text("instance"), text("schedule")), (Some(Some("7".into())), Some(Some("*/5 * * * *".into()))));
        assert_eq!(root.as_dict().map(Dict::len), Some(3), "nothing of a Service's variables");
        let keys = environment.keys().map(variable).collect::<Vec<_>>();
        assert!(keys.contains(&"REGCRED__PROVIDERS__PULL__EXTERNAL_ID".to_owned()), "{keys:?}");
    }
}
