//! A Secret that the shell recipe created with `kubectl apply`. regcred refuses it, adopts it, and restores it after
//! the recipe runs again.

use std::{fs, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred_core::{
    Clock, Result, SystemClock, Target, TargetEvent, TargetSender, TargetSource,
    testing::{FakeProvider, provider_name},
};
use regcred_engine::{Engine, Event, Minter, Route, State};
use regcred_openshift::{Foreign, Link, OpenShiftSink};
use regcred_testkit::FakeAws;
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::{
    once::{bind, kubeconfig_of_regcred},
    world::{World, mints, regcred, target},
};

pub(crate) const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Does what the recipe does every five minutes.
pub(crate) fn recipe(world: &World, namespace: &str, password: &str) {
    let make = ["create", "secret", "docker-registry", "ecr-secret", "--docker-username=AWS", "--output=yaml"];
    let (server, password) = (format!("--docker-server={HOST}"), format!("--docker-password={password}"));
    let manifest =
        world.kubectl(&[&make[..], &["--dry-run=client", &server, &password, "--namespace", namespace]].concat(), "");
    world.kubectl(&["apply", "--filename", "-"], &manifest);
}

fn secret(world: &World, namespace: &str) -> Value {
    world.get(namespace, "secrets", "ecr-secret")
}

fn data(secret: &Value) -> String {
    let data = secret["data"][".dockerconfigjson"].as_str().expect("it has data");
    String::from_utf8(STANDARD.decode(data).expect("base64")).expect("text")
}

/// Returns `manager operation` for each owner of a part of the data.
fn owners(secret: &Value) -> Vec<String> {
    let entries = secret["metadata"]["managedFields"].as_array().expect("a list").iter();
    let owns = |it: &&Value| !it["fieldsV1"]["f:data"].is_null();
    entries.filter(owns).map(|it| format!("{} {}", it["manager"], it["operation"]).replace('"', "")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_of_the_recipe_is_adopted_with_its_uid_and_without_its_old_token() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let namespace = world.namespace().await;
    world.account(&namespace, "default").await;
    bind(&world, &namespace);
    recipe(&world, &namespace, "old-token");
    world.kubectl(&["label", "secret", "ecr-secret", "team=builds", "--namespace", &namespace], "");
    let config = dir.path().join("config.yaml");
    fs::write(&config, format!("targets: [{{ namespace: {namespace}, region: eu-west-1 }}]"))
        .expect("it can be written");
    let config = config.display().to_string();
    let once = |more: &[&str]| {
        let output = regcred(&aws, &kubeconfig, &[&["once", "--config", &config, "--output", "json"], more].concat());
        let report = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        (output.status.code(), report["targets"][0].clone())
    };

    let before = secret(&world, &namespace);
    assert!(before["metadata"]["annotations"][LAST_APPLIED].to_string().contains("data"), "{before:#}");
    for more in [&[][..], &["--force"]] {
        let (code, told) = once(more);
        assert_eq!((code, told["state"].as_str()), (Some(1), Some("refused")), "{told:#}");
        assert!(
            told["why"][0].as_str().is_some_and(|why| why.contains("kubectl") && why.contains("--adopt")),
            "{told:#}"
        );
        assert_eq!(secret(&world, &namespace), before, "byte for byte");
    }
    assert_eq!(mints(&aws), 0, "a refused target mints nothing");

    let (code, told) = once(&["--adopt"]);
    assert_eq!(
        (code, told["step"].as_str(), told["done"].as_str()),
        (Some(0), Some("adopt"), Some("adopted")),
        "{told:#}"
    );
    let after = secret(&world, &namespace);
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert!(after["metadata"]["annotations"][LAST_APPLIED].is_null(), "{after:#}");
    assert!(!after.to_string().contains(&STANDARD.encode("AWS:old-token")), "the old token is gone");
    assert_eq!(owners(&after), ["regcred Apply"]);
    assert_eq!(after["metadata"]["labels"]["team"], "builds", "what others put there stays");
    assert!(data(&after).contains(&STANDARD.encode(format!("AWS:{}", aws.issued()[0].password))));
    assert_eq!(once(&[]).1["step"], "leave", "and it is as any other of ours");

    recipe(&world, &namespace, "old-token-again");
    let (code, told) = once(&[]);
    assert_eq!((code, told["step"].as_str()), (Some(0), Some("repair")), "{told:#}");
    let repaired = secret(&world, &namespace);
    assert!(!data(&repaired).contains("old-token-again") && repaired["metadata"]["uid"] == before["metadata"]["uid"]);
}

/// A source that sends its target again when the test asks for it, as a watch would.
#[derive(Debug)]
struct Told {
    target: Target,
    touched: Mutex<mpsc::Receiver<()>>,
}

#[async_trait]
impl TargetSource for Told {
    async fn watch(&self, sender: TargetSender) -> Result<()> {
        sender.send(TargetEvent::Present(self.target.clone())).await;
        sender.send(TargetEvent::Synced).await;
        while self.touched.lock().await.recv().await.is_some() {
            sender.send(TargetEvent::Present(self.target.clone())).await;
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_runs_of_the_recipe_are_repaired_and_the_third_makes_the_target_contested() {
    let world = World::new().await;
    let namespace = world.namespace().await;
    world.account(&namespace, "default").await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let sink = OpenShiftSink::builder(world.cluster().await).with_links([Link::pull("default")]);
    let (touch, touched) = mpsc::channel(1);
    let (tell, mut looks) = mpsc::unbounded_channel();
    let source = Told { target: target(&namespace), touched: Mutex::new(touched) };
    let providers = vec![provider_name("prod")];
    let engine = Engine::builder(clock.clone())
        .with_minter(Minter::new(provider_name("prod"), Arc::new(FakeProvider::new(clock, HOST))))
        .with_route(Route::new("test", providers, source, sink.build()))
        .with_on_event(move |event| {
            if let Event::Reconciled { outcome, .. } = event {
                tell.send((outcome.state(), outcome.written.is_some(), outcome.reasons())).ok();
            }
        })
        .build()
        .expect("it is whole");
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(async move { engine.run(async { drop(stopped.await) }).await });
    let mut look = async || {
        let look = tokio::time::timeout(Duration::from_secs(20), looks.recv()).await;
        look.expect("a look follows").expect("the engine runs")
    };
    assert_eq!(look().await.0, State::Fresh);
    let uid = secret(&world, &namespace)["metadata"]["uid"].clone();

    for run in 1..=3 {
        recipe(&world, &namespace, "of-the-recipe");
        touch.send(()).await.expect("it listens");
        let (state, written, reasons) = look().await;
        let repaired = secret(&world, &namespace);
        assert!(written && !data(&repaired).contains(&STANDARD.encode("AWS:of-the-recipe")), "run {run}: {reasons:?}");
        assert_eq!(repaired["metadata"]["uid"], uid);
        assert_eq!(state, if run < 3 { State::Fresh } else { State::Contested }, "run {run}: {reasons:?}");
    }
    recipe(&world, &namespace, "of-the-recipe");
    let left = secret(&world, &namespace);
    touch.send(()).await.expect("it listens");
    let (state, written, reasons) = look().await;
    assert_eq!((state, written), (State::Contested, false), "{reasons:?}");
    assert!(reasons[0].starts_with("contested: its data was changed by \"kubectl"), "{reasons:?}");
    assert_eq!(secret(&world, &namespace), left, "it is left alone for ten minutes");
    drop(stop);
    assert_eq!(running.await.expect("no panic").exit_code(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_another_manager_applies_is_not_adopted() {
    let world = World::new().await;
    let namespace = world.namespace().await;
    recipe(&world, &namespace, "old-token");
    let manifest = serde_json::json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
        "metadata": { "name": "ecr-secret", "namespace": namespace },
        "data": secret(&world, &namespace)["data"],
    });
    let apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=argocd", "--filename", "-"];
    world.kubectl(&apply, &manifest.to_string());
    let before = secret(&world, &namespace);
    let sink = OpenShiftSink::builder(world.cluster().await).with_foreign(Foreign::Adopt).build();
    let observed = regcred_core::SecretSink::observe(&sink, &target(&namespace)).await.expect("it can be read");
    let refusal = observed.refusal.expect("it is not adopted").to_string();
    assert!(refusal.starts_with("foreign: it is applied by \"argocd\""), "{refusal}");
    assert_eq!(secret(&world, &namespace), before);
}
