//! The chart and the kustomize bases, with the real helm and kubectl. They produce the same objects as `regcred
//! manifests`.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use crate::{installed::manifests, world::setting};

/// The labels of Helm's conventions. `regcred manifests` does not print them.
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

/// Returns the objects by kind, namespace and name.
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

/// Returns the values files that are shipped with the chart, for tests and for users.
fn values() -> Vec<PathBuf> {
    let files =
        fs::read_dir(deploy("chart/regcred/ci")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files = files.filter(|it| it.to_string_lossy().ends_with("-values.yaml")).collect::<Vec<_>>();
    files.sort();
    assert!(files.len() >= 8, "{files:?}");
    files
}

fn regcred(args: &[&str]) -> Output {
    let mut regcred = Command::new(setting("REGCRED_LIVE_BINARY"));
    regcred.current_dir(deploy("..")).args(args).env_clear().output().expect("regcred starts")
}

/// Removes the labels of Helm's conventions from an object.
#[track_caller]
fn without_labels_of_helm(mut object: Value) -> Value {
    let labels = object["metadata"]["labels"].as_object_mut().expect("it has labels");
    for label in OF_HELM {
        assert!(labels.remove(label).is_some(), "{label}");
    }
    object
}

#[test]
fn the_chart_renders_the_objects_of_regcred_manifests() {
    let chart = deploy("chart/regcred").display().to_string();
    for file in values() {
        let name = file.display().to_string();
        let values = serde_saphyr::from_str::<Value>(&fs::read_to_string(&file).expect("text")).expect("YAML");
        let command = values["generated"]["command"].as_str().expect("a command");
        let workload = values["mode"].as_str().expect("a mode");
        text(&helm(&["lint", "--strict", &chart, "--namespace", "regcred", "--values", &name]));
        let template = ["template", "regcred", &chart, "--namespace", "regcred", "--values", &name];
        let cluster = ["--no-hooks", "--api-versions", "monitoring.coreos.com/v1"];
        let made = documents(&text(&helm(&[&template[..], &cluster].concat())));
        let made = made.into_iter().map(without_labels_of_helm).collect();
        let command = command
            .replace("--mode values", &format!("--mode {workload}"))
            .replace(&format!(" --workload {workload}"), "")
            .replace('\'', "");
        let args = command.split_whitespace().skip(1).chain(["--no-namespace", "--output", "json"]);
        let list = text(&regcred(&args.collect::<Vec<_>>()));
        let list = serde_json::from_str::<Value>(&list).expect("JSON");
        let (made, wanted) = (by_name(made), by_name(list["items"].as_array().expect("a list").clone()));
        assert_eq!(made.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name}");
        for (key, object) in wanted {
            assert_eq!(made[&key], object, "{name}: {key}");
        }
    }
}

/// The steps of a user: print the values for a config, and pass them to Helm.
struct Printed {
    values: String,
    _dir: tempfile::TempDir,
}

impl Printed {
    /// Prints the values for a config with these flags.
    fn new(config: &str, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let [file, values] = ["regcred.yaml", "values.yaml"].map(|name| dir.path().join(name).display().to_string());
        fs::write(&file, config).expect("it can be written");
        let printed = text(&regcred(&[&["manifests", "--mode", "values", "--config", &file][..], flags].concat()));
        fs::write(&values, printed).expect("it can be written");
        Self { values, _dir: dir }
    }

    fn template(&self, namespace: &str, more: &[&str]) -> Output {
        let chart = deploy("chart/regcred").display().to_string();
        let args = ["template", "regcred", &chart, "--namespace", namespace, "--values", &self.values];
        helm(&[&args[..], more].concat())
    }
}

const SMALL: &str = "targets: [{ namespace: team-a, region: eu-west-1 }]\n";

#[test]
fn the_config_text_reaches_the_cluster_unchanged() {
    for config in [
        format!("# a comment with blanks at its end  \n\n{SMALL}\n\n"),
        format!("# 'quotes', \"more\", ä, \u{1f600}, <tags> & {{{{ braces }}}}\n{SMALL}"),
        format!("---\n{SMALL}# the last line has no end"),
        SMALL.trim_end().to_owned(),
        SMALL.replace('\n', "\r\n"),
        format!("\n  \n# it begins with empty lines\n{SMALL}"),
    ] {
        let made = documents(&text(&Printed::new(&config, &[]).template("regcred", &[])));
        let kept = made.iter().find_map(|it| it["data"]["config.yaml"].as_str());
        assert_eq!(kept, Some(config.as_str()));
    }
}

#[test]
fn values_of_another_config_or_release_are_refused_with_the_command_to_print_them() {
    let printed = Printed::new(SMALL, &[]);
    text(&printed.template("regcred", &[]));
    let again = "`regcred manifests --mode values --config /";
    let refuses = |output: &Output, why: &str| {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(why) && told.contains(again), "{why}: {told}");
    };
    for (setting, change, again) in [
        ("mode=daemon", r#"mode is "daemon", and `generated` was computed for "cronjob""#, "with --workload daemon"),
        ("replicas=2", r#"replicas is "2", and `generated` was computed for "1""#, "with --replicas 2"),
        (
            "guard=role-bindings",
            r#"guard is "role-bindings", and `generated` was computed for "policy""#,
            "with --role-bindings",
        ),
        ("profiles=true", r#"profiles is "true", and `generated` was computed for "false""#, "with --profiles"),
        ("sink=cluster", r#"sink is "cluster", and `generated` was computed for """#, "with --sink cluster"),
        (
            "serviceAccount.name=ci",
            r#"serviceAccount.name is "ci", and `generated` was computed for "regcred""#,
            "with this name in the file of --pod",
        ),
    ] {
        refuses(
            &printed.template("regcred", &["--set", setting]),
            &format!("{change}\nrun the command again {again}: "),
        );
    }
    let change = r#"the namespace of the release is "infra", and `generated` was computed for "regcred""#;
    refuses(&printed.template("infra", &[]), &format!("{change}\nrun the command again with --namespace infra: "));
    let dir = tempfile::tempdir().expect("a folder");
    let (chart, to) = (deploy("chart/regcred").display().to_string(), dir.path().display().to_string());
    text(&helm(&["package", &chart, "--app-version", "9.8.7", "--version", "1.0.0", "--destination", &to]));
    let other = dir.path().join("regcred-1.0.0.tgz").display().to_string();
    let output = helm(&["template", "regcred", &other, "--namespace", "regcred", "--values", &printed.values]);
    refuses(&output, "regcred 0.1.0 computed `generated`, and the chart installs 9.8.7");
    let values = fs::read_to_string(&printed.values).expect("text");
    let edited = values.replacen("namespace: team-a", "namespace: team-b", 1);
    assert_ne!(edited, values);
    fs::write(&printed.values, edited).expect("it can be written");
    let why =
        "`config` is not the text that `generated` was computed from\nchange the config file instead of the values";
    refuses(&printed.template("regcred", &[]), why);
    for values in [
        "",
        "config: { targets: [{ namespace: team-a, region: eu-west-1 }] }",
        &format!("config: '{}'", SMALL.trim_end()),
    ] {
        fs::write(&printed.values, values).expect("it can be written");
        let output = printed.template("infra", &[]);
        let told = String::from_utf8_lossy(&output.stderr);
        let why = "the values have no `generated`, which regcred computes from the config\nrun `regcred manifests --mode values \
                   --config regcred.yaml --namespace infra > values.yaml`";
        assert!(!output.status.success() && told.contains(why), "{values}: {told}");
    }
}

/// Runs `helm template` with a shipped values file and additional arguments.
fn template(name: &str, more: &[&str]) -> Output {
    let (chart, file) = (deploy("chart/regcred").display().to_string(), deploy("chart/regcred/ci").join(name));
    let file = file.with_extension("yaml").display().to_string();
    helm(&[&["template", "regcred", &chart, "--namespace", "regcred", "--values", &file][..], more].concat())
}

#[test]
fn values_that_would_not_work_are_refused_with_the_reason() {
    for (value, why) in [
        ("dashboard=true", "at '/dashboard': value must be false"),
        ("identity.roleArn=foo", "at '/identity/roleArn': 'foo' does not match pattern '^(arn:aws"),
        ("identity.roleArn=arn:aws:iam::123456789012:role/x", "at '/identity/roleArn': value must be ''"),
        ("identity.type=webhook", "at '/identity/roleArn': minLength: got 0, want 1"),
        ("identity.secretName=x", "at '/identity/secretName': value must be ''"),
        ("identity.type=keys", "at '/identity/secretName': minLength: got 0, want 1"),
        ("trustedCa.openshift=true,trustedCa.configMap=x", "at '/trustedCa/configMap': value must be ''"),
        ("proxy.noProxy=x", "at '/proxy/noProxy': value must be ''"),
        ("image.repository=UPPER", "/image/repository"),
        ("image.tag=bad tag", "/image/tag"),
        ("image.pullPolicy=always", "/image/pullPolicy"),
        ("proxy.https=proxy.example.com", "/proxy/https"),
        ("nodeselector.a=b", "'nodeselector' not allowed"),
        ("resources.limits.memory=256MB", "/resources/limits/memory"),
        ("tolerations[0].efect=x", "'efect' not allowed"),
        ("extraEnv[0].name=AWS_SESSION_TOKEN,extraEnv[0].value=hunter2", "would read the key"),
        ("extraEnv[0].name=NO_PROXY,extraEnv[0].value=x", "set it with `proxy.noProxy`"),
        ("extraEnv[0].name=REGCRED__SCHEDULE,extraEnv[0].value=x", "set it in the config"),
        ("podLabels.regcred\\.dev/x=y", "the chart sets the labels of this prefix"),
        ("serviceAccount.create=false", "at '/serviceAccount/name': minLength: got 0, want 1"),
        ("monitoring=maybe", "/monitoring"),
    ] {
        let output = template("minimal-values", &["--set", value]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains(why), "{value}: {told}");
        assert!(!told.contains("hunter2"), "no message shows a value: {told}");
    }
}

#[test]
fn prometheus_operator_objects_are_rendered_only_if_their_api_exists() {
    let kinds = |more: &[&str]| {
        let made = documents(&text(&template("daemon-values", more)));
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
fn the_first_pass_is_a_hook_with_the_spec_of_the_cron_job() {
    let made = documents(&text(&template("minimal-values", &[])));
    let of = |kind: &str| made.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("there is no {kind}"));
    assert_eq!(of("Job")["spec"], of("CronJob")["spec"]["jobTemplate"]["spec"]);
    let annotations = &of("Job")["metadata"]["annotations"];
    assert_eq!(annotations["helm.sh/hook"], "post-install,post-upgrade");
    assert!(annotations["helm.sh/hook-delete-policy"].as_str().is_some_and(|it| it.contains("before-hook-creation")));
    assert_eq!(annotations["argocd.argoproj.io/hook"], "PostSync");
}

#[test]
fn the_dashboard_is_enabled_by_a_chart_value() {
    let made = |more: &[&str]| documents(&text(&template("daemon-values", more)));
    let of = |objects: Vec<Value>| objects.into_iter().find(|it| it["data"]["regcred.json"].is_string());
    assert_eq!(of(made(&[])), None);
    let chosen = without_labels_of_helm(of(made(&["--set", "dashboard=true"])).expect("a ConfigMap"));
    let config = deploy("chart/regcred/ci/daemon-config.yaml");
    assert_eq!(chosen, manifests(&config, &["--mode", "dashboard"])[0]);
}

#[test]
fn an_unknown_chart_value_is_refused() {
    for value in ["accessKeyId=AKIAIOSFODNN7EXAMPLE", "nodeselector.a=b"] {
        assert!(!template("minimal-values", &["--set", value]).status.success(), "{value}");
    }
}

#[test]
fn the_kustomize_bases_render_the_objects_of_regcred_manifests() {
    for (base, generated) in
        [("cronjob", "manifests/minimal/cronjob.yaml"), ("daemon", "manifests/minimal/daemon.yaml")]
    {
        let folder = deploy("kustomize").join(base).display().to_string();
        let made = by_name(documents(&text(&kubectl(&["kustomize", &folder]))));
        let wanted = by_name(documents(&fs::read_to_string(deploy(generated)).expect("text")));
        assert_eq!(made, wanted, "{base}");
    }
    // An overlay with the first pass and another image.
    let dir = tempfile::tempdir_in(deploy("kustomize")).expect("a folder");
    let overlay = "resources: [../cronjob]\ncomponents: [../first-run]\nimages: [{ name: ghcr.io/regcred/regcred, newName: r.example/regcred }]\n";
    fs::write(dir.path().join("kustomization.yaml"), overlay).expect("it can be written");
    let made = documents(&text(&kubectl(&["kustomize", &dir.path().display().to_string()])));
    let of = |kind: &str| made.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("there is no {kind}"));
    assert_eq!(of("Job")["spec"], of("CronJob")["spec"]["jobTemplate"]["spec"]);
    assert!(of("Job").to_string().contains("r.example/regcred:0.1.0"));
}
