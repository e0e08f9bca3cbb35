//! Leader election by a Lease.
//!
//! Clocks of different machines are not compared. The Lease of another holder is free if it has not changed for its
//! duration by our own clock. Two processes can briefly believe that they hold it, and their work must tolerate that.

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
    time::{Instant, sleep_until, timeout_at},
};
use tracing::{info, warn};

use crate::{call::translated, cluster::Cluster, codes, error::RequestContext};

/// Other replicas take over if the Lease has not changed for this time. The three durations are the defaults of
/// client-go.
const LEASE_DURATION: Duration = Duration::from_secs(15);
/// The leader stops this long after the start of its last successful renewal, 5 s before another takes over.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// The time limit of one attempt. If one request gets no answer, the next one may still succeed before the deadline.
const TRY: Duration = Duration::from_secs(5);
/// The time between two attempts to acquire or renew it.
const RETRY_PERIOD: Duration = Duration::from_secs(2);

/// A candidate for a Lease. If it is dropped, another candidate gets the Lease after 15 s. [`Lease::release`] is
/// faster.
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

/// The latest version of the Lease, and when it was first seen.
type LastChange = (Option<String>, Instant);

impl Lease {
    /// Starts a task that acquires and renews the Lease. `identity`: unique name of this candidate.
    pub fn start(cluster: &Cluster, namespace: &str, name: &str, identity: &str, clock: Arc<dyn Clock>) -> Self {
        let api = Api::namespaced(cluster.client().clone(), namespace);
        let (namespace, name, identity) = (namespace.to_owned(), name.to_owned(), identity.to_owned());
        let holder = Holder { api, namespace, name, identity, clock };
        let (sender, held) = watch::channel(false);
        let task = tokio::spawn(holder.clone().take_part(sender));
        Self { held, task, holder }
    }

    /// Returns whether this candidate holds the Lease.
    pub fn is_held(&self) -> bool {
        *self.held.borrow()
    }

    /// Waits until this candidate holds the Lease.
    pub async fn gained(&self) {
        if self.held.clone().wait_for(|held| *held).await.is_err() {
            pending::<()>().await;
        }
    }

    /// Waits until this candidate does not hold the Lease any more.
    pub async fn lost(&self) {
        drop(self.held.clone().wait_for(|held| !*held).await);
    }

    /// Waits until the task has ended. The Lease then protects nothing.
    pub async fn died(&self) {
        let mut held = self.held.clone();
        while held.changed().await.is_ok() {}
    }

