//! Output for tools: every form of every result and error, and logs with one JSON object per line.

use std::{
    collections::BTreeSet,
    fmt, fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Value, json};

use crate::{
    daemon::Daemon,
    world::{World, regcred, run},
};

const TWO: &str = "targets:\n- { namespace: team-a, region: eu-west-1 }\n- { namespace: team-b, region: us-east-1 }\n";

/// A JSON value in which no object has a duplicate key.
struct Strict;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Strict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
                let mut seen = BTreeSet::new();
                while let Some((key, Strict)) = map.next_entry::<String, Strict>()? {
                    if !seen.insert(key.clone()) {
                        return Err(A::Error::custom(format!("{key} occurs twice")));
                    }
                }
                Ok(Strict)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Strict, A::Error> {
                while list.next_element::<Strict>()?.is_some() {}
                Ok(Strict)
            }

            fn visit_str<E>(self, _: &str) -> Result<Strict, E> {
                Ok(Strict)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Strict, E> {
                Ok(Strict)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Strict, E> {
                Ok(Strict)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Strict, E> {
                Ok(Strict)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Strict, E> {
                Ok(Strict)
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// Parses each line as an object with a level and a message.
fn objects(lines: &str) -> Vec<Value> {
    let object = |line: &str| {
        serde_json::from_str::<Strict>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let object = serde_json::from_str::<Value>(line).expect("it was JSON a moment ago");
        let text = |key: &str| object[key].as_str().is_some_and(|it| !it.is_empty());
        assert!(text("timestamp") && text("level") && text("message"), "{line}");
        object
    };
    lines.lines().map(object).collect()
}

/// Returns a command with the cluster, the AWS and the config of this world.
fn command(world: &World, line: &str) -> Command {
    let mut command = regcred(&line.split_whitespace().collect::<Vec<_>>());
    command.env("AWS_ENDPOINT_URL", world.aws.url()).env("KUBECONFIG", world.dir.path().join("kubeconfig"));
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "not-a-real-key");
    command.current_dir(world.dir.path());
    command
}

fn text(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("it starts");
    let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).expect("text"));
    (output.status.code().expect("it exits"), out, err)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_line_of_standard_error_is_one_json_object_without_duplicate_keys() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("regcred.yaml", TWO);
    world.write("bad.yaml", "targets:\n- { namespace: Team, regoin: x }\ninstance: [a]\n");
    world.write("no.yaml", "targets: [\n");
    world.write("absent.yaml", "targets: [{ namespace: team-x, region: eu-west-1 }]\n");
    world.write("warned.yaml", "time_zone: UTC\ntargets: [{ namespace: team-a, region: eu-west-1 }]\n");
    for (line, code) in [
        ("once", 0),
        ("once -vv", 0),
        ("once --force -v", 0),
        ("once -f absent.yaml", 0),
        ("once -f absent.yaml --strict", 1),
        ("once -f bad.yaml", 2),
        ("once -f no.yaml", 2),
        ("once -f nowhere.yaml", 2),
        ("once -n team-z", 2),
        ("once --context nowhere", 2),
        ("once --frobnicate", 2),
        ("once --dry-run", 2),
        ("once --timeout 5", 2),
        ("plan", 0),
        ("status", 0),
        ("status --instance nobody", 1),
        ("status -n team-*", 0),
        ("check", 0),
        ("check -f warned.yaml", 0),
        ("check -f bad.yaml -o json", 2),
        ("check -o name", 2),
        ("check --online", 0),
        ("check --template regcred.yaml", 2),
        ("next", 0),
        ("next --online", 0),
        ("next nonsense", 2),
        ("init", 0),
        ("init -n team-a", 0),
        ("cleanup", 0),
        ("cleanup -n nothing-*", 2),
        ("manifests", 0),
        ("manifests --identity webhook", 2),
        ("run --lease x", 2),
        ("validate", 2),
        ("version", 0),
        ("", 2),
    ] {
        let (found, _, told) = text(command(&world, line).args(["--log-format", "json"]));
        assert_eq!(found, code, "{line}: {told}");
        objects(&told);
        let (found, _, told) =
            text(command(&world, line).env("REGCRED_LOG_FORMAT", "json").env("RUST_LOG", "x=y=z,hyper=info"));
        assert_eq!(found, code, "{line}: {told}");
        objects(&told);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_keeps_the_fields_of_its_event_and_of_its_spans() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("regcred.yaml", TWO);
    let (_, _, told) = text(command(&world, "once --log-format json -v").env("AWS_ENDPOINT_URL", "http://127.0.0.1:9"));
    let lines = objects(&told);
    let failed = lines.iter().find(|it| it["message"] == "cannot reconcile target").unwrap_or_else(|| panic!("{told}"));
    assert!(
        failed["target"].as_str().is_some_and(|it| it.contains("ecr-secret")),
        "the target and not the crate: {failed}"
    );
    assert_eq!(failed["logger"], "regcred_engine::recorder");
    let minting = lines.iter().find(|it| it["span"] == "mint").unwrap_or_else(|| panic!("{told}"));
    assert!(minting["provider"].is_string() && minting["name"] != "mint", "{minting}");
    assert!(lines.iter().any(|it| it["message"].as_str().is_some_and(|it| it.starts_with("cluster http"))), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_logs_its_identity_and_its_targets_as_json() {
    let world = World::new(&["team-a", "team-b"]).await;
    let mut daemon = Daemon::start_with(&world, TWO, |command| {
        command.args(["--log-format", "json"]);
    });
    let told = daemon.told_each(["resolved identity", "observed all targets"]);
    let [identity, fresh] = told.map(|line| objects(&line)[0].clone());
    assert_eq!(identity["identity"], "arn:aws:iam::123456789012:user/fake");
    assert_eq!((&fresh["targets"], &fresh["fresh"], &fresh["level"]), (&json!(2), &json!(2), &json!("INFO")));
    daemon.signal("HUP");
    let reloaded = objects(&daemon.told("reloaded config"))[0].clone();
    assert_eq!(reloaded["changed"], json!(false), "{reloaded}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_result_is_printed_in_every_format() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("regcred.yaml", TWO);
    let template = "apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: { name: x }\nobjects: []\n";
    world.write("template.yaml", template);
    for line in [
        "once",
        "plan",
        "status",
        "status --instance default -f regcred.yaml",
        "check",
        "check --show",
        "check --online",
        "check --template template.yaml",
        "next",
        "next @hourly",
        "next --online",
        "init",
        "cleanup",
        "manifests",
        "manifests --mode daemon",
        "schema",
        "version",
    ] {
        let printed = |form: &str| {
            let (code, out, told) = text(command(&world, line).args(["-o", form]));
            assert!(code < 3 && !out.is_empty() || form == "name", "{line} -o {form}: {code} {told}");
            out
        };
        let json = printed("json");
        serde_json::from_str::<Strict>(&json).unwrap_or_else(|error| panic!("{line}: {error}: {json}"));
        let json = serde_json::from_str::<Value>(&json).expect("JSON");
        let yaml = printed("yaml");
        let parsed = read_yaml(&yaml);
        let times = ["expires_at", "renew_at", "epoch", "time", "refreshes", "checks", "written_at", "issued_at"];
        if !times.iter().any(|it| json.to_string().contains(it)) {
            assert_eq!(parsed, json, "{line}");
        }
        assert_eq!(
            parsed.as_object().map(|it| it.keys().collect::<Vec<_>>()),
            json.as_object().map(|it| it.keys().collect()),
            "{line}"
        );
        for form in ["table", "wide"] {
            assert!(!printed(form).starts_with('{') || line == "schema", "{line}");
        }
    }
}

/// Reads YAML as the program itself reads it.
fn read_yaml(yaml: &str) -> Value {
    regcred_manifests::read(yaml).unwrap_or_else(|why| panic!("{why}: {yaml}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_printed_as_kubectl_prints_them() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("regcred.yaml", TWO);
    let secrets = "secret/ecr-secret\nsecret/ecr-secret\n";
    for (line, expected) in [
        ("once -o name", secrets),
        ("plan --output name", secrets),
        ("plan -oname --changes", ""),
        ("status -o=name", secrets),
        ("status -o name -n team-a", "secret/ecr-secret\n"),
        ("cleanup -o name", secrets),
        ("init -o name", secrets),
    ] {
        let (_, out, told) = text(&mut command(&world, line));
        assert_eq!(out, expected, "{line}: {told}");
    }
    let (_, out, _) = text(&mut command(&world, "manifests -o name"));
    for name in ["namespace/regcred", "cronjob.batch/regcred", "serviceaccount/regcred", "configmap/regcred-config"] {
        assert!(out.lines().any(|line| line == name), "{name}: {out}");
    }
    for line in ["check", "check --online", "next @hourly", "version", "schema"] {
        let (code, out, told) = text(command(&world, line).args(["-o", "name"]));
        assert!(code == 2 && out.is_empty() && told.contains("cannot print names"), "{line}: {told}");
    }
}

#[test]
fn explain_prints_the_cause_and_the_fix_of_a_code() {
    let (code, out, told) = text(&mut regcred(&["explain", "rc0401"]));
    assert_eq!((code, told.as_str()), (0, ""));
    assert!(out.starts_with("RC0401: RBAC does not allow a request\n\nCause: "), "{out}");
    assert!(out.contains("\nFix:   Apply the rule"), "{out}");
    let (code, all, _) = text(&mut regcred(&["explain", "-o", "json"]));
    let all = serde_json::from_str::<Value>(&all).expect("JSON");
    let is_whole = |it: &Value| ["code", "kind", "title", "cause", "fix"].iter().all(|key| it[key].is_string());
    assert!(code == 0 && all.as_array().is_some_and(|all| all.len() > 80 && all.iter().all(is_whole)), "{all}");
    let (code, _, told) = text(&mut regcred(&["explain", "RC9999"]));
    assert!(
        code == 2 && told.starts_with("error: cannot explain \"RC9999\": there is no such error code [RC0701]\n"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_without_a_fix_of_its_own_has_that_of_its_code() {
    let world = World::new(&["team-a"]).await;
    world.write("one.yaml", "targets:\n- { namespace: team-a, region: eu-west-1 }\n");
    let (code, _, told) = text(&mut command(&world, "plan -f one.yaml -n team-b"));
    assert_eq!(code, 2, "{told}");
    assert!(
        told.contains("error: cannot use --namespace: the config has no target in namespace team-b [RC0703]\n  fix: Correct the filter."),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_printed_as_json_with_the_place_of_each_problem() {
    let world = World::new(&["team-a"]).await;
    world.write("bad.yaml", "schedule: '61 * * * *'\ntargets:\n- { namespace: Team, region: eu-west-1 }\n");
    world.write("no.yaml", "targets:\n- { namespace: team-a\n");
    let (code, document, told) = run(&mut command(&world, "check -f bad.yaml -o json"));
    assert_eq!((code, &document["exit_code"]), (2, &json!(2)), "{told}");
    let place = |it: &Value| (it["file"].clone(), it["line"].clone(), it["path"].clone());
    let places = document["errors"].as_array().expect("a list").iter().map(place).collect::<Vec<_>>();
    assert_eq!(
        places,
        [
            (json!("bad.yaml"), json!(1), json!("schedule")),
            (json!("bad.yaml"), json!(3), json!("targets[0].namespace")),
        ]
    );
    let codes = document["errors"].as_array().expect("a list").iter().map(|it| it["code"].clone()).collect::<Vec<_>>();
    assert_eq!(codes, ["RC0113", "RC0107"]);
    assert!(told.contains("error: bad.yaml:1: schedule: "), "people read them too: {told}");
    assert!(told.lines().zip(["[RC0113]", "[RC0107]"]).all(|(line, code)| line.ends_with(code)), "{told}");
    for (line, file, at) in [
        ("once -f no.yaml -o json", json!("no.yaml"), true),
        ("plan -f no.yaml -o json", json!("no.yaml"), true),
        ("manifests -f no.yaml -o json", json!("no.yaml"), true),
        ("status -f nowhere.yaml -o json", json!("nowhere.yaml"), false),
        ("next -f no.yaml -o json", json!("no.yaml"), true),
        ("cleanup -f no.yaml -o json", json!("no.yaml"), true),
        ("check -o json", Value::Null, false),
        ("once --frobnicate -o json", Value::Null, false),
        ("-o json validate", Value::Null, false),
        ("next nonsense --output=json", Value::Null, false),
        ("check --template nowhere.yaml -ojson", Value::Null, false),
    ] {
        let (code, document, told) = run(&mut command(&world, line));
        let first = &document["errors"][0];
        assert!(code == 2 && first["message"].as_str().is_some_and(|it| !it.is_empty()), "{line}: {document} {told}");
        assert_eq!((&first["file"], first["line"].is_u64()), (&file, at), "{line}: {document}");
    }
    let (_, out, _) = text(&mut command(&world, "check -f bad.yaml -o yaml"));
    assert_eq!(read_yaml(&out)["errors"].as_array().map(Vec::len), Some(2), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_config_is_found_by_flag_variable_or_default_name() {
    let world = World::new(&["team-a", "team-b"]).await;
    let (code, _, told) = text(&mut command(&world, "check"));
    assert!(code == 2 && told.contains("there is no regcred.yaml in this folder"), "{told}");
    let other = world.write("other.yaml", &TWO.replace("team-b", "team-c"));
    let namespaces = |command: &mut Command| run(command).1["namespaces"].clone();
    for line in ["-f other.yaml", "--config other.yaml", "--config=other.yaml", "-c other.yaml"] {
        assert_eq!(
            namespaces(&mut command(&world, &format!("check -o json {line}"))),
            json!(["team-a", "team-c"]),
            "{line}"
        );
    }
    assert_eq!(namespaces(command(&world, "check -o json").env("REGCRED_CONFIG", &other)), json!(["team-a", "team-c"]));
    world.write("regcred.yaml", TWO);
    assert_eq!(namespaces(&mut command(&world, "check -o json")), json!(["team-a", "team-b"]));
    assert_eq!(namespaces(command(&world, "check -o json").env("REGCRED_CONFIG", &other)), json!(["team-a", "team-c"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_are_selected_by_name_comma_and_pattern() {
    let world = World::new(&["team-a", "team-b", "app-1"]).await;
    let config = "targets:\n- { namespaces: [team-a, team-b], region: eu-west-1 }\n- { namespaces: ['app-*'], region: eu-west-1 }\n";
    world.write("regcred.yaml", config);
    let chosen = |line: &str| {
        let (_, report, told) = run(command(&world, line).args(["-o", "json"]));
        let targets = report["targets"].as_array().unwrap_or_else(|| panic!("{line}: {told}")).iter();
        let mut names = targets.filter_map(|it| it["namespace"].as_str().map(str::to_owned)).collect::<Vec<_>>();
        names.sort();
        names.join(" ")
    };
    for (arguments, expected) in [
        ("", "app-1 team-a team-b"),
        ("-n team-a", "team-a"),
        ("-n team-a,team-b", "team-a team-b"),
        ("-n team-a -n app-1", "app-1 team-a"),
        ("--namespace team-*", "team-a team-b"),
        ("--namespace=*-1", "app-1"),
        ("-nteam-?", "team-a team-b"),
        ("-n app-[0-9]", "app-1"),
        ("-n *", "app-1 team-a team-b"),
        ("--target team-b", "team-b"),
    ] {
        for name in ["plan", "status", "once"] {
            assert_eq!(chosen(&format!("{name} {arguments}")), expected, "{name} {arguments}");
        }
    }
    for bad in ["-n Team", "-n team_a", "-n nothing-*,Team-*", "-n team-c"] {
        let (code, _, told) = text(&mut command(&world, &format!("plan {bad}")));
        assert_eq!(code, 2, "{bad}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_namespace_is_reported_and_fails_only_with_strict() {
    let world = World::new(&["team-a"]).await;
    world.write("regcred.yaml", TWO);
    for name in ["once", "plan", "status"] {
        let (code, _, told) = text(&mut command(&world, &format!("{name} -n team-b")));
        assert!(code == 0 && told.contains("warning: namespace team-b does not exist: create"), "{name}: {told}");
        let (code, report, _) = run(&mut command(&world, &format!("{name} --strict -o json -n team-b")));
        assert_eq!((code, &report["exit_code"]), (1, &json!(1)), "{name}");
    }
    assert_eq!(text(&mut command(&world, "once --strict -n team-a")).0, 0);
    world.write("none.yaml", "targets: [{ namespaces: { selector: 'regcred.dev/profil=pull' }, region: eu-west-1 }]\n");
    for name in ["once", "plan", "status"] {
        let (code, out, told) = text(&mut command(&world, &format!("{name} -f none.yaml")));
        assert_eq!((code, out.as_str()), (0, ""), "{name}");
        assert!(
            told.contains("No targets found: no namespace matches * with regcred.dev/profil=pull"),
            "{name}: {told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secrets_of_an_instance_are_found_without_its_config() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("mine.yaml", &format!("instance: mine\n{TWO}"));
    assert_eq!(text(&mut command(&world, "once -f mine.yaml")).0, 0);
    let (code, report, told) = run(&mut command(&world, "status --instance mine -o json"));
    assert_eq!((code, &report["total"]), (0, &json!(2)), "{report:#} {told}");
    assert_eq!(report["targets"][0]["state"], "fresh", "{report:#}");
    let (_, report, _) = run(&mut command(&world, "status --instance mine -o json -n team-b"));
    assert_eq!(report["total"], 1);
    let (code, out, told) = text(&mut command(&world, "status --instance other"));
    assert_eq!((code, out.as_str()), (0, ""));
    assert!(told.contains("No targets found of instance other"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_prints_each_target_once_and_again_when_it_changes() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("regcred.yaml", TWO);
    assert_eq!(text(&mut command(&world, "once -n team-a")).0, 0);
    let mut command = command(&world, "status --watch -o json");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let mut next = || {
        let line = lines.next().expect("a line").expect("text");
        let row = serde_json::from_str::<Value>(&line).expect("one object a line");
        format!("{} {}", row["namespace"].as_str().unwrap_or_default(), row["state"].as_str().unwrap_or_default())
    };
    assert_eq!([next(), next()], ["team-b missing", "team-a fresh"], "the worst first");
    world.kube.remove("secrets", "team-a", "ecr-secret");
    assert_eq!(next(), "team-a missing");
    let interrupted = Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
    assert!(interrupted.expect("kill starts").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn the_version_names_commit_and_platform() {
    let (code, version, _) = run(&mut regcred(&["version", "-o", "json"]));
    assert_eq!((code, &version["version"]), (0, &json!(env!("CARGO_PKG_VERSION"))));
    let platform = version["platform"].as_str().expect("text");
    assert!(platform.starts_with("linux/") || platform.starts_with("darwin/"), "{platform}");
    assert!(version.get("commit").is_some(), "{version}");
    let (_, out, _) = text(&mut regcred(&["version", "-o", "wide"]));
    assert!(out.contains(platform), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_set_the_verbosity() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("regcred.yaml", &format!("time_zone: UTC\n{TWO}"));
    for (line, said, unsaid) in [
        ("once", &["INFO", "cluster http", "warning: "][..], &["DEBUG"][..]),
        ("once -q --force", &[], &["INFO", "WARN", "cluster", "warning"]),
        ("once -v --force", &["DEBUG", "INFO"], &[]),
        ("once --verbose --verbose --force", &["DEBUG"], &[]),
        ("plan", &["cluster http"], &["INFO"]),
        ("status", &["cluster http"], &["INFO"]),
        ("status -v", &["INFO"], &[]),
        ("check", &["warning: regcred.yaml:1: time_zone: "], &["INFO", "WARN"]),
        ("check -q", &[], &["warning"]),
        ("manifests -q", &[], &["note"]),
    ] {
        let (code, _, told) = text(&mut command(&world, line));
        assert_eq!(code, 0, "{line}: {told}");
        assert!(
            said.iter().all(|it| told.contains(it)) && !unsaid.iter().any(|it| told.contains(it)),
            "{line}: {told}"
        );
    }
    let (_, _, told) = text(command(&world, "once -q --force").env("RUST_LOG", "trace"));
    assert_eq!(told, "", "a flag wins");
    let (code, _, told) = text(&mut command(&world, "once -q -f nowhere.yaml"));
    assert!(code == 2 && told.starts_with("error: "), "errors are always printed: {told}");
    assert_eq!(text(&mut command(&world, "once -q -v")).0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn states_have_colors_only_in_a_terminal() {
    let world = World::new(&["team-a", "team-b"]).await;
    world.write("regcred.yaml", TWO);
    assert_eq!(text(&mut command(&world, "once")).0, 0);
    let at_a_terminal = |arguments: &str, no_color: Option<&str>| {
        let own = command(&world, "status");
        let line = format!("{} status {arguments}", own.get_program().display());
        let mut script = Command::new("script");
        script
            .args(["-qec", &line, "/dev/null"])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .current_dir(world.dir.path());
        script.envs(own.get_envs().filter_map(|(key, value)| Some((key, value?)))).env("TERM", "xterm");
        script.envs(no_color.map(|it| ("NO_COLOR", it)));
        String::from_utf8(script.output().expect("script is there").stdout).expect("text")
    };
    let green = "\x1b[32mfresh\x1b[0m";
    for (arguments, no_color, is_green) in [
        ("", None, true),
        ("", Some(""), true),
        ("", Some("1"), false),
        ("--no-color", None, false),
        ("-o wide", None, true),
        ("-o json", None, false),
        ("-o name", None, false),
    ] {
        let out = at_a_terminal(arguments, no_color);
        assert_eq!(out.contains(green), is_green, "{arguments} {no_color:?}: {out:?}");
    }
    assert!(!text(&mut command(&world, "status")).1.contains('\x1b'), "a pipe is not a terminal");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_merged_config_shows_the_origin_of_each_value() {
    let world = World::new(&["team-a"]).await;
    world.write(
        "base.yaml",
        "instance: base\nschedule: '@hourly'\ntargets:\n- { namespace: team-a, region: eu-west-1 }\n",
    );
    world.write("more.yaml", "instance: more\ntargets:\n- { namespace: team-b, region: eu-west-1 }\n");
    let line = "check --show -f base.yaml -f more.yaml --time-zone Europe/Berlin";
    let (code, out, told) = text(command(&world, line).env("REGCRED__TARGETS__1__REGION", "us-east-1"));
    assert_eq!(code, 0, "{told}");
    let rows = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>();
    assert_eq!(
        rows,
        [
            "KEY VALUE FROM",
            "instance more more.yaml:1",
            "schedule @hourly base.yaml:2",
            "targets[0].namespace team-a base.yaml:4",
            "targets[0].region eu-west-1 base.yaml:4",
            "targets[1].namespace team-b more.yaml:3",
            "targets[1].region us-east-1 environment REGCRED__TARGETS__1__REGION",
            "time_zone Europe/Berlin command line",
        ]
    );
    let (_, yaml, _) =
        text(command(&world, &format!("{line} -o yaml")).env("REGCRED__TARGETS__1__REGION", "us-east-1"));
    fs::write(world.dir.path().join("merged.yaml"), &yaml).expect("it can be written");
    let (code, summary, told) = run(&mut command(&world, "check -o json -f merged.yaml"));
    assert_eq!((code, &summary["instance"]), (0, &json!("more")), "it is a config: {yaml} {told}");
}
