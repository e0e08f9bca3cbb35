//! The table of kubeconfigs and environments that compares regcred with kubectl.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_testkit::{
    FaultProxy, ForwardProxy,
    tls::{Authority, Certificate},
};
use serde::Deserialize;
use tempfile::TempDir;

/// A name that only the proxy can resolve.
const NAMED: &str = "api.cluster.example";

/// One row of `cases.yaml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The cluster, in YAML on one line.
    #[serde(default = "server")]
    cluster: String,
    /// The user, in YAML on one line.
    #[serde(default = "token")]
    user: String,
    /// The context, in YAML on one line.
    #[serde(default = "context")]
    context: String,
    /// A complete kubeconfig that replaces the three fields above.
    whole: Option<String>,
    /// More files next to the kubeconfig.
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// The argument of `--context`.
    flag: Option<String>,
    /// The first request of kubectl, or `nothing`.
    pub(crate) kubectl: String,
    /// The first request of regcred, if it differs.
    pub(crate) regcred: Option<String>,
    /// The reason for the difference.
    pub(crate) why: Option<String>,
    /// A part of regcred's message.
    pub(crate) says: Option<String>,
}

fn server() -> String {
    "{ server: <SERVER>, certificate-authority-data: <CA> }".into()
}

fn token() -> String {
    "{ token: abc }".into()
}

fn context() -> String {
    "{ cluster: c, user: u }".into()
}

/// Returns every row.
pub(crate) fn cases() -> Vec<Case> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/kubectl/cases.yaml")).expect("it is there");
    serde_saphyr::from_str(&text).expect("the table is YAML")
}

/// A server with HTTPS and HTTP, and a proxy that connects every host to it.
pub(crate) struct World {
    seen: Arc<Mutex<Vec<String>>>,
    plain: SocketAddr,
    tls: FaultProxy,
    proxy: ForwardProxy,
    authority: String,
    client: Certificate,
    pub(crate) dir: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let (plain, seen) = record();
        let authority = Authority::new();
        let certificate = authority.issue(&["127.0.0.1", "localhost", NAMED]);
        let tls = FaultProxy::start_tls(plain, &certificate).await;
        let proxy = ForwardProxy::start().await;
        proxy.tunnel_to(tls.address());
        let dir = tempfile::tempdir().expect("a folder");
        Self { seen, plain, tls, proxy, authority: authority.pem(), client: authority.issue(&["jane"]), dir }
    }

    /// Runs a program on a case. Returns the route and the headers of its first request, or `nothing`.
    pub(crate) fn outcome(&self, case: &Case, program: &str, args: &[&str]) -> (String, Output) {
        self.seen.lock().expect("nothing panics").clear();
        let asked = || self.proxy.connects().len() + self.proxy.requests().len();
        let before = asked();
        let folder = tempfile::tempdir_in(self.dir.path()).expect("a folder");
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("it can be written");
        let fill = |text: &str| self.fill(text, &folder.path().display().to_string());
        let whole = case.whole.clone().unwrap_or_else(|| {
            format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{ name: c, cluster: {} }}]\n\
                 users: [{{ name: u, user: {} }}]\ncontexts: [{{ name: c, context: {} }}]\n",
                case.cluster, case.user, case.context
            )
        });
        write("kubeconfig", &fill(&whole));
        for (name, text) in &case.files {
            write(name, &fill(text));
        }
        if case.files.contains_key("plugin") {
            let runnable = fs::Permissions::from_mode(0o755);
            fs::set_permissions(folder.path().join("plugin"), runnable).expect("it is ours");
        }
        let mut command = Command::new(program);
        command.args(args).env_clear().stdin(Stdio::null()).current_dir(folder.path());
        command.env("HOME", folder.path()).env("PATH", "/usr/bin:/bin");
        command.env("KUBECONFIG", folder.path().join("kubeconfig"));
        command.envs(case.env.iter().map(|(name, value)| (name, fill(value))));
        let output = command.output().expect("it starts");
        let headers = self.seen.lock().expect("nothing panics").first().cloned();
        let proxied = asked() > before;
        let way = match (headers, proxied) {
            (Some(headers), true) => format!("by proxy{headers}"),
            (Some(headers), false) => format!("direct{headers}"),
            (None, true) => "by proxy, and no further".into(),
            (None, false) => "nothing".into(),
        };
        (way, output)
    }

    /// Returns the argument of `--context`.
    pub(crate) fn flag(case: &Case) -> Option<&str> {
        case.flag.as_deref()
    }

    fn fill(&self, text: &str, folder: &str) -> String {
        let ca = STANDARD.encode(&self.authority);
        let wrapped = ca.as_bytes().chunks(76).map(|it| String::from_utf8_lossy(it).into_owned()).collect::<Vec<_>>();
        let proxy = self.proxy.url();
        let proxy = proxy.trim_start_matches("http://").trim_end_matches('/');
        let (certificate, key) = (self.client.pem(), self.client.key_pem());
        let port = self.tls.address().port().to_string();
        [
            ("SERVER", format!("https://127.0.0.1:{port}")),
            ("NAMED", format!("https://{NAMED}:6443")),
            ("PLAIN_PORT", self.plain.port().to_string()),
            ("PLAIN", format!("http://{}", self.plain)),
            ("PORT", port),
            ("PEM", self.authority.clone()),
            ("WRAPPED", wrapped.join("\\n")),
            ("CERTDATA", STANDARD.encode(certificate)),
            ("KEYDATA", STANDARD.encode(&key)),
            ("CERTPEM", certificate.into()),
            ("KEYPEM", key),
            ("CA", ca),
            ("DIR", folder.to_owned()),
            ("PROXY_HOST", proxy.replace("127.0.0.1", "localhost")),
            ("PROXY", proxy.to_owned()),
        ]
        .iter()
        .fold(text.to_owned(), |text, (mark, value)| text.replace(&format!("<{mark}>"), value))
    }
}

/// Starts a server that answers every request like `/version` of an API server, and records its headers.
fn record() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let shared = Arc::clone(&seen);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let shared = Arc::clone(&shared);
            thread::spawn(move || answer(stream, &shared));
        }
    });
    (address, seen)
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<String>>) {
    const ANSWER: &str = "{\"major\":\"1\",\"minor\":\"37\",\"gitVersion\":\"v1.37.2\"}";
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out");
    let mut head = vec![];
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|it| it == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => head.extend_from_slice(&buffer[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = head.lines().skip(1).filter_map(|line| line.split_once(": ")).collect::<Vec<_>>();
    headers.sort_by_key(|(name, _)| name.to_ascii_lowercase());
    let mut told = if path == "/version" { String::new() } else { format!(" {path}") };
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if name == "authorization" || name.starts_with("impersonate-") {
            told.extend([", ", &name, ": ", value.trim_end()]);
        }
    }
    seen.lock().expect("nothing panics").push(told);
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    // The client may have disconnected.
    let _ = stream.write_all(answer.as_bytes());
}

#[test]
fn each_difference_from_kubectl_has_a_reason() {
    for case in cases() {
        assert_eq!(case.regcred.is_some(), case.why.is_some(), "{}", case.name);
        assert_ne!(case.says.as_deref(), Some(""), "{}", case.name);
        assert_ne!(case.regcred.as_ref(), Some(&case.kubectl), "{}", case.name);
    }
}
