//! A daemon among fake servers, in one thread whose time the test controls. It uses the real SDK and the real
//! Kubernetes client, but no socket.

mod reach;

use std::{fs, sync::Arc, time::Duration};

use regcred::{BuiltIn, Minters, Plan, Types, plan::from_yaml, wire};
use regcred_core::{Clock, testing::TestClock};
use regcred_ecr::Transport;
use regcred_engine::Engine;
use regcred_openshift::Clusters;
use regcred_testkit::{FakeAws, FakeKube};
use serde_json::json;
use tempfile::TempDir;

pub(crate) use self::reach::{Line, Outage};

/// Name of the Secrets in namespaces with the label.
pub(crate) const CHOSEN: &str = "ecr-secret";
/// Name of the Secrets in namespaces that the config names.
pub(crate) const NAMED: &str = "named-pull";
/// Regions, each with its provider below.
pub(crate) const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

pub(crate) const HOUR: Duration = Duration::from_hours(1);
pub(crate) const DAY: Duration = Duration::from_hours(24);

const CONFIG: &str = "
resync: 1h
providers:
  here: { type: ecr, region: eu-west-1, web_identity: { role_arn: 'arn:aws:iam::123456789012:role/pull', token_file: TOKEN } }
  there: { type: ecr, region: us-east-1, web_identity: { role_arn: 'arn:aws:iam::123456789012:role/pull', token_file: TOKEN } }
targets:
- namespaces: [named-0, named-1, named-2]
  providers: [here]
  secret: { name: named-pull }
  service_accounts: [{ name: default, link: [pull] }]
";
const CHOOSING: &str = "- namespaces: { selector: registry=ecr }
  providers: [here, there]
  service_accounts: [{ name: default, link: [pull] }]
";

/// AWS and a cluster, and the machine that connects to both.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) aws: Arc<FakeAws>,
    pub(crate) kube: Arc<FakeKube>,
    pub(crate) to_aws: Line,
    pub(crate) to_kube: Line,
    /// The clock of AWS and the cluster.
    pub(crate) truth: Arc<TestClock>,
    /// The clock of the daemon.
    pub(crate) machine: Arc<TestClock>,
    token: TempDir,
}

impl World {
    /// Creates named namespaces, and `chosen` selected namespaces. The time starts at 2026-01-01T00:00:00Z.
    pub(crate) fn new(chosen: usize) -> Self {
        let clock = || {
            let clock = TestClock::new();
            clock.step(Duration::from_hours(90_896)); // the clock starts in 2015
            Arc::new(clock)
        };
        let (truth, machine) = (clock(), clock());
        let now = || {
            let truth = truth.clone();
            move || truth.now()
        };
        let (aws, kube) = (FakeAws::without_socket(now()), FakeKube::without_socket(now()));
        let token = tempfile::tempdir().expect("a folder");
        fs::write(token.path().join("token"), "who-we-are").expect("it can be written");
        let (aws, kube) = (Arc::new(aws), Arc::new(kube));
        let world = Self { aws, kube, to_aws: Line::default(), to_kube: Line::default(), truth, machine, token };
        for number in 0..3 {
            world.kube.add_namespace(&format!("named-{number}"), &["default"]);
        }
        for number in 0..chosen {
            world.add(&format!("app-{number}"));
        }
        world
    }

    /// Creates a namespace with the label.
    pub(crate) fn add(&self, name: &str) {
        let labels = json!({ "metadata": { "labels": { "registry": "ecr" } } });
        self.kube.put("namespaces", "", name, labels, "kubectl");
        self.kube.put("serviceaccounts", name, "default", json!({}), "kube-controller-manager");
    }

    /// Creates a daemon as `regcred run` does, with this config and additional lines.
    pub(crate) async fn daemon(&self, further: &str) -> Arc<Engine> {
        self.daemon_of(&format!("{further}{CONFIG}{CHOOSING}")).await
    }

    /// Creates a daemon for named namespaces only. It watches nothing.
    pub(crate) async fn daemon_of_few(&self, further: &str) -> Arc<Engine> {
        self.daemon_of(&format!("{further}{CONFIG}")).await
    }

    async fn daemon_of(&self, config: &str) -> Arc<Engine> {
        self.daemon_with(Types::default(), config).await
    }

    /// Creates a daemon with further types.
    pub(crate) async fn daemon_with(&self, types: Types, config: &str) -> Arc<Engine> {
        let token = self.token.path().join("token");
        let config = config.replace("TOKEN", &token.display().to_string());
        let cluster = reach::cluster(&self.kube, &self.to_kube);
        let aws = reach::Aws { aws: self.aws.clone(), line: self.to_aws.clone() };
        let built_in = BuiltIn::default()
            .with_clock(self.machine.clone())
            .with_transport(Transport::from_client(aws))
            .with_clusters(Clusters::default().with("cluster".parse().expect("a name"), cluster));
        let types = built_in.add_to(types).expect("they have different names");
        let config = from_yaml(&config, &types).expect("it is valid");
        let plan = Plan::new(&config, &types).expect("it is valid").watching();
        let engine = wire::engine(&plan, &types, &mut Minters::default(), self.machine.clone()).await;
        engine.build().expect("it is whole")
    }
}
