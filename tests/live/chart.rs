//! The chart and the kustomize bases, by the real helm and kubectl: what they make is what `regcred manifests` makes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::{installed::manifests, world::setting};

/// The labels that Helm's conventions ask for, and that nothing else has.
const OF_HELM: [&str; 2] = ["helm.sh/chart", "app.kubernetes.io/managed-by"];

fn deploy(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

fn helm(args: &[&str]) -> Output {
    let mut helm = Command::new(Path::new(&setting("REGCRED_LIVE_HELM")).join("helm/helm"));
    let home = tempfile::tempdir().expect("a folder");
    helm.args(args).env_clear().env("HOME", home.path()).output().expect("helm starts")
}

fn kubectl(args: &[&str]) -> Output {
    let mut kubectl = Command::new(Path::new(&setting("REGCRED_LIVE_HELM")).join("kubectl/kubectl"));
    kubectl.args(args).output().expect("kubectl starts")
}

#[track_caller]
fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// By kind, namespace and name.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    let name = |it: &Value| format!("{} {}/{}", it["kind"], it["metadata"]["namespace"], it["metadata"]["name"]);
    let count = objects.len();
    let named = objects.into_iter().map(|it| (name(&it), it)).collect::<BTreeMap<_, _>>();
    assert_eq!(named.len(), count, "no two objects are one");
    named
}

fn documents(text: &str) -> Vec<Value> {
    let documents = serde_saphyr::from_multiple::<Value>(text).expect("YAML");
    documents.into_iter().filter(|it| !it.is_null()).collect()
}

