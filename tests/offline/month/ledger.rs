//! Compares the Secrets in the cluster with the tokens that AWS issued.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use regcred_core::Clock;
use tokio::time::{Instant, sleep};

use super::passwords;
use crate::simulated::{CHOSEN, NAMED, World};

/// The check interval. It is short enough to see every important phase of a credential's life.
const EVERY: Duration = Duration::from_mins(15);

/// Namespace and name.
type Address = (String, String);

/// All tokens of AWS with their expiry, and the observed state of the cluster.
pub(crate) struct Ledger<'a> {
    world: &'a World,
    tokens: Arc<Mutex<Tokens>>,
    /// The earliest token expiry in each Secret, since its last write.
    ends: HashMap<Address, SystemTime>,
    /// The number of writes of each object, by resource and address.
    pub(crate) writes: BTreeMap<(String, Address), usize>,
    /// The shortest remaining lifetime of any Secret so far.
    pub(crate) least: Duration,
}

#[derive(Default)]
struct Tokens {
    ends: HashMap<String, SystemTime>,
    by_region: BTreeMap<String, usize>,
    minted: Vec<SystemTime>,
}

impl<'a> Ledger<'a> {
    /// Starts a ledger. Call it before the first token is minted.
    pub(crate) fn begin(world: &'a World) -> Self {
        let tokens = Arc::<Mutex<Tokens>>::default();
        let (told, truth) = (tokens.clone(), world.truth.clone());
        world.aws.on_issue(move |issued| {
            let mut tokens = told.lock().expect("no panic");
            let before = tokens.ends.insert(issued.password.clone(), issued.expires_at);
            assert!(before.is_none(), "each mint is another token");
            tokens.minted.push(truth.now());
            *tokens.by_region.entry(issued.region.clone()).or_default() += 1;
        });
        Self { world, tokens, ends: HashMap::new(), writes: BTreeMap::new(), least: Duration::MAX }
    }

    /// Returns the number of tokens per region.
    pub(crate) fn mints(&self) -> BTreeMap<String, usize> {
        self.tokens.lock().expect("no panic").by_region.clone()
    }

    /// Returns the times at which AWS issued the tokens.
    pub(crate) fn minted(&self) -> Vec<SystemTime> {
        self.tokens.lock().expect("no panic").minted.clone()
    }

    /// Advances time and checks regularly. Exactly the expected Secrets must exist, with at least `least` of remaining
    /// lifetime.
    pub(crate) async fn pass(&mut self, time: Duration, least: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            sleep(EVERY.min(end.duration_since(Instant::now()))).await;
            let left = self.shortest_life();
            assert!(left >= least, "{left:?} left, at {:?} of the test", end.duration_since(Instant::now()));
        }
    }

    /// Returns the shortest remaining lifetime of any Secret. It is zero if one has expired.
    pub(crate) fn shortest_life(&mut self) -> Duration {
        self.count_writes();
        self.assert_complete();
        let now = self.world.truth.now();
        let ends = self.wanted().into_iter().map(|address| self.end(address)).collect::<Vec<_>>();
        let left = ends.into_iter().map(|end| end.duration_since(now).unwrap_or_default()).min();
        let left = left.unwrap_or(Duration::MAX);
        self.least = self.least.min(left);
        left
    }

    /// Asserts that exactly the expected namespaces have a Secret.
    pub(crate) fn assert_complete(&self) {
        let there = self.world.kube.addresses("secrets");
        let ours = there.into_iter().filter(|(_, name)| name == CHOSEN || name == NAMED).collect::<BTreeSet<_>>();
        assert_eq!(ours, self.wanted());
    }

    /// Returns the expected Secrets for the existing namespaces.
    fn wanted(&self) -> BTreeSet<Address> {
        let name = |namespace: &str| if namespace.starts_with("named-") { NAMED } else { CHOSEN };
        let namespaces = self.world.kube.addresses("namespaces").into_iter();
        namespaces.map(|(_, namespace)| (namespace.clone(), name(&namespace).to_owned())).collect()
    }

    /// Returns the earliest expiry of the tokens in a Secret, according to AWS.
    fn end(&mut self, address: Address) -> SystemTime {
        let (namespace, name) = &address;
        if let Some(end) = self.ends.get(&address) {
            return *end;
        }
        let secret = self.world.kube.object("secrets", namespace, name).expect("it is there");
        let tokens = self.tokens.lock().expect("no panic");
        let passwords = passwords::of(&secret);
        assert_eq!(passwords.len(), if name == NAMED { 1 } else { 2 }, "one of each region");
        let ends = passwords.iter().map(|it| *tokens.ends.get(it).expect("AWS has handed it out"));
        let end = ends.min().expect("it holds some");
        drop(tokens);
        self.ends.insert(address, end);
        end
    }

    fn count_writes(&mut self) {
        // A permission review is a POST, but writes nothing.
        let requests = self.world.kube.requests().into_iter();
        let writes = requests.filter(|it| it.resource != "selfsubjectaccessreviews");
        for write in writes.filter(|it| !["get", "list", "watch"].contains(&&*it.verb) && it.status < 300) {
            let address = (write.namespace.unwrap_or_default(), write.name.unwrap_or_default());
            self.ends.remove(&address);
            *self.writes.entry((write.resource, address)).or_default() += 1;
        }
        self.world.kube.clear_requests();
    }
}
