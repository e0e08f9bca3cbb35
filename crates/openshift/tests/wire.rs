//! The sink at the wire: the real client against an API server in memory.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{
    Clock, CredentialSet, ErrorKind, ExposeSecret, Login, Namespace, Registry, RegistryCredential, SecretName,
    SecretSink, StoreName, SystemClock, Target, Validity, Written,
    testing::{conformance, provider_name},
};
use regcred_dockerconfig::DockerConfig;
use regcred_openshift::{Cluster, Link, OpenShiftSink, OpenShiftSinkBuilder};
use regcred_testkit::FakeKube;
use serde_json::{Value, json};

const NAME: &str = "ecr-secret";

async fn builder(kube: &FakeKube) -> OpenShiftSinkBuilder {
    let config = kube::Config::new(kube.url().parse().expect("a URL"));
    OpenShiftSink::builder(Cluster::from_config(config, None).await.expect("it is usable"))
}

async fn sink(kube: &FakeKube) -> OpenShiftSink {
    builder(kube).await.with_links(Link::defaults()).build()
}

fn target(namespace: &str) -> Target {
    Target {
        store: StoreName::new("cluster").expect("valid"),
        namespace: Namespace::new(namespace).expect("valid"),
        name: SecretName::new(NAME).expect("valid"),
    }
}

fn set(serial: usize, hours: u64) -> CredentialSet {
    let login = Login::new(vec![Registry::new("r.example").expect("valid")], "AWS", format!("canary-{serial}").into());
    let now = SystemClock.now();
    let validity = Validity::new(now, Some(now + Duration::from_hours(hours))).expect("valid");
    let mut set = CredentialSet::new();
    let credential = RegistryCredential::new(vec![login.expect("valid")], validity).expect("valid");
    set.insert(provider_name("one"), Arc::new(credential)).expect("no registry twice");
    set
}

/// Two providers, of which the second has nothing to give at present.
fn partial(serial: usize) -> CredentialSet {
    let mut set = set(serial, 13);
    set.insert_failed(provider_name("two"));
    set
}

fn both(serial: usize) -> CredentialSet {
    let mut set = set(serial, 12);
    let login = Login::new(vec![Registry::new("two.example").expect("valid")], "AWS", format!("two-{serial}").into());
    let validity = set.iter().next().expect("there is one").1.validity();
    let credential = RegistryCredential::new(vec![login.expect("valid")], validity).expect("valid");
    set.insert(provider_name("two"), Arc::new(credential)).expect("no registry twice");
    set
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect()
}

/// What was asked for, as `get secrets` or `list serviceaccounts`, each as often as it was.
fn requests(kube: &FakeKube) -> Vec<String> {
    let mut all = kube.requests().iter().map(|it| format!("{} {}", it.verb, it.resource)).collect::<Vec<_>>();
    all.sort();
    all
}

struct Fake {
    kube: FakeKube,
    sink: Arc<OpenShiftSink>,
    handed_out: AtomicUsize,
}

#[async_trait]
impl conformance::SinkUnderTest for Fake {
    fn sink(&self) -> Arc<dyn SecretSink> {
        self.sink.clone()
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(SystemClock)
    }

    async fn vacant(&self) -> Target {
        let namespace = format!("team-{}", self.handed_out.fetch_add(1, SeqCst));
        self.kube.add_namespace(&namespace, &["default", "builder"]);
        target(&namespace)
    }

    async fn stored(&self, target: &Target) -> Option<BTreeMap<Registry, (String, String)>> {
        let secret = self.kube.object("secrets", target.namespace.as_str(), target.name.as_str())?;
        let data =
            STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("it has the key")).expect("base64");
        let config = DockerConfig::parse(&data).expect("it is a Docker config");
        let login = |registry: &str| {
            let registry = Registry::new(registry).expect("a valid key");
            let (username, password) = config.login(&registry).expect("a readable entry");
            (registry, (username, password.expose_secret().to_owned()))
        };
        Some(config.registries().map(login).collect())
    }

    async fn plant_foreign(&self, target: &Target) {
        self.kube.put("secrets", target.namespace.as_str(), target.name.as_str(), foreign(), "helm");
    }

    async fn fingerprint(&self, target: &Target) -> String {
        format!("{:?}", self.kube.object("secrets", target.namespace.as_str(), target.name.as_str()))
    }
}

