//! `regcred next`.

use serde_json::json;

use crate::world::{World, regcred, run};

#[test]
fn next_runs_are_printed_in_the_time_zone_of_the_schedule() {
    let args = ["next", "30 2 * * *", "--time-zone", "Europe/Berlin", "--after", "1792800000", "--count", "2"];
    let output = regcred(&args).output().expect("it starts");
    // On 25 October 2026, the hour from two o'clock occurs twice.
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "2026-10-24T02:30:00+02:00 Sat\n2026-10-25T02:30:00+02:00 Sun\n"
    );
    let (code, document, _) = run(regcred(&args).args(["--output", "json"]));
    assert_eq!((code, &document["exit_code"]), (0, &json!(0)));
    assert_eq!(document["runs"][0], json!({ "epoch": 1_792_801_800, "time": "2026-10-24T00:30:00Z" }));
}

#[test]
fn without_an_expression_next_uses_the_schedule_of_the_config() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");
    let next = |schedule: Option<&str>| {
        let mut command = regcred(&["next", "--config", config, "--count", "1", "--after", "0", "--output", "json"]);
        command.envs(schedule.map(|schedule| ("REGCRED__SCHEDULE", schedule)));
        run(&mut command)
    };
    assert_eq!(next(Some("17 */4 * * *")).1["runs"][0]["epoch"], 17 * 60);
    let (code, document, _) = next(None);
    assert_eq!((code, &document["schedule"], &document["runs"]), (0, &json!(null), &json!([])));
    let refreshed = document["refreshes"][0]["epoch"].as_u64().expect("a number");
    assert!(
        (6 * 3600..=12 * 3600 * 55 / 100).contains(&refreshed),
        "between 50 and 55 % of twelve hours: {document:#}"
    );
}

#[test]
fn without_a_life_next_uses_the_shortest_life_of_the_config() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/vendors.yaml");
    let args = ["next", "--config", config, "--count", "1", "--after", "0", "--output", "json"];
    let (code, document, logs) = run(&mut regcred(&args));
    assert_eq!(code, 0, "{logs}");
    let minutes = document["refreshes"][0]["epoch"].as_u64().expect("a number") / 60;
    assert!((30..=33).contains(&minutes), "between 50 and 55 % of a Google token's hour: {document:#}");
}

#[test]
fn refreshes_follow_the_schedule_and_the_life_of_a_credential() {
    let next = |expression: &str, life: &str| {
        let args = ["next", expression, "--life", life, "--after", "0", "--count", "3", "--output", "json"];
        let (code, document, _) = run(&mut regcred(&args));
        assert_eq!(code, 0);
        let refreshes = document["refreshes"].as_array().expect("a list").clone();
        let minutes = refreshes.iter().map(|it| it["epoch"].as_u64().expect("a number") / 60).collect::<Vec<_>>();
        (minutes, refreshes[0]["why"].as_str().expect("text").to_owned())
    };
    let (minutes, why) = next("0 */4 * * *", "12h");
    assert_eq!((minutes, why.as_str()), (vec![240, 480, 720], "4h00m after its mint: the schedule runs"));
    let (minutes, _) = next("*/5 * * * *", "12h");
    assert_eq!(minutes, [75, 150, 225], "not at each run: ten mints a life are enough");
    let (minutes, why) = next("@monthly", "1h");
    assert!((30..=33).contains(&minutes[0]) && why.contains("% of its life is over"), "{minutes:?} {why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn online_refreshes_follow_the_secrets_in_the_cluster() {
    let world = World::new(&["team-a", "team-b", "team-c"]).await;
    let config =
        "targets:\n- { namespaces: [team-a, team-b], region: eu-west-1 }\n- { namespace: team-c, region: us-east-1 }\n";
    assert_eq!(run(&mut world.once(config, &["--target", "team-a", "--target", "team-b"])).0, 0);
    world.kube.clear_requests();
    let mut next = regcred(&["next", "--online", "--output", "json", "--config"]);
    next.arg(world.write("regcred.yaml", config)).arg("--kubeconfig").arg(world.dir.path().join("kubeconfig"));
    let (code, document, logs) = run(&mut next);
    assert_eq!(code, 0, "{document:#} {logs}");
    let refreshes = document["refreshes"].as_array().expect("a list");
    let told =
        refreshes.iter().map(|it| (it["secrets"].as_u64(), it["why"].as_str().expect("text"))).collect::<Vec<_>>();
    assert_eq!(told[0], (Some(1), "in the next pass: it does not exist"), "{document:#}");
    assert!(
        told.len() == 2 && told[1].0 == Some(2) && told[1].1.contains("% of its life"),
        "both have one token: {told:?}"
    );
    assert!(world.kube.requests().iter().all(|it| matches!(it.verb.as_str(), "get" | "list")), "it reads only");

    world.move_kube("http://127.0.0.1:9", None);
    let (code, document, _) = run(next.env("RUST_LOG", "error"));
    assert_eq!(code, 3);
    assert!(document["failed"].as_array().is_some_and(|failed| failed.len() == 3), "{document:#}");
}

#[test]
fn an_invalid_schedule_gives_exit_code_2() {
    for expression in ["* * * *", "61 * * * *", "@every 1h", "TZ=UTC * * * * *"] {
        let (code, _, error) = run(&mut regcred(&["next", expression]));
        assert!(code == 2 && error.starts_with("error: "), "{expression}: {error}");
    }
    assert_eq!(run(&mut regcred(&["next"])).0, 2);
    let (code, _, error) = run(&mut regcred(&["next", "@daily", "--after", "18446744073709551615"]));
    assert!(code == 2 && error.contains("cannot use --after: it is beyond the supported times"), "{error}");
}
