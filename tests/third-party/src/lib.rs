//! A type of provider and a type of sink that regcred does not bring along.

mod shelf;

use std::{sync::Arc, time::Duration};

use regcred::{
    ProviderPlan, ProviderType, SinkType, async_trait,
    config::{Origin, Problem, Problems},
    core::document::DocumentSink,
    core::{Address, Login, Registry, RegistryCredential, RegistryProvider, Result, Scope, SystemClock, Validity},
    dockerconfig::DockerConfigFormat,
    plan::{Kept, NoOptions, Run, SinkTarget, keep, schemars, schemars::JsonSchema},
};
use serde::Deserialize;

pub use shelf::Shelf;

/// The options of a provider, and the provider itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Robot {
    /// Host of the registry.
    pub host: String,
}

#[async_trait]
impl RegistryProvider for Robot {
    async fn credential(&self) -> Result<RegistryCredential> {
        let login = Login::new(vec![Registry::new(&self.host)?], "robot", "opens-nothing".into())?;
        RegistryCredential::new(vec![login], Validity::lasting(&SystemClock, Duration::from_hours(1))?)
    }
}

/// The type `robot` of an entry of `providers:`.
pub struct RobotType;

#[async_trait]
impl ProviderType for RobotType {
    const NAME: &'static str = "robot";
    type Options = Robot;
    fn plan(&self, robot: &Robot, at: &Origin) -> Result<ProviderPlan, Problems> {
        let registry = Registry::new(&robot.host).map_err(|error| Problem::below(at, "host", error))?;
        Ok(ProviderPlan::new(Scope::Exact(vec![registry])).with_auth_bytes(40).with_egress(&robot.host))
    }
    async fn make(&self, robot: Robot) -> Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(robot))
    }
}

/// The type `shelf` of an entry of `sinks:`.
pub struct ShelfType(pub Arc<Shelf>);

/// The options of one target on a shelf.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Name of the board.
    pub board: String,
}

#[async_trait]
impl SinkType for ShelfType {
    const NAME: &'static str = "shelf";
    type Options = NoOptions;
    type TargetOptions = Board;
    async fn make(&self, _: NoOptions, targets: Vec<SinkTarget<Board>>, run: &Run) -> Result<Vec<Kept>> {
        let sink = Arc::new(DocumentSink::new(self.0.clone(), DockerConfigFormat).with_instance(run.instance.clone()));
        Ok(keep(sink, &targets, |options| Address::named(options.board.as_str())))
    }
}
