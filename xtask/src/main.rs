//! Tasks of this repository. `cargo xtask --help` lists them.

mod args;
mod daemon;
mod demo;
mod dependencies;
mod dist;
mod docs;
mod e2e;
mod faults;
mod features;
mod figures;
mod generate;
mod helm;
mod image;
mod load;
mod newcomers;
mod process;
mod release;
mod sbom;
mod storm;
mod third_party;
mod tidy;
mod tools;

use anyhow::Result;
use clap::Parser;

use self::args::{Args, Command};

fn main() -> Result<()> {
    match Args::parse().command {
        Command::Tidy => tidy::run(),
        Command::Dependencies => dependencies::check(),
        Command::Features => features::check(),
        Command::ThirdParty => third_party::run(),
        Command::Demo => demo::run(),
        Command::E2e { server, install, filter } => e2e::run(server, install, &filter),
        Command::Generate { check } => generate::run(check),
        Command::Manifests { config, mode, check, namespace, mut more } => {
            if namespace != "regcred" {
                more.extend(["--namespace".into(), namespace]);
            }
            generate::manifests(&config, &mode, &more, check)
        }
        Command::Docs => docs::run(),
        Command::Preprocess { question: Some(_) } => Ok(()), // every renderer is supported
        Command::Preprocess { question: None } => docs::preprocess(),
        Command::Publish { dry_run, allow_dirty } => release::publish(dry_run, allow_dirty),
        Command::Semver { baseline, package } => release::semver(baseline.as_deref(), &package),
        Command::Image => image::build().map(drop),
        Command::Dist => dist::run(),
        Command::Storm { part, debug } => storm::run(part, debug),
        Command::Figures { namespaces, before } => figures::run(namespaces, before.as_deref()),
    }
}
