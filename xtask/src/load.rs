//! Sends many concurrent requests to an API server with curl.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{e2e::cluster::Cluster, process::read};

/// The number of the engine's workers for one store.
pub(crate) const AT_ONCE: usize = 16;

/// A larger body is written to its own file.
const LARGE: usize = 64 * 1024;

/// One request.
pub(crate) struct Asked {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn create(path: impl Into<String>, object: &Value) -> Self {
        let body = object.to_string();
        Self { method: "POST", path: path.into(), content_type: "application/json", body }
    }

    pub(crate) fn delete(path: impl Into<String>) -> Self {
        Self { method: "DELETE", path: path.into(), content_type: "application/json", body: String::new() }
    }
}

/// Sends all requests with all permissions. Returns the time that this took. A refused request is an error.
pub(crate) fn send(cluster: &Cluster, requests: &[Asked]) -> Result<Duration> {
    send_by(cluster, requests, AT_ONCE)
}

/// Sends all requests with this number of concurrent ones. Otherwise the same as [`send`].
pub(crate) fn send_by(cluster: &Cluster, requests: &[Asked], at_once: usize) -> Result<Duration> {
    let start = Instant::now();
    let answers = attempt(cluster, requests, at_once)?;
    let took = start.elapsed();
    let refused = answers.iter().filter(|status| !status.starts_with('2')).collect::<Vec<_>>();
    ensure!(refused.is_empty(), "{} of {} requests were refused: {:?}", refused.len(), requests.len(), refused.first());
    Ok(took)
}

/// Sends all requests with this number of concurrent ones. Returns the status of each, in the order of the answers.
pub(crate) fn attempt(cluster: &Cluster, requests: &[Asked], at_once: usize) -> Result<Vec<String>> {
    let (url, authority) = cluster.url();
    let dir = tempfile::tempdir()?;
    let (mut config, mut large) = (String::new(), HashMap::new());
    for (number, Asked { method, path, content_type, body }) in requests.iter().enumerate() {
        if number > 0 {
            config += "next\n";
        }
        let data = if body.len() > LARGE {
            let count = large.len();
            let file = large.entry(body).or_insert_with(|| dir.path().join(count.to_string()));
            fs::write(&*file, body)?;
            format!("data-binary = \"@{}\"", file.display())
        } else {
            format!("data-raw = {}", json!(body))
        };
        write!(
            config,
            "url = \"{url}{path}\"\nrequest = {method}\nheader = \"Content-Type: {content_type}\"\n{data}\n\
             header = \"Authorization: Bearer admin\"\ncacert = \"{}\"\noutput = /dev/null\nsilent\n\
             write-out = \"%{{http_code}}\\n\"\n",
            authority.display()
        )?;
    }
    let file = dir.path().join("requests");
    fs::write(&file, config)?;
    let mut curl = Command::new("curl");
    let answers = read(
        curl.args(["--no-progress-meter", "--parallel", "--parallel-max", &at_once.to_string(), "--config"]).arg(&file),
    )?;
    let answers = answers.lines().map(str::to_owned).collect::<Vec<_>>();
    ensure!(answers.len() == requests.len(), "not every request was answered");
    Ok(answers)
}

/// Creates namespaces with the ServiceAccounts of OpenShift.
pub(crate) fn namespaces(cluster: &Cluster, names: &[String]) -> Result<()> {
    let namespace = |name: &String| {
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        Asked::create("/api/v1/namespaces", &object)
    };
    let accounts = |name: &String| {
        ["default", "builder"].map(|account| {
            let object = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": account } });
            // An apply, because a controller creates `default` too.
            Asked {
                method: "PATCH",
                path: format!("/api/v1/namespaces/{name}/serviceaccounts/{account}?fieldManager=load"),
                content_type: "application/apply-patch+yaml",
                body: object.to_string(),
            }
        })
    };
    send(cluster, &names.iter().map(namespace).collect::<Vec<_>>())?;
    send(cluster, &names.iter().flat_map(accounts).collect::<Vec<_>>()).map(drop)
}
