//! A thousand namespaces: one token per region, and no request more than needed.

use std::{collections::BTreeMap, fmt::Write};

use crate::world::{World, run};

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
async fn a_thousand_namespaces_cost_one_token_a_region_and_the_fewest_requests() {
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
    let pages = MANY.div_ceil(500);
    let lists = [("list secrets", pages), ("list serviceaccounts", 2 * pages + 1)]; // default, builder; no pipeline

    once(&[]);
    assert_eq!(world.aws.calls().len(), REGIONS.len(), "one token per region");
    let first = [("list secrets", 1), lists[1], ("patch secrets", MANY), ("patch serviceaccounts", 2 * MANY)];
    assert_eq!(requests(&world), expected(&first), "a patch per Secret and one per missing link");
    once(&[]);
    assert_eq!(requests(&world), expected(&lists), "everything is fresh");
    once(&["--force"]);
    assert_eq!(requests(&world), expected(&[lists[0], lists[1], ("patch secrets", MANY)]), "a refresh is one patch");
    assert_eq!(world.aws.calls().len(), 2 * REGIONS.len());

    world.kube.deny("list", "secrets", None);
    world.kube.deny("list", "serviceaccounts", None);
    once(&[]);
    let reads =
        [("get secrets", MANY), ("get serviceaccounts", 3 * MANY), ("list secrets", 1), ("list serviceaccounts", 3)];
    assert_eq!(requests(&world), expected(&reads), "without the right to list, one read per object");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_keep_secrets_of_one_name_in_many_ways_share_what_is_listed() {
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
    // Those that are chosen come first, and nobody asks for the second page.
    let lists = [("list namespaces", pages), ("list secrets", 1), ("list serviceaccounts", 3)];
    assert_eq!(requests(&world), expected(&lists), "fifty ways, one list of each name");
}
