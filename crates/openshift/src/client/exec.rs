//! An exec plug-in: a program that prints a credential.

use std::{
    collections::HashMap,
    fmt, io,
    process::Stdio,
    time::{Duration, SystemTime},
};

use http::HeaderValue;
use jiff::Timestamp;
use kube::config::{Cluster, ExecAuthCluster, ExecConfig};
use regcred_core::{Error, Result};
use serde_json::{Value, json};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    time::timeout,
};

use super::{
    certificates::{self, Identity},
    document::EXEC_EXTENSION,
    header::{self, UNSENDABLE},
};

use crate::codes;

/// A plug-in may call a slow service, but it must not block regcred.
const LIMIT: Duration = Duration::from_secs(30);
/// A certificate and a key have about 10 kB.
const LONGEST_ANSWER: u64 = 1024 * 1024;
/// The limit of an install hint, in characters.
const LONGEST_HINT: usize = 500;
const VERSIONS: [&str; 2] = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/// A plug-in with its arguments and its environment.
pub(super) struct Plugin {
    command: String,
    api_version: &'static str,
    exec: ExecConfig,
    /// The value of `KUBERNETES_EXEC_INFO`.
    info: String,
    user: String,
}

/// The credential that a plug-in printed.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) header: Option<HeaderValue>,
    pub(super) identity: Option<Identity>,
    pub(super) expires: Option<SystemTime>,
}

impl Plugin {
    /// Creates a plug-in. Fails if the configuration is incomplete.
    pub(super) fn new(user: &str, exec: ExecConfig) -> Result<Self, String> {
        let Some(command) = exec.command.clone() else { return Err("has an exec plug-in without `command`".into()) };
        let Some(api_version) = VERSIONS.into_iter().find(|it| exec.api_version.as_deref() == Some(it)) else {
            return Err(format!("has an exec plug-in whose `apiVersion` is not {} or {}", VERSIONS[0], VERSIONS[1]));
        };
        let mut spec = json!({ "interactive": false });
        if exec.provide_cluster_info {
            spec["cluster"] = json!(exec.cluster);
        }
        let info = json!({ "kind": "ExecCredential", "apiVersion": api_version, "spec": spec }).to_string();
        Ok(Self { command, api_version, exec, info, user: user.to_owned() })
    }

    /// Runs the plug-in for at most 30 s. It has no standard input, and its output is not shown.
    pub(super) async fn run(&self) -> Result<Issued> {
        let mut command = Command::new(&self.command);
        let variable = |it: &HashMap<String, String>| {
            Some((it.get("name")?.clone(), it.get("value").cloned().unwrap_or_default()))
        };
        command.args(self.exec.args.iter().flatten());
        command.envs(self.exec.env.iter().flatten().filter_map(variable)).env("KUBERNETES_EXEC_INFO", &self.info);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        let failed = |reason: &str| self.failed(reason);
        let child = command.spawn().map_err(|error| failed(&format!("it cannot be started: {}", started(&error))))?;
        let mut group = Group(child.id());
        let printed = timeout(LIMIT, output(child)).await;
        let printed = printed.map_err(|_| failed(&format!("it did not answer within {} s", LIMIT.as_secs())))?;
        group.0 = None;
        let (status, printed) = printed.map_err(|error| failed(&format!("it cannot be read: {}", error.kind())))?;
        if !status.success() {
            return Err(failed(&format!("it failed with {status}")));
        }
        if printed.len() as u64 > LONGEST_ANSWER {
            return Err(failed("its answer is longer than 1 MiB"));
        }
        self.read(&printed).map_err(|reason| failed(&reason))
    }

    /// Parses an answer. An error quotes nothing of it.
    fn read(&self, printed: &[u8]) -> Result<Issued, String> {
        let senseless = || "it did not answer with an ExecCredential".to_owned();
        let text = std::str::from_utf8(printed).map_err(|_| senseless())?;
        let answer = serde_saphyr::from_str::<Value>(text).map_err(|_| senseless())?;
        if answer["kind"] != "ExecCredential" {
            return Err(senseless());
        }
        if answer["apiVersion"] != self.api_version {
            return Err(format!("its answer has another apiVersion than {}", self.api_version));
        }
        let text = |name: &str| answer["status"][name].as_str().filter(|it| !it.is_empty());
        let header = text("token").map(|it| header::bearer(it).ok_or_else(|| format!("its token {UNSENDABLE}")));
        let identity = match (text("clientCertificateData"), text("clientKeyData")) {
            (Some(certificate), Some(key)) => Some(Identity { certificate: certificate.into(), key: key.into() }),
            (None, None) => None,
            _ => return Err("it returned a certificate without a key, or a key without a certificate".into()),
        };
        if header.is_none() && identity.is_none() {
            return Err("it returned neither a token nor a certificate".into());
        }
        if let Some(identity) = &identity {
            identity.check()?;
        }
        // An empty time is not absent: client-go rejects it.
        let expires =
            answer["status"]["expirationTimestamp"].as_str().map(|it| it.parse::<Timestamp>().map(SystemTime::from));
        let expires = expires.transpose().map_err(|_| "its expirationTimestamp is not a time")?;
        Ok(Issued { header: header.transpose()?, identity, expires })
    }

