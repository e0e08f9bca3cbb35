//! A program with regcred inside. It brings a type of provider along, and chooses its own version of Kubernetes.

use std::{env, error::Error, fs, process::ExitCode, sync::Arc, time::Duration};

use async_trait::async_trait;
use k8s_openapi::k8s_if_1_35;
use regcred::{
    Types,
    config::Config,
    core::{Clock, Login, Registry, RegistryCredential, RegistryProvider, Result, SystemClock, Validity},
    engine::{Event, Pass},
    openshift::Connection,
    wire::{self, Clusters},
};
use serde::Deserialize;

k8s_if_1_35! {
    /// Not that of the binary `regcred`; with any other this does not compile.
    const KUBERNETES: &str = "1.35";
}

/// What a config says of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Robot {
    host: String,
    name: String,
}

#[async_trait]
impl RegistryProvider for Robot {
    async fn credential(&self) -> Result<RegistryCredential> {
        let now = SystemClock.now();
        let login = Login::new(vec![Registry::new(&self.host)?], &self.name, "opens-nothing".into())?;
        RegistryCredential::new(vec![login], Validity::new(now, Some(now + Duration::from_hours(1)))?)
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let types = Types::default().with_provider("robot", |spec| {
        let robot = spec.options::<Robot>()?;
        Ok(async { Ok(robot) })
    });
    let config = Config::from_yaml(&fs::read_to_string(env::args().nth(1).ok_or("which config?")?)?)?;
    let plan = wire::plan(&config, &types)?;
    println!("{} Secret, {} tokens, Kubernetes {KUBERNETES}", plan.secrets(), plan.mints());
    let clusters = Clusters::connect(&plan, &Connection::default()).await?;
    let engine = wire::engine(plan, &types, clusters, Arc::new(SystemClock)).await?;
    let told = |event: &Event<'_>| {
        if let Event::Looked { target, outcome, .. } = event {
            println!("{target} is {}", [vec![outcome.state().name().into()], outcome.reasons()].concat().join(": "));
        }
    };
    let report = engine.with_on_event(told).build()?.once(Pass::default()).await;
    Ok(report.exit_code().into())
}
