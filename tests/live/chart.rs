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
        let flags = flags.split_whitespace().chain(["--no-namespace"]).collect::<Vec<_>>();
        let (made, wanted) = (by_name(made), by_name(manifests(&config, &flags)));
        assert_eq!(made.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name}");
        for (key, object) in wanted {
            assert_eq!(made[&key], object, "{name}: {key}");
        }
    }
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
    let elsewhere = made(&["--set", "serviceMonitor=false"]);
    assert!(elsewhere.iter().all(|it| it["apiVersion"] != "monitoring.coreos.com/v1"), "its types may not be there");
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
