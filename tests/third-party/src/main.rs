//! A program that embeds regcred. It adds its own types and chooses its own version of the Kubernetes types.

use std::{env, error::Error};

use k8s_openapi::k8s_if_1_35;
use regcred::{
    Regcred, Types,
    engine::{Event, Pass},
};
use third_party::{RobotType, Shelf};

k8s_if_1_35! {
    /// This version differs from that of the binary `regcred`. The program compiles only with this version.
    const KUBERNETES: &str = "1.35";
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let types = Types::default().with_provider(RobotType)?.with_sink(Shelf::default())?;
    let report_each = |event: &Event<'_>| {
        if let Event::Reconciled { target, outcome, .. } = event {
            println!("{target} is {}", [vec![outcome.state().name().into()], outcome.reasons()].concat().join(": "));
        }
    };
    let file = env::args().nth(1).ok_or("which config?")?;
    let mut regcred = Regcred::builder().with_types(types).with_config_file(file).with_on_event(report_each).build()?;
    let plan = regcred.plan().ok_or("there is a config")?;
    println!("{} Secret, {} tokens, Kubernetes {KUBERNETES}", plan.named_targets(), plan.mints());
    let report = regcred.once(Pass::default()).await?;
    if report.exit_code() == 0 { Ok(()) } else { Err("not every target is fresh".into()) }
}
