//! The expiry of regcred's Secrets.

use std::collections::HashMap;

use anyhow::Result;
use jiff::Timestamp;

use crate::{e2e::cluster::Cluster, process::read};

/// A template for one line per Secret, with its namespace and its expiry.
const ENDS: &str =
    r#"jsonpath={range .items[*]}{.metadata.namespace} {.metadata.annotations.regcred\.dev/expires-at}{"\n"}{end}"#;

/// Returns the expiry of regcred's Secret in each namespace.
///
/// kubectl reads the objects, because some are nested deeper than `serde_json` reads.
pub(super) fn secrets_of_ours(cluster: &Cluster) -> Result<HashMap<String, Timestamp>> {
    let mut get = cluster.kubectl();
    get.args(["get", "secrets", "--all-namespaces", "--field-selector", "metadata.name=ecr-secret"]);
    get.args(["--selector", "regcred.dev/instance=default", "--output", ENDS]);
    let mut ends = HashMap::new();
    for line in read(&mut get)?.lines() {
        // A hostile tenant may have marked its own Secret.
        if let Some((namespace, end)) = line.split_once(' ')
            && !end.is_empty()
        {
            ends.insert(namespace.to_owned(), end.parse()?);
        }
    }
    Ok(ends)
}

#[expect(clippy::disallowed_methods, reason = "this looks at what another program has written by its own clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
