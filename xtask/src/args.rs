//! The command line of `cargo xtask`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::{e2e::assets::Version, storm::Part};

/// Tasks of this repository
///
/// Programs that a task needs are built once and cached in `~/.cache/regcred`.
#[derive(Parser)]
#[command(name = "cargo xtask", max_term_width = 120)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Check the structure of the code: crate edges, circles of files, split types, reads of the clock, features
    Tidy,
    /// Check licences, bans, duplicates and advisories with cargo-deny, and unused dependencies with cargo-machete
    Dependencies,
    /// Compile each library with each feature alone, and the workspace with the oldest Rust that Cargo.toml declares
    Features,
    /// Build and test a program outside the workspace that embeds the libraries
    ThirdParty,
    /// Run regcred against fake servers on loopback, from a script's Secrets to a pass with nothing to do
    Demo,
    /// Run the live tests against real servers
    ///
    /// `KUBEBUILDER_ASSETS` names a folder with the programs of another API server. If it is unset, the server is built
    /// once and cached.
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
    /// Write the generated files: pages, schemas, manifests, rules and dashboards
    #[command(after_help = "Examples:\n  cargo xtask generate\n  cargo xtask generate --check")]
    Generate {
        /// Write nothing, and fail if a file is stale
        #[arg(long)]
        check: bool,
    },
    /// Write the objects that run a config in a cluster to `deploy/manifests`
    #[command(
        after_help = "Examples:\n  cargo xtask manifests --config config/full.yaml\n  cargo xtask manifests --config config/teams.yaml --mode daemon --check"
    )]
    Manifests {
        /// Config file
        #[arg(long)]
        config: PathBuf,
        /// `cronjob`, `daemon`, `rights` or `template`
        #[arg(long, default_value = "cronjob")]
        mode: String,
        /// Write nothing, and fail if the file is stale
        #[arg(long)]
        check: bool,
        /// Namespace in which regcred runs
        #[arg(long, default_value = "regcred")]
        namespace: String,
        /// More arguments of `regcred manifests`
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Build the book and rustdoc in `target`, and check every link of both and of the Markdown files
    Docs,
    /// Rewrite links for mdBook, which runs this command
    #[command(hide = true)]
    Preprocess {
        #[command(subcommand)]
        question: Option<Preprocess>,
    },
    /// Build the container image into `target/image`
    Image,
    /// Package, compile and document every crate as crates.io and docs.rs do, and publish them in order
    #[command(after_help = "Examples:\n  cargo xtask publish --dry-run\n  cargo xtask publish")]
    Publish {
        /// Upload nothing
        #[arg(long)]
        dry_run: bool,
        /// Package files that are not committed
        #[arg(long, requires = "dry_run")]
        allow_dirty: bool,
    },
    /// Compare the public APIs with a revision or the published version, with cargo-semver-checks
    #[command(
        after_help = "Examples:\n  cargo xtask semver\n  cargo xtask semver --baseline HEAD~10 --package regcred-core"
    )]
    Semver {
        /// Git revision. Default: the latest version on crates.io
        #[arg(long, value_name = "REV")]
        baseline: Option<String>,
        /// Crate to compare. Repeat the flag for several. Default: every published library
        #[arg(long, value_name = "NAME")]
        package: Vec<String>,
    },
    /// Build a release into `target/dist`: archive, image, chart, bill of materials, checksums
    Dist,
    /// Attack a daemon and its API server, and check that every target stays fresh
    #[command(after_help = "Examples:\n  cargo xtask storm\n  cargo xtask storm tenants --debug")]
    Storm {
        /// Run only this storm
        #[arg(value_enum)]
        part: Option<Part>,
        /// Use the debug build, which builds faster, instead of the program of the image
        #[arg(long)]
        debug: bool,
    },
    /// Measure the program of the image against a real API server, and print tables
    #[command(
        after_help = "Examples:\n  cargo xtask figures --namespaces 10000\n  cargo xtask figures --before target/earlier/regcred"
    )]
    Figures {
        /// Namespaces in the large pass
        #[arg(long, default_value_t = 1000)]
        namespaces: usize,
        /// Earlier program to measure alternately, with the ratios
        #[arg(long)]
        before: Option<PathBuf>,
    },
}

/// The first question of mdBook to a preprocessor.
#[derive(Subcommand)]
pub(crate) enum Preprocess {
    /// Exit with 0 if this renderer is supported
    Supports { renderer: String },
}
