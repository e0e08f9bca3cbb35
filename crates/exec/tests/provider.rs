//! The provider with programs of the test: the conformance suite, and one fault of a program per row.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use regcred_core::{
    Clock, Code, Error, ErrorKind, LoginSecret, Registry, RegistryProvider, SystemClock, async_trait,
    testing::conformance,
};
use regcred_exec::{ExecProvider, ExecProviderBuilder, Life, Protocol, Variables, codes};

const GOOD: &str = r#"echo '{"ServerURL":"r.example","Username":"robot","Secret":"canary-1"}'"#;
const RESPONSE: &str = r#""kind":"CredentialProviderResponse","apiVersion":"credentialprovider.kubelet.k8s.io/v1""#;

/// Returns a builder of a provider whose program is a shell with this script. It needs no file, so that no test executes
/// a file that another thread still writes.
fn shell(protocol: Protocol, script: &str) -> ExecProviderBuilder {
    let registries = vec![Registry::new("r.example").expect("valid")];
    ExecProvider::builder(protocol, "/bin/sh", registries).with_args(["-c", script])
}

fn hour() -> Life {
    Life::lasting(Duration::from_hours(1)).expect("valid")
}

async fn failure(builder: ExecProviderBuilder) -> Error {
    let provider = builder.build().expect("it is whole");
    let error = provider.credential().await.expect_err("it fails");
    for shown in [error.chain(), format!("{error:?}"), format!("{provider:?}")] {
        assert!(!shown.contains("canary"), "{shown}");
    }
    error
}

