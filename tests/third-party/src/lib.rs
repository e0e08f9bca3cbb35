//! A provider type and a sink type that are not part of regcred.

use std::{collections::BTreeMap, sync::Arc, sync::Mutex, time::Duration};

use regcred::{
    ProviderPlan, ProviderType, SinkType, async_trait,
    config::{Origin, Problem, Problems},
    core::document::{Document, DocumentSink, DocumentStore},
    core::{Address, Error, ErrorKind, ExposeSecret, Login, Registry, RegistryCredential, RegistryProvider, Result},
    core::{Scope, SecretBytes, SystemClock, Validity},
    dockerconfig::DockerConfigFormat,
    plan::{NoOptions, Run, SinkTarget, SourceAndSink, fixed_targets, schemars, schemars::JsonSchema},
};
use serde::Deserialize;

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

/// The provider type `robot` for entries in `providers:`.
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

/// Documents in memory, each with the number of its latest write. It is also the sink type `shelf` for entries in
/// `sinks:`.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<(u64, Documents)>>);

type Documents = BTreeMap<Address, (u64, SecretBytes)>;

impl Shelf {
    fn change(&self, address: &Address, content: Option<SecretBytes>, expected: Option<u64>) -> Result<()> {
        let (writes, documents) = &mut *self.0.lock().expect("no call panics");
        if documents.get(address).map(|(version, _)| *version) != expected {
            return Err(Error::new(ErrorKind::Conflict, format!("cannot write {address}: another writer changed it")));
        }
        *writes += 1;
        documents.remove(address);
        documents.extend(content.map(|content| (address.clone(), (*writes, content))));
        Ok(())
    }
}

#[async_trait]
impl DocumentStore for Shelf {
    type Version = u64;

    async fn load(&self, address: &Address) -> Result<Option<Document<u64>>> {
        let (_, documents) = &*self.0.lock().expect("no call panics");
        Ok(documents.get(address).map(|(version, content)| Document::new(content.expose_secret(), *version)))
    }

    async fn store(&self, address: &Address, content: SecretBytes, expected: Option<&u64>) -> Result<()> {
        self.change(address, Some(content), expected.copied())
    }

    async fn delete(&self, address: &Address, expected: &u64) -> Result<()> {
        self.change(address, None, Some(*expected))
    }
}

/// The options of one target on a shelf.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Board {
    /// Name of the board.
    pub board: String,
}

#[async_trait]
impl SinkType for Shelf {
    const NAME: &'static str = "shelf";
    type Options = NoOptions;
    type TargetOptions = Board;

    async fn make(&self, _: NoOptions, targets: Vec<SinkTarget<Board>>, run: &Run) -> Result<Vec<SourceAndSink>> {
        let sink = DocumentSink::new(self.clone(), DockerConfigFormat).with_instance(run.instance.clone());
        Ok(fixed_targets(Arc::new(sink), &targets, |options| Address::named(options.board.as_str())))
    }
}
