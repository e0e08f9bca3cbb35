//! Kubernetes Events. A failure of a provider is reported on regcred's own pod. An Event in the namespace of a target
//! is only about a problem that the owner of the namespace can fix.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    env,
    sync::{Arc, Mutex},
    time::Duration,
};

use regcred_core::{Clock, StoreName, Target};
use regcred_engine::{Event, State, Step};
use regcred_openshift::{Cluster, Clusters, EventRecord, event_record::record_event};
use tokio::{sync::mpsc, time::Instant};
use tracing::debug;

/// The minimum time between two Events about the same target or provider.
const AGAIN: Duration = Duration::from_hours(1);
/// The maximum number of queued Events. Further ones are dropped, because the metrics report the same problems.
const WAITING: usize = 256;

/// The Events in the clusters of one config.
#[derive(Debug)]
pub(crate) struct KubernetesEvents {
    sender: mpsc::Sender<(StoreName, EventRecord)>,
    /// The store, the namespace and the pod of regcred itself.
    own: Option<(StoreName, String, String)>,
    sent: Mutex<HashMap<About, Instant>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Target(Target),
    Provider(String),
}

impl KubernetesEvents {
    /// Starts a task that sends the Events. It ends when this value is dropped. `home`: the namespace of regcred, if it
    /// is known.
    pub(crate) fn start(clusters: &Clusters, home: Option<&str>, clock: Arc<dyn Clock>) -> Self {
        let clusters = clusters.connected().into_iter().collect::<BTreeMap<_, _>>();
        let pod = env::var("HOSTNAME").ok();
        let own = clusters.iter().find_map(|(name, cluster)| {
            Some((name.clone(), cluster.own_namespace().or(home)?.to_owned(), pod.clone()?))
        });
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(send(clusters, receiver, pod.unwrap_or_else(|| "regcred".into()), clock));
        Self { sender, own, sent: Mutex::default() }
    }

    pub(crate) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Reconciled { target, outcome, .. } => {
                let text = match (outcome.state(), &outcome.step, &outcome.contested) {
                    (State::Refused, Some(Step::Refuse(refusal)), _) => ("Refused", refusal.to_string()),
                    (State::Contested, _, Some(contested)) => {
                        ("Contested", format!("{contested}; stop the other writer"))
                    }
                    _ => return,
                };
                self.send(About::Target((*target).clone()), &target.store, || EventRecord {
                    namespace: target.group().to_owned(),
                    kind: "Secret",
                    name: target.name().to_owned(),
                    reason: text.0,
                    action: "Refresh",
                    text: text.1,
                });
            }
            Event::MintFailed { provider, error, .. } => {
                let Some((store, namespace, pod)) = &self.own else { return };
                self.send(About::Provider(provider.to_string()), store, || EventRecord {
                    namespace: namespace.clone(),
                    kind: "Pod",
                    name: pod.clone(),
                    reason: "ProviderFailed",
                    action: "Mint",
                    text: format!("{provider}: {}", error.summary()),
                });
            }
            _ => {}
        }
    }

    fn send(&self, about: About, store: &StoreName, record: impl FnOnce() -> EventRecord) {
        let mut sent = self.sent.lock().expect("no holder of the lock panics");
        match sent.entry(about) {
            Entry::Occupied(last) if last.get().elapsed() < AGAIN => return,
            Entry::Occupied(mut last) => drop(last.insert(Instant::now())),
            Entry::Vacant(first) => drop(first.insert(Instant::now())),
        }
        self.sender.try_send((store.clone(), record())).ok();
    }
}

async fn send(
    clusters: BTreeMap<StoreName, Cluster>,
    mut events: mpsc::Receiver<(StoreName, EventRecord)>,
    reporter: String,
    clock: Arc<dyn Clock>,
) {
    while let Some((store, record)) = events.recv().await {
        let Some(cluster) = clusters.get(&store) else { continue };
        if let Err(error) = record_event(cluster, &record, &reporter, clock.now()).await {
            debug!(namespace = record.namespace, error = error.chain(), "cannot create event");
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Bytes};
    use regcred_core::{Address, Refusal, testing::TestClock};
    use regcred_engine::Outcome;
    use regcred_openshift::Connection;
    use serde_json::Value;
    use tokio::net::TcpListener;

    use super::*;

    /// Returns the clusters of a config. All of them use one API server that records the bodies of requests.
    async fn clusters(dir: &std::path::Path) -> (Clusters, mpsc::Receiver<Bytes>) {
        let (sender, bodies) = mpsc::channel(1);
        let router = Router::new().fallback(async move |body: Bytes| drop(sender.send(body).await));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let server = format!("http://{}", listener.local_addr().expect("it is bound"));
        tokio::spawn(async { axum::serve(listener, router).await });
        let kubeconfig = dir.join("kubeconfig");
        let text = format!(
            "{{ clusters: [{{ name: c, cluster: {{ server: '{server}' }} }}], users: [{{ name: u, user: {{}} }}],
               contexts: [{{ name: c, context: {{ cluster: c, user: u }} }}], current-context: c }}"
        );
        std::fs::write(&kubeconfig, text).expect("it can be written");
        let connection = Connection { kubeconfig: Some(kubeconfig), context: None };
        let cluster = Cluster::connect(&connection).await.expect("it is one");
        (Clusters::default().with("cluster".parse().expect("a name"), cluster), bodies)
    }

    #[tokio::test]
    async fn an_event_has_the_time_of_the_clock() {
        let dir = tempfile::tempdir().expect("a folder");
        let (clusters, mut bodies) = clusters(dir.path()).await;
        let clock = TestClock::new(); // at 2015-08-19T16:00:00Z
        clock.step(Duration::from_mins(5));
        let events = KubernetesEvents::start(&clusters, None, Arc::new(clock));
        let store = clusters.connected().into_iter().next().expect("there is one").0;
        let (namespace, name) = ("team-a".parse().expect("a name"), "ecr-secret".parse().expect("a name"));
        let target = Target::new(store, Address::secret(namespace, name));
        let mut outcome = Outcome::default();
        outcome.step = Some(Step::Refuse(Refusal::new("foreign", "another owner", "delete it")));
        events.follow(&Event::Reconciled { target: &target, outcome: &outcome, took: Duration::ZERO });
        let event = serde_json::from_slice::<Value>(&bodies.recv().await.expect("one event")).expect("JSON");
        assert!(event["eventTime"].as_str().is_some_and(|it| it.starts_with("2015-08-19T16:05:")), "{event:#}");
    }
}
