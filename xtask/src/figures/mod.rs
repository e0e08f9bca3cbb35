//! Measures the program of the image against a real API server.

mod compare;
mod cost;
mod daemon;
mod ground;

use std::{fs, path::Path};

use anyhow::Result;

use self::{
    cost::{RUNS, head, median, median_of, show},
    ground::{Ground, yaml},
};

/// Runs all measurements. `before`: an earlier program to measure alternately.
pub(crate) fn run(namespaces: usize, before: Option<&Path>) -> Result<()> {
    if let Some(before) = before {
        return compare::run(before, namespaces);
    }
    let mut ground = Ground::start(namespaces)?;
    let (single, all) = (ground.dir.path().join("one.yaml"), ground.dir.path().join("all.yaml"));
    fs::write(&single, yaml(&ground.names[..1]))?;
    fs::write(&all, yaml(&ground.names))?;
    let once = |config: &Path, more: &[&str]| ground.once(&ground.regcred, config, more);
    head();
    show("one namespace, nothing there (1 run)", once(&single, &[])?);
    show(&format!("one namespace, forced refresh (median of {RUNS})"), median(|| once(&single, &["--force"]))?);
    show(&format!("one namespace, fresh (median of {RUNS})"), median(|| once(&single, &[]))?);
    show(&format!("{namespaces} namespaces, nothing there but one (1 run)"), once(&all, &[])?);
    show(&format!("{namespaces} namespaces, forced refresh (median of 3)"), median_of(3, || once(&all, &["--force"]))?);
    show(&format!("{namespaces} namespaces, fresh (median of 3)"), median_of(3, || once(&all, &[]))?);
    println!("\ntokens minted: {}\n", ground.servers.say("show")?["tokens_by_region"]);
    let Ground { regcred, cluster, servers, names, dir } = &ground;
    daemon::run(regcred, cluster, &servers.aws, names, dir.path())
}
