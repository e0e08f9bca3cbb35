//! `regcred init`: finds the pull secrets of other tools in a cluster, and prints a config that adopts them.

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use regcred_config::Problem;
use regcred_core::{Clock, Error, ErrorKind};
use regcred_migrate::{Adoption, Discovery, Search, adopt, config, discover, json, report, vendors};
use regcred_openshift::{Cluster, Connection};
use regcred_plan::{Types, from_yaml};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    failure,
    flags::{ClusterArgs, Only, Output, duration},
    output::{Document, print, rfc3339, span, table},
    session::{self, announce},
    stderr,
};

use crate::codes;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) only: Only,
    /// End the search after this time, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Args {
    pub(crate) fn connection(&self) -> Connection {
        self.cluster.connection()
    }
}

pub(crate) fn run(args: &Args, types: &Types, output: Output, clock: &dyn Clock) -> Result<ExitCode> {
    let (server, discovery) = match session::wait(search_cluster(args))?? {
        Ok(looked) => looked,
        Err(error) if error.is_retryable() => return Ok(failure::unreachable(&error)),
        Err(error) => {
            let text = format!("{}{}", session::explain(&error).chain(), elsewhere(&error, args));
            return Err(Error::new(error.code(), text).into());
        }
    };
    let code = u8::from(!discovery.unlisted.is_empty());
    let adoption = adopt(&discovery, |yaml| loads(yaml, types));
    let yaml = config(&adoption, &server);
    if let Err(problem) = adoption.entries.first().map_or(Ok(()), |_| loads(&yaml, types)) {
        let cause = format!("a bug in regcred made it invalid: {problem}");
        return Err(Error::new(ErrorKind::Bug, "cannot print the config").with_cause(cause).into());
    }
    if matches!(output, Output::Table | Output::Wide) {
        let report = report(&discovery, &adoption, clock.now(), span);
        if !report.rows.is_empty() {
            table(["FOUND", "WHERE", "WHAT"], &report.rows).lines().for_each(stderr::info);
        }
        stderr::info(&report.summary);
    }
    print(output, &Found { discovery: &discovery, adoption: &adoption, config: &yaml, code })?;
    Ok(ExitCode::from(code))
}

/// The findings, and the config that adopts them.
struct Found<'a> {
    discovery: &'a Discovery,
    adoption: &'a Adoption<'a>,
    config: &'a str,
    code: u8,
}

impl Document for Found<'_> {
    /// Returns only the config, because the output goes into a file. The findings go to standard error.
    fn table(&self, _: bool) -> String {
        self.config.to_owned()
    }

    fn json(&self) -> Value {
        let mut json = json(self.discovery, self.adoption, self.config, rfc3339);
        json["exit_code"] = self.code.into();
        json
    }

    fn names(&self) -> Vec<String> {
        self.discovery.secrets.iter().map(|it| format!("secret/{}", it.at.name)).collect()
    }
}

/// Returns the server and the findings.
///
/// The outer error is about the connection settings.
async fn search_cluster(args: &Args) -> Result<Result<(String, Discovery), Error>> {
    let cluster = Cluster::connect(&args.connection()).await?;
    announce(&cluster, None);
    let namespaces = match session::namespaces(&cluster, &args.only.namespace).await {
        Ok(namespaces) => namespaces,
        Err(error) => return Ok(Err(error)),
    };
    let search = Search { namespaces, vendors: vendors() };
    let late = |_| {
        let cause = format!("the search did not end within {:?}", args.timeout);
        Error::new(&codes::TIMEOUT, "cannot search the cluster").with_cause(cause)
    };
    let found = timeout(args.timeout, discover(&cluster, &search)).await.map_err(late);
    Ok(found.and_then(|it| it).map(|found| (cluster.server().to_owned(), found)))
}

/// Returns another fix for a caller that may lack a right only cluster-wide.
///
/// Empty for other errors, and with `--namespace`.
fn elsewhere(error: &Error, args: &Args) -> &'static str {
    if error.kind() == ErrorKind::Denied && args.only.namespace.is_empty() {
        "; or search only namespaces where that is allowed, with --namespace"
    } else {
        ""
    }
}

