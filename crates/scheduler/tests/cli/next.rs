//! `regcred next`.

use serde_json::json;

use crate::world::{regcred, run};

#[test]
fn coming_runs_are_printed_in_the_zone_of_the_schedule() {
    let args = ["next", "30 2 * * *", "--time-zone", "Europe/Berlin", "--after", "1792800000", "-n", "2"];
    let output = regcred(&args).output().expect("it starts");
    // Two o'clock comes twice on 25 October 2026.
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "2026-10-24T02:30:00+02:00 Sat\n2026-10-25T02:30:00+02:00 Sun\n"
    );
    let (code, document, _) = run(regcred(&args).args(["--output", "json"]));
    assert_eq!(code, 0);
    assert_eq!(document["runs"][0], json!({ "epoch": 1_792_801_800, "time": "2026-10-24T00:30:00Z" }));
}

#[test]
fn without_an_expression_it_is_the_config_s() {
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/minimal.yaml");
    let next = |schedule: Option<&str>| {
        let mut command = regcred(&["next", "--config", config, "-n", "1", "--after", "0", "--output", "json"]);
        command.envs(schedule.map(|schedule| ("REGCRED__SCHEDULE", schedule)));
        run(&mut command)
    };
    assert_eq!(next(Some("17 */4 * * *")).1["runs"][0]["epoch"], 17 * 60);
    let (code, _, error) = next(None);
    assert!(code == 2 && error.contains("the config has no schedule"), "{error}");
}

#[test]
fn what_is_no_schedule_is_exit_code_2() {
    for expression in ["* * * *", "61 * * * *", "@every 1h", "TZ=UTC * * * * *"] {
        let (code, _, error) = run(&mut regcred(&["next", expression]));
        assert!(code == 2 && error.starts_with("error: "), "{expression}: {error}");
    }
    assert_eq!(run(&mut regcred(&["next"])).0, 2);
    let (code, _, error) = run(&mut regcred(&["next", "@daily", "--after", "18446744073709551615"]));
    assert!(code == 2 && error.contains("beyond all time"), "{error}");
}