/// The values that the chart comes with, for tests and for people.
fn values() -> Vec<PathBuf> {
    let files =
        fs::read_dir(deploy("chart/regcred/ci")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files = files.collect::<Vec<_>>();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    files
}

#[test]
fn the_chart_makes_what_regcred_manifests_makes() {
    let (chart, dir) = (deploy("chart/regcred").display().to_string(), tempfile::tempdir().expect("a folder"));
    for file in values() {
        let name = file.display().to_string();
        let text_of_values = fs::read_to_string(&file).expect("text");
        let flags =
            text_of_values.lines().next().and_then(|line| line.strip_prefix("# regcred manifests")).expect("its flags");
        text(&helm(&["lint", "--strict", &chart, "--values", &name]));
        let template = ["template", "regcred", &chart, "--namespace", "regcred", "--values", &name];
        let mut made = documents(&text(&helm(&[&template[..], &["--no-hooks"]].concat())));
        for object in &mut made {
            let labels =
                object["metadata"]["labels"].as_object_mut().unwrap_or_else(|| panic!("{name}: it has labels"));
            for label in OF_HELM {
                assert!(labels.remove(label).is_some(), "{name}: {label}");
            }
        }
        let kept = made.iter().find(|it| it["kind"] == "ConfigMap" && it["data"]["config.yaml"].is_string());
        let config = dir.path().join("config.yaml");
        fs::write(&config, kept.expect("the config")["data"]["config.yaml"].as_str().expect("text"))
            .expect("it can be written");
        // Values of the pod are a file of their own for `regcred manifests`.
        let pod = dir.path().join("pod.yaml");
        fs::write(&pod, pod_of(&text_of_values)).expect("it can be written");
        let flags = flags.replace("pod.yaml", &pod.display().to_string());
        let flags = flags.split_whitespace().chain(["--no-namespace"]).collect::<Vec<_>>();
        let (made, wanted) = (by_name(made), by_name(manifests(&config, &flags)));
        assert_eq!(made.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name}");
        for (key, object) in wanted {
            assert_eq!(made[&key], object, "{name}: {key}");
        }
    }
}

/// The values that are keys of the file of `--pod` too.
fn pod_of(values: &str) -> String {
    let output =
        Command::new(setting("REGCRED_LIVE_BINARY")).args(["schema", "--pod"]).env_clear().output().expect("it starts");
    let schema = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
    let mut values = serde_saphyr::from_str::<Value>(values).expect("YAML");
    let values = values.as_object_mut().expect("a map");
    values.retain(|key, _| !schema["properties"][key].is_null());
    if let Some(image) = values.get_mut("image").and_then(Value::as_object_mut) {
        image.retain(|key, _| key == "pullPolicy");
    }
    Value::from(values.clone()).to_string()
}

/// Runs `helm template` with the smallest values and these.
fn template(more: &[&str]) -> Output {
    let (chart, file) = (deploy("chart/regcred").display().to_string(), deploy("chart/regcred/ci/minimal-values.yaml"));
    let file = file.display().to_string();
    helm(&[&["template", "regcred", &chart, "--namespace", "regcred", "--values", &file][..], more].concat())
}

#[test]
fn values_that_would_not_work_are_refused_with_the_reason() {
    let never = |schedule: &str| format!("config.schedule={}", schedule.replace(',', "\\,"));
    let pauses = "and a token of Amazon ECR lives for 12";
    for schedule in [
        "@daily",
        "@weekly",
        "0 0 * * *",
        "0 */12 * * *",
        "0 0,11 * * *",
        "0 8-18 * * *",
        "*/5 * * * 1-5",
        "0 1 1 * *",
        "0 5,16 * * *",
        "30 4 * 1-6 *",
    ] {
        let output = template(&["--set-string", &never(schedule)]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(pauses), "{schedule}: {told}");
    }
    for (value, why) in [
        ("replicas=2", "replicas: more than one needs `mode: daemon`"),
        ("dashboard=true", "dashboard: it needs `mode: daemon`"),
        ("identity.roleArn=foo", "at '/identity/roleArn': 'foo' does not match pattern '^(arn:aws"),
        (
            "identity.roleArn=arn:aws:iam::123456789012:role/x",
            "identity.roleArn: it needs `type: webhook` or `type: projected`",
        ),
        ("identity.secretName=x", "identity.secretName: it needs `type: keys`"),
        ("image.repository=UPPER", "/image/repository"),
        ("image.tag=bad tag", "/image/tag"),
        ("image.pullPolicy=always", "/image/pullPolicy"),
        ("proxy.https=proxy.example.com", "/proxy/https"),
        ("nodeselector.a=b", "'nodeselector' not allowed"),
        ("resources.limits.memory=256MB", "/resources/limits/memory"),
        ("tolerations[0].efect=x", "'efect' not allowed"),
        ("extraEnv[0].name=AWS_SESSION_TOKEN,extraEnv[0].value=hunter2", "would read the key"),
        ("extraEnv[0].name=NO_PROXY,extraEnv[0].value=x", "set it with `proxy.noProxy`"),
        ("extraEnv[0].name=REGCRED__SCHEDULE,extraEnv[0].value=x", "write it in `config`"),
        ("podLabels.regcred\\.dev/x=y", "the chart sets the labels of this prefix"),
        ("serviceAccount.create=false", "name the ServiceAccount that exists"),
        ("serviceAccount.name=default", "every pod of the namespace"),
        ("monitoring=maybe", "/monitoring"),
        ("config.regin=x", "'regin' not allowed"),
        ("config.targets[0].regoin=x", "'regoin' not allowed"),
        ("config.previous_instance=A B", "/config/previous_instance"),
        ("config.schedule=x", "/config/schedule"),
    ] {
        let output = template(&["--set", value]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(why), "{value}: {told}");
        assert!(!told.contains("hunter2"), "no message shows a value: {told}");
    }
}

#[test]
fn a_job_ends_before_the_next_one_begins() {
    for (schedule, seconds) in [
        ("*/5 * * * *", 285),
        ("*/2 * * * *", 105),
        ("59,0 * * * *", 45),
        ("@hourly", 660),
        ("17 */4 * * *", 660),
        ("0 */10 * * *", 660),
        ("10-59/20 * * * *", 660),
        ("5/10 0-23 * * ?", 585),
        ("0 0,10,20 1-31 * *", 660),
        ("0-59/12 * * 1-12 0-6", 660),
    ] {
        let made = documents(&text(&template(&[
            "--set-string",
            &format!("config.schedule={}", schedule.replace(',', "\\,")),
        ])));
        let job = made.iter().find(|it| it["kind"] == "CronJob").expect("a CronJob");
        assert_eq!(job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"], seconds, "{schedule}");
    }
}

#[test]
fn the_objects_of_the_prometheus_operator_are_made_where_it_is() {
    let kinds = |more: &[&str]| {
        let made = documents(&text(&template(&[&["--set", "mode=daemon"][..], more].concat())));
        let monitoring = made.iter().filter(|it| it["apiVersion"] == "monitoring.coreos.com/v1");
        let mut kinds = monitoring.filter_map(|it| it["kind"].as_str().map(str::to_owned)).collect::<Vec<_>>();
        kinds.sort();
        kinds.join(" ")
    };
    let (api, both) = ("monitoring.coreos.com/v1", "PrometheusRule ServiceMonitor");
    let of = |kind: &str| format!("{api}/{kind}");
    assert_eq!(kinds(&[]), "", "`helm template` knows no cluster");
    assert_eq!(kinds(&["--api-versions", api]), both);
    assert_eq!(kinds(&["--api-versions", api, "--api-versions", &of("ServiceMonitor")]), "ServiceMonitor");
    assert_eq!(kinds(&["--api-versions", &of("PrometheusRule")]), "PrometheusRule");
    assert_eq!(kinds(&["--api-versions", api, "--api-versions", &of("PodMonitor")]), "");
    assert_eq!(kinds(&["--set", "monitoring=true"]), both);
    assert_eq!(kinds(&["--set", "monitoring=false", "--api-versions", api]), "");
}

#[test]
fn the_first_pass_is_a_hook_that_does_what_the_cron_job_does() {
    let (chart, file) = (
        deploy("chart/regcred").display().to_string(),
        deploy("chart/regcred/ci/minimal-values.yaml").display().to_string(),
    );
    let made = documents(&text(&helm(&["template", "regcred", &chart, "--namespace", "regcred", "--values", &file])));
    let of = |kind: &str| made.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("there is no {kind}"));
    assert_eq!(of("Job")["spec"], of("CronJob")["spec"]["jobTemplate"]["spec"]);
    let annotations = &of("Job")["metadata"]["annotations"];
    assert_eq!(annotations["helm.sh/hook"], "post-install,post-upgrade");
    assert!(annotations["helm.sh/hook-delete-policy"].as_str().is_some_and(|it| it.contains("before-hook-creation")));
    assert_eq!(annotations["argocd.argoproj.io/hook"], "PostSync");
}

#[test]
fn the_dashboard_is_one_of_the_charts_values() {
    let (chart, file) = (deploy("chart/regcred").display().to_string(), deploy("chart/regcred/ci/minimal-values.yaml"));
    let file = file.display().to_string();
    let args = ["template", "regcred", &chart, "--namespace", "regcred", "--values", &file, "--set", "mode=daemon"];
    let made = |more: &[&str]| documents(&text(&helm(&[&args[..], more].concat())));
    let of = |objects: Vec<Value>| objects.into_iter().find(|it| it["data"]["regcred.json"].is_string());
    assert_eq!(of(made(&[])), None);
    let mut chosen = of(made(&["--set", "dashboard=true"])).expect("a ConfigMap");
    for label in OF_HELM {
        chosen["metadata"]["labels"].as_object_mut().expect("labels").remove(label);
    }
    assert_eq!(chosen, manifests(&deploy("../config/minimal.yaml"), &["--mode", "dashboard"])[0]);
}

#[test]
fn a_chart_without_targets_says_what_is_missing_and_no_value_holds_a_key() {
    let chart = deploy("chart/regcred").display().to_string();
    let output = helm(&["template", "regcred", &chart, "--namespace", "regcred"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("config.targets: say who needs which registries"), "{told}");
    let values = ["--set", "accessKeyId=AKIAIOSFODNN7EXAMPLE", "--values"];
    let file = deploy("chart/regcred/ci/minimal-values.yaml").display().to_string();
    let output = helm(&[&["template", "regcred", &chart][..], &values, &[&file]].concat());
    assert!(!output.status.success(), "a value that is not known is refused");
    for hostile in ["config.instance=x') || true || ('", "config.targets[0].secret.name=a'] || true || 'a' in ['a"] {
        let args = ["template", "regcred", &chart, "--values", &file, "--set-string", hostile];
        assert!(!helm(&args).status.success(), "{hostile}: what is no name gets into no expression");
    }
}

#[test]
fn the_kustomize_bases_make_what_regcred_manifests_makes() {
    for (base, generated) in
        [("cronjob", "manifests/minimal/cronjob.yaml"), ("daemon", "manifests/minimal/daemon.yaml")]
    {
        let folder = deploy("kustomize").join(base).display().to_string();
        let made = by_name(documents(&text(&kubectl(&["kustomize", &folder]))));
        let wanted = by_name(documents(&fs::read_to_string(deploy(generated)).expect("text")));
        assert_eq!(made, wanted, "{base}");
    }
    // In an overlay, with the first pass and another image.
    let dir = tempfile::tempdir_in(deploy("kustomize")).expect("a folder");
    let overlay = "resources: [../cronjob]\ncomponents: [../first-run]\nimages: [{ name: ghcr.io/regcred/regcred, newName: r.example/regcred }]\n";
    fs::write(dir.path().join("kustomization.yaml"), overlay).expect("it can be written");
    let made = documents(&text(&kubectl(&["kustomize", &dir.path().display().to_string()])));
    let of = |kind: &str| made.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("there is no {kind}"));
    assert_eq!(of("Job")["spec"], of("CronJob")["spec"]["jobTemplate"]["spec"]);
    assert!(of("Job").to_string().contains("r.example/regcred:0.1.0"));
}
