//! The process is killed at random moments.

use std::{collections::BTreeMap, fmt::Write as _, fs, process::Stdio, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::{Api, api::DeleteParams};
use regcred_testkit::FakeAws;
use serde_json::Value;

use crate::{
    once::{bind, kubeconfig_of_regcred},
    world::{World, command, regcred},
};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
const NAMESPACES: usize = 8;
const KILLS: usize = 50;

/// Asserts that data and dates of a Secret belong to the same token, which ECR issued.
fn assert_whole(secret: &Value, issued: &BTreeMap<String, String>) {
    let data = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().expect("data")).expect("base64");
    let config = serde_json::from_slice::<Value>(&data).expect("a whole Docker config");
    let auth = config["auths"][HOST]["auth"].as_str().expect("an entry").to_owned();
    let end = issued.get(&auth).expect("a token that was issued");
    let annotations = &secret["metadata"]["annotations"];
    assert_eq!(annotations["regcred.dev/expires-at"].as_str(), Some(end.as_str()));
    assert!(annotations["regcred.dev/hosts"].as_str().is_some_and(|hosts| hosts.contains(end)), "{annotations:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_kill_at_any_point_secrets_are_complete_and_the_next_pass_converges() {
    let (world, aws) = (World::new().await, FakeAws::start().await);
    let (dir, kubeconfig) = kubeconfig_of_regcred(&world);
    let (mut yaml, mut namespaces) = (String::from("targets:\n"), vec![]);
    for _ in 0..NAMESPACES {
        let namespace = world.namespace().await;
        world.account(&namespace, "default").await;
        bind(&world, &namespace);
        let _ = writeln!(yaml, "- {{ namespace: {namespace}, region: eu-west-1 }}");
        namespaces.push(namespace);
    }
    let config = dir.path().join("config.yaml");
    fs::write(&config, yaml).expect("it can be written");
    let config = config.display().to_string();
    let mut cut_short = 0;
    for kill in 0..KILLS {
        if kill % 10 == 0 {
            for namespace in &namespaces {
                let secrets = Api::<Secret>::namespaced(world.client.clone(), namespace);
                drop(secrets.delete("ecr-secret", &DeleteParams::default()).await); // in the first round it does not exist
            }
        }
        // Token dates have whole seconds. Each pass uses a different lifetime, so that its tokens differ in their
        // dates.
        aws.set_life(Duration::from_secs(36_000 + 10 * u64::try_from(kill).expect("small")));
        let args = ["once", "--config", &config, "--force"];
        let mut process =
            command(&aws, &kubeconfig, &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let moment = Duration::from_micros(fastrand::u64(10_000..120_000));
        tokio::time::sleep(moment).await;
        process.kill().expect("it can be killed"); // SIGKILL
        cut_short += usize::from(!process.wait().expect("it ends").success());

        let issued = aws.issued().into_iter().map(|it| (STANDARD.encode(format!("AWS:{}", it.password)), rfc3339(&it)));
        let issued = issued.collect::<BTreeMap<_, _>>();
        world.secrets(&namespaces).await.iter().for_each(|secret| assert_whole(secret, &issued));

        let output = regcred(&aws, &kubeconfig, &["once", "--config", &config]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(world.secrets(&namespaces).await.len(), NAMESPACES);
        for namespace in &namespaces {
            let accounts = Api::<ServiceAccount>::namespaced(world.client.clone(), namespace);
            let account = accounts.get("default").await.expect("it is there");
            let linked = account.image_pull_secrets.iter().flatten().any(|it| it.name == "ecr-secret");
            assert!(linked, "{account:?}");
        }
    }
    assert!(cut_short > KILLS / 4, "the kills came while it worked: {cut_short} of {KILLS}");
}

/// Formats the expiry as in the annotation, in whole seconds.
fn rfc3339(issued: &regcred_testkit::aws::Issued) -> String {
    let seconds = issued.expires_at.duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    jiff::Timestamp::from_second(i64::try_from(seconds).expect("soon")).expect("a date").to_string()
}