/// Checks that a config is valid. Returns the first problem as the error.
fn loads(yaml: &str, types: &Types) -> Result<(), Problem> {
    match from_yaml(yaml, types) {
        Ok(_) => Ok(()),
        Err(problems) => Vec::from(problems).into_iter().next().map_or(Ok(()), Err),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::{prelude::*, sample::select};
    use regcred_migrate::{Address, End, Job, Links, PullSecret, Source, Tool, Use};

    use super::*;

    const NAMES: [&str; 9] = ["team-a", "on", "no", "1e5", "0x1", "null", "y", "a.b", "123"];
    /// A JSON Web Token that expired in 1970.
    const JWT: &str = "e30.eyJleHAiOjl9.c2ln";
    const HOSTS: [&str; 15] = [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "000000000001.dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
        "123456789012.dkr-ecr.us-east-1.on.aws",
        "123456789012.dkr-ecr-fips.us-east-1.on.aws",
        "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn",
        "123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu",
        "123456789012.dkr.ecr.us-moon-1.amazonaws.com",
        "public.ecr.aws",
        "europe-docker.pkg.dev",
        "eu.gcr.io",
        "acme.azurecr.io",
        "acme.azurecr.cn",
        "quay.io",
        "acme.jfrog.io",
    ];

    /// Returns the source of a login for one of the hosts.
    fn source(host: &str) -> Source {
        let users = ["AWS", "oauth2accesstoken", "00000000-0000-0000-0000-000000000000", "acme+puller"];
        let vendors = vendors();
        let found =
            vendors.iter().find_map(|it| users.iter().find_map(|user| (it.source)(host, Some(user), Some(JWT))));
        found.unwrap_or_else(|| panic!("{host}"))
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![select(&NAMES[..]).prop_map(str::to_owned), any::<String>(), "[a-z0-9.-]{1,20}"]
    }

    fn address() -> impl Strategy<Value = Address> {
        (name(), name()).prop_map(|(namespace, name)| Address { namespace, name })
    }

    fn tool() -> impl Strategy<Value = Option<Tool>> {
        let all = [Tool::Script, Tool::EcrLoginRenew, Tool::ExternalSecrets, Tool::Helm];
        proptest::option::of(select(all.to_vec()))
    }

    prop_compose! {
        fn links()(uses in proptest::collection::btree_map(name(), (any::<bool>(), any::<bool>()), 0..3), usual in any::<bool>())
            -> Links
        {
            let by = |(account, (pull, mount)): (String, (bool, bool))| Use { account, pull: pull || !mount, mount };
            Links { accounts: uses.into_iter().map(by).collect(), are_defaults: usual }
        }
    }

    prop_compose! {
        fn secret()(
            at in address(),
            hosts in proptest::collection::btree_set(select(&HOSTS[..]), 1..4),
            numbers in (0..2_usize, 0..2_usize, any::<bool>(), any::<bool>(), any::<bool>()),
            ends in proptest::option::of(any::<bool>()),
            writers in proptest::collection::vec(any::<String>(), 0..3),
            tool in tool(),
            instance in proptest::option::of(select(vec!["default", "blue"])),
            merged in proptest::option::of(select(vec!["default", "blue"])),
            links in proptest::option::of(links()),
        ) -> PullSecret {
            let (others, undecodable, has_more, has_user, is_odd) = numbers;
            let text = |is: bool, text: &str| is.then(|| text.to_owned()).into_iter().collect::<Vec<_>>();
            let (more, odd) = (text(has_more, "`credsStore`"), text(is_odd, "HOST:443"));
            let end = |is_estimate| End { at: SystemTime::UNIX_EPOCH + Duration::from_hours(1), is_estimate };
            let sources = hosts.iter().map(|host| source(host)).collect();
            PullSecret {
                at, sources, registries: hosts.into_iter().map(str::to_owned).collect(), others, undecodable, more, odd, has_user,
                wildcards: vec![], hidden: is_odd.then(|| "Docker cannot use it".to_owned()),
                ends: ends.map(end), written_at: None, writers, tool, instance: instance.map(str::to_owned), obstacle: None,
                merged_by: merged.into_iter().map(str::to_owned).collect(), has_copy: false, links,
            }
        }
    }

    prop_compose! {
        fn job()(at in address(), tool in tool(), schedule in any::<String>(), is in any::<[bool; 2]>()) -> Job {
            Job { at, tool, schedule, is_suspended: is[0], is_by_name: is[1] }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn the_generated_config_always_loads_and_covers_or_skips_every_secret(
            secrets in proptest::collection::hash_map(address(), secret(), 1..6),
            jobs in proptest::collection::vec(job(), 0..4),
            server in any::<String>(),
        ) {
            let secrets = secrets.into_iter().map(|(at, it)| PullSecret { at, ..it }).collect::<Vec<_>>();
            let discovery = Discovery { secrets, jobs, is_whole: true, ..Discovery::default() };
            let check = |yaml: &str| loads(yaml, &Types::default());
            let adoption = adopt(&discovery, check);
            let yaml = config(&adoption, &server);
            prop_assert_eq!(adoption.methods().len() + adoption.left.len(), discovery.secrets.len());
            if adoption.entries.is_empty() {
                prop_assert!(yaml.lines().all(|line| line.starts_with("# ")), "{}", yaml);
            } else {
                prop_assert_eq!(check(&yaml), Ok(()), "{}", yaml);
            }
            prop_assert!(yaml.chars().all(|it| it == '\n' || it == ' ' || it.is_ascii_graphic() || it.is_alphanumeric()));
        }
    }
}
