//! A bot that builds. Runtime, work and end are its own; the engine that keeps its logins fresh is one task among others.

mod shelf;

use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use regcred_core::{
    Address, Clock, Login, ProviderName, Registry, RegistryCredential, RegistryProvider, Result, SystemClock, Target,
    Validity,
};
use regcred_engine::{Engine, Event, Minter, Route, State};
use tokio::{sync::oneshot, task::JoinSet};

use shelf::Shelf;

/// A provider of one's own. In earnest it would ask a server for the password.
#[derive(Debug)]
struct Robot;

#[async_trait]
impl RegistryProvider for Robot {
    async fn credential(&self) -> Result<RegistryCredential> {
        let now = SystemClock.now();
        let login = Login::new(vec![Registry::new("quay.io")?], "bot+robot", "good-for-an-hour".into())?;
        RegistryCredential::new(vec![login], Validity::new(now, Some(now + Duration::from_hours(1)))?)
    }
}

/// The bot's own work, which begins when there is a login for it.
async fn build(team: Target, shelf: Arc<Shelf>) {
    for login in shelf.logins(&team).await {
        println!("bot: {} pushes to {} as {}", team.group(), login.registries()[0], login.username());
    }
}

fn tell(event: &Event<'_>) {
    match event {
        Event::Minted { provider, .. } => println!("engine: {provider} gave a login"),
        Event::MintFailed { provider, error, .. } => println!("engine: {provider} gave none: {error}"),
        Event::Looked { target, outcome, .. } => println!("engine: {} is {}", target.group(), outcome.state().name()),
        _ => {}
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let robot = ProviderName::new("robot")?;
    let team = |team: &str| Ok(Target::new("shelf".parse()?, Address::new(team, "login")));
    let teams = ["team-a", "team-b"].into_iter().map(team).collect::<Result<Vec<_>>>()?;
    let shelf = Arc::new(Shelf::default());
    let engine = Engine::builder(Arc::new(SystemClock))
        .with_minter(Minter::new(robot.clone(), Arc::new(Robot)))
        .with_route(Route::new("teams", vec![robot], teams.clone(), shelf.clone()))
        .with_on_event(tell)
        .build()?;

    let (stop, stopped) = oneshot::channel::<()>();
    let keeping = tokio::spawn(async move { engine.run(async { drop(stopped.await) }).await });
    let builds = teams.into_iter().map(|team| build(team, shelf.clone())).collect::<JoinSet<_>>();
    builds.join_all().await;

    drop(stop); // whatever ends the bot: a signal, a request, or as here the end of its work
    let report = keeping.await?;
    println!("bot: done, with {} logins kept fresh", report.count(State::Fresh));
    Ok(())
}