fn foreign() -> Value {
    let data = STANDARD.encode(r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#);
    json!({ "type": "kubernetes.io/dockerconfigjson", "data": { ".dockerconfigjson": data } })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_conforms() {
    let kube = FakeKube::start().await;
    let sink = Arc::new(sink(&kube).await);
    conformance::sink(&Fake { kube, sink, handed_out: AtomicUsize::new(0) }).await;
}

#[tokio::test]
async fn a_first_pass_is_a_patch_per_secret_and_missing_link_and_a_refresh_is_one_patch() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let reads = ["get secrets", "get serviceaccounts", "get serviceaccounts", "get serviceaccounts"];

    sink.observe(&target).await.expect("it can be read");
    assert_eq!(requests(&kube), reads);
    assert!(kube.requests().iter().filter(|it| it.resource == "secrets").all(|it| it.metadata_only));
    kube.clear_requests();
    sink.apply(&target, &set(1, 12)).await.expect("it can be written");
    assert_eq!(requests(&kube), ["patch secrets", "patch serviceaccounts", "patch serviceaccounts"]);
    assert!(kube.requests().iter().all(|it| it.metadata_only), "no answer holds a Secret");
    kube.clear_requests();

    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!((observed.drift, observed.waiting_for), (vec![], None));
    assert_eq!(requests(&kube), reads);
    kube.clear_requests();
    let applied = sink.apply(&target, &set(2, 13)).await.expect("it can be written");
    assert_eq!((applied.written, requests(&kube)), (Written::Updated, vec!["patch secrets".to_owned()]));
}

#[tokio::test]
async fn many_targets_are_read_by_a_few_lists_where_that_is_granted() {
    let kube = FakeKube::start().await;
    let targets = (0..600).map(|number| target(&format!("team-{number}"))).collect::<Vec<_>>();
    for target in &targets {
        kube.add_namespace(target.namespace.as_str(), &["default"]);
    }
    let bulk = builder(&kube).await.with_links([Link::pull("default")]).with_bulk_reads(true).build();
    for target in &targets {
        assert!(bulk.observe(target).await.expect("it can be read").is_none());
    }
    assert_eq!(requests(&kube), ["list secrets", "list serviceaccounts", "list serviceaccounts"], "pages of 500");
    kube.clear_requests();
    bulk.apply(&targets[0], &set(1, 12)).await.expect("it can be written");
    assert_eq!(requests(&kube), ["patch secrets", "patch serviceaccounts"]);
    kube.clear_requests();
    assert!(bulk.observe(&targets[0]).await.expect("it can be read").is_some(), "a second look sees what was written");
    assert_eq!(requests(&kube), ["get secrets", "get serviceaccounts"]);

    kube.clear_requests();
    kube.deny("list", "secrets", None);
    let bulk = builder(&kube).await.with_links([Link::pull("default")]).with_bulk_reads(true).build();
    for target in &targets[..3] {
        bulk.observe(target).await.expect("it can be read one by one");
    }
    let asked = requests(&kube);
    let count = |what: &str| asked.iter().filter(|it| *it == what).count();
    assert_eq!((count("list secrets"), count("get secrets"), count("get serviceaccounts")), (1, 3, 3), "{asked:?}");
}

#[tokio::test]
async fn entries_of_others_stay_when_they_write_at_the_same_moment() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["builder"]);
    let (sink, target) = (builder(&kube).await.with_links([Link::pull_and_mount("builder")]).build(), target("team-a"));
    sink.observe(&target).await.expect("it can be read");
    let mut account = kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    let before = names(&account["imagePullSecrets"]).into_iter().map(str::to_owned).collect::<Vec<_>>();
    account["imagePullSecrets"].as_array_mut().expect("a list").push(json!({ "name": "theirs" }));
    kube.put("serviceaccounts", "team-a", "builder", account, "openshift");

    sink.apply(&target, &set(1, 12)).await.expect("it converges");
    let account = kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    let expected = before.iter().map(String::as_str).chain(["theirs", NAME]).collect::<Vec<_>>();
    assert_eq!(names(&account["imagePullSecrets"]), expected);
    assert!(names(&account["secrets"]).contains(&NAME));
}

#[tokio::test]
async fn a_missing_account_is_waited_for_and_an_optional_one_is_not() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &[]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let applied = sink.apply(&target, &set(1, 12)).await.expect("it can be written");
    assert_eq!(applied.waiting_for.as_deref(), Some("ServiceAccount default does not exist"));
    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!(observed.waiting_for, applied.waiting_for);
    assert_eq!(observed.drift, Vec::<String>::new());
}

