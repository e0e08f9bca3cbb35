//! Tenants in one process, each with an AWS identity of its own. A folder for each has its config, its variables and its files.

use std::{
    env,
    error::Error,
    fs,
    path::{Component, Path, PathBuf},
};

use regcred::{Regcred, ecr::Environment, engine::Pass};
use tokio::task::JoinSet;

/// The place of a file that the AWS settings of a tenant name: always below the folder of the tenant.
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