    /// Releases the Lease, so that another candidate gets it immediately.
    pub async fn release(self) {
        let is_held = *self.held.borrow();
        self.task.abort();
        if is_held {
            let free = json!({ "holderIdentity": "", "leaseDurationSeconds": 1 });
            if let Err(error) = self.holder.apply(None, free, true).await {
                let expires_in_seconds = LEASE_DURATION.as_secs();
                warn!(lease = self.holder.name, error = error.chain(), expires_in_seconds, "cannot release lease");
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
        let mut last_change = (None, Instant::now());
        // The start of the last successful renewal. The server has recorded it no earlier.
        let mut renewed: Option<Instant> = None;
        let mut failing = false;
        loop {
            let began = Instant::now();
            let deadline = renewed.unwrap_or(began) + RENEW_DEADLINE;
            let tried = timeout_at(deadline.min(began + TRY), self.try_once(&mut last_change)).await;
            let late = |_| Err(self.context("get").failed(&codes::UNREACHABLE, "no answer in time"));
            let tried = tried.unwrap_or_else(late);
            let has_failed = tried.is_err();
            match tried {
                Ok(true) => {
                    renewed = Some(began);
                    if !held.send_replace(true) {
                        info!(lease = self.name, "acquired lease");
                    }
                }
                Ok(false) => renewed = None,
                Err(error) => {
                    if !failing {
                        warn!(lease = self.name, error = error.chain(), "cannot acquire or renew lease");
                    }
                    renewed = renewed.filter(|_| Instant::now() < deadline);
                }
            }
            if renewed.is_none() && held.send_replace(false) {
                warn!(lease = self.name, "lost leadership");
            }
            failing = has_failed;
            let next = Instant::now() + RETRY_PERIOD;
            sleep_until(renewed.map_or(next, |at| next.min(at + RENEW_DEADLINE))).await;
        }
    }

    /// Acquires or renews the Lease. Returns whether this candidate holds it.
    async fn try_once(&self, last_change: &mut LastChange) -> Result<bool> {
        let there = translated(&self.context("get"), self.api.get_opt(&self.name)).await?;
        let version = there.as_ref().and_then(|it| it.metadata.resource_version.clone());
        if last_change.0 != version {
            *last_change = (version.clone(), Instant::now());
        }
        let spec = there.and_then(|it| it.spec).unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        let lasts = spec
            .lease_duration_seconds
            .and_then(|it| u64::try_from(it).ok())
            .map_or(LEASE_DURATION, Duration::from_secs);
        let is_ours = holder == self.identity;
        if !is_ours && !holder.is_empty() && last_change.1.elapsed() < lasts.max(RETRY_PERIOD) {
            return Ok(false);
        }
        let now = Timestamp::try_from(self.clock.now()).unwrap_or_default();
        let micro = now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
        let mut next = json!({
            "holderIdentity": self.identity, "leaseDurationSeconds": LEASE_DURATION.as_secs(), "renewTime": micro,
            "leaseTransitions": spec.lease_transitions.unwrap_or_default() + i32::from(!is_ours && version.is_some()),
        });
        next["acquireTime"] = match spec.acquire_time.filter(|_| is_ours) {
            Some(time) => json!(time),
            None => micro.into(),
        };
        match self.apply(version.as_deref(), next, version.is_some()).await {
            Ok(after) => {
                *last_change = (after, Instant::now());
                Ok(true)
            }
            // Another candidate was faster.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Applies the Lease. Each candidate is its own field manager, so that the server refuses one of two that create
    /// the Lease.
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
            translated(&self.context("patch"), self.api.patch(&self.name, &params, &Patch::Apply(&object))).await?;
        Ok(applied.metadata.resource_version)
    }

    fn context(&self, verb: &'static str) -> RequestContext<'_> {
        RequestContext { verb, resource: "leases", namespace: Some(&self.namespace), name: &self.name }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    };

    use http::{Method, Request, Response};
    use http_body_util::BodyExt;
    use kube::{Client, client::Body};
    use regcred_core::SystemClock;
    use serde_json::Value;
    use tower::{BoxError, service_fn};

    use super::*;

    /// An API server that keeps one Lease, and does not answer while it is silent.
    #[derive(Default)]
    struct Server {
        lease: Mutex<Option<Value>>,
        is_silent: AtomicBool,
    }

    impl Server {
        async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
            if self.is_silent.load(SeqCst) {
                pending::<()>().await;
            }
            let is_write = request.method() == Method::PATCH;
            let body = request.into_body().collect().await?.to_bytes();
            let mut lease = self.lease.lock().expect("no test panics while it holds the lock");
            if is_write {
                let before =
                    lease.as_ref().and_then(|it| it["metadata"]["resourceVersion"].as_str()?.parse::<u32>().ok());
                let mut written = serde_json::from_slice::<Value>(&body)?;
                written["metadata"]["resourceVersion"] = (before.unwrap_or_default() + 1).to_string().into();
                *lease = Some(written);
            }
            let absent =
                json!({ "kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404 });
            let status = if lease.is_some() { 200 } else { 404 };
            let body = lease.as_ref().unwrap_or(&absent).to_string();
            Ok(Response::builder().status(status).body(Body::from(body.into_bytes()))?)
        }
    }

    async fn held() -> (Lease, Arc<Server>) {
        let server = Arc::<Server>::default();
        let answering = server.clone();
        let answer = service_fn(move |request: Request<Body>| {
            let server = answering.clone();
            async move { server.answer(request).await }
        });
        let client = Client::new(answer, "default");
        let cluster = Cluster::from_client(client, &"https://api.example".parse().expect("a URL"));
        let lease = Lease::start(&cluster, "regcred", "regcred", "one", Arc::new(SystemClock));
        lease.gained().await;
        (lease, server)
    }

    #[tokio::test(start_paused = true)]
    async fn the_leader_stops_at_the_renew_deadline_of_its_last_successful_renewal() {
        for wait in [0, 1_000, 1_999, 2_000, 2_001, 9_000, 60_500] {
            let (lease, server) = held().await;
            let began = Instant::now();
            tokio::time::sleep(Duration::from_millis(wait)).await;
            server.is_silent.store(true, SeqCst);
            lease.lost().await;
            let waited = began.elapsed().as_millis();
            // The last renewal began in the last retry period.
            let earliest = u128::from(wait.saturating_sub(2_000)) + 10_000;
            assert!(
                (earliest..=u128::from(wait) + 10_000).contains(&waited),
                "silent after {wait} ms, stopped after {waited} ms"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_keeps_the_lease_while_some_renewals_fail() {
        let (lease, server) = held().await;
        for _ in 0..20 {
            server.is_silent.store(true, SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            server.is_silent.store(false, SeqCst);
            tokio::time::sleep(Duration::from_secs(8)).await;
        }
        assert!(lease.is_held());
    }
}
