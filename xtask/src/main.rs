//! Generates, checks and starts programs. `cargo xtask --help` lists what there is.

mod daemon;
mod demo;
mod dependencies;
mod dist;
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
mod sbom;
mod storm;
mod third_party;
mod tidy;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::e2e::assets::Version;

/// The project's own tools
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check what the compiler does not: edges between crates, circles of files, split types, reads of the clock, features
    Tidy,
    /// Check licences, bans, duplicates and advisories with cargo-deny, and find unused dependencies with cargo-machete
    ///
    /// Both programs are installed into the cache if they are missing.
    Dependencies,
    /// Compile each library with each feature alone, and the workspace with the oldest Rust that Cargo.toml declares
    Features,
    /// Builds the libraries as a program outside the workspace does, with each set of adapters
    ThirdParty,
    /// Shows regcred at work, against stand-ins on loopback
    Demo,
    /// Run the live tests against real servers
    ///
    /// `KUBEBUILDER_ASSETS` names a folder with the programs of another API server. If it is unset, the server is built once and cached.
    #[command(after_help = "Examples:\n  cargo xtask e2e --install\n  cargo xtask e2e --server 1.20 rights recipe")]
    E2e {
        /// Version of the API server
        #[arg(long, value_enum, default_value_t)]
        server: Version,
        /// Install the missing Debian and Python packages, which needs root
        #[arg(long)]
        install: bool,
        /// Run only the tests whose names contain one of these
        filter: Vec<String>,
    },
    /// Writes the generated files
    Generate {
        /// Writes nothing, and fails if one is stale
        #[arg(long)]
        check: bool,
    },
    /// Writes what runs a config in a cluster to `deploy/manifests`
    Manifests {
        /// The config
        #[arg(long)]
        config: PathBuf,
        /// `cronjob`, `daemon`, `rights` or `template`
        #[arg(long, default_value = "cronjob")]
        mode: String,
        /// Writes nothing, and fails if the file is stale
        #[arg(long)]
        check: bool,
        /// Where regcred runs
        #[arg(long, default_value = "regcred")]
        namespace: String,
        /// What else `regcred manifests` is told
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Builds the container image, and leaves it in `target/image`
    Image,
    /// Builds a release in `target/dist`: archive, image, chart, bill of materials, checksums
    Dist,
    /// Attack a daemon and its API server, and check that every target stays fresh
    #[command(after_help = "Examples:\n  cargo xtask storm\n  cargo xtask storm tenants --debug")]
    Storm {
        /// Run only this storm
        #[arg(value_enum)]
        part: Option<storm::Part>,
        /// Use the debug build, which is built faster, instead of the program of the image
        #[arg(long)]
        debug: bool,
    },
    /// Measures the program of the image against a real API server, and prints tables
    Figures {
        /// Namespaces in the large pass
        #[arg(long, default_value_t = 1000)]
        namespaces: usize,
        /// An earlier program: measure both in turns, and print ratios
        #[arg(long)]
        before: Option<PathBuf>,
    },
}

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
        Command::Image => image::build().map(drop),
        Command::Dist => dist::run(),
        Command::Storm { part, debug } => storm::run(part, debug),
        Command::Figures { namespaces, before } => figures::run(namespaces, before.as_deref()),
    }
}
