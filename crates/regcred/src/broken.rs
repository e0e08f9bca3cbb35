//! A placeholder for a sink that could not be created. Its targets are unknown. Targets of other sinks are refreshed.

use std::sync::Arc;

use regcred_core::{
    Applied, CredentialSet, Error, Observed, Result, SecretSink, Target, TargetSender, TargetSource, async_trait,
};

use crate::plan::SourceAndSink;

#[derive(Debug)]
pub(crate) struct Broken(Error);

impl Broken {
    pub(crate) fn kept(error: Error) -> SourceAndSink {
        let broken = Arc::new(Self(error));
        (broken.clone(), broken)
    }
}

#[async_trait]
impl TargetSource for Broken {
    async fn watch(&self, _: TargetSender) -> Result<()> {
        Err(self.0.clone())
    }
}

#[async_trait]
impl SecretSink for Broken {
    async fn observe(&self, _: &Target) -> Result<Observed> {
        Err(self.0.clone())
    }

    async fn apply(&self, _: &Target, _: &Observed, _: &CredentialSet) -> Result<Applied> {
        Err(self.0.clone())
    }

    async fn remove(&self, _: &Target) -> Result<()> {
        Err(self.0.clone())
    }
}
