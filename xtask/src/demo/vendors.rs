//! One Secret holds the logins of four vendors, and each login is refreshed by its own end.

use std::{fs, path::Path};

use anyhow::{Result, ensure};

use super::{command::command, programs::Programs};
use crate::process::{FakeServers, root, run as run_command};

const REGISTRIES: usize = 4;

pub(super) fn run(programs: &Programs, dir: &Path) -> Result<()> {
    let mut world = FakeServers::start(&programs.servers, dir, &["app-one".to_owned()])?;
    let config = dir.join("regcred.yaml");
    fs::write(&config, here(&fs::read_to_string(root().join("config/vendors.yaml"))?, &world))?;
    println!(
        "\nA team pulls from the registries of four vendors. Its config, with fakes of the vendors on loopback:\n"
    );
    println!("$ cat regcred.yaml\n");
    print!("{}", fs::read_to_string(&config)?);

    println!("\nOne pass writes all four logins into one Secret:\n");
    println!("$ regcred once --config regcred.yaml\n");
    run_command(&mut command(&programs.regcred, &world, &["once"], Some(&config)))?;
    let first = world.say("show")?;
    let registries = first["secrets"][0]["registries"].as_array().cloned().unwrap_or_default();
    println!("\nThe registries in the Secret:\n");
    for registry in &registries {
        println!("  {}", registry.as_str().unwrap_or("?"));
    }
    ensure!(registries.len() == REGISTRIES, "{REGISTRIES} registries were expected: {first:#}");

    println!("\nThe next refresh follows the login that ends first:\n");
    println!("$ regcred next --online --config regcred.yaml\n");
    run_command(&mut command(&programs.regcred, &world, &["next", "--online"], Some(&config)))?;

    println!("\nA second pass finds everything fresh:\n");
    println!("$ regcred once --config regcred.yaml\n");
    run_command(&mut command(&programs.regcred, &world, &["once"], Some(&config)))?;
    let second = world.say("show")?;
    ensure!(second["exchanges"] == first["exchanges"], "the second pass exchanged a token: {second:#}");
    ensure!(second["secrets"] == first["secrets"], "the second pass wrote something: {second:#}");
    Ok(())
}

/// Points the providers of a config at the fake servers and at the token of the fake pod. Their registries do not exist,
/// so no login is tried there.
fn here(config: &str, world: &FakeServers) -> String {
    let mut config = config.replace(", verify: true", "").replace("    verify: true\n", "");
    for kind in ["google", "azure", "quay"] {
        let endpoint = &world.exchange;
        config = config.replace(&format!("type: {kind},"), &format!("type: {kind}, endpoint: '{endpoint}',"));
        config = config.replace(&format!("type: {kind}\n"), &format!("type: {kind}\n    endpoint: '{endpoint}'\n"));
        config = config.replace(&format!("/var/run/secrets/regcred/{kind}"), &world.pod_token);
    }
    config.replace(", and new credentials are tried at their registry", "")
}
