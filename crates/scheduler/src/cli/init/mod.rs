//! `regcred init`: what did others leave in a cluster, and which config takes it over?

mod adoption;
mod alike;
mod comment;
mod config;
mod json;
mod report;
mod stop;

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use regcred_config::{Config, Problem};
use regcred_core::{Clock, Error, ErrorKind, SystemClock};
use regcred_openshift::{
    Cluster,
    discover::{Discovery, Search, discover},
};
use serde_json::Value;
use tokio::time::timeout;

use self::adoption::Adoption;
use super::{
    EXIT_UNREACHABLE,
    args::{Init, Output},
    output::{Document, print},
    session::{self, announce},
    stderr,
};
use crate::{Types, wire};

pub(crate) fn run(args: &Init, types: &Types, output: Output) -> Result<ExitCode> {
    let (server, discovery) = match session::wait(look(args))?? {
        Ok(looked) => looked,
        Err(error) if error.is_retryable() => {
            stderr::error(&error.chain());
            return Ok(ExitCode::from(EXIT_UNREACHABLE));
        }
        Err(error) => return Err(anyhow!("{}{}", session::explain(&error), elsewhere(&error, args))),
    };
    let code = u8::from(!discovery.unlisted.is_empty());
    let adoption = Adoption::of(&discovery, |yaml| loads(yaml, types));
    let yaml = config::render(&adoption, &server);
    if let Err(problem) = adoption.entries.first().map_or(Ok(()), |_| loads(&yaml, types)) {
        return Err(anyhow!("a bug in regcred, please report it: the config that it made is not valid: {problem}"));
    }
    if matches!(output, Output::Table | Output::Wide) {
        report::as_text(&discovery, &adoption, SystemClock.now()).lines().for_each(stderr::info);
    }
    print(output, &Found { discovery: &discovery, adoption: &adoption, config: &yaml, code })?;
    Ok(ExitCode::from(code))
}

/// The findings, and the config that takes them over.
struct Found<'a> {
    discovery: &'a Discovery,
    adoption: &'a Adoption<'a>,
    config: &'a str,
    code: u8,
}

impl Document for Found<'_> {
    /// The config alone: it goes into a file, and the findings go to standard error.
    fn table(&self, _: bool) -> String {
        self.config.to_owned()
    }

    fn json(&self) -> Value {
        json::render(self.discovery, self.adoption, self.config, self.code)
    }

    fn names(&self) -> Vec<String> {
        self.discovery.secrets.iter().map(|it| format!("secret/{}", it.at.name)).collect()
    }
}

/// The server, and what was found there; the outer error is about the connection's settings.
async fn look(args: &Init) -> Result<Result<(String, Discovery), Error>> {
    let cluster = Cluster::connect(&args.connection()).await.map_err(|error| anyhow!(error.chain()))?;
    announce(&cluster, None);
    let namespaces = match session::namespaces(&cluster, &args.only.namespace).await {
        Ok(namespaces) => namespaces,
        Err(error) => return Ok(Err(error)),
    };
    let search = Search { namespaces, vendor: wire::ecr() };
    let late = |_| {
        let message = format!("the search did not end within {:?}", args.timeout);
        Error::new(ErrorKind::Unreachable, message)
    };
    let found = timeout(args.timeout, discover(&cluster, &search)).await.map_err(late);
    Ok(found.and_then(|it| it).map(|found| (cluster.server().to_owned(), found)))
}

/// The other way, for who lacks a right in the whole cluster alone.
fn elsewhere(error: &Error, args: &Init) -> &'static str {
    if error.kind() == ErrorKind::Denied && args.only.namespace.is_empty() {
        "; or look only where that may be done, with --namespace"
    } else {
        ""
    }
}

/// Whether a config is valid; else the first of what is wrong with it.
fn loads(yaml: &str, types: &Types) -> Result<(), Problem> {
    let problems = match Config::from_yaml(yaml) {
        Ok(config) => wire::problems(&config, types),
        Err(problems) => problems.iter().cloned().collect(),
    };
    problems.into_iter().next().map_or(Ok(()), Err)
}
