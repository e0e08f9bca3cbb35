//! A month of outages for each vendor, scaled to the life of its credentials. The providers are real: they exchange
//! tokens with a server on loopback, or run a program.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use regcred::{
    Types,
    plan::{ProviderPlan, ProviderType},
};
use regcred_config::{Origin, Problems, TypeGrammar};
use regcred_core::{Clock, Error, ErrorKind, RegistryCredential, RegistryProvider, Result, Scope};
use regcred_exchange::{Azure, ExchangeType, Google, Jfrog, Oidc, Preset, Quay};
use regcred_exec::ExecType;
use regcred_testkit::FakeExchange;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use tokio::{
    runtime,
    task::spawn_blocking,
    time::{Instant, sleep},
};

use super::passwords;
use crate::simulated::{DAY, Line, Outage, World};

const TARGETS: &str = "
resync: 1h
targets:
- { namespaces: [named-0, named-1, named-2], providers: [it], secret: { name: named-pull }, service_accounts: [] }
";
/// The time limit of a call to a service that does not answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// The connection of all providers to their service, and the ends of the passwords that it issued.
#[derive(Clone)]
struct Service {
    line: Line,
    /// The clock of the daemon, which needs the runtime of the test.
    machine: Arc<dyn Clock>,
    /// What the clock showed at the start of a call.
    now: Arc<Mutex<SystemTime>>,
    ends: Arc<Mutex<HashMap<String, SystemTime>>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("line", &self.line).finish_non_exhaustive()
    }
}

impl Clock for Service {
    fn now(&self) -> SystemTime {
        *self.now.lock().expect("no panic")
    }
}

/// A type whose providers have this connection.
struct Connected<T>(T, Service);

#[async_trait]
impl<T: ProviderType> ProviderType for Connected<T> {
    const NAME: &'static str = T::NAME;
    type Options = T::Options;

    fn plan(&self, options: &T::Options, at: &Origin) -> Result<ProviderPlan, Problems> {
        self.0.plan(options, at)
    }

    async fn make(&self, options: T::Options) -> Result<Arc<dyn RegistryProvider>> {
        Ok(Arc::new(Provider { inner: self.0.make(options).await?, service: self.1.clone() }))
    }

    fn grammar(&self) -> TypeGrammar {
        self.0.grammar()
    }
}

#[derive(Debug)]
struct Provider {
    inner: Arc<dyn RegistryProvider>,
    service: Service,
}

#[async_trait]
impl RegistryProvider for Provider {
    async fn credential(&self) -> Result<RegistryCredential> {
        if let Some(outage) = self.service.line.outage() {
            if outage == Outage::Silent {
                sleep(DEADLINE).await;
            }
            return Err(Error::new(ErrorKind::Unreachable, "cannot reach the service"));
        }
        *self.service.now.lock().expect("no panic") = self.service.machine.now();
        // Sockets and processes need real time. The time of the test stands still until they are done.
        let inner = self.inner.clone();
        let call = spawn_blocking(move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("it can be made");
            runtime.block_on(inner.credential())
        });
        let credential = call.await.expect("no panic")?;
        let end = credential.validity().expires_at().expect("it has an end");
        let password = credential.logins()[0].secret().expose().to_owned();
        let before = self.service.ends.lock().expect("no panic").insert(password, end);
        assert!(before.is_none(), "each mint is another password");
        Ok(credential)
    }

    fn scope(&self) -> Scope {
        self.inner.scope()
    }

    fn longest_life(&self) -> Option<Duration> {
        self.inner.longest_life()
    }
}

/// The cluster and the service of one vendor, and the life of its credentials.
struct Vendor {
    world: World,
    service: Service,
    life: Duration,
    least: Duration,
}

impl Vendor {
    fn new(life: Duration) -> Self {
        let world = World::new(0);
        let (machine, now) = (world.machine.clone() as Arc<dyn Clock>, world.machine.now());
        let service = Service { line: Line::default(), machine, now: Arc::new(Mutex::new(now)), ends: Arc::default() };
        Self { world, service, life, least: Duration::MAX }
    }

    /// Runs a month with outages of a quarter of a life, which start at every phase of a life.
    async fn month(mut self, types: Types, entry: &str) {
        let daemon = self.world.daemon_with(types, &format!("providers: {{ it: {entry} }}\n{TARGETS}")).await;
        let month = async {
            self.pass(self.life / 12).await;
            let cycle = self.life * 17 / 12;
            let outages = [Outage::Refused, Outage::Unavailable, Outage::Silent].map(|it| [it; 3]).concat().into_iter();
            for (count, outage) in (0..DAY.as_secs() * 30 / cycle.as_secs()).zip(outages.cycle()) {
                let outage = Some(outage);
                if count % 3 != 1 {
                    self.service.line.set(outage);
                }
                if count % 3 != 0 {
                    self.world.to_kube.set(outage);
                    if outage != Some(Outage::Silent) {
                        self.world.kube.close_watches();
                    }
                }
                self.pass(self.life / 4).await;
                self.service.line.set(None);
                self.world.to_kube.set(None);
                self.pass(self.life * 14 / 12).await;
            }
        };
        let report = daemon.run(month).await;
        assert_eq!((report.exit_code(), report.targets.len()), (0, 3));
        assert!(self.least < self.life / 4, "outages came at the worst time too: {:?}", self.least);
        let mints = self.service.ends.lock().expect("no panic").len() as u128;
        let lives = (DAY * 30).as_millis() / self.life.as_millis();
        assert!((lives..lives * 5 / 2).contains(&mints), "{mints} mints in {lives} lives");
    }