#[tokio::test]
async fn an_edit_is_seen_in_metadata_and_repaired_in_place() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let set = set(1, 12);
    sink.apply(&target, &set).await.expect("it can be written");
    let before = kube.object("secrets", "team-a", NAME).expect("it is there");
    let mut edited = before.clone();
    edited["data"] = foreign()["data"].clone();
    kube.put("secrets", "team-a", NAME, edited, "kubectl-edit");

    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!(
        (observed.drift, observed.validity.len()),
        (vec!["its data was changed by \"kubectl-edit\"".to_owned()], 1)
    );
    assert_eq!(sink.apply(&target, &set).await.expect("it is repaired").written, Written::Updated);
    let after = kube.object("secrets", "team-a", NAME).expect("it is there");
    assert_eq!((&after["data"], &after["metadata"]["uid"]), (&before["data"], &before["metadata"]["uid"]));
}

#[tokio::test]
async fn a_foreign_one_that_appears_meanwhile_is_a_conflict_and_stays() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    assert!(sink.observe(&target).await.expect("it can be read").is_none());
    kube.put("secrets", "team-a", NAME, foreign(), "helm");
    let before = kube.object("secrets", "team-a", NAME);
    let error = sink.apply(&target, &set(1, 12)).await.expect_err("somebody else was faster");
    assert_eq!((error.kind(), kube.object("secrets", "team-a", NAME)), (ErrorKind::Conflict, before));
}

#[tokio::test]
async fn namespaces_that_are_gone_or_going_are_told_apart_from_missing_rights() {
    let kube = FakeKube::start().await;
    for namespace in ["going", "forbidden"] {
        kube.add_namespace(namespace, &["default"]);
    }
    kube.terminate("going");
    let sink = sink(&kube).await;
    for (namespace, message) in
        [("going", "namespace going is being deleted"), ("absent", "namespace absent does not exist")]
    {
        let error = sink.apply(&target(namespace), &set(1, 12)).await.expect_err(message);
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Gone, message));
    }
    // Under RoleBindings a namespace that is gone answers 403.
    for namespace in ["absent", "forbidden"] {
        kube.deny("get", "secrets", Some(namespace));
    }
    assert_eq!(sink.observe(&target("absent")).await.expect_err("gone").kind(), ErrorKind::Gone);
    let error = sink.observe(&target("forbidden")).await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.chain().contains("resourceNames [ecr-secret], verbs [get]"), "{error:?}");
}

#[tokio::test]
async fn a_busy_or_broken_server_is_asked_once() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (builder(&kube).await.build(), target("team-a"));
    for (status, retry_after, kind) in [(429, Some(32), ErrorKind::Throttled), (503, None, ErrorKind::Unreachable)] {
        kube.clear_requests();
        kube.fail_next(1, status, "Busy", "canary", retry_after);
        let error = sink.observe(&target).await.expect_err("it is busy");
        assert_eq!((error.kind(), error.retry_after()), (kind, retry_after.map(Duration::from_secs)));
        assert_eq!(kube.requests().len(), 1, "one call is one attempt");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn removal_takes_the_links_out_first_and_leaves_those_of_others() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    let before = kube.objects("serviceaccounts");
    sink.apply(&target, &set(1, 12)).await.expect("it can be written");
    sink.remove(&target).await.expect("it can be removed");
    assert_eq!(kube.object("secrets", "team-a", NAME), None);
    let lists = |accounts: &[Value]| {
        let lists =
            accounts.iter().map(|it| (names(&it["imagePullSecrets"]).join(","), names(&it["secrets"]).join(",")));
        lists.collect::<Vec<_>>()
    };
    assert_eq!(lists(&kube.objects("serviceaccounts")), lists(&before));
}

#[tokio::test]
async fn two_installations_leave_each_other_s_secrets_alone() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (one, other) = (sink(&kube).await, builder(&kube).await.with_instance("blue").build());
    one.apply(&target("team-a"), &set(1, 12)).await.expect("it can be written");
    let observed = other.observe(&target("team-a")).await.expect("it can be read").expect("it is there");
    assert_eq!(observed.foreign_owner.as_deref(), Some("it belongs to regcred's instance \"default\""));
}

