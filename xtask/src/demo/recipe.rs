//! A shell script keeps Secrets in several projects. regcred adopts them, and the next pass finds everything fresh.

use std::{
    fs::{self, File},
    path::Path,
};

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{command::command, programs::Programs};
use crate::process::{FakeServers, run as run_command};

const TEAMS: usize = 6;
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];
/// The remaining lifetimes of the existing tokens, in seconds. One token expired two hours ago.
const LIVES: [&str; 3] = ["38000", "-7200", "21000"];

pub(super) fn run(programs: &Programs, dir: &Path) -> Result<()> {
    let teams = (1..=TEAMS).map(|number| format!("team-{number:02}")).collect::<Vec<_>>();
    let mut world = FakeServers::start(&programs.servers, dir, &teams)?;
    for (place, team) in teams.iter().enumerate() {
        let (region, life) = (REGIONS[place / (TEAMS / 2)], LIVES[place % LIVES.len()]);
        world.say(&format!("recipe {team} {region} {life}"))?;
    }
    let config = dir.join("regcred.yaml");

    println!(
        "\nA shell script keeps an ECR login in {TEAMS} projects, with an AWS key in each. The findings of regcred:\n"
    );
    println!("$ regcred init > regcred.yaml\n");
    let mut init = command(&programs.regcred, &world, &["init"], None);
    run_command(init.stdout(File::create(&config)?))?;
    println!("\n$ cat regcred.yaml\n");
    print!("{}", fs::read_to_string(&config)?);

    println!("\nThe CronJobs are suspended, as the config requires. The plan:\n");
    for team in &teams {
        world.say(&format!("suspend {team}"))?;
    }
    println!("$ regcred plan --config regcred.yaml\n");
    run_command(&mut command(&programs.regcred, &world, &["plan"], Some(&config)))?;

    println!("\nThe pass adopts the Secrets:\n");
    println!("$ regcred once --config regcred.yaml\n");
    run_command(&mut command(&programs.regcred, &world, &["once"], Some(&config)))?;
    let first = world.say("show")?;
    let secrets = first["secrets"].as_array().cloned().unwrap_or_default();
    println!("\nThe Secrets in the cluster:\n");
    for secret in &secrets {
        let (namespace, name, end) = (text(&secret["namespace"]), text(&secret["name"]), text(&secret["expires_at"]));
        let (registries, linked) = (list(&secret["registries"]), list(&secret["linked"]));
        println!("  {namespace}/{name}  {registries}  until {end}  used by {linked}");
    }
    println!("\nRequested tokens: {}", first["tokens_by_region"]);
    ensure!(secrets.len() == TEAMS, "{TEAMS} Secrets were expected, {} are there", secrets.len());
    ensure!(secrets.iter().all(|it| it["manager"] == "regcred"), "not all of them are regcred's: {first:#}");
    ensure!(first["tokens"] == REGIONS.len(), "one token per region was expected: {}", first["tokens"]);

    println!("\nA second pass finds everything fresh:\n");
    println!("$ regcred once --config regcred.yaml\n");
    run_command(&mut command(&programs.regcred, &world, &["once"], Some(&config)))?;
    let second = world.say("show")?;
    ensure!(second["tokens"] == first["tokens"], "the second pass requested a token");
    ensure!(second["secrets"] == first["secrets"], "the second pass wrote something");
    println!("\nThe pass requested no token and wrote nothing. You can delete the AWS keys in the projects.");
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

fn list(value: &Value) -> String {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