    fn failed(&self, reason: &str) -> Error {
        let hint = self.exec.install_hint.as_deref().map(|hint| format!("; its install hint: {}", one_line(hint)));
        let (command, user) = (one_line(&self.command), &self.user);
        Error::new(&codes::EXEC_PLUGIN, format!("cannot run the exec plug-in {command} of user {user:?}"))
            .with_cause(format!("{reason}{}", hint.unwrap_or_default()))
    }
}

/// Kills a plug-in and its children on drop, unless it has ended.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.0.and_then(|it| rustix::process::Pid::from_raw(it.try_into().ok()?)) {
            // This fails if the group has ended.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

async fn output(mut child: Child) -> io::Result<(std::process::ExitStatus, Vec<u8>)> {
    let mut printed = vec![];
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST_ANSWER + 1).read_to_end(&mut printed).await?;
    }
    Ok((child.wait().await?, printed))
}

/// Returns the description of a cluster for a plug-in.
pub(super) fn described(cluster: &Cluster) -> Result<ExecAuthCluster, String> {
    let extension = cluster.extensions.iter().flatten().find(|it| it.name == EXEC_EXTENSION);
    Ok(ExecAuthCluster {
        server: cluster.server.clone(),
        insecure_skip_tls_verify: cluster.insecure_skip_tls_verify.filter(|it| *it),
        certificate_authority_data: certificates::authority_pem(cluster)?,
        proxy_url: cluster.proxy_url.clone(),
        tls_server_name: cluster.tls_server_name.clone(),
        config: extension.map(|it| it.extension.clone()),
    })
}

fn started(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such program".into(),
        _ => error.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|it| !it.is_control())
        .take(LONGEST_HINT)
        .collect()
}

/// Hides arguments and variables, because they may contain secrets.
impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("command", &self.command).field("user", &self.user).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn plugin(script: &str) -> Plugin {
        let exec = ExecConfig {
            api_version: Some(VERSIONS[0].into()),
            command: Some("sh".into()),
            args: Some(vec!["-c".into(), script.into()]),
            install_hint: Some("get it from\u{1b}[1m example.com".into()),
            ..ExecConfig::default()
        };
        Plugin::new("u", exec).expect("it is whole")
    }

    async fn until(is_so: impl Fn() -> bool) {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    }

    fn runs(pid: &str) -> bool {
        // A zombie counts as ended.
        let status = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
        !status.is_empty() && !status.contains(") Z ")
    }

    #[tokio::test(start_paused = true)]
    async fn an_exec_plug_in_that_hangs_is_killed_with_its_children_at_the_deadline() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}; wait", file.display());
        let running = tokio::spawn(async move { plugin(&script).run().await });
        until(|| file.exists()).await;
        let pid = fs::read_to_string(&file).expect("the plug-in wrote it").trim().to_owned();
        assert!(runs(&pid), "its child runs");
        let error = running.await.expect("no panic").expect_err("it hangs");
        assert_eq!(
            error.chain(),
            "cannot run the exec plug-in sh of user \"u\": it did not answer within 30 s; its install hint: get it from[1m example.com"
        );
        until(|| !runs(&pid)).await;
    }

    #[tokio::test]
    async fn a_child_that_keeps_the_output_open_is_killed_when_the_call_is_cancelled() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > {0}.new; mv {0}.new {0}", file.display());
        let running = tokio::spawn(async move { plugin(&script).run().await });
        until(|| file.exists()).await;
        let pid = fs::read_to_string(&file).expect("the plug-in wrote it").trim().to_owned();
        running.abort();
        until(|| !runs(&pid)).await;
    }

    #[test]
    fn a_plug_in_answer_is_accepted_or_refused_without_being_quoted() {
        let plugin = plugin("");
        let answer = |status: Value| json!({ "kind": "ExecCredential", "apiVersion": VERSIONS[0], "status": status });
        let issued = plugin.read(
            answer(json!({ "token": "abc", "expirationTimestamp": "2026-01-01T01:00:00.5+01:00" }))
                .to_string()
                .as_bytes(),
        );
        let issued = issued.expect("it is whole");
        let expires = issued.expires.expect("it says when").duration_since(SystemTime::UNIX_EPOCH);
        assert_eq!(expires.expect("after 1970").as_millis(), 1_767_225_600_500);
        assert_eq!(issued.header.expect("a token").as_bytes(), b"Bearer abc");
        let pair = json!({ "clientCertificateData": "c", "clientKeyData": "k", "expirationTimestamp": null });
        let issued = plugin.read(answer(pair).to_string().as_bytes()).expect("it is whole");
        assert!(issued.header.is_none() && issued.identity.is_some() && issued.expires.is_none());
        for status in [
            json!(null),
            json!({}),
            json!({ "token": "" }),
            json!({ "token": "canary\n" }),
            json!({ "token": ["canary"] }),
            json!({ "clientKeyData": "canary" }),
            json!({ "token": "abc", "expirationTimestamp": "canary" }),
        ] {
            let reason = plugin.read(answer(status.clone()).to_string().as_bytes()).expect_err("it is not whole");
            assert!(!reason.contains("canary"), "{status}: {reason}");
        }
        for printed in [&b""[..], b"canary", b"\xff\xfe", b"{", b"[]", b"kind: ExecCredential"] {
            plugin.read(printed).expect_err("it is not a credential");
        }
    }
}
