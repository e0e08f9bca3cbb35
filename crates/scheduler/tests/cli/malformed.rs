//! Each file, variable, command output and answer that can hold a secret, in twenty malformed forms.
//!
//! regcred prints no part of the secret, at every log level, as text and as JSON.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::{FakeAws, FakeKube, aws::Answer};
use tokio::runtime::Handle;

use crate::world::regcred;

/// Tests search for each half, because some forms split the secret in its middle.
const HALVES: [&str; 2] = ["cAnArY7first7half7of7it", "sEcOnD7half7of7cAnArY77"];
const CONFIG: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";
const MERGE: &str = "targets: [{ namespace: team-a, region: eu-west-1, secret: { merge: true } }]\n";
const ROLE: &str = "arn:aws:iam::123456789012:role/pull";
const AT_ONCE: usize = 4;

/// A place that can hold a secret.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// The file that this variable names.
    File(&'static str),
    Kubeconfig,
    /// The file that the kubeconfig names by this key of its user.
    OfUser(&'static str),
    Variable(&'static str),
    /// The output of an exec plug-in on both streams, before it exits with this code.
    Plugin(u8),
    /// The AWS answer to this action.
    Aws(&'static str),
    /// The answer of the API server.
    Kube,
    /// The `.dockerconfigjson` of a Secret of another owner.
    Data,
}

const PLACES: [(Place, &str); 23] = [
    (
        Place::File("AWS_SHARED_CREDENTIALS_FILE"),
        "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = SECRET\n",
    ),
    (
        Place::File("AWS_SHARED_CREDENTIALS_FILE"),
        "[default]\naws_access_key_id = SECRET\naws_secret_access_key = x\naws_session_token = SECRET\n",
    ),
    (
        Place::File("AWS_CONFIG_FILE"),
        "[profile a]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = SECRET\n[default]\nsource_profile = a\nrole_arn = SECRET\n",
    ),
    (
        Place::File("AWS_CONFIG_FILE"),
        "[default]\nendpoint_url = https://user:SECRET@aws.example\nuse_fips_endpoint = SECRET\n",
    ),
    (Place::File("AWS_WEB_IDENTITY_TOKEN_FILE"), "SECRET"),
    (Place::File("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"), "SECRET"),
    (Place::File("SSL_CERT_FILE"), "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"),
    (Place::Kubeconfig, "SECRET"),
    (Place::OfUser("tokenFile"), "SECRET"),
    (Place::OfUser("client-key"), "-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n"),
    (Place::Variable("AWS_SECRET_ACCESS_KEY"), "SECRET"),
    (Place::Variable("AWS_SESSION_TOKEN"), "SECRET"),
    (Place::Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"), "Bearer SECRET"),
    (Place::Variable("HTTPS_PROXY"), "http://user:SECRET@127.0.0.1:1"),
    (Place::Variable("AWS_ENDPOINT_URL"), "https://user:SECRET@127.0.0.1:1/"),
    (
        Place::Plugin(0),
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"SECRET"}}"#,
    ),
    (Place::Plugin(3), "SECRET"),
    (
        Place::Aws("GetAuthorizationToken"),
        r#"{"authorizationData":[{"authorizationToken":"SECRET","proxyEndpoint":"https://123456789012.dkr.ecr.eu-west-1.amazonaws.com","expiresAt":1}]}"#,
    ),
    (
        Place::Aws("AssumeRoleWithWebIdentity"),
        "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>SECRET</SecretAccessKey><SessionToken>SECRET</SessionToken><Expiration>SECRET</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
    ),
    (
        Place::Aws("GetCallerIdentity"),
        "<ErrorResponse><Error><Code>SECRET</Code><Message>SECRET</Message></Error></ErrorResponse>",
    ),
    (
        Place::Kube,
        r#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"ecr-secret","namespace":"team-a","annotations":{"x":"SECRET"}},"data":{".dockerconfigjson":"SECRET"}}"#,
    ),
    (
        Place::Kube,
        r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"SECRET","reason":"SECRET","code":403}"#,
    ),
    (Place::Data, r#"{"auths":{"r.example":{"auth":"SECRET"}}}"#),
];

/// The correct form, and twenty malformed ones.
const FORMS: [fn(&str) -> Vec<u8>; 21] = [
    |text| text.into(),
    |text| [b"# f\xfcr\n", text.as_bytes()].concat(),
    |text| [b"\xff\xfe".to_vec(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat(),
    |text| [b"\xfe\xff".to_vec(), text.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat(),
    |text| [b"\xef\xbb\xbf", text.as_bytes()].concat(),
    |text| text.replace('\n', "\r\n").into(),
    |text| text.replace(HALVES[1], &format!("\n{}", HALVES[1])).into(),
    |text| text.replace(HALVES[1], &format!("\u{1}\u{1b}[31m{}", HALVES[1])).into(),
    |text| text.replace(HALVES[1], &format!("\" ' \\ {}", HALVES[1])).into(),
    |text| text.replace(HALVES[1], &format!("\u{e4}\u{1f600}{}", HALVES[1])).into(),
    |text| [text.as_bytes(), b"\xc3\x28"].concat(),
    |text| text[..text.find(HALVES[1]).map_or(text.len(), |at| at + HALVES[1].len())].into(),
    |text| text.replace(['=', ':'], " ").into(),
    |text| text.replace(['[', '{', '<'], "").into(),
    |text| text.replace(HALVES[0], &format!("[{}", HALVES[0])).into(),
    |text| text.replace(HALVES[0], &format!("*{}", HALVES[0])).into(),
    |text| format!(" {text} \n\n\n").into(),
    |text| text.repeat(2).into(),
    |text| format!("- {text}\n{}: ? |\n\t{text}\n", "[".repeat(2_000)).into(),
    |text| STANDARD.encode(text).into(),
    |text| text[text.len() / 3..].into(),
];

/// A run of the binary, with its environment, files and servers.
struct Case<'a> {
    dir: &'a Path,
    kubeconfig: String,
    environment: Vec<(&'static str, OsString)>,
    config: &'static str,
    aws: FakeAws,
    kube: FakeKube,
}

impl<'a> Case<'a> {
    async fn new(dir: &'a Path) -> Self {
        let (aws, kube) = (FakeAws::start().await, FakeKube::start().await);
        kube.add_namespace("team-a", &["default"]);
        let environment = vec![
            ("AWS_ENDPOINT_URL", aws.url().into()),
            ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".into()),
            ("AWS_SECRET_ACCESS_KEY", "not-a-real-key".into()),
            ("RUST_LOG", "trace".into()),
        ];
        Self { dir, kubeconfig: kube.kubeconfig(), environment, config: CONFIG, aws, kube }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.join(name);
        fs::write(&path, bytes).expect("it can be written");
        path
    }

    fn set(&mut self, variable: &'static str, value: impl Into<OsString>) {
        self.environment.retain(|(name, _)| *name != variable);
        self.environment.push((variable, value.into()));
    }

    fn without_keys(&mut self) {
        self.environment.retain(|(name, _)| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    }

    fn with_web_identity(&mut self, file: PathBuf) {
        self.without_keys();
        self.set("AWS_WEB_IDENTITY_TOKEN_FILE", file);
        self.set("AWS_ROLE_ARN", ROLE);
    }

    fn put(&mut self, place: Place, bytes: &[u8]) {
        const TOKEN: &str = "token: bearer-of-the-fake";
        let text = || String::from_utf8_lossy(bytes).into_owned();
        match place {
            Place::File("AWS_WEB_IDENTITY_TOKEN_FILE") => self.with_web_identity(self.write("token", bytes)),
            Place::File(variable) => {
                if variable != "SSL_CERT_FILE" {
                    self.without_keys();
                }
                self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1", self.aws.url()));
                self.set(variable, self.write("file", bytes));
            }
            Place::Kubeconfig => {
                // The malformed form applies to the whole file.
                self.kubeconfig.clear();
                self.write("kubeconfig", bytes);
            }
            Place::OfUser(key) => {
                let path = self.write("of-user", bytes);
                let certificate = if key == "client-key" {
                    format!("\n    client-certificate: {}", path.display())
                } else {
                    String::new()
                };
                self.kubeconfig = self.kubeconfig.replace(TOKEN, &format!("{key}: {}{certificate}", path.display()));
            }
            Place::Variable(variable) => {
                if variable == "AWS_CONTAINER_AUTHORIZATION_TOKEN" {
                    self.without_keys();
                    self.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("{}/v1", self.aws.url()));
                }
                if variable == "HTTPS_PROXY" {
                    self.kubeconfig = self.kubeconfig.replace(&self.kube.url(), "https://cluster.example");
                }
                let bytes = bytes.iter().copied().filter(|byte| *byte != 0).collect::<Vec<_>>();
                self.set(variable, OsStr::from_bytes(&bytes));
            }
            Place::Plugin(code) => {
                let printed = self.write("printed", bytes);
                let script = format!("cat {0}; cat {0} >&2; exit {code}", printed.display());
                let exec = format!(
                    "exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: IfAvailable, command: sh, args: ['-c', '{script}'] }}"
                );
                self.kubeconfig = self.kubeconfig.replace(TOKEN, &exec);
                self.set("PATH", "/usr/bin:/bin");
            }
            Place::Aws(action) => {
                let content_type = "application/x-amz-json-1.1".into();
                let (status, content_type) = match action {
                    "GetAuthorizationToken" => (200, content_type),
                    "GetCallerIdentity" => (400, "text/xml".into()),
                    _ => (200, "text/xml".into()),
                };
                self.aws.answer_action_with(action, Answer::Raw { status, content_type, body: text() });
                if action == "AssumeRoleWithWebIdentity" {
                    self.with_web_identity(self.write("token", b"a-token"));
                }
            }
            Place::Kube => {
                let status = if text().contains("403") { 403 } else { 200 };
                self.kube.answer_next(1_000, status, "application/json", &[], &text());
            }
            Place::Data => {
                self.config = MERGE;
                let data = serde_json::json!({ ".dockerconfigjson": STANDARD.encode(bytes) });
                let secret = serde_json::json!({ "type": "kubernetes.io/dockerconfigjson", "data": data });
                let empty = serde_json::json!({ "type": "Opaque" });
                self.kube.put("secrets", "team-a", "ecr-secret", empty, "helm");
                let mut stored = self.kube.object("secrets", "team-a", "ecr-secret").expect("it was made");
                (stored["type"], stored["data"]) = (secret["type"].clone(), secret["data"].clone());
                self.kube.put_raw("secrets", "team-a", "ecr-secret", stored); // a real server refuses a malformed one
            }
        }
    }

    /// Returns everything that these commands print.
    fn printed(&self) -> Vec<u8> {
        if !self.kubeconfig.is_empty() {
            self.write("kubeconfig", self.kubeconfig.as_bytes());
        }
        let config = self.write("regcred.yaml", self.config.as_bytes());
        let commands: [(&[&str], &str); 2] =
            [(&["once", "--timeout", "200ms"], "text"), (&["check", "--online", "--output", "json"], "json")];
        let mut all = vec![];
        for (args, format) in commands {
            let mut command: Command = regcred(args);
            command.args(["--log-format", format]).arg("--config").arg(&config);
            command.arg("--kubeconfig").arg(self.dir.join("kubeconfig")).envs(self.environment.iter().cloned());
            let output = command.output().expect("it starts");
            assert!(output.status.code().is_some_and(|code| code <= 3), "{}: {output:?}", self.dir.display());
            let printed = String::from_utf8_lossy(&[&*output.stdout, &*output.stderr].concat()).into_owned();
            let is_bug = printed.contains("a bug in regcred") || printed.contains("panicked");
            assert!(!is_bug, "{}: regcred reports a bug of its own", self.dir.display());
            all.extend([output.stdout, output.stderr].concat());
        }
        all
    }
}

/// Returns all printed forms of a half of the secret.
fn appearances(half: &str) -> Vec<String> {
    let bytes = half.as_bytes();
    let list = |bytes: &mut dyn Iterator<Item = u8>| bytes.map(|it| it.to_string()).collect::<Vec<_>>().join(", ");
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let encoded = (0..3).map(|skip| {
        let encoded = STANDARD.encode(&bytes[skip..]);
        encoded[4..encoded.len() - 4].to_owned()
    });
    let utf16 = half.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let lists = [list(&mut bytes.iter().copied()), list(&mut utf16.iter().copied())];
    encoded.chain(lists).chain([half.to_owned(), hex.to_uppercase(), hex]).collect()
}

fn assert_silent(printed: &[u8], what: &str) {
    // Removing the zeros reveals a secret that was encoded twice or in UTF-16.
    let text = String::from_utf8_lossy(printed).replace(['\0'], "").replace("\\0", "").replace("\\u0000", "");
    for half in HALVES {
        for appearance in appearances(half) {
            if let Some(at) = text.find(&appearance) {
                let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
                let line = text[line..].lines().next().unwrap_or_default().replace(&appearance, "<SECRET>");
                panic!("{what}: a secret was printed: {}", line.chars().take(600).collect::<String>());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_malformed_input_quotes_a_secret() {
    assert_eq!(
        FORMS.iter().map(|form| form(&format!("a = [\"{}\"]\n", HALVES.concat()))).collect::<BTreeSet<_>>().len(),
        FORMS.len()
    );
    let kubeconfig = FakeKube::start().await.kubeconfig().replace("bearer-of-the-fake", "SECRET");
    let runtime = Handle::current();
    let all = tokio::task::spawn_blocking(move || all_are_silent(&runtime, &kubeconfig));
    assert!(all.await.expect("it ends"), "see above");
}

/// Tries each form of each place. Returns whether all were silent.
fn all_are_silent(runtime: &Handle, kubeconfig: &str) -> bool {
    let (next, root) = (AtomicUsize::new(0), tempfile::tempdir().expect("a folder"));
    let work = || {
        while let Some((number, form)) = Some(next.fetch_add(1, Relaxed)).map(|it| (it / FORMS.len(), it % FORMS.len()))
            && let Some((place, good)) = PLACES.get(number)
        {
            let good = if matches!(place, Place::Kubeconfig) { kubeconfig } else { good };
            let bytes = FORMS[form](&good.replace("SECRET", &HALVES.concat()));
            let dir = root.path().join(format!("{number}-{form}"));
            fs::create_dir(&dir).expect("a folder");
            let mut case = runtime.block_on(Case::new(&dir));
            case.put(*place, &bytes);
            let printed = case.printed();
            assert!(!printed.is_empty());
            assert_silent(&printed, &format!("{place:?}, form {form}, {good:.40}"));
        }
    };
    thread::scope(|scope| {
        let threads = (0..AT_ONCE).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        threads.into_iter().map(|it| it.join().is_ok()).fold(true, |all, one| all & one)
    })
}

#[test]
fn the_leak_check_finds_a_secret_in_every_encoding() {
    for printed in [
        format!("bytes: {:?}", HALVES[0].as_bytes()),
        STANDARD.encode(format!("AWS:{}", HALVES.concat())),
        format!("{:?}", HALVES[1].encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        HALVES[1].chars().flat_map(|it| [it, '\0']).collect(),
    ] {
        std::panic::catch_unwind(|| assert_silent(printed.as_bytes(), "a test")).expect_err(&printed);
    }
}
