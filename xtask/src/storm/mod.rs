//! A daemon under storms: outages of the API server, and hostile tenants.

mod attacks;
mod half_open;
mod outages;
mod tenants;

use std::{collections::HashMap, path::PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use jiff::Timestamp;

use crate::{
    e2e::cluster::Cluster,
    image,
    process::{build, read},
};

/// A line with the namespace and the end of each Secret.
const ENDS: &str =
    r#"jsonpath={range .items[*]}{.metadata.namespace} {.metadata.annotations.regcred\.dev/expires-at}{"\n"}{end}"#;
const FRESH: &str = "regcred_targets{sink=\"cluster\",state=\"fresh\"}";

/// One storm.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Part {
    /// The API server is killed again and again
    Outages,
    /// Hostile tenants write the largest and strangest objects
    Tenants,
}

/// Runs one storm, or both.
pub(crate) fn run(part: Option<Part>, debug: bool) -> Result<()> {
    let programs = Programs {
        regcred: if debug { build("regcred", false)? } else { image::program()? },
        standin: build("regcred-standin", false)?,
    };
    for part in part.map_or_else(|| Part::value_variants().to_vec(), |part| vec![part]) {
        match part {
            Part::Outages => outages::run(&programs)?,
            Part::Tenants => tenants::run(&programs)?,
        }
    }
    Ok(())
}

struct Programs {
    regcred: PathBuf,
    standin: PathBuf,
}

/// Returns when the Secret of regcred's in each namespace ends.
///
/// kubectl reads the objects: some are nested deeper than `serde_json` reads.
fn secrets_of_ours(cluster: &Cluster) -> Result<HashMap<String, Timestamp>> {
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
fn now() -> Timestamp {
    Timestamp::now()
}
