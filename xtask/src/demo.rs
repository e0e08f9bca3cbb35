//! The real binary against stand-ins: what lands, and that a second pass finds everything fresh.

use std::{fmt::Write as _, fs, process::Command};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::process::{StandIn, build, root};

const TEAMS: usize = 12;
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

pub(crate) fn run() -> Result<()> {
    println!("Building regcred and its stand-ins ...");
    let regcred = build("regcred", "regcred", false)?;
    let standin = build("regcred-testkit", "regcred-standin", false)?;
    let dir = tempfile::tempdir()?;
    let teams = (1..=TEAMS).map(|number| format!("team-{number:02}")).collect::<Vec<_>>();
    let config = dir.path().join("regcred.yaml");
    fs::write(&config, yaml(&teams))?;
    let mut world = StandIn::start(&standin, dir.path(), &teams)?;

    println!("\nA config of {TEAMS} namespaces in {} regions, of which the first has both:\n", REGIONS.len());
    println!("{}", fs::read_to_string(&config)?);
    let once = |world: &StandIn| -> Result<()> {
        let mut once = Command::new(&regcred);
        once.args(["once", "--config"]).arg(&config).args(["--kubeconfig", &world.kubeconfig]);
        once.env("RUST_LOG", "error");
        println!("$ regcred once --config regcred.yaml");
        crate::process::run(with_identity(&mut once, &world.aws))
    };
    once(&world)?;

    let first = world.say("show")?;
    println!("\nWhat stands in the cluster now:\n");
    let secrets = first["secrets"].as_array().cloned().unwrap_or_default();
    for secret in &secrets {
        println!(
            "  {}/{}  {}  until {}  used by {}",
            text(&secret["namespace"]),
            text(&secret["name"]),
            list(&secret["registries"]),
            text(&secret["expires_at"]),
            list(&secret["linked"])
        );
    }
    println!("\nTokens that were asked for: {}\n", first["calls_by_region"]);
    ensure!(secrets.len() == TEAMS, "{} Secrets were expected, {} are there", TEAMS, secrets.len());
    ensure!(first["aws_calls"] == REGIONS.len(), "one token per region was expected: {}", first["aws_calls"]);

    println!("A second pass finds everything fresh:\n");
    once(&world)?;
    let second = world.say("show")?;
    ensure!(second["aws_calls"] == first["aws_calls"], "the second pass asked for a token");
    ensure!(second["secrets"] == first["secrets"], "the second pass wrote something");
    println!("\nNo token was asked for, and nothing was written.");
    Ok(())
}

/// Keys that open nothing, and ECR on loopback.
pub(crate) fn with_identity<'a>(command: &'a mut Command, aws: &str) -> &'a mut Command {
    command
        .current_dir(root())
        .env("AWS_ENDPOINT_URL", aws)
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "demo")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
}

fn yaml(teams: &[String]) -> String {
    let mut yaml = String::from("targets:\n");
    for (place, team) in teams.iter().enumerate() {
        let region = REGIONS[place % REGIONS.len()];
        let _ = writeln!(yaml, "  - {{ namespace: {team}, region: {region} }}");
        if place == 0 {
            let _ = writeln!(yaml, "  - {{ namespace: {team}, region: {} }}", REGIONS[1]);
        }
    }
    yaml
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn list(value: &Value) -> String {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
