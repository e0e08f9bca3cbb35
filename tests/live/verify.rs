//! A real registry accepts and refuses credentials, with passwords of its own and with tokens of a token server.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use regcred_core::{
    Clock, Login, Registry, RegistryCredential, RegistryProvider, Result, SystemClock, Validity, async_trait,
};
use regcred_testkit::{FaultProxy, fault::Fault};
use regcred_verify::{Verified, VerifiedBuilder};
use serde_json::json;

use crate::distribution::Distribution;

const REPOSITORY: &str = "team/app";
/// No server listens there, because the token server answers without an upstream.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// Verifies a login, also at a repository. Returns the code of the error.
async fn verify(address: &str, user: &str, password: &str) -> Option<&'static str> {
    let registry = Registry::new(address).expect("an address");
    let login = Login::new(vec![registry], user, password.into()).expect("valid");
    let mut codes = vec![];
    for repository in [None, Some(REPOSITORY)] {
        let builder = Verified::builder(Arc::new(Fixed(login.clone())), Arc::new(SystemClock))
            .strict()
            .with_pause(Duration::ZERO);
        let repository = repository.map(|it| it.parse().expect("valid"));
        let verified = repository.into_iter().fold(builder, VerifiedBuilder::with_repository).build();
        let result = verified.expect("the environment is usable").credential().await;
        codes.push(result.err().map(|error| error.code().id()));
    }
    assert_eq!(codes[0], codes[1], "the repository and the root agree");
    codes[0]
}

#[derive(Debug)]
struct Fixed(Login);

#[async_trait]
impl RegistryProvider for Fixed {
    async fn credential(&self) -> Result<RegistryCredential> {
        RegistryCredential::new(vec![self.0.clone()], Validity::lasting(&SystemClock, Duration::from_hours(1))?)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_passwords_refuses_only_wrong_ones() {
    let dir = tempfile::tempdir().expect("a folder");
    let registry = Distribution::with_user(dir.path(), "robot");
    assert_eq!(verify(&registry.address, "robot", "pass").await, None);
    assert_eq!(verify(&registry.address, "robot", "other").await, Some("RC0591"));
    assert_eq!(verify(&registry.address, "nobody", "pass").await, Some("RC0591"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_with_a_token_server_refuses_what_either_refuses() {
    let dir = tempfile::tempdir().expect("a folder");
    let signer = Signer::new(dir.path());
    let server = FaultProxy::start(NOWHERE).await;
    let auth = format!(
        "token: {{ realm: '{}/token', service: test, issuer: test, rootcertbundle: {} }}",
        server.url(),
        signer.certificate.display()
    );
    let registry = Distribution::start(dir.path(), &auth);
    let answer = |token: &str| Fault::answer(200, "application/json", &json!({ "token": token }).to_string());
    let token = signer.token(SystemClock.now());
    server.set(answer(&token));
    assert_eq!(verify(&registry.address, "robot", "pass").await, None);
    server.set(answer(&signer.token(SystemTime::UNIX_EPOCH)));
    assert_eq!(verify(&registry.address, "robot", "pass").await, Some("RC0591"), "the token is expired");
    server.set(Fault::answer(401, "application/json", "{}"));
    assert_eq!(verify(&registry.address, "robot", "pass").await, Some("RC0591"));
    server.set(Fault::answer(403, "application/json", "{}"));
    assert_eq!(verify(&registry.address, "robot", "pass").await, Some("RC0592"));
    server.set(Fault::answer(503, "text/html", ""));
    assert_eq!(verify(&registry.address, "robot", "pass").await, None);
}

/// The key of a token server. openssl signs, so that the test needs no code for signatures.
struct Signer {
    dir: PathBuf,
    certificate: PathBuf,
}

impl Signer {
    fn new(dir: &Path) -> Self {
        let certificate = dir.join("tokens.pem");
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens", "-keyout"]);
        let output = openssl.arg(dir.join("key.pem")).arg("-out").arg(&certificate).output().expect("openssl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { dir: dir.into(), certificate }
    }

    /// Returns a token for the repository that was issued at this time and is valid for five minutes.
    fn token(&self, issued: SystemTime) -> String {
        let pem = fs::read_to_string(&self.certificate).expect("it was written");
        let certificate = pem.lines().filter(|line| !line.starts_with("-----")).collect::<String>();
        let issued = issued.duration_since(SystemTime::UNIX_EPOCH).expect("later").as_secs();
        let header = json!({ "typ": "JWT", "alg": "RS256", "x5c": [certificate] });
        let access = json!([{ "type": "repository", "name": REPOSITORY, "actions": ["pull"] }]);
        let claims = json!({
            "iss": "test", "sub": "robot", "aud": "test", "jti": "1", "access": access,
            "iat": issued, "nbf": issued, "exp": issued + 300,
        });
        let parts = [header, claims].map(|it| URL_SAFE_NO_PAD.encode(it.to_string()));
        let text = parts.join(".");
        let file = self.dir.join("token");
        fs::write(&file, &text).expect("it can be written");
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-sign"]).arg(self.dir.join("key.pem")).arg(file);
        let output = openssl.output().expect("openssl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(output.stdout))
    }
}
