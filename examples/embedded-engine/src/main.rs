//! A build bot with regcred inside. The bot owns the runtime, its work and its shutdown. regcred is one task that
//! refreshes its logins.

mod shelf;

use std::{error::Error, sync::Arc, time::Duration};

use regcred::{
    Regcred, async_trait,
    core::{
        Address, Login, ProviderName, Registry, RegistryCredential, RegistryProvider, Result, SystemClock, Target,
        Validity,
    },
    engine::{Event, Route},
};
use tokio::task::JoinSet;

use shelf::Shelf;

/// A custom provider. A real one would ask a server for the password.
#[derive(Debug)]
struct Robot;

#[async_trait]
impl RegistryProvider for Robot {
    async fn credential(&self) -> Result<RegistryCredential> {
        let login = Login::new(vec![Registry::new("quay.io")?], "bot+robot", "good-for-an-hour".into())?;
        RegistryCredential::new(vec![login], Validity::lasting(&SystemClock, Duration::from_hours(1))?)
    }
}

/// Does the bot's own work. It starts when a login for the team exists.
async fn build(team: Target, shelf: Arc<Shelf>) {
    for login in shelf.logins(&team).await {
        println!("bot: {} pushes to {} as {}", team.group(), login.registries()[0], login.username());
    }
}

fn report(event: &Event<'_>) {
    match event {
        Event::Minted { provider, .. } => println!("regcred: {provider} gave a login"),
        Event::MintFailed { provider, error, .. } => println!("regcred: {provider}: {}", error.chain()),
        Event::Reconciled { target, outcome, .. } => {
            println!("regcred: {} is {}", target.group(), outcome.state().name());
        }
        _ => {}
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let robot = ProviderName::new("robot")?;
    let team = |team: &str| Ok(Target::new("shelf".parse()?, Address::new(team, "login")));
    let teams = ["team-a", "team-b"].into_iter().map(team).collect::<Result<Vec<_>>>()?;
    let shelf = Arc::new(Shelf::default());
    let handle = Regcred::builder()
        .with_provider(robot.clone(), Arc::new(Robot))
        .with_route(Route::new("teams", vec![robot], teams.clone(), shelf.clone()))
        .with_on_event(report)
        .build()?
        .spawn()
        .await?;
    let builds = teams.into_iter().map(|team| build(team, shelf.clone())).collect::<JoinSet<_>>();
    builds.join_all().await;
    handle.shutdown().await?; // the bot decides when: on a signal, a request, or here at the end of its work
    println!("bot: done");
    Ok(())
}
