//! The protocol of Docker credential helpers.
//!
//! Source: `client` and `credentials` of docker/docker-credential-helpers, and `cli/config/credentials` of docker/cli.

use regcred_core::{ExposeSecret, Login, Registry};
use serde::Deserialize;

use crate::{answer::Answer, codes, fault::Fault, process::Ended};

/// The command of a helper that prints a login.
pub(crate) const ARGUMENTS: &[&str] = &["get"];
/// The name under which Docker stores its login for Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// The user name that marks an identity token.
const TOKEN_USER: &str = "<token>";
/// The only output of a failed helper that has a meaning. Helpers print their errors to standard output.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// The output of a helper. `ServerURL` repeats the request, and Docker ignores it too.
#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "Username")]
    username: String,
    #[serde(rename = "Secret")]
    secret: String,
}

/// Returns the name that a helper knows the registry by. It has no path, because Docker has one login per host.
pub(crate) fn request(registry: &Registry) -> &str {
    if registry.is_docker_hub() { DOCKER_HUB } else { registry.host_and_port() }
}

/// Reads the login that a helper printed.
pub(crate) fn answer(registry: &Registry, ended: &Ended) -> Result<Answer, Fault> {
    let unknown = || Fault::new(&codes::NO_LOGIN, "it has no login for this registry");
    let output = ended.output.expose_secret();
    if !ended.status.success() {
        return Err(if output.trim_ascii() == NOT_FOUND.as_bytes() { unknown() } else { ended.failure() });
    }
    let invalid = |_| Fault::new(&codes::OUTPUT, "it printed no JSON object with `Username` and `Secret`");
    let Printed { username, secret } = serde_json::from_slice(output).map_err(invalid)?;
    if username.is_empty() && secret.is_empty() {
        // Some helpers report an unknown registry so, without an error.
        return Err(unknown());
    }
    let registries = vec![registry.clone()];
    let login = match username.as_str() {
        TOKEN_USER => Login::identity_token(registries, "", secret.into()),
        _ => Login::new(registries, username, secret.into()),
    };
    Answer::new(login, None)
}

#[cfg(test)]
mod tests {
    use regcred_core::LoginSecret;

    use super::*;

    fn registry(name: &str) -> Registry {
        Registry::new(name).expect("valid")
    }

    #[test]
    fn a_helper_is_asked_for_the_name_that_docker_uses() {
        // Recorded with a stub in `credHelpers` of `skopeo login --get-login` 1.9.3, which differs only for Docker Hub:
        // it sends `docker.io`. Docker sends `IndexServer` of its registry package, as here.
        for (name, sent) in [
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("europe-docker.pkg.dev", "europe-docker.pkg.dev"),
            ("europe-docker.pkg.dev/team/images", "europe-docker.pkg.dev"),
            ("[::1]:5000/team", "[::1]:5000"),
            ("docker.io", "https://index.docker.io/v1/"),
            ("docker.io/team", "https://index.docker.io/v1/"),
        ] {
            assert_eq!(request(&registry(name)), sent, "{name}");
        }
    }

    /// Output and exit code of real helpers, recorded on Debian 12: `printf HOST | HELPER get`.
    #[test]
    fn the_output_of_real_helpers_is_understood() {
        // docker-credential-pass 0.6.4, after `store`.
        let printed = "{\"ServerURL\":\"r.example\",\"Username\":\"robot\",\"Secret\":\"s3cret\"}\n";
        let answer = answer(&registry("r.example"), &Ended::of(0, printed)).expect("it has a login");
        assert_eq!((answer.login.username(), answer.login.secret().expose()), ("robot", "s3cret"));
        for (helper, exit, printed, code) in [
            ("docker-credential-ecr-login 0.6.4", 1, "credentials not found in native keychain\n", &codes::NO_LOGIN),
            (
                "docker-credential-pass 0.6.4 without an entry",
                0,
                "{\"ServerURL\":\"other.example\",\"Username\":\"\",\"Secret\":\"\"}\n",
                &codes::NO_LOGIN,
            ),
            ("docker-credential-pass 0.6.4 without a host", 1, "no credentials server URL\n", &codes::FAILED),
            ("docker-credential-pass 0.6.4 frob", 1, "Unknown credential action `frob`\n", &codes::FAILED),
        ] {
            let fault = super::answer(&registry("r.example"), &Ended::of(exit, printed)).expect_err(helper);
            let error = fault.into_error("cannot get a login");
            assert_eq!((error.code(), error.kind()), (code, code.kind()), "{helper}");
        }
    }

    #[test]
    fn the_user_name_token_marks_an_identity_token() {
        let printed = r#"{"ServerURL":"https://other.example","Username":"<token>","Secret":"refresh"}"#;
        let answer = answer(&registry("r.example/team"), &Ended::of(0, printed)).expect("it is valid");
        assert!(matches!(answer.login.secret(), LoginSecret::IdentityToken(_)));
        assert_eq!((answer.login.username(), answer.login.secret().expose()), ("", "refresh"));
        assert_eq!(answer.login.registries(), [registry("r.example/team")]);
    }
}
