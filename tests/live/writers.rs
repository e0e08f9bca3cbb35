//! Concurrent writers, and writers that change regcred's objects.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred_core::{
    Address, Clock, CredentialSet, ErrorKind, Login, Registry, RegistryCredential, SecretSink, SystemClock, Validity,
    testing::{FakeProvider, SinkExt, provider_name},
};
use regcred_engine::{Engine, Minter, Pass, Route, Step};
use regcred_openshift::{Foreign, Link, OpenShiftSink};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::world::{World, target};

const WRITERS: usize = 12;
const THEIRS: &str =
    "{ \"auths\": {\"quay.example\" : {\"auth\" : \"dTpw\" },\n \"z.example\":{\"auth\":\"dTpw\"}}, \"x\": 1.50 }";

fn set(registry: &str, provider: &str) -> CredentialSet {
    let now = SystemClock.now();
    let login = Login::new(vec![Registry::new(registry).expect("valid")], "AWS", format!("of-{registry}").into());
    let validity = Validity::new(now, Some(now + Duration::from_hours(12))).expect("valid");
    let credential = RegistryCredential::new(vec![login.expect("valid")], validity).expect("valid");
    let mut set = CredentialSet::new();
    set.insert(provider_name(provider), Arc::new(credential)).expect("the first");
    set
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_concurrent_writers_lose_no_login_and_no_service_account_entry() {
    let world = World::new().await;
    let namespace = world.namespace().await;
    world.account(&namespace, "builder").await;
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "ecr-secret", "namespace": namespace },
        "data": { ".dockerconfigjson": STANDARD.encode(THEIRS) },
    });
    world.kubectl(&["create", "--filename", "-"], &theirs.to_string());
    let mut work = JoinSet::new();
    for number in 0..WRITERS {
        // Half of the writers merge into one Secret. The others have their own Secrets. All of them link to the same
        // account.
        let merges = number % 2 == 0;
        let foreign = if merges { Foreign::Merge } else { Foreign::Refuse };
        let sink = OpenShiftSink::builder(world.cluster().await).with_foreign(foreign);
        let sink = sink.with_instance(format!("i{number}").parse().expect("valid"));
        let sink = sink.with_links([Link::pull_and_mount("builder")]).build();
        let mut target = target(&namespace);
        if !merges {
            target.address = Address::new(target.group(), format!("ecr-{number}"));
        }
        work.spawn(async move {
            let set = set(&format!("r{number}.example"), "one");
            // Retry after a lost race, as the engine does.
            loop {
                match sink.write(&target, &set).await {
                    Ok(applied) if applied.failure.is_none() => break,
                    Ok(applied) => assert_eq!(applied.failure.expect("a failure").kind(), ErrorKind::Conflict),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}"),
                }
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.expect("no task panics");
    }
    let secret = world.get(&namespace, "secrets", "ecr-secret");
    let data = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    let data = String::from_utf8(data).expect("text");
    for number in (0..WRITERS).step_by(2) {
        let login = STANDARD.encode(format!("AWS:of-r{number}.example"));
        assert!(data.contains(&format!("\"r{number}.example\":{{\"auth\":\"{login}\"}}")), "{data}");
    }
    assert!(data.starts_with("{ \"auths\": {\"quay.example\" : {\"auth\" : \"dTpw\" },\n "), "{data}");
    assert!(data.ends_with("\"z.example\":{\"auth\":\"dTpw\"}}, \"x\": 1.50 }"), "{data}");
    let account = world.get(&namespace, "serviceaccounts", "builder");
    for list in ["imagePullSecrets", "secrets"] {
        let mut all = names(&account[list]);
        assert_eq!(all.remove(0), "builder-dockercfg", "theirs stays, and first");
        all.sort_unstable();
        let mut expected = (1..WRITERS).step_by(2).map(|number| format!("ecr-{number}")).collect::<Vec<_>>();
        expected.push("ecr-secret".into());
        expected.sort_unstable();
        assert_eq!(all, expected, "each once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_expiry_in_2099_written_by_a_tenant_changes_nothing_under_any_manager() {
    const HOST: &str = "r.example";
    let world = World::new().await;
    let namespace = world.namespace().await;
    world.account(&namespace, "default").await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let provider = FakeProvider::new(clock.clone(), HOST).with_longest_life(Duration::from_hours(13));
    let provider = Arc::new(provider);
    let sink = OpenShiftSink::builder(world.cluster().await).with_links([Link::pull("default")]).build();
    let sink = Arc::new(sink);
    let pass = async || {
        let minter = Minter::new(provider_name("prod"), provider.clone());
        let (providers, source) = (vec![provider_name("prod")], Arc::new(vec![target(&namespace)]));
        let route = Route::new("test", providers, source, sink.clone());
        let engine = Engine::builder(clock.clone()).with_minter(minter).with_route(route).build().expect("it is whole");
        let report = engine.once(Pass::default()).await;
        assert_eq!(report.exit_code(), 0, "{report:?}");
        report.targets[&target(&namespace)].step.clone().expect("it was observed")
    };
    assert_eq!(pass().await, Step::Create);
    assert_eq!(pass().await, Step::Leave);
    let secret = || world.get(&namespace, "secrets", "ecr-secret");
    let annotation =
        |secret: &Value, name: &str| secret["metadata"]["annotations"][name].as_str().expect("text").to_owned();

    let ours = secret();
    let (hosts, end) = (annotation(&ours, "regcred.dev/hosts"), annotation(&ours, "regcred.dev/expires-at"));
    let pinned = hosts.replace(&end, "2099-01-01T00:00:00Z");
    assert_ne!(pinned, hosts);
    let args = ["annotate", "secret", "ecr-secret", "--overwrite", "--namespace", &namespace];
    let dates = ["regcred.dev/expires-at=2099-01-01T00:00:00Z".to_owned(), format!("regcred.dev/hosts={pinned}")];
    world.kubectl(&[&args[..], &[&dates[0], &dates[1]]].concat(), "");
    assert_eq!(pass().await, Step::Refresh, "dates of others are not believed");
    assert!(!secret()["metadata"]["annotations"].to_string().contains("2099"));

    // An apply as regcred's field manager. The changed fields then look like regcred's own.
    let mut applied = json!({ "apiVersion": "v1", "kind": "Secret" });
    let ours = secret();
    let hosts = annotation(&ours, "regcred.dev/hosts");
    let end = annotation(&ours, "regcred.dev/expires-at");
    for name in ["name", "namespace", "labels", "annotations"] {
        applied["metadata"][name] = ours["metadata"][name].clone();
    }
    applied["metadata"]["annotations"]["regcred.dev/hosts"] = json!(hosts.replace(&end, "2099-01-01T00:00:00Z"));
    applied["metadata"]["annotations"]["regcred.dev/expires-at"] = json!("2099-01-01T00:00:00Z");
    (applied["type"], applied["data"]) = (ours["type"].clone(), ours["data"].clone());
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=regcred", "--filename", "-"];
    world.kubectl(&apply, &applied.to_string());
    assert!(annotation(&secret(), "regcred.dev/hosts").contains("2099"));
    let minted = provider.calls();
    assert_eq!(pass().await, Step::Refresh, "an end beyond any that the provider gives is not believed");
    assert_eq!(provider.calls(), minted + 1);
    assert!(!secret()["metadata"]["annotations"].to_string().contains("2099"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merge_into_a_secret_without_managed_fields_can_be_removed() {
    let world = World::new().await;
    let namespace = world.namespace().await;
    let theirs = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "ecr-secret", "namespace": namespace },
        "data": { ".dockerconfigjson": STANDARD.encode(THEIRS) },
    });
    world.kubectl(&["create", "--filename", "-"], &theirs.to_string());
    let strip = ["patch", "secret", "ecr-secret", "--type=merge", "--patch", r#"{"metadata":{"managedFields":[{}]}}"#];
    world.kubectl(&[&strip[..], &["--namespace", &namespace]].concat(), "");
    let secret = || world.get(&namespace, "secrets", "ecr-secret");
    assert!(secret()["metadata"]["managedFields"].is_null());

    let sink = OpenShiftSink::builder(world.cluster().await).with_foreign(Foreign::Merge).build();
    let (target, set) = (target(&namespace), set("r.example", "one"));
    sink.write(&target, &set).await.expect("it is merged");
    let observed = sink.observe(&target).await.expect("it can be read").existing().expect("it is there");
    assert_eq!((observed.drift, observed.validity.len()), (vec![], 1), "{:#}", secret());
    sink.remove(&target).await.expect("ours can be taken out");
    let data = STANDARD.decode(secret()["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    assert_eq!(String::from_utf8(data).expect("text"), THEIRS);
}
