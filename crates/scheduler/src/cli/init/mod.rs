//! `regcred init`: what did others leave in a cluster, and which config takes it over?

mod adoption;
mod comment;
mod config;
mod json;
mod report;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use regcred_config::Config;
use regcred_core::{Clock, Error, SystemClock};
use regcred_openshift::{
    Cluster,
    discover::{Discovery, Search, discover},
};
use tokio::time::timeout;

use self::adoption::Adoption;
use super::{
    args::{Init, Output},
    output::{print, tell},
    session::{self, announce},
};
use crate::{Types, wire};

/// The cluster could not be reached.
const EXIT_UNREACHABLE: u8 = 3;

pub(crate) fn run(args: &Init, types: &Types, output: Output) -> Result<ExitCode> {
    let (server, discovery) = match session::wait(look(args))?? {
        Ok(looked) => looked,
        Err(error) if error.is_retryable() => {
            tell(&format!("error: {}\n", error.chain()));
            return Ok(ExitCode::from(EXIT_UNREACHABLE));
        }
        Err(error) => return Err(anyhow!(error.chain())),
    };
    let code = u8::from(!discovery.unlisted.is_empty());
    let adoption = Adoption::of(&discovery, |yaml| loads(yaml, types));
    let yaml = config::render(&adoption, &server);
    if let Err(problem) = adoption.entries.first().map_or(Ok(()), |_| loads(&yaml, types)) {
        return Err(anyhow!("a bug in regcred, please report it: the config that it made is not valid: {problem}"));
    }
    let now = SystemClock.now();
    match output {
        Output::Table => {
            tell(&report::as_text(&discovery, &adoption, now));
            print(&yaml)?;
        }
        Output::Json => print(&format!("{:#}\n", json::render(&discovery, &adoption, &yaml, code)))?,
    }
    Ok(ExitCode::from(code))
}

/// The server, and what was found there; the outer error is about the connection's settings.
async fn look(args: &Init) -> Result<Result<(String, Discovery), Error>> {
    let cluster = Cluster::connect(&args.connection()).await.map_err(|error| anyhow!(error.chain()))?;
    announce(&cluster, None);
    let search = Search { namespaces: args.namespace.clone(), vendor: wire::ecr() };
    let late = |_| {
        let message = format!("the search did not end within {:?}", args.timeout);
        Error::new(regcred_core::ErrorKind::Unreachable, message)
    };
    let found = timeout(args.timeout, discover(&cluster, &search)).await.map_err(late);
    Ok(found.and_then(|it| it).map(|found| (cluster.server().to_owned(), found)))
}

/// Whether a config is valid; else why it is not.
fn loads(yaml: &str, types: &Types) -> Result<(), String> {
    let config = Config::from_yaml(yaml).map_err(|problems| problems.to_string())?;
    match &wire::problems(&config, types)[..] {
        [] => Ok(()),
        [first, ..] => Err(first.to_string()),
    }
}
