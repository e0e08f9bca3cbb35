//! Profiles whose credentials come from a user or a program: `aws sso login`, `aws login` and `credential_process`.

use std::{fs, path::Path};

use regcred_testkit::{FakeAws, SignIn};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::minting::{HOST, Mint, PULL, registries};

const START: &str = "https://corp.awsapps.com/start";
const LOGIN: &str = "arn:aws:iam::123456789012:user/dev";
/// The file names that the AWS CLI uses for these sessions: SHA-1 of the name or URL, and SHA-256 of the ARN.
const OF_SESSION: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
const OF_START: &str = ".aws/sso/cache/a51746d4aa793ae07b25e90c3a5db96fc7832bd7.json";
const OF_LOGIN: &str = ".aws/login/cache/893f13863f68a08133e541260597f1d60f5bf9b326625782990032cbad201e26.json";
const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIBMB/RwQERsVoqWRQG4zK8CnaAa5dfrpbm+9tFdBh3z4oAoGCCqGSM49\nAwEHoUQDQgAEWb1VLi1EA2hJaTz4yYuxSELvY+1GAfL+8rUTCAdiFid87Bf6GY+s\n2+1RpqDv0RpZiDIMCrZrsAh+RK9S3QCaGA==\n-----END EC PRIVATE KEY-----\n";
const FUTURE: &str = "2099-01-01T00:00:00Z";
const PAST: &str = "2020-01-01T00:00:00Z";

/// A user's machine, and the servers that it connects to.
struct Laptop {
    home: TempDir,
    aws: FakeAws,
    sign_in: SignIn,
}

impl Laptop {
    async fn new(config: &str) -> Self {
        let laptop = Self {
            home: tempfile::tempdir().expect("a folder"),
            aws: FakeAws::start().await,
            sign_in: SignIn::start().await,
        };
        laptop.write(".aws/config", config);
        laptop
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.home.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.home.path().join(file)).expect("text")
    }

    /// Mints once. Asserts that the log contains no secret, although it has level TRACE.
    fn mint(&self, wanted: &Value, more: &[(&str, &str)]) -> Value {
        let (home, aws, sign_in) = (self.home.path().display().to_string(), self.aws.url(), self.sign_in.url());
        let environment = [
            ("HOME", home.as_str()),
            ("PATH", "/usr/bin:/bin"),
            ("AWS_ENDPOINT_URL_ECR", &aws),
            ("AWS_ENDPOINT_URL_STS", &aws),
            ("AWS_ENDPOINT_URL_SSO", &sign_in),
            ("AWS_ENDPOINT_URL_SSO_OIDC", &sign_in),
            ("AWS_ENDPOINT_URL_SIGNIN", &sign_in),
        ];
        let mut minting = Mint::start(wanted, &[&environment[..], more].concat());
        let minted = minting.again();
        let printed = format!("{minted}{}", minting.log());
        assert!(!printed.contains("canary"), "{printed}");
        assert!(self.sign_in.tokens().iter().all(|token| !printed.contains(token)));
        for keys in self.sign_in.issued() {
            assert!(!printed.contains(&keys.secret_key) && !printed.contains(&keys.session_token));
        }
        minted
    }

    fn assert_mints(&self, wanted: &Value, more: &[(&str, &str)]) {
        let minted = self.mint(wanted, more);
        assert!(minted["registries"].is_array(), "{wanted} {minted}");
        assert_eq!(registries(&minted), [HOST]);
    }

    fn assert_refuses(&self, wanted: &Value, more: &[(&str, &str)], kind: &str, said: &str) {
        let minted = self.mint(wanted, more);
        assert_eq!(minted["kind"], kind, "{said}: {minted}");
        assert!(minted["error"].as_str().is_some_and(|it| it.contains(said)), "{said}: {minted}");
    }

    fn last_access_key(&self) -> String {
        self.aws.calls().pop().map(|call| call.access_key).unwrap_or_default()
    }
}

