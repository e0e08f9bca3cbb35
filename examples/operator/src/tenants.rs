//! Tenants in one process, each with its own AWS identity. Each tenant has a folder with its config, variables and
//! files.

use std::{
    env,
    error::Error,
    fs,
    path::{Component, Path, PathBuf},
};

use regcred::{Regcred, ecr::Environment, engine::Pass};
use tokio::task::JoinSet;

/// Returns the path of a file that a tenant's AWS settings name. The path is always inside the tenant's folder.
fn below(folder: &Path, file: &Path) -> PathBuf {
    folder.join(file.components().filter(|part| matches!(part, Component::Normal(_))).collect::<PathBuf>())
}

fn regcred(folder: PathBuf) -> Result<Regcred, Box<dyn Error>> {
    let config = fs::read_to_string(folder.join("regcred.yaml"))?;
    let variables = fs::read_to_string(folder.join("aws.env"))?;
    let environment = Environment::new(variables.lines().filter_map(|line| line.split_once('=')));
    let environment = environment.with_files(move |file| fs::read(below(&folder, file)));
    Ok(Regcred::builder().with_yaml(config).with_aws_environment(environment).build()?)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut passes = JoinSet::new();
    for folder in env::args().skip(1) {
        let mut tenant = regcred(folder.clone().into())?;
        passes.spawn(async move { (folder, tenant.once(Pass::default()).await) });
    }
    for (folder, report) in passes.join_all().await {
        println!("{folder} ended with {}", report?.exit_code());
    }
    Ok(())
}
