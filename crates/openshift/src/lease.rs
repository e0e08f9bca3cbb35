//! Which of several processes works: whoever holds a Lease.
//!
//! Clocks of different machines are not compared. A Lease that somebody else holds is free when it has not changed for as long as it
//! lasts, by our own clock. For a moment two may believe that they hold it; what they do has to bear that.

use std::{future::pending, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease as Object;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use regcred_core::{Clock, ErrorKind, Result};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tracing::{info, warn};

use crate::{cluster::Cluster, error::Doing, store::limited};

/// Who has not been heard of for so long has lost it.
const LASTS: Duration = Duration::from_secs(15);
/// Who could not renew it for so long gives it up by itself.
const RENEWED: Duration = Duration::from_secs(10);
/// Between two tries to get or to keep it.
const EVERY: Duration = Duration::from_secs(2);

/// A part in who holds a Lease. Ends when it is dropped, and then others get it after 15 s; [`Lease::release`] is faster.
#[derive(Debug)]
pub struct Lease {
    held: watch::Receiver<bool>,
    task: JoinHandle<()>,
    holder: Holder,
}

#[derive(Clone, Debug)]
struct Holder {
    api: Api<Object>,
    namespace: String,
    name: String,
    identity: String,
    clock: Arc<dyn Clock>,
}

/// What was seen of it, and when it was other than before.
struct Seen {
    version: Option<String>,
    at: Instant,
}

impl Lease {
    /// Takes part from now on, in a task of its own. `identity`: who we are to the others; no two may have the same.
    pub fn start(cluster: &Cluster, namespace: &str, name: &str, identity: &str, clock: Arc<dyn Clock>) -> Self {
        let api = Api::namespaced(cluster.client().clone(), namespace);
        let (namespace, name, identity) = (namespace.to_owned(), name.to_owned(), identity.to_owned());
        let holder = Holder { api, namespace, name, identity, clock };
        let (sender, held) = watch::channel(false);
        let task = tokio::spawn(holder.clone().take_part(sender));
        Self { held, task, holder }
    }

    /// Whether it is ours at this moment.
    pub fn is_held(&self) -> bool {
        *self.held.borrow()
    }

    /// Waits until it is ours.
    pub async fn gained(&self) {
        if self.held.clone().wait_for(|held| *held).await.is_err() {
            pending::<()>().await;
        }
    }

    /// Waits until it is not ours any more.
    pub async fn lost(&self) {
        drop(self.held.clone().wait_for(|held| !*held).await);
    }

    /// Waits until nobody looks after it any more: then nothing that is done is safe from another one.
    pub async fn died(&self) {
        let mut held = self.held.clone();
        while held.changed().await.is_ok() {}
    }

    /// Gives it up, so that another one gets it at once.
    pub async fn release(self) {
        let is_held = *self.held.borrow();
        self.task.abort();
        if is_held {
            let free = json!({ "holderIdentity": "", "leaseDurationSeconds": 1 });
            if let Err(error) = self.holder.apply(None, free, true).await {
                warn!(error = error.chain(), "the Lease was not released, others get it within 15 s");
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Holder {
    async fn take_part(self, held: watch::Sender<bool>) {
        let mut seen = Seen { version: None, at: Instant::now() };
        let mut renewed: Option<Instant> = None;
        let mut failing = false;
        loop {
            let tried = timeout(RENEWED, self.try_once(&mut seen)).await;
            let tried = tried
                .unwrap_or_else(|_| Err(self.doing("get").failed(ErrorKind::Unreachable, "no answer within 10 s")));
            match tried {
                Ok(true) => {
                    renewed = Some(Instant::now());
                    if !held.send_replace(true) {
                        info!(lease = self.name, "holds the Lease, and works");
                    }
                    failing = false;
                }
                Ok(false) => {
                    renewed = None;
                    held.send_replace(false);
                    failing = false;
                }
                Err(error) => {
                    if !failing {
                        warn!(lease = self.name, error = error.chain(), "the Lease cannot be had or kept");
                    }
                    failing = true;
                    // Others may have it after this.
                    if renewed.is_none_or(|at| at.elapsed() >= RENEWED) {
                        renewed = None;
                        held.send_replace(false);
                    }
                }
            }
            sleep(EVERY).await;
        }
    }

    /// Whether it is ours now.
    async fn try_once(&self, seen: &mut Seen) -> Result<bool> {
        let there = limited(&self.doing("get"), self.api.get_opt(&self.name)).await?;
        let version = there.as_ref().and_then(|it| it.metadata.resource_version.clone());
        if seen.version != version {
            *seen = Seen { version: version.clone(), at: Instant::now() };
        }
        let spec = there.and_then(|it| it.spec).unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let lasts =
            spec.lease_duration_seconds.and_then(|it| u64::try_from(it).ok()).map_or(LASTS, Duration::from_secs);
        let is_ours = holder == self.identity;
        if !is_ours && !holder.is_empty() && seen.at.elapsed() < lasts.max(EVERY) {
            return Ok(false);
        }
        let now = Timestamp::try_from(self.clock.now()).unwrap_or_default();
        let micro = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let mut next = json!({
            "holderIdentity": self.identity, "leaseDurationSeconds": LASTS.as_secs(), "renewTime": micro,
            "leaseTransitions": spec.lease_transitions.unwrap_or_default() + i32::from(!is_ours && version.is_some()),
        });
        next["acquireTime"] = match spec.acquire_time.filter(|_| is_ours) {
            Some(time) => json!(time),
            None => micro.into(),
        };
        match self.apply(version.as_deref(), next, version.is_some()).await {
            Ok(after) => {
                *seen = Seen { version: after, at: Instant::now() };
                Ok(true)
            }
            // Somebody else was faster.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Each as a manager of its own, so that of two that make it one is refused.
    async fn apply(&self, version: Option<&str>, spec: serde_json::Value, force: bool) -> Result<Option<String>> {
        let mut object = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": self.name, "namespace": self.namespace }, "spec": spec,
        });
        if let Some(version) = version {
            object["metadata"]["resourceVersion"] = version.into();
        }
        let params = PatchParams::apply(&format!("regcred/{}", self.identity));
        let params = if force { params.force() } else { params };
        let applied =
            limited(&self.doing("patch"), self.api.patch(&self.name, &params, &Patch::Apply(&object))).await?;
        Ok(applied.metadata.resource_version)
    }

    fn doing(&self, verb: &'static str) -> Doing<'_> {
        Doing { verb, resource: "leases", namespace: Some(&self.namespace), name: &self.name }
    }
}