fn sso_token(access: &str, expires: &str) -> String {
    json!({ "accessToken": access, "expiresAt": expires, "startUrl": START, "region": "eu-central-1" }).to_string()
}

fn renewable(access: &str, expires: &str, refresh: &str) -> String {
    json!({
        "accessToken": access, "expiresAt": expires, "startUrl": START, "region": "eu-central-1", "clientId": "client",
        "clientSecret": "canary-client", "registrationExpiresAt": FUTURE, "refreshToken": refresh,
    })
    .to_string()
}

fn login_token(expires: &str, refresh: &str, key: &str) -> String {
    let keys = json!({
        "accessKeyId": "ASIACACHED", "secretAccessKey": "canary-secret", "sessionToken": "canary-session",
        "accountId": "123456789012", "expiresAt": expires,
    });
    json!({
        "accessToken": keys, "tokenType": "aws_sigv4", "refreshToken": refresh, "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": key,
    })
    .to_string()
}

fn sso_config() -> String {
    format!(
        "[profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Developer\nregion = eu-west-1\n\
         [sso-session corp]\nsso_start_url = {START}\nsso_region = eu-central-1\nsso_registration_scopes = sso:account:access\n\
         [profile legacy]\nsso_start_url = {START}\nsso_region = eu-central-1\nsso_account_id = 210987654321\nsso_role_name = Admin\n\
         [profile role]\nrole_arn = {PULL}\nsource_profile = dev\n\
         [profile role-of-role]\nrole_arn = {PULL}\nsource_profile = role\nrole_session_name = outer\n\
         [profile legacy-role]\nrole_arn = {PULL}\nsource_profile = legacy\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sso_session_mints_by_profile_by_variable_and_as_source_profile() {
    let laptop = Laptop::new(&sso_config()).await;
    laptop.sign_in.accept_access("canary-access");
    laptop.write(OF_SESSION, &sso_token("canary-access", FUTURE));
    laptop.write(OF_START, &sso_token("canary-access", FUTURE));
    let cases: [(&str, &str, usize); 5] = [
        ("dev", "GET /federation/credentials 123456789012 Developer", 0),
        ("legacy", "GET /federation/credentials 210987654321 Admin", 0),
        ("role", "GET /federation/credentials 123456789012 Developer", 1),
        ("role-of-role", "GET /federation/credentials 123456789012 Developer", 2),
        ("legacy-role", "GET /federation/credentials 210987654321 Admin", 1),
    ];
    for (profile, asked, roles) in cases {
        for (wanted, more) in [(json!({ "profile": profile }), None), (json!({}), Some(("AWS_PROFILE", profile)))] {
            let before = laptop.aws.sessions().len();
            laptop.assert_mints(&wanted, &more.into_iter().collect::<Vec<_>>());
            assert_eq!(laptop.sign_in.requests().pop().as_deref(), Some(asked), "{profile}");
            assert_eq!(laptop.aws.sessions().len() - before, roles, "{profile}");
            let given = laptop.sign_in.issued().pop().expect("keys were given").access_key;
            assert_eq!(laptop.last_access_key() == given, roles == 0, "{profile}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expiring_sso_session_is_renewed_and_saved_for_the_aws_cli() {
    let laptop = Laptop::new(&sso_config()).await;
    laptop.sign_in.accept_refresh("canary-refresh");
    laptop.write(OF_SESSION, &renewable("canary-access", PAST, "canary-refresh"));
    laptop.assert_mints(&json!({ "profile": "dev" }), &[]);
    assert_eq!(laptop.sign_in.requests()[0], "POST /token");
    let kept = laptop.read(OF_SESSION);
    assert!(laptop.sign_in.tokens().iter().all(|token| kept.contains(token)), "the new tokens are in the file");
    laptop.assert_mints(&json!({ "profile": "role" }), &[]);
    assert_eq!(laptop.sign_in.requests().len(), 3, "the session that was renewed is used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_sso_session_is_reported_with_the_login_command() {
    let laptop = Laptop::new(&sso_config()).await;
    let files: [(Option<String>, &str); 10] = [
        (None, "it does not exist on this machine"),
        (Some(sso_token("canary-access", PAST)), "it has ended"),
        (Some(sso_token("canary-unknown", FUTURE)), "it has ended"),
        (Some(renewable("canary-access", PAST, "canary-spent")), "it has ended"),
        (Some(sso_token("canary\nwrapped", FUTURE)), "its file is damaged"),
        (Some("canary".into()), "its file is damaged"),
        (Some(String::new()), "its file is damaged"),
        (Some("{}".into()), "its file is damaged"),
        (Some(sso_token("canary-access", "canary")), "its file is damaged"),
        (Some(json!({ "accessToken": 1, "expiresAt": FUTURE }).to_string()), "its file is damaged"),
    ];
    for (file, why) in files {
        for (profile, of, names) in
            [("dev", OF_SESSION, "dev"), ("legacy", OF_START, "legacy"), ("role", OF_SESSION, "dev")]
        {
            match &file {
                Some(text) => laptop.write(of, text),
                None => assert!(!laptop.home.path().join(of).exists()),
            }
            let minted = laptop.mint(&json!({ "profile": profile }), &[]);
            let said = minted["error"].as_str().unwrap_or_default();
            assert!(
                said.contains(why) && said.ends_with(&format!("so run `aws sso login --profile {names}`")),
                "{file:?} {minted}"
            );
            assert_eq!(minted["kind"], "denied", "{minted}");
        }
    }
    laptop.write(OF_SESSION, &sso_token("canary-access", FUTURE));
    for (status, body, kind, said) in [
        (401, r#"{"message":"canary"}"#, "denied", "aws sso login --profile dev"),
        (403, r#"{"message":"No access","__type":"ForbiddenException"}"#, "denied", "aws sso login --profile dev"),
        (429, r#"{"message":"canary"}"#, "throttled", "cannot call sso:GetRoleCredentials: AWS throttled it"),
        (500, "canary", "unreachable", "cannot call sso:GetRoleCredentials: AWS answered with an error"),
        (200, "<html>canary</html>", "malformed", "cannot call sso:GetRoleCredentials: the answer is not valid"),
    ] {
        laptop.sign_in.fail_with(status, body);
        laptop.assert_refuses(&json!({ "profile": "dev" }), &[], kind, said);
    }
    let nowhere = [("AWS_ENDPOINT_URL_SSO", "http://127.0.0.1:1")];
    laptop.assert_refuses(
        &json!({ "profile": "dev" }),
        &nowhere,
        "unreachable",
        "cannot call sso:GetRoleCredentials: the connection failed",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_session_mints_renews_and_is_reported_with_the_login_command() {
    let config = format!(
        "[profile console]\nlogin_session = {LOGIN}\nregion = eu-west-1\n\
         [profile role]\nrole_arn = {PULL}\nsource_profile = console\n"
    );
    let laptop = Laptop::new(&config).await;
    laptop.assert_refuses(&json!({ "profile": "console" }), &[], "denied", "so run `aws login --profile console`");
    laptop.write(OF_LOGIN, &login_token(FUTURE, "canary-refresh", KEY));
    laptop.assert_mints(&json!({ "profile": "console" }), &[]);
    assert_eq!(laptop.last_access_key(), "ASIACACHED");
    laptop.assert_mints(&json!({}), &[("AWS_PROFILE", "role")]);
    assert!(laptop.sign_in.requests().is_empty(), "it is good for years");

    laptop.sign_in.accept_refresh("canary-refresh");
    laptop.write(OF_LOGIN, &login_token(PAST, "canary-refresh", KEY));
    laptop.assert_mints(&json!({ "profile": "console" }), &[]);
    assert_eq!(laptop.sign_in.requests(), ["POST /v1/token"]);
    assert_eq!(laptop.last_access_key(), laptop.sign_in.issued()[0].access_key);
    laptop.assert_mints(&json!({ "profile": "role" }), &[]);
    assert_eq!(laptop.sign_in.requests().len(), 1, "the session that was renewed is kept");

    let ended = [
        login_token(PAST, "canary-spent", KEY),
        login_token(PAST, "canary-refresh", "canary-key"),
        login_token("canary", "canary-refresh", KEY),
        "canary".to_owned(),
        String::new(),
        "{}".to_owned(),
        r#"{"accessToken":{"accessKeyId":"canary"}}"#.to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        login_token(PAST, "canary-refresh", ""),
        login_token("", "canary-refresh", KEY),
        login_token(PAST, "", KEY),
    ];
    for file in ended {
        laptop.write(OF_LOGIN, &file);
        for profile in ["console", "role"] {
            laptop.assert_refuses(
                &json!({ "profile": profile }),
                &[],
                "denied",
                "so run `aws login --profile console`",
            );
        }
    }
}

fn program(dir: &Path, name: &str, script: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("it can be written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be set");
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_process_mints_and_its_output_is_never_printed() {
    let laptop = Laptop::new("").await;
    let keys = r#"{"Version":1,"AccessKeyId":"ASIAPROGRAM","SecretAccessKey":"canary-secret","SessionToken":"canary-session"}"#;
    let dir = laptop.home.path();
    let good = program(dir, "good", &format!("echo canary-noise >&2; echo '{keys}'"));
    let spaced = program(dir, "with space", &format!("[ \"$1 $2\" = 'a b c' ] && echo '{keys}'"));
    let bad = program(dir, "bad", "echo canary; echo canary >&2; exit 7");
    let config = format!(
        "[profile good]\ncredential_process = {good} --token canary-argument\n\
         [profile spaced]\ncredential_process = \"{spaced}\" 'a b' c\n\
         [profile shell]\ncredential_process = sh -c 'exec {good}'\n\
         [profile role]\nrole_arn = {PULL}\nsource_profile = good\n\
         [profile bad]\ncredential_process = {bad}\n\
         [profile bad-role]\nrole_arn = {PULL}\nsource_profile = bad\n\
         [profile gone]\ncredential_process = /nonexistent/helper --token canary\n\
         [profile open]\ncredential_process = {good} 'canary\n\
         [profile piped]\ncredential_process = {good} | cat\n"
    );
    laptop.write(".aws/config", &config);
    for profile in ["good", "spaced", "shell", "piped"] {
        laptop.assert_mints(&json!({ "profile": profile }), &[]);
        assert_eq!(laptop.last_access_key(), "ASIAPROGRAM");
    }
    laptop.assert_mints(&json!({ "profile": "role" }), &[]);
    let ended =
        format!("cannot use the credential_process of the AWS profile \"bad\": {bad} ended with exit status: 7");
    for profile in ["bad", "bad-role"] {
        laptop.assert_refuses(&json!({ "profile": profile }), &[], "denied", &ended);
    }
    laptop.assert_refuses(&json!({ "profile": "gone" }), &[], "invalid", "/nonexistent/helper is not installed");
    laptop.assert_refuses(&json!({ "profile": "open" }), &[], "invalid", "a quote in its command is not closed");

    // Only the programs in the config may run, both in a pod and if the config lists programs.
    let pod = [("KUBERNETES_SERVICE_HOST", "10.0.0.1")];
    for profile in ["good", "spaced", "shell", "role", "bad"] {
        laptop.assert_refuses(
            &json!({ "profile": profile }),
            &pod,
            "invalid",
            "a pod runs no program that a profile names",
        );
    }
    for more in [&pod[..], &[]] {
        for profile in ["good", "role"] {
            laptop.assert_mints(&json!({ "profile": profile, "programs": [good] }), more);
        }
        laptop.assert_mints(&json!({ "profile": "spaced", "programs": ["/x", spaced] }), more);
        for profile in ["shell", "bad"] {
            let wanted = json!({ "profile": profile, "programs": [good] });
            laptop.assert_refuses(&wanted, more, "invalid", "the config allows only other programs");
        }
    }
    laptop.assert_mints(&json!({ "profile": "good" }), &[("KUBERNETES_SERVICE_HOST", "")]);
    laptop.assert_refuses(
        &json!({ "profile": "good", "programs": ["good"] }),
        &[],
        "invalid",
        "\"good\" is not an absolute path",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_with_blanks_in_its_name_is_found_as_the_aws_cli_finds_it() {
    let laptop = Laptop::new("").await;
    let keys = "aws_access_key_id = AKIAX\naws_secret_access_key = canary\n";
    for section in [
        "[profile \"my dev\"]",
        "[profile 'my dev']",
        "[profile my\\ dev]",
        "[profile my' 'dev]",
        "[ profile  \"my dev\" ]",
        "[profile \"my dev\"] # mine",
    ] {
        laptop.write(
            ".aws/config",
            &format!("{section}\n{keys}[profile role]\nrole_arn = {PULL}\nsource_profile = my dev\n"),
        );
        laptop.assert_mints(&json!({}), &[("AWS_PROFILE", "my dev")]);
        for profile in ["my dev", "role"] {
            laptop.assert_mints(&json!({ "profile": profile }), &[]);
        }
    }
    laptop.write(".aws/config", &format!("[profile my dev]\n{keys}"));
    laptop.assert_refuses(&json!({ "profile": "my dev" }), &[], "invalid", "cannot find the AWS profile \"my dev\"");
    laptop.write(".aws/credentials", &format!("[my dev]\n{keys}"));
    laptop.assert_mints(&json!({ "profile": "my dev" }), &[]);
    let sso = "[profile x]\nsso_session = x y\nsso_account_id = 1\nsso_role_name = r\n[sso-session \"x y\"]\nsso_start_url = https://x.example\nsso_region = eu-west-1\n";
    laptop.write(".aws/config", sso);
    laptop.assert_refuses(&json!({ "profile": "x" }), &[], "denied", "it does not exist on this machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_credentials_of_a_program_are_refused() {
    let laptop = Laptop::new("").await;
    let print = |end: &str| {
        let keys =
            format!(r#"{{"Version":1,"AccessKeyId":"ASIAPROGRAM","SecretAccessKey":"canary","Expiration":"{end}"}}"#);
        program(laptop.home.path(), "keys", &format!("echo '{keys}'"))
    };
    for (end, is_good) in [(FUTURE, true), (PAST, false), ("1970-01-01T00:00:00Z", false)] {
        laptop.write(".aws/config", &format!("[profile x]\ncredential_process = {}\n", print(end)));
        if is_good {
            laptop.assert_mints(&json!({ "profile": "x" }), &[]);
        } else {
            let said =
                "cannot use the credential_process of the AWS profile \"x\": it printed credentials that have expired";
            laptop.assert_refuses(&json!({ "profile": "x" }), &[], "denied", said);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_profile_settings_are_named() {
    let laptop = Laptop::new("").await;
    let keys = "aws_access_key_id = AKIAX\naws_secret_access_key = canary\n";
    let role = format!("role_arn = {PULL}\n");
    let cases = [
        (format!("[profile y]\n{keys}"), "/.aws/credentials, which have \"y\""),
        (
            format!(
                "[default]\n{keys}{}",
                "[profile p0]\n[profile p1]\n[profile p2]\n[profile p3]\n[profile p4]\n[profile p5]\n[profile p6]\n"
            ),
            "which have \"default\", \"p0\", \"p1\", \"p2\", \"p3\" and 3 more",
        ),
        (
            format!("[profile x]\n{role}source_profile = y\nmfa_serial = canary\n"),
            "its mfa_serial needs a code from a person",
        ),
        (
            "[profile x]\nrole_arn = canary\nsource_profile = y\n".into(),
            "cannot use role_arn of the AWS profile \"x\" in ",
        ),
        (
            "[profile x]\nrole_arn = arn:aws:iam:eu-west-1:123456789012:role/canary\nsource_profile = y\n".into(),
            "/.aws/config: it is not the ARN of a role",
        ),
        (
            format!("[profile x]\nrole_arn = {PULL}\n  canary\nsource_profile = y\n"),
            "/.aws/config: it contains a newline at character 36",
        ),
        (
            format!("[profile x]\n{role}source_profile = y\n  canary\n"),
            "cannot use source_profile of the AWS profile \"x\" in ",
        ),
        (
            format!("[profile x]\n{role}source_profile = y\nexternal_id = a\n  canary\n"),
            "cannot use external_id of the AWS profile \"x\" in ",
        ),
        (
            format!("[profile x]\n{role}source_profile = y\nrole_session_name = a\n  canary\n"),
            "cannot use role_session_name of the AWS profile \"x\" in ",
        ),
        (
            "[profile x]\nweb_identity_token_file = /x\nrole_arn = canary\n".into(),
            "cannot use role_arn of the AWS profile \"x\" in ",
        ),
        ("[profile x]\ncredential_process =\n".into(), "its credential_process is empty"),
        ("[profile x]\nlogin_session =\n".into(), "its login_session is empty"),
        (
            format!("[profile x]\n{role}credential_source = Environment\n"),
            "cannot use credential_source = Environment of the AWS profile \"x\": AWS_ACCESS_KEY_ID and",
        ),
        (
            format!("[profile x]\n{role}credential_source = EcsContainer\n"),
            "cannot use credential_source = EcsContainer of the AWS profile \"x\": AWS_CONTAINER_CREDENTIALS_FULL_URI is",
        ),
    ];
    for (config, said) in &cases {
        laptop.write(".aws/config", config);
        laptop.assert_refuses(&json!({ "profile": "x" }), &[], "invalid", said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_profile_wins_over_aws_default_profile() {
    let laptop = Laptop::new("").await;
    let keys = "aws_access_key_id = AKIAX\naws_secret_access_key = canary\n";
    laptop.write(".aws/config", &format!("[profile y]\n{keys}"));
    laptop.assert_refuses(
        &json!({}),
        &[("AWS_DEFAULT_PROFILE", "x")],
        "invalid",
        "the AWS profile \"x\" that AWS_DEFAULT_PROFILE names: it is not in ",
    );
    laptop.assert_mints(&json!({}), &[("AWS_DEFAULT_PROFILE", "y")]);
    laptop.assert_mints(&json!({}), &[("AWS_DEFAULT_PROFILE", "x"), ("AWS_PROFILE", "y")]);
    laptop.assert_mints(&json!({}), &[("AWS_DEFAULT_PROFILE", "y"), ("AWS_PROFILE", " ")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn contradictory_profile_settings_are_named() {
    let laptop = Laptop::new("").await;
    let keys = "aws_access_key_id = AKIAX\naws_secret_access_key = canary\n";
    let role = format!("role_arn = {PULL}\n");
    let cases = [
        (
            format!("[profile x]\n{role}source_profile = gone\n"),
            "its source_profile \"gone\" does not exist: it is not in ",
        ),
        (
            format!("[profile x]\n{role}source_profile = y\n[profile y]\n{role}source_profile = x\n"),
            "leads back to it: x -> y -> x",
        ),
        (
            format!(
                "[profile x]\n{role}source_profile = y\n[profile y]\n{role}source_profile = z\n[profile z]\n{role}source_profile = y\n"
            ),
            "leads back to it: x -> y -> z -> y",
        ),
        (format!("[profile x]\n{role}source_profile = x\n"), "it is its own source_profile, and has no credentials"),
        (
            format!("[profile x]\n{role}source_profile = y\ncredential_source = Environment\n"),
            "both source_profile and credential_source",
        ),
        (format!("[profile x]\n{role}"), "its role_arn needs a source_profile or a credential_source"),
        (
            format!("[profile x]\n{role}credential_source = Ec2\n"),
            "its credential_source is not Environment, Ec2InstanceMetadata or EcsContainer",
        ),
        (
            format!("[profile x]\n{role}source_profile = y\n[profile y]\nregion = x\n"),
            "cannot use the AWS profile \"y\": it is a source_profile, and has no credentials",
        ),
        ("[profile x]\nweb_identity_token_file = /x\n".into(), "its web_identity_token_file needs a role_arn"),
        ("[profile x]\naws_access_key_id = AKIAX\n".into(), "it has no aws_secret_access_key"),
        ("[profile x]\naws_secret_access_key = canary\n".into(), "it has no aws_access_key_id"),
        ("[profile x]\naws_session_token = canary\n".into(), "it has no aws_access_key_id"),
        ("[profile x]\naws_access_key_id =\naws_secret_access_key = canary\n".into(), "it has no aws_access_key_id"),
        (
            "[profile x]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n".into(),
            "no section [sso-session corp]",
        ),
        (
            "[profile x]\nsso_session = c\nsso_account_id = 1\nsso_role_name = r\n[sso-session c]\nsso_region = r\n"
                .into(),
            "the section of its sso_session has no sso_start_url",
        ),
        (
            "[profile x]\nsso_session = c\nsso_region = r\n[sso-session c]\nsso_region = r\n".into(),
            "sso_region belongs in the section of its sso_session",
        ),
        (
            "[profile x]\nsso_start_url = u\nsso_region = r\nsso_account_id = 1\n".into(),
            "it has SSO settings, and no sso_role_name",
        ),
        ("[profile x]\nsso_start_url = u\n".into(), "it has SSO settings, and no sso_region"),
        ("[profile x]\nregion = eu-west-1\n".into(), "cannot use the AWS profile \"x\": it has no credentials"),
        (format!("[x]\n{keys}"), "has [x], and a config file needs [profile x]"),
        (format!("[profile y]\n{keys}"), "cannot find the AWS profile \"x\": it is not in "),
        (format!("[profile x]\n{keys}canary\n"), "/.aws/config: line 4 is neither a section"),
        (format!("[profile x\n{keys}"), "/.aws/config: line 1 is neither a section"),
        (
            "[profile x]\naws_access_key_id = AKIA\n  canary\naws_secret_access_key = canary\n".to_owned(),
            "aws_access_key_id of the AWS profile \"x\" in ",
        ),
        (
            format!("[profile x]\n{keys}aws_session_token = canary\n  canary\n"),
            "aws_session_token of the AWS profile \"x\" in ",
        ),
    ];
    for (config, said) in &cases {
        laptop.write(".aws/config", config);
        laptop.assert_refuses(&json!({ "profile": "x" }), &[], "invalid", said);
    }
    // The chain continues after a missing profile, and reports the profile at the end.
    for (config, said) in [
        (format!("[profile y]\n{keys}"), "the AWS profile \"x\" that AWS_PROFILE names: it is not in "),
        (format!("[x]\n{keys}"), "a config file needs [profile x]"),
        (
            "[profile x]\nregion = eu-west-1\n".to_owned(),
            "cannot use the AWS profile \"x\" that AWS_PROFILE names: it has no credentials",
        ),
    ] {
        laptop.write(".aws/config", &config);
        laptop.assert_refuses(&json!({}), &[("AWS_PROFILE", "x")], "invalid", said);
    }
    laptop.write(".aws/config", &format!("[default]\n{keys}"));
    for unset in ["", " ", "\n"] {
        laptop.assert_mints(&json!({}), &[("AWS_PROFILE", unset)]);
    }
    laptop.write(".aws/config", &format!("\u{feff}[default]\r\n{}", keys.replace('\n', "\r\n")));
    laptop.assert_mints(&json!({}), &[]);
}