    /// Advances time. Every Secret must always have a twelfth of its life left.
    async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            sleep((self.life / 24).min(end.duration_since(Instant::now()))).await;
            let left = self.shortest_life();
            self.least = self.least.min(left);
            assert!(left >= self.life / 12, "{left:?} of {:?} left", self.life);
        }
    }

    fn shortest_life(&self) -> Duration {
        let (ends, now) = (self.service.ends.lock().expect("no panic"), self.world.truth.now());
        let secrets = self.world.kube.objects("secrets");
        let lives = secrets.iter().flat_map(passwords::of).map(|it| ends[&it].duration_since(now).unwrap_or_default());
        let lives = lives.collect::<Vec<_>>();
        self.world.kube.clear_requests();
        assert_eq!(lives.len(), 3, "each namespace has one");
        lives.into_iter().min().expect("there are three")
    }
}

/// Runs a month of a preset. `entry` is its entry in a config, without the server and the token file.
async fn exchanged<P: Preset + DeserializeOwned + JsonSchema>(life: Duration, entry: &str) {
    let vendor = Vendor::new(life);
    let exchange = FakeExchange::start().await;
    let truth = vendor.world.truth.clone();
    exchange.set_clock(move || truth.now());
    exchange.set_life(life);
    exchange.accept("who-we-are");
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("token");
    std::fs::write(&file, "who-we-are").expect("it can be written");
    let kind = ExchangeType::<P>::default().with_clock(Arc::new(vendor.service.clone()));
    let types = Types::default().with_provider(Connected(kind, vendor.service.clone())).expect("it is the first");
    let url = exchange.url();
    let entry = format!("{{ type: {}, endpoint: '{url}', token_file: '{}', {entry} }}", P::NAME, file.display());
    vendor.month(types, &entry).await;
}

const AN_HOUR: Duration = Duration::from_hours(1);

#[tokio::test(start_paused = true)]
async fn outages_leave_google_s_logins_a_twelfth_of_their_hour() {
    let provider = "projects/1/locations/global/workloadIdentityPools/clusters/providers/edge";
    let entry = format!("registries: [europe-docker.pkg.dev], workload_identity_provider: {provider}");
    exchanged::<Google>(AN_HOUR, &entry).await;
}

#[tokio::test(start_paused = true)]
async fn outages_leave_azure_s_logins_a_twelfth_of_their_75_minutes() {
    let entry = "host: acme.azurecr.io, tenant: 11111111-2222-3333-4444-555555555555, client_id: 66666666-7777-8888-9999-000000000000";
    exchanged::<Azure>(Duration::from_mins(75), entry).await;
}

#[tokio::test(start_paused = true)]
async fn outages_leave_quay_s_logins_a_twelfth_of_their_hour() {
    exchanged::<Quay>(AN_HOUR, "host: quay.io, username: acme+puller").await;
}

#[tokio::test(start_paused = true)]
async fn outages_leave_jfrog_s_logins_a_twelfth_of_their_hour() {
    exchanged::<Jfrog>(AN_HOUR, "host: acme.jfrog.io, provider_name: cluster").await;
}

#[tokio::test(start_paused = true)]
async fn outages_leave_the_logins_of_an_oidc_service_a_twelfth_of_their_hour() {
    let entry = "token_url: 'https://id.example/oidc/token', registries: [registry.example], username: puller";
    exchanged::<Oidc>(AN_HOUR, entry).await;
}

#[tokio::test(start_paused = true)]
async fn outages_leave_a_program_s_logins_a_twelfth_of_their_50_minutes() {
    let vendor = Vendor::new(Duration::from_mins(50));
    let kind = ExecType::default().with_clock(Arc::new(vendor.service.clone()));
    let types = Types::default().with_provider(Connected(kind, vendor.service.clone())).expect("it is the first");
    let script =
        r#"read host; read id < /proc/sys/kernel/random/uuid; echo "{\"Username\":\"robot\",\"Secret\":\"$id\"}""#;
    let entry = format!(
        "{{ type: exec, protocol: docker, command: /bin/sh, args: [-c, '{script}'], registries: [registry.example], life: 50m }}"
    );
    vendor.month(types, &entry).await;
}
