//! A thousand namespaces: one token per region, and no unnecessary request.

use std::{collections::BTreeMap, fmt::Write};

use regcred_testkit::FakeKube;
use serde_json::json;

use crate::{
    daemon::{Daemon, is_linked},
    world::{World, run},
};

const MANY: usize = 1000;
const REGIONS: [&str; 2] = ["eu-west-1", "us-east-1"];

fn requests(world: &World) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in world.kube.requests() {
        *counts.entry(format!("{} {}", request.verb, request.resource)).or_default() += 1;
    }
    counts
}

fn expected(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_namespaces_cost_one_token_per_region_and_few_requests() {
    let names = (0..MANY).map(|number| format!("team-{number:04}")).collect::<Vec<_>>();
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut config = String::from("targets:\n");
    for (place, name) in names.iter().enumerate() {
        let _ = writeln!(config, "- {{ namespace: {name}, region: {} }}", REGIONS[place % 2]);
    }
    let once = |args: &[&str]| {
        world.kube.clear_requests();
        let (code, report, logs) = run(&mut world.once(&config, &[args, &["--output", "json"]].concat()));
        assert_eq!(code, 0, "{report:#} {logs}");
    };
    let pages = 4; // of 100, 200, 400 and the rest
    let lists = [("list secrets", pages), ("list serviceaccounts", 2 * pages + 1)]; // default, builder; no pipeline
    let reviews = ("create selfsubjectaccessreviews", 4); // whether each of them may be listed

    once(&[]);
    assert_eq!(world.mints(), REGIONS.len(), "one token per region");
    let first = [("list secrets", 1), lists[1], reviews, ("patch secrets", MANY), ("patch serviceaccounts", 2 * MANY)];
    assert_eq!(requests(&world), expected(&first), "a patch per Secret and one per missing link");
    once(&[]);
    assert_eq!(requests(&world), expected(&[lists[0], lists[1], reviews]), "everything is fresh");
    once(&["--force"]);
    assert_eq!(
        requests(&world),
        expected(&[lists[0], lists[1], reviews, ("patch secrets", MANY)]),
        "a refresh is one patch"
    );
    assert_eq!(world.mints(), 2 * REGIONS.len());

    world.kube.deny("list", "secrets", None);
    world.kube.deny("list", "serviceaccounts", None);
    once(&[]);
    let reads = [reviews, ("get secrets", MANY), ("get serviceaccounts", 3 * MANY)];
    assert_eq!(
        requests(&world),
        expected(&reads),
        "without the right to list, one read per object and no list that is refused"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_pass_without_links_reads_no_listed_namespace() {
    let names = (0..MANY).map(|number| format!("team-{number:04}")).collect::<Vec<_>>();
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let config = "targets: [{ namespaces: ['team-*'], region: eu-west-1, service_accounts: [] }]";
    let (code, report, logs) = run(&mut world.once(config, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let requests = requests(&world);
    assert_eq!(requests["patch secrets"], MANY);
    assert!(!requests.contains_key("get namespaces"), "{requests:?}");
    assert!(requests.values().sum::<usize>() <= MANY + 10, "{requests:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_with_the_same_secret_name_share_one_list() {
    let names = (0..MANY).map(|number| format!("team-{number:04}")).collect::<Vec<_>>();
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut config = String::from("targets:\n");
    for way in 0..50 {
        let _ = writeln!(
            config,
            "- {{ namespaces: ['team-{way:03}*'], region: eu-west-1, secret: {{ labels: {{ way: w{way} }} }} }}"
        );
    }
    let once = || {
        world.kube.clear_requests();
        let (code, report, logs) = run(&mut world.once(&config, &["--output", "json"]));
        assert_eq!((code, report["targets"].as_array().map(Vec::len)), (0, Some(MANY / 2)), "{logs}");
    };
    once();
    once();
    let pages = MANY.div_ceil(500);
    // The selected half sorts first, so it is in the first three pages, of 100, 200 and 400.
    let reviews = ("create selfsubjectaccessreviews", 4);
    let lists = [reviews, ("list namespaces", pages), ("list secrets", 3), ("list serviceaccounts", 2 * 3 + 1)];
    assert_eq!(requests(&world), expected(&lists), "fifty ways, one list of each name");
}

/// Case 24: a cluster holds thousands of foreign Secrets, some of a megabyte, and some with the same name as regcred's.
///
/// The daemon lists only Secrets with its own name, and only their metadata. Its memory use hardly changes, and it
/// reads no foreign Secret.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_secrets_in_a_cluster_cost_a_daemon_nothing() {
    let names = (0..500).map(|number| format!("app-{number:03}")).collect::<Vec<_>>();
    let world = World::new(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let config = "targets: [{ namespaces: ['app-*'], region: eu-west-1, service_accounts: [{ name: default }] }]";
    let served = |kube: &FakeKube| names.iter().all(|name| kube.object("secrets", name, "ecr-secret").is_some());
    let memory = async || {
        let daemon = Daemon::start(&world, config);
        world.kube.until("all are there", served).await;
        world.kube.add_namespace("app-last", &["default"]);
        world.kube.until("all are observed", is_linked("app-last")).await;
        let memory = daemon.memory();
        daemon.stop();
        world.kube.remove_namespace("app-last");
        memory
    };
    memory().await;
    let alone = memory().await;
    let foreign = |size: usize| json!({ "data": { "blob": "eHh4".repeat(size / 3) } });
    for chosen in &names[..50] {
        let other = chosen.replace("app", "other");
        world.kube.add_namespace(&other, &["default"]);
        world.kube.put("secrets", &other, "ecr-secret", foreign(700_000), "helm");
        world.kube.put("secrets", chosen, "large", foreign(700_000), "helm");
    }
    for number in 0..2_000 {
        let (namespace, name) = (&names[number % names.len()], format!("small-{}", number / names.len()));
        world.kube.put("secrets", namespace, &name, foreign(1_000), "helm");
    }
    world.kube.clear_requests();
    let beside = memory().await;
    assert!(beside < alone * 5 / 4 + 1024, "{alone} KiB alone, {beside} KiB beside them");
    let reads = world.kube.requests().into_iter().filter(|it| it.resource == "secrets" && it.verb != "patch");
    let whole = reads.filter(|it| !it.metadata_only).collect::<Vec<_>>();
    assert!(whole.is_empty(), "{whole:#?}");
}