/// Two shells. The second one prints no login.
struct Shells(Protocol, &'static str);

#[async_trait]
impl conformance::ProviderUnderTest for Shells {
    fn canary(&self) -> &'static str {
        "canary"
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(shell(self.0, self.1).with_life(hour()).build().expect("it is whole"))
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        Arc::new(shell(self.0, "echo canary; echo canary >&2").with_life(hour()).build().expect("it is whole"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_conforms_with_both_protocols() {
    conformance::provider(&Shells(Protocol::Docker, GOOD)).await;
    let auth = r#"echo '{RESPONSE,"auth":{"*.example":{"username":"robot","password":"canary"}}}'"#;
    let printed: &str = auth.replace("RESPONSE", RESPONSE).leak();
    conformance::provider(&Shells(Protocol::Kubelet, printed)).await;
}

#[tokio::test]
async fn each_fault_of_a_helper_has_its_code() {
    let rows: &[(&str, &Code, ErrorKind, &str)] = &[
        ("echo canary; echo canary >&2; exit 1", &codes::FAILED, ErrorKind::Unreachable, "exit status: 1"),
        ("echo canary; exit 255", &codes::FAILED, ErrorKind::Unreachable, "exit status: 255"),
        ("kill -9 $$", &codes::FAILED, ErrorKind::Unreachable, "signal: 9"),
        (
            "echo; echo ' credentials not found in native keychain'; exit 1",
            &codes::NO_LOGIN,
            ErrorKind::Denied,
            "no login for this registry",
        ),
        (
            "echo credentials not found in native keychain, canary; exit 1",
            &codes::FAILED,
            ErrorKind::Unreachable,
            "exit status: 1",
        ),
        (r#"echo '{"Username":"","Secret":""}'"#, &codes::NO_LOGIN, ErrorKind::Denied, "no login"),
        ("true", &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        ("echo canary", &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        ("printf '\\377canary'", &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        (r#"echo '{"Username":"robot","Secret":"canary'"#, &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        (r#"echo '{"Username":"robot","Secret":7}'"#, &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        (r#"echo '{"Username":"canary"}'"#, &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        (r#"echo '["robot","canary"]' x"#, &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        (r#"echo '{"Username":"a","Secret":"canary"}{}'"#, &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
        (r#"echo '{"Username":"","Secret":"canary"}'"#, &codes::OUTPUT, ErrorKind::Malformed, "user name is empty"),
        (r#"echo '{"Username":"robot","Secret":""}'"#, &codes::OUTPUT, ErrorKind::Malformed, "password is empty"),
        (
            r#"echo '{"Username":"<token>","Secret":""}'"#,
            &codes::OUTPUT,
            ErrorKind::Malformed,
            "identity token is empty",
        ),
        (r#"echo '{"Username":"canary:x","Secret":"p"}'"#, &codes::OUTPUT, ErrorKind::Malformed, "a colon"),
        (r#"printf '{"Username":"canary\\u0007","Secret":"p"}'"#, &codes::OUTPUT, ErrorKind::Malformed, "control"),
        (r#"printf '{"Username":"u","Secret":"canary\\u0000"}'"#, &codes::OUTPUT, ErrorKind::Malformed, "NUL"),
        ("yes canary", &codes::OUTPUT, ErrorKind::Malformed, "more than 64 KiB"),
        ("head -c 65537 /dev/zero", &codes::OUTPUT, ErrorKind::Malformed, "more than 64 KiB"),
        ("head -c 65536 /dev/zero", &codes::OUTPUT, ErrorKind::Malformed, "no JSON object"),
    ];
    for (script, code, kind, reason) in rows {
        let error = failure(shell(Protocol::Docker, script).with_life(hour())).await;
        assert_eq!((error.code(), error.kind()), (*code, *kind), "{script}: {error:?}");
        assert_eq!(error.to_string(), "cannot get a login for r.example from /bin/sh");
        assert!(error.chain().contains(reason), "{script}: {}", error.chain());
    }
}

#[tokio::test]
async fn each_fault_of_a_plugin_has_its_code() {
    let v1 = "credentialprovider.kubelet.k8s.io/v1";
    let response = |rest: &str| format!("echo '{{{RESPONSE},{rest}}}'");
    let login = r#""auth":{"r.example":{"username":"robot","password":"canary"}}"#;
    let rows = [
        ("echo canary; exit 1".into(), &codes::FAILED, "exit status: 1"),
        ("echo canary".into(), &codes::OUTPUT, "no CredentialProviderResponse"),
        ("echo '{}'".into(), &codes::OUTPUT, "no CredentialProviderResponse"),
        (format!("echo '{{{login}}}'"), &codes::OUTPUT, "no CredentialProviderResponse"),
        (response(login).replace(v1, "canary/v1"), &codes::OUTPUT, v1),
        (response(login).replace(v1, "credentialprovider.kubelet.k8s.io/v1beta1"), &codes::OUTPUT, v1),
        (response(login).replace("ProviderResponse", "ProviderRequest"), &codes::OUTPUT, v1),
        (response(r#""auth":["canary"]"#), &codes::OUTPUT, "no CredentialProviderResponse"),
        (response(r#""auth":{}"#), &codes::NO_LOGIN, "no login for this registry"),
        (response(r#""auth":{"s.example":{"username":"a","password":"canary"}}"#), &codes::NO_LOGIN, "no login"),
        (response(r#""auth":{"r.example":{"password":"canary"}}"#), &codes::OUTPUT, "user name is empty"),
        (response(&format!(r#"{login},"cacheDuration":"canary""#)), &codes::OUTPUT, "`cacheDuration`"),
        (response(&format!(r#"{login},"cacheDuration":"1ns""#)), &codes::EXPIRED, "has ended or ends now"),
        (response(&format!(r#"{login},"cacheDuration":"0s""#)), &codes::NO_END, "so set `life`"),
        (response(login), &codes::NO_END, "so set `life`"),
    ];
    for (script, code, reason) in rows {
        let error = failure(shell(Protocol::Kubelet, &script)).await;
        assert_eq!(error.code(), code, "{script}: {error:?}");
        assert!(error.chain().contains(reason), "{script}: {}", error.chain());
    }
}

#[tokio::test]
async fn a_silent_program_hits_the_deadline() {
    for script in ["sleep 1000", "exec 1>&-; sleep 1000", "echo canary; while :; do sleep 1000; done"] {
        let builder = shell(Protocol::Docker, script).with_life(hour()).with_timeout(Duration::from_millis(100));
        let error = failure(builder).await;
        assert_eq!((error.code(), error.kind()), (&codes::UNFINISHED, ErrorKind::Unreachable), "{script}: {error:?}");
        assert!(error.chain().ends_with("it did not end within 0.1 s, so regcred killed it"), "{error:?}");
    }
}

#[tokio::test]
async fn a_program_without_its_interpreter_is_not_installed() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("helper");
    // Another process writes the file, because a file that is open for writing cannot be executed.
    for (first, code) in [("#!/nonexistent/shell", &codes::NOT_INSTALLED), ("canary", &codes::NOT_EXECUTABLE)] {
        let script = format!("printf '%s\\n' '{first}' > {0}; chmod +x {0}", file.display());
        assert!(std::process::Command::new("sh").args(["-c", &script]).status().expect("it runs").success());
        let registries = vec![Registry::new("r.example").expect("valid")];
        let error = failure(ExecProvider::builder(Protocol::Docker, &file, registries)).await;
        assert_eq!((error.code(), error.kind()), (code, ErrorKind::Invalid), "{error:?}");
    }
}

#[tokio::test]
async fn the_program_gets_its_request_its_arguments_and_a_clean_environment() {
    let print =
        r#"read -r image; printf '{"Username":"%s","Secret":"%s"}' "$0 $*" "$image $(env | sort | tr '\n' ' ')""#;
    let variables = [("PATH", "/usr/bin:/bin"), ("HOME", "/h"), ("CANARY", "leaked"), ("PROXY", "p")];
    let provider = shell(Protocol::Docker, print)
        .with_args(["-c", print, "first"])
        .with_life(hour())
        .with_inherited(["PROXY", "UNSET"])
        .with_env([("OWN", "o")])
        .with_variables(Variables::new(variables));
    let credential = provider.build().expect("it is whole").credential().await.expect("it prints a login");
    let [login] = credential.logins() else { panic!("{credential:?}") };
    assert_eq!(login.username(), "first get");
    // A shell sets the others.
    let words = login.secret().expose().split(' ').filter(|it| !it.is_empty() && !it.starts_with("_="));
    let words = words.filter(|it| !["PWD=", "SHLVL=", "OLDPWD="].iter().any(|name| it.starts_with(name)));
    assert_eq!(words.collect::<Vec<_>>(), ["r.example", "HOME=/h", "OWN=o", "PATH=/usr/bin:/bin", "PROXY=p"]);
}

#[tokio::test]
async fn each_registry_gets_a_run_and_a_login_of_its_own() {
    let script = r#"read -r host; printf '{"ServerURL":"other","Username":"<token>","Secret":"for %s"}' "$host""#;
    let registries = ["a.example:5000", "b.example/team", "docker.io"].map(|it| Registry::new(it).expect("valid"));
    let provider = ExecProvider::builder(Protocol::Docker, "/bin/sh", registries.to_vec())
        .with_args(["-c", script])
        .with_life(Life::never())
        .build()
        .expect("it is whole");
    let credential = provider.credential().await.expect("it prints logins");
    let secrets = credential.logins().iter().map(|it| it.secret().expose()).collect::<Vec<_>>();
    assert_eq!(secrets, ["for a.example:5000", "for b.example", "for https://index.docker.io/v1/"]);
    assert!(credential.registries().eq(&registries));
    assert!(credential.logins().iter().all(|it| matches!(it.secret(), LoginSecret::IdentityToken(_))));
    assert_eq!((credential.validity().expires_at(), provider.longest_life()), (None, None));
}

#[tokio::test]
async fn the_credential_ends_with_its_first_login() {
    let script = format!(
        r#"read -r request; case "$request" in *a.example*) cache=2h;; *) cache=1h30m;; esac
        printf '{{{RESPONSE},"cacheDuration":"%s","auth":{{"*.example":{{"username":"u","password":"p"}}}}}}' $cache"#
    );
    let registries = ["a.example", "b.example"].map(|it| Registry::new(it).expect("valid"));
    let provider = ExecProvider::builder(Protocol::Kubelet, "/bin/sh", registries.to_vec()).with_args(["-c", &script]);
    let validity = provider.build().expect("it is whole").credential().await.expect("logins").validity();
    let life = validity.expires_at().expect("it ends").duration_since(validity.issued_at()).expect("it is later");
    assert_eq!(life, Duration::from_mins(90));
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let now = SystemClock.now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_secs();
    for (exp, is_good) in [(now + 600, true), (now, false), (now - 600, false)] {
        let claims = URL_SAFE_NO_PAD.encode(format!("{{\"exp\":{exp}}}"));
        let token = format!("{}.{claims}.canary", URL_SAFE_NO_PAD.encode("{}"));
        let script = format!(r#"echo '{{"Username":"u","Secret":"{token}"}}'"#);
        let builder = shell(Protocol::Docker, &script);
        if is_good {
            let credential = builder.build().expect("it is whole").credential().await.expect("it has an end");
            let end = credential.validity().expires_at().expect("it ends");
            assert_eq!(end, SystemTime::UNIX_EPOCH + Duration::from_secs(exp));
        } else {
            assert_eq!(failure(builder.with_life(hour())).await.code(), &codes::EXPIRED);
        }
    }
}

#[test]
fn settings_outside_their_limits_are_refused() {
    let (registry, longest) = (Registry::new("r.example").expect("valid"), Duration::from_secs(25));
    let with = |registries: &[&Registry]| {
        ExecProvider::builder(Protocol::Docker, "/bin/sh", registries.iter().copied().cloned().collect())
    };
    for (builder, reason) in [
        (with(&[]), "at least one registry"),
        (with(&[&registry, &registry]), "duplicate registry r.example"),
        (with(&[&registry]).with_timeout(Duration::ZERO), "at most 25s"),
        (with(&[&registry]).with_timeout(longest + Duration::from_nanos(1)), "at most 25s"),
        (with(&[&registry]).with_args(["canary\0"]), "the arguments of the credential program: one contains"),
        (with(&[&registry]).with_env([("A=B", "canary")]), "\"A=B\" is not the name of a variable"),
        (with(&[&registry]).with_env([("A", "canary\0")]), "the variables of the credential program: one contains"),
        (with(&[&registry]).with_inherited([""]), "is not the name of a variable"),
    ] {
        let shown = format!("{builder:?}");
        let error = builder.build().expect_err(reason);
        assert_eq!((error.code(), error.kind()), (&codes::SETTING, ErrorKind::Invalid));
        assert!(error.chain().contains(reason), "{error:?}");
        assert!(!shown.contains("canary") && !error.chain().contains("canary"), "{shown} {error:?}");
    }
}