#[tokio::test]
async fn an_account_that_cannot_be_read_or_written_is_told_and_does_not_stop_the_secret() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default", "builder"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    kube.deny("patch", "serviceaccounts", None);
    let applied = sink.apply(&target, &set(1, 12)).await.expect("the Secret can be written");
    let failure = applied.failure.expect("the links cannot");
    assert_eq!((applied.written, failure.kind()), (Written::Created, ErrorKind::Denied));

    kube.deny("get", "serviceaccounts", None);
    let observed = sink.observe(&target).await.expect("the Secret can be read").expect("it is there");
    assert_eq!((observed.validity.len(), observed.failure.map(|error| error.kind())), (1, Some(ErrorKind::Denied)));
    let applied = sink.apply(&target, &set(2, 13)).await.expect("the Secret can be written");
    assert_eq!((applied.written, applied.failure.is_some()), (Written::Updated, true));
}

#[tokio::test]
async fn what_somebody_put_there_stops_no_healthy_provider_and_gets_no_date_of_ours() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    sink.apply(&target, &both(1)).await.expect("it can be written");
    let edits = [r#"{"auths":{"two.example":{"auth":"dTpw"}}}"#, r#"{"auths":"nonsense"}"#];
    for (serial, edit) in edits.into_iter().enumerate() {
        let mut edited = kube.object("secrets", "team-a", NAME).expect("it is there");
        edited["data"][".dockerconfigjson"] = json!(STANDARD.encode(edit));
        kube.put("secrets", "team-a", NAME, edited, "kubectl-edit");
        sink.observe(&target).await.expect("it can be read");
        sink.apply(&target, &partial(serial)).await.expect("the healthy provider's entry is written");
        let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
        assert_eq!((observed.drift, observed.validity.len()), (vec![], 1), "two is asked for as soon as it can be");
    }
}

#[tokio::test]
async fn entries_stay_during_an_outage_under_whatever_name_their_provider_had() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    sink.apply(&target, &both(1)).await.expect("it can be written");
    let mut renamed = set(2, 13);
    renamed.insert_failed(provider_name("two-renamed"));
    sink.apply(&target, &renamed).await.expect("it can be written");
    let hosts =
        kube.object("secrets", "team-a", NAME).expect("it is there")["metadata"]["annotations"]["regcred.dev/hosts"]
            .clone();
    assert!(hosts.as_str().expect("text").contains("two.example"), "{hosts}");
}

#[tokio::test]
async fn who_claims_our_data_too_does_not_stand_in_the_way() {
    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let (sink, target) = (sink(&kube).await, target("team-a"));
    sink.apply(&target, &set(1, 12)).await.expect("it can be written");
    let stored = kube.object("secrets", "team-a", NAME).expect("it is there");
    let same = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": NAME }, "data": stored["data"] });
    let config = kube::Config::new(kube.url().parse().expect("a URL"));
    let client = kube::Client::try_from(config).expect("it is usable");
    let api = kube::Api::<k8s_openapi::api::core::v1::Secret>::namespaced(client, "team-a");
    api.patch(NAME, &kube::api::PatchParams::apply("gitops"), &kube::api::Patch::Apply(&same))
        .await
        .expect("same value");

    let observed = sink.observe(&target).await.expect("it can be read").expect("it is there");
    assert_eq!(observed.drift, ["its data is claimed by \"gitops\" too"]);
    assert_eq!(sink.apply(&target, &set(2, 13)).await.expect("it is taken").written, Written::Updated);
    assert_eq!(sink.observe(&target).await.expect("it can be read").expect("it is there").drift, Vec::<String>::new());
}

#[tokio::test]
async fn a_kubeconfig_that_cannot_be_used_is_not_quoted() {
    let dir = tempfile::tempdir().expect("a folder");
    let connect = async |yaml: &str| {
        let path = dir.path().join("kubeconfig");
        std::fs::write(&path, yaml).expect("it can be written");
        let connection = regcred_openshift::Connection { kubeconfig: Some(path), context: None };
        Cluster::connect(&connection).await.expect_err("it cannot be used")
    };
    let whole = |user: &str| {
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{ name: c, cluster: {{ server: 'http://127.0.0.1:9' }} }}]\n\
             contexts: [{{ name: c, context: {{ cluster: c, user: u }} }}]\nusers: [{{ name: u, user: {user} }}]\n"
        )
    };
    let exec = |script: &str| {
        whole(&format!(
            "{{ exec: {{ apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, args: ['-c', '{script}'] }} }}"
        ))
    };
    let bad = [
        "users:\n- name: u\n  user: { token: canary\n".to_owned(),
        "users: [{ name: u, user: { token: [canary] } }]".to_owned(),
        exec("echo canary; echo canary >&2; exit 3"),
        exec("echo token: [canary"),
    ];
    for yaml in &bad {
        let error = connect(yaml).await;
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}
