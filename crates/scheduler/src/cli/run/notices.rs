//! What people are told in the cluster: trouble with a provider, at regcred itself; and in a target's namespace what its owner can
//! mend, and nothing else.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    env,
    sync::Mutex,
    time::Duration,
};

use regcred_core::{Clock, StoreName, SystemClock, Target};
use regcred_engine::{Event, State, Step};
use regcred_openshift::{Cluster, Notice};
use tokio::{sync::mpsc, time::Instant};
use tracing::debug;

use crate::wire::Clusters;

/// About one thing no more often.
const AGAIN: Duration = Duration::from_hours(1);
/// So many wait at the most: what is told late is told by metrics.
const WAITING: usize = 256;

/// Of the clusters of one config.
#[derive(Debug)]
pub(super) struct Notices {
    sender: mpsc::Sender<(StoreName, Notice)>,
    /// Where regcred itself is, and as which pod.
    own: Option<(StoreName, String, String)>,
    told: Mutex<HashMap<About, Instant>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Target(Target),
    Provider(String),
}

impl Notices {
    /// Sends them in a task of its own, which ends with this. `home`: where regcred itself is, if that is said.
    pub(super) fn start(clusters: &Clusters, home: Option<&str>) -> Self {
        let clusters =
            clusters.iter().map(|(name, cluster)| (name.clone(), cluster.clone())).collect::<BTreeMap<_, _>>();
        let pod = env::var("HOSTNAME").ok();
        let own = clusters.iter().find_map(|(name, cluster)| {
            Some((name.clone(), cluster.own_namespace().or(home)?.to_owned(), pod.clone()?))
        });
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(send(clusters, receiver, pod.unwrap_or_else(|| "regcred".into())));
        Self { sender, own, told: Mutex::default() }
    }

    pub(super) fn follow(&self, event: &Event<'_>) {
        match event {
            Event::Looked { target, outcome, .. } => {
                let text = match (outcome.state(), &outcome.step, &outcome.contested) {
                    (State::Refused, Some(Step::Refuse(refusal)), _) => ("Refused", refusal.to_string()),
                    (State::Contested, _, Some(contested)) => {
                        ("Contested", format!("{contested}; have the other writer give it up"))
                    }
                    _ => return,
                };
                self.tell(About::Target((*target).clone()), &target.store, || Notice {
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
                self.tell(About::Provider(provider.to_string()), store, || Notice {
                    namespace: namespace.clone(),
                    kind: "Pod",
                    name: pod.clone(),
                    reason: "ProviderFailed",
                    action: "Mint",
                    text: format!("{provider}: {} ({})", error.chain(), error.kind()),
                });
            }
            _ => {}
        }
    }

    fn tell(&self, about: About, store: &StoreName, notice: impl FnOnce() -> Notice) {
        let mut told = self.told.lock().expect("nobody panics while it is held");
        match told.entry(about) {
            Entry::Occupied(last) if last.get().elapsed() < AGAIN => return,
            Entry::Occupied(mut last) => drop(last.insert(Instant::now())),
            Entry::Vacant(first) => drop(first.insert(Instant::now())),
        }
        self.sender.try_send((store.clone(), notice())).ok();
    }
}

async fn send(
    clusters: BTreeMap<StoreName, Cluster>,
    mut notices: mpsc::Receiver<(StoreName, Notice)>,
    reporter: String,
) {
    while let Some((store, notice)) = notices.recv().await {
        let Some(cluster) = clusters.get(&store) else { continue };
        if let Err(error) = regcred_openshift::notice::notify(cluster, &notice, &reporter, SystemClock.now()).await {
            debug!(namespace = notice.namespace, error = error.chain(), "an event could not be made");
        }
    }
}
