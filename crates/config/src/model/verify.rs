//! The keys `verify` and `verify_repository` of an entry of `providers:`.

use figment::value::{Dict, Value};
use regcred_core::RepositoryName;

use crate::{
    Origin, Problem, codes,
    grammar::{VERIFY, VERIFY_REPOSITORY},
    names::word::{VERIFY_LEVELS, not_one_of},
    value::shown::{not_text, shown, sort},
};

/// How a new credential is tried at its registries, before it replaces one that works.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Verify {
    /// Whether a registry also refuses a credential with HTTP 403. Otherwise only HTTP 401 refuses it.
    pub is_strict: bool,
    /// The repository that the credential must be able to read. `None`: it must only log in.
    pub repository: Option<RepositoryName>,
}

impl Verify {
    /// Creates a verification without a repository.
    pub fn new(is_strict: bool) -> Self {
        Self { is_strict, repository: None }
    }

    /// Sets the repository that the credential must be able to read.
    #[must_use]
    pub fn with_repository(self, repository: RepositoryName) -> Self {
        Self { repository: Some(repository), ..self }
    }

    /// Removes the keys from the options of an entry at `origin`, and reads them. Returns every problem.
    pub(crate) fn take(options: &mut Dict, origin: &Origin) -> (Option<Self>, Vec<Problem>) {
        let (level, repository) = (options.remove(VERIFY), options.remove(VERIFY_REPOSITORY));
        let mut problems = vec![];
        let (verify, is_off) = match level.as_ref().map(level_of) {
            None | Some(Ok(None)) => (None, true),
            Some(Ok(verify)) => (verify, false),
            Some(Err(problem)) => {
                problems.push(problem(origin));
                (None, false)
            }
        };
        let repository = repository.and_then(|value| {
            let at = origin.join(VERIFY_REPOSITORY);
            if is_off {
                let message = "it has no effect without `verify: true`";
                problems.push(Problem::at(at.clone(), message).with_code(&codes::COMBINATION));
            }
            let Value::String(_, text) = &value else {
                let message = format!("{} {}", shown(&value), not_text(VERIFY_REPOSITORY, sort(&value)));
                problems.push(Problem::at(at, message).with_code(&codes::TYPE));
                return None;
            };
            let invalid = |error: regcred_core::Error| Problem::at(at, error.to_string()).with_code(&codes::VALUE);
            RepositoryName::new(text).map_err(|error| problems.push(invalid(error))).ok()
        });
        (verify.map(|verify| Self { repository, ..verify }), problems)
    }
}

/// Reads the level. `Ok(None)`: a credential is not tried.
fn level_of(value: &Value) -> Result<Option<Verify>, impl FnOnce(&Origin) -> Problem> {
    match value {
        Value::Bool(_, is_on) => Ok(is_on.then(|| Verify::new(false))),
        Value::String(_, word) if word == "strict" => Ok(Some(Verify::new(true))),
        other => {
            let (text, code) = (other.as_str(), if other.as_str().is_some() { &codes::VALUE } else { &codes::TYPE });
            let message = not_one_of(VERIFY_LEVELS, sort(other), text);
            Err(move |origin: &Origin| Problem::at(origin.join(VERIFY), message).with_code(code))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Problems, grammar::tests::config};

    fn with(options: &str) -> Result<Config, Problems> {
        let providers = format!("providers: {{ p: {{ type: robot, host: quay.io, {options} }} }}");
        config(&format!("{providers}\ntargets: [{{ namespace: a, providers: [p] }}]"))
    }

    #[test]
    fn the_keys_are_common_to_all_types_and_leave_the_digest_unchanged() {
        let plain = with("").expect("valid").providers()[0].clone();
        let team = RepositoryName::new("team/app").expect("valid");
        for (options, expected) in [
            ("", None),
            ("verify: false", None),
            ("verify: true", Some(Verify::new(false))),
            ("verify: strict", Some(Verify::new(true))),
            ("verify: true, verify_repository: team/app", Some(Verify::new(false).with_repository(team.clone()))),
            ("verify: strict, verify_repository: team/app", Some(Verify::new(true).with_repository(team))),
        ] {
            let config = with(options).expect(options);
            let spec = &config.providers()[0];
            assert_eq!(spec.verify(), expected.as_ref(), "{options}");
            assert_eq!((spec.digest(), spec.has(VERIFY), spec), (plain.digest(), false, &plain), "{options}");
            let shown = config.settings().iter().filter(|it| it.key.contains(VERIFY) && it.value != "<hidden>").count();
            assert_eq!(shown, options.matches("verify").count(), "{options}");
        }
    }

    #[test]
    fn each_fault_is_reported_at_its_key() {
        for (options, key, code, message) in [
            ("verify: yes", "verify", "RC0107", "\"yes\" is not true, false or strict: write one of these"),
            ("verify: 'true'", "verify", "RC0107", "\"true\" is text: write true without quotes"),
            ("verify: 1", "verify", "RC0106", "a number is not true, false or strict: write one of these"),
            ("verify: ", "verify", "RC0106", "nothing is not true, false or strict: write one of these"),
            ("verify_repository: a", "verify_repository", "RC0110", "it has no effect without `verify: true`"),
            ("verify: true, verify_repository: [a]", "verify_repository", "RC0106", "is not text"),
            ("verify: true, verify_repository: a:1", "verify_repository", "RC0107", "leave out the tag"),
            ("verfy: true", "verfy", "RC0104", "did you mean `verify`?"),
            ("other: 1", "other", "RC0104", "known keys: host, robot, token_file, verify, verify_repository"),
        ] {
            let problems = Vec::from(with(options).and_then(|config| checked(&config)).expect_err(options));
            let [problem] = &problems[..] else { panic!("{options}: {problems:?}") };
            let at = problem.origin.as_ref().map(|it| it.key.clone());
            assert_eq!((at, problem.code.id()), (Some(format!("providers.p.{key}")), code), "{options}");
            assert!(problem.message.contains(message), "{options}: {problem}");
        }
    }

    /// Reads the options, as the type does.
    fn checked(config: &Config) -> Result<(), Problems> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "its fields are keys")]
        struct Options {
            host: String,
            robot: Option<String>,
            token_file: Option<String>,
        }
        config.providers()[0].options::<Options>().map(drop)
    }

    #[test]
    fn a_sink_has_no_such_keys() {
        let yaml = "sinks: { c: { type: openshift, verify: true } }\ntargets: [{ namespace: a, host: quay.io }]";
        assert!(config(yaml).expect("its type reads the keys").sinks()[0].has(VERIFY));
    }
}
