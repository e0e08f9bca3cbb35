//! The provider that copies a Secret: its faults, and the changes that it notices.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{
    Clock, ErrorKind, InstanceName, Registry, RegistryProvider, SystemClock,
    testing::{TestClock, conformance},
};
use regcred_openshift::{Cluster, SecretProvider};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::connect;

const CANARY: &str = "canary";
/// The namespace of regcred, which the client connects with.
const OWN: &str = "default";
/// Longer than any pause of a watch.
const LONG: Duration = Duration::from_hours(2);

/// Returns a Secret with a value for each key, and these annotations.
pub(crate) fn secret(kind: &str, values: &[(&str, &str)], annotations: &Value) -> Value {
    let data = values.iter().map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into()));
    let data = data.collect::<serde_json::Map<_, _>>();
    json!({ "type": kind, "data": data, "metadata": { "annotations": annotations } })
}

pub(crate) fn docker(password: &str, annotations: &Value) -> Value {
    let config =
        format!(r#"{{"auths":{{"https://index.docker.io/v1/":{{"username":"u", "password":"{password}"}}}}}}"#);
    secret("kubernetes.io/dockerconfigjson", &[(".dockerconfigjson", &config)], annotations)
}

pub(crate) fn hub() -> Registry {
    Registry::new("docker.io").expect("valid")
}

fn provider(cluster: &Cluster, namespace: &str, clock: Arc<dyn Clock>) -> SecretProvider {
    let (namespace, name) = (namespace.parse().expect("valid"), "hub".parse().expect("valid"));
    SecretProvider::new(cluster, namespace, name, clock)
        .with_instance(InstanceName::new("blue").expect("valid"))
        .with_registries([hub()])
}

/// A cluster without a socket, in paused time.
struct Quiet {
    kube: Arc<FakeKube>,
    provider: SecretProvider,
}

impl Quiet {
    fn new() -> Self {
        let clock = Arc::new(TestClock::new());
        let now = clock.clone();
        let kube = Arc::new(FakeKube::without_socket(move || now.now()));
        kube.add_namespace(OWN, &[]);
        kube.put("secrets", OWN, "hub", docker("one", &json!({})), "kubectl");
        let answering = kube.clone();
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let answer = answering.answer(request);
            async move { Ok::<_, std::convert::Infallible>(answer.await) }
        });
        let url = "https://api.example:6443".parse().expect("a URL");
        let cluster = Cluster::from_client(kube::Client::new(service, OWN), &url);
        let provider = provider(&cluster, OWN, clock);
        Self { kube, provider }
    }

    fn put(&self, password: &str) {
        self.kube.put("secrets", OWN, "hub", docker(password, &json!({})), "kubectl");
    }

    /// Waits until the provider watches, makes a change, and waits until it is noticed.
    async fn is_noticed(&self, change: impl FnOnce(&Self)) -> bool {
        self.kube.clear_requests();
        let changing = async {
            while !self.kube.requests().iter().any(|it| it.verb == "watch") {
                tokio::time::sleep(Duration::from_millis(1)).await; // in paused time
            }
            change(self);
        };
        tokio::join!(timeout(LONG, self.provider.changed()), changing).0.is_ok()
    }

    async fn password(&self) -> Result<String, ErrorKind> {
        let credential = self.provider.credential().await.map_err(|error| error.kind())?;
        Ok(credential.logins()[0].secret().expose().to_owned())
    }
}

struct Conforming(FakeKube);

#[async_trait]
impl conformance::ProviderUnderTest for Conforming {
    fn canary(&self) -> &str {
        CANARY
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn provider(&self) -> Arc<dyn RegistryProvider> {
        self.0.remove("secrets", OWN, "hub");
        self.0.put("secrets", OWN, "hub", docker(CANARY, &json!({})), "kubectl");
        Arc::new(provider(&connect(&self.0).await, OWN, self.clock()))
    }

    async fn misled(&self) -> Arc<dyn RegistryProvider> {
        let kind = "kubernetes.io/basic-auth";
        let object = secret(kind, &[("username", "canary:1"), ("password", CANARY)], &json!({}));
        self.0.remove("secrets", OWN, "hub");
        self.0.put("secrets", OWN, "hub", object, "kubectl");
        Arc::new(provider(&connect(&self.0).await, OWN, self.clock()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_of_a_secret_conforms() {
    let kube = FakeKube::start().await;
    kube.add_namespace(OWN, &[]);
    conformance::provider(&Conforming(kube)).await;
}

#[tokio::test]
async fn each_type_of_secret_is_copied_from_an_allowing_namespace() {
    let kube = FakeKube::start().await;
    let entry = r#"{"identitytoken":"canary", "x":1.0}"#;
    let whole = format!(r#"{{"auths":{{"docker.io":{entry}}}}}"#);
    let alone = format!(r#"{{"docker.io":{entry}}}"#);
    let allowed = json!({ "regcred.dev/allow-copy": "green,blue" });
    for (kind, values, expected) in [
        ("kubernetes.io/dockerconfigjson", &[(".dockerconfigjson", whole.as_str())][..], entry),
        ("kubernetes.io/dockercfg", &[(".dockercfg", alone.as_str())], entry),
        ("kubernetes.io/basic-auth", &[("username", "u"), ("password", CANARY)], CANARY),
    ] {
        kube.remove_namespace("vault");
        kube.add_namespace("vault", &[]);
        kube.put("secrets", "vault", "hub", secret(kind, values, &allowed), "kubectl");
        let provider = provider(&connect(&kube).await, "vault", Arc::new(SystemClock));
        let credential = provider.credential().await.expect(kind);
        assert_eq!(credential.logins()[0].secret().expose(), expected, "{kind}");
        assert_eq!(
            (credential.registries().collect::<Vec<_>>(), credential.validity().expires_at()),
            (vec![&hub()], None)
        );
        assert_eq!(credential.validity().issuer(), provider.issuer().await);
        let again = provider.credential().await.expect(kind);
        assert_eq!(again.validity(), credential.validity(), "an unchanged Secret gives an equal credential");
    }
}

/// Prepares one fault.
type Prepare = fn(&FakeKube);

fn put(kube: &FakeKube, namespace: &str, object: Value) {
    kube.put("secrets", namespace, "hub", object, "kubectl");
}

/// Each fault with the namespace of the Secret, and the expected kind and code.
const FAULTS: [(&str, Prepare, &str, ErrorKind, &str); 19] = [
    ("404", |_| (), OWN, ErrorKind::Invalid, "RC0432"),
    ("404 of the namespace", |kube| kube.remove_namespace("vault"), "vault", ErrorKind::Invalid, "RC0432"),
    ("403", |kube| kube.deny("get", "secrets", None), OWN, ErrorKind::Denied, "RC0401"),
    (
        "403 in a namespace that is gone",
        |kube| {
            kube.remove_namespace("vault");
            kube.deny("get", "secrets", None);
        },
        "vault",
        ErrorKind::Invalid,
        "RC0432",
    ),
    ("401", |kube| kube.fail_next(1, 401, "Unauthorized", "canary", None), OWN, ErrorKind::Unauthenticated, "RC0403"),
    ("429", |kube| kube.fail_next(1, 429, "TooManyRequests", "canary", Some(7)), OWN, ErrorKind::Throttled, "RC0410"),
    ("500", |kube| kube.fail_next(1, 500, "InternalError", "canary", None), OWN, ErrorKind::Unreachable, "RC0406"),
    (
        "a page of a proxy",
        |kube| kube.answer_next(1, 200, "text/html", &[], "<html>canary</html>"),
        OWN,
        ErrorKind::Malformed,
        "RC0409",
    ),
    (
        "another type",
        |kube| put(kube, OWN, secret("Opaque", &[("password", CANARY)], &json!({}))),
        OWN,
        ErrorKind::Invalid,
        "RC0435",
    ),
    ("no annotation", |kube| put(kube, "vault", docker(CANARY, &json!({}))), "vault", ErrorKind::Refused, "RC0433"),
    (
        "another installation",
        |kube| put(kube, "vault", docker(CANARY, &json!({ "regcred.dev/allow-copy": "green" }))),
        "vault",
        ErrorKind::Refused,
        "RC0433",
    ),
    (
        "a copy",
        |kube| put(kube, OWN, docker(CANARY, &json!({ "regcred.dev/hosts": "{}" }))),
        OWN,
        ErrorKind::Refused,
        "RC0434",
    ),
    (
        "a merged Secret",
        |kube| put(kube, OWN, docker(CANARY, &json!({ "merge.regcred.dev/green": "{}" }))),
        OWN,
        ErrorKind::Refused,
        "RC0434",
    ),
    (
        "no data",
        |kube| {
            put(kube, OWN, docker(CANARY, &json!({})));
            let mut object = kube.object("secrets", OWN, "hub").expect("it is there");
            object.as_object_mut().expect("an object").remove("data");
            kube.put_raw("secrets", OWN, "hub", object);
        },
        OWN,
        ErrorKind::Invalid,
        "RC0436",
    ),
    (
        "data that is not base64",
        |kube| {
            put(kube, OWN, docker(CANARY, &json!({})));
            let mut object = kube.object("secrets", OWN, "hub").expect("it is there");
            object["data"][".dockerconfigjson"] = json!("%canary");
            kube.put_raw("secrets", OWN, "hub", object);
        },
        OWN,
        ErrorKind::Invalid,
        "RC0436",
    ),
    (
        "an object beyond the limit",
        |kube| {
            put(kube, OWN, docker(CANARY, &json!({})));
            let mut object = kube.object("secrets", OWN, "hub").expect("it is there");
            object["data"]["more"] = json!("x".repeat(2 * 1024 * 1024));
            kube.put_raw("secrets", OWN, "hub", object);
        },
        OWN,
        ErrorKind::Invalid,
        "RC0436",
    ),
    (
        "a document beyond the limit",
        |kube| {
            let config = format!("{{\"auths\":{{}}}}{}", " ".repeat(1024 * 1024));
            put(kube, OWN, docker(CANARY, &json!({})));
            let mut object = kube.object("secrets", OWN, "hub").expect("it is there");
            object["data"][".dockerconfigjson"] = json!(STANDARD.encode(config));
            kube.put_raw("secrets", OWN, "hub", object);
        },
        OWN,
        ErrorKind::Invalid,
        "RC0053",
    ),
    (
        "no login for the registry",
        |kube| {
            let config = r#"{"auths":{"canary.example":{"auth":"dTpw"}}}"#;
            put(kube, OWN, secret("kubernetes.io/dockerconfigjson", &[(".dockerconfigjson", config)], &json!({})));
        },
        OWN,
        ErrorKind::Invalid,
        "RC0054",
    ),
    (
        "a document that is not a Docker config",
        |kube| {
            let values = [(".dockerconfigjson", r#"{"auths":["canary"]}"#)];
            put(kube, OWN, secret("kubernetes.io/dockerconfigjson", &values, &json!({})));
        },
        OWN,
        ErrorKind::Malformed,
        "RC0051",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_kind_and_code_and_no_word_of_the_secret() {
    for (what, prepare, namespace, kind, code) in FAULTS {
        let kube = FakeKube::start().await;
        kube.add_namespace(OWN, &[]);
        kube.add_namespace("vault", &[]);
        prepare(&kube);
        let provider = provider(&connect(&kube).await, namespace, Arc::new(SystemClock));
        let error = provider.credential().await.expect_err(what);
        assert_eq!((error.kind(), error.code().id()), (kind, code), "{what}: {error:?}");
        assert!(!format!("{error:?} {error} {provider:?}").contains(CANARY), "{what}: {error:?}");
        let pause = error.retry_after().map(|it| it.as_secs());
        assert_eq!(pause, (what == "429").then_some(7), "{what}");
    }
}

#[tokio::test]
async fn the_owner_of_a_secret_gets_the_command_that_allows_the_copy() {
    let kube = FakeKube::start().await;
    kube.add_namespace("vault", &[]);
    put(&kube, "vault", docker(CANARY, &json!({})));
    let provider = provider(&connect(&kube).await, "vault", Arc::new(SystemClock));
    let said = provider.credential().await.expect_err("it is refused").chain();
    let command = "kubectl annotate secret/hub --namespace=vault regcred.dev/allow-copy=blue";
    assert!(said.ends_with(command), "{said}");
    put(&kube, "vault", docker(CANARY, &json!({ "regcred.dev/allow-copy": "blue" })));
    provider.credential().await.expect("it is allowed");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_noticed_by_a_watch_and_minted_anew() {
    let quiet = Quiet::new();
    let first = quiet.provider.credential().await.expect("it is copied").validity();
    assert!(quiet.is_noticed(|it| it.put("two")).await);
    assert!(quiet.password().await.expect("it is copied").contains("two"));
    let second = quiet.provider.credential().await.expect("it is copied").validity();
    assert!(second.issuer() != first.issuer() && second.issued_at() >= first.issued_at());
}

#[tokio::test(start_paused = true)]
async fn a_change_of_labels_or_of_other_registries_is_not_reported() {
    let quiet = Quiet::new();
    quiet.password().await.expect("it is copied");
    let relabel = |it: &Quiet| {
        let mut object = it.kube.object("secrets", OWN, "hub").expect("it is there");
        object["metadata"]["labels"] = json!({ "team": "a" });
        let config =
            r#"{"auths":{"https://index.docker.io/v1/":{"username":"u", "password":"one"},"other.example":{}}}"#;
        object["data"][".dockerconfigjson"] = json!(STANDARD.encode(config));
        it.kube.put("secrets", OWN, "hub", object, "kubectl");
    };
    assert!(!quiet.is_noticed(relabel).await);
}

#[tokio::test(start_paused = true)]
async fn a_change_between_two_calls_is_not_lost() {
    let quiet = Quiet::new();
    quiet.password().await.expect("it is copied");
    timeout(Duration::from_mins(10), quiet.provider.changed()).await.expect_err("nothing has changed");
    quiet.put("two");
    timeout(Duration::from_secs(1), quiet.provider.changed()).await.expect("it is noticed at once");
    quiet.kube.forget_history();
    quiet.put("three");
    timeout(Duration::from_secs(1), quiet.provider.changed()).await.expect("it is noticed at once");
}

#[tokio::test(start_paused = true)]
async fn a_change_during_a_gap_or_an_outage_is_noticed_afterwards() {
    let quiet = Quiet::new();
    quiet.password().await.expect("it is copied");
    let gap = |it: &Quiet| {
        it.put("two");
        it.kube.forget_history();
    };
    assert!(quiet.is_noticed(gap).await);
    let outage = |it: &Quiet| {
        it.kube.fail_next(20, 503, "ServiceUnavailable", "canary", None);
        it.put("three");
        it.kube.close_watches();
    };
    assert!(quiet.is_noticed(outage).await);
    assert!(quiet.password().await.expect("it is copied").contains("three"));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_is_reported_once_and_its_return_too() {
    let quiet = Quiet::new();
    quiet.password().await.expect("it is copied");
    assert!(quiet.is_noticed(|it| it.kube.remove("secrets", OWN, "hub")).await);
    assert_eq!(quiet.password().await, Err(ErrorKind::Invalid));
    assert!(!quiet.is_noticed(|_| ()).await, "it is still gone");
    assert!(quiet.is_noticed(|it| it.put("one")).await);
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_watch_the_secret_is_read_periodically() {
    let quiet = Quiet::new();
    quiet.kube.deny("watch", "secrets", None);
    quiet.password().await.expect("it is copied");
    let changing = async {
        tokio::time::sleep(Duration::from_mins(8)).await; // in paused time
        quiet.put("two");
    };
    let (noticed, ()) = tokio::join!(timeout(Duration::from_mins(11), quiet.provider.changed()), changing);
    noticed.expect("it is noticed");
}
