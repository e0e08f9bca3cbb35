//! `regcred manifests`, and `regcred check --template`, as a person types them.

use std::{fs, path::Path};

use serde_json::Value;

use crate::world::{regcred, run};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/");
const DEPLOY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/manifests/");

fn manifests(config: &str, args: &[&str]) -> (i32, Value, String) {
    let mut command = regcred(&["manifests", "--output", "json", "--config"]);
    run(command.arg(format!("{CONFIG}{config}.yaml")).args(args))
}

fn check(template: &Path) -> (i32, Value, String) {
    let mut command = regcred(&["check", "--output", "json", "--template"]);
    run(command.arg(template))
}

#[test]
fn what_applying_does_not_do_is_told_beside_the_objects() {
    let (code, list, told) = manifests("minimal", &[]);
    assert_eq!((code, &list["kind"]), (0, &Value::from("List")), "{told}");
    let first = "note: the first pass: kubectl create job --namespace=regcred --from=cronjob/regcred regcred-first";
    assert!(told.lines().any(|line| line == first), "{told}");
    assert!(told.contains("note: nobody says who regcred is in AWS: --identity does"), "{told}");
    let (_, _, told) = manifests("profiles", &["--unguarded"]);
    assert!(told.contains("note: UNGUARDED: whoever owns this pod can own the cluster"), "{told}");
    let (_, _, told) = manifests("profiles", &["--role-bindings"]);
    assert!(told.contains("kubectl create rolebinding regcred-target --clusterrole=regcred-target"), "{told}");
}

#[test]
fn the_head_of_the_file_says_how_to_make_it_again() {
    let mut command = regcred(&["manifests", "--config"]);
    let config = format!("{CONFIG}minimal.yaml");
    let output =
        command.arg(&config).args(["--no-proxy", "a b", "--https-proxy", "http://p:1"]).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let head = format!("# Made by `regcred manifests --config {config} --no-proxy 'a b' --https-proxy http://p:1`.");
    assert_eq!(text.lines().next(), Some(head.as_str()));
}

#[test]
fn what_is_said_on_the_command_line_ends_no_comment() {
    let mut command = regcred(&["manifests", "--config"]);
    command.arg(format!("{CONFIG}minimal.yaml"));
    let hostile = "x\rapiVersion: v1\u{2028}kind: Secret\u{85}a\nb";
    let audience = ["--identity", "projected", "--role-arn", "arn:aws:iam::123456789012:role/x", "--audience", hostile];
    let output = command.args(audience).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let head = text.lines().next().expect("a head");
    assert!(head.ends_with("'x?apiVersion: v1?kind: Secret?a?b'`."), "{head}");
    assert!(!head.contains(['\r', '\u{85}', '\u{2028}']));
}

#[test]
fn what_would_not_be_so_in_the_cluster_is_refused() {
    let mut command = regcred(&["manifests", "--config"]);
    command.arg(format!("{CONFIG}minimal.yaml")).env("REGCRED__SCHEDULE", "@daily");
    let (code, _, told) = run(&mut command);
    assert_eq!(code, 2);
    assert!(told.contains("REGCRED__SCHEDULE is set here and would not be in the cluster"), "{told}");
    for (args, why) in [
        (&["--identity", "webhook"][..], "--role-arn <ARN>"),
        (&["--identity", "keys"], "--aws-secret <NAME>"),
        (&["--mount", "edge"], "such as edge=/var/run/secrets/edge"),
        (&["--unguarded", "--role-bindings"], "cannot be used with"),
        (&["--role-arn", "arn:aws:iam::123456789012:role/x"], "--role-arn is of --identity webhook or projected"),
        (&["--identity", "webhook", "--role-arn", ""], "is not the ARN of a role"),
        (&["--identity", "webhook", "--role-arn", "foo"], "is not the ARN of a role"),
        (&["--image", "UPPER:bad tag"], "it is not an image such as"),
        (&["--label", "a=b"], "--label is of --mode template"),
        (&["--metrics-from", "monitoring"], "--metrics-from is of --mode daemon"),
        (&["--mode", "daemon", "--metrics-from", "Not A Name"], "--metrics-from <NAMESPACE>"),
        (&["--mount", "a=//"], "such as edge=/var/run/secrets/edge"),
        (&["--mount", "a=/x/../y"], "such as edge=/var/run/secrets/edge"),
        (&["--mount", "a=/etc/regcred/x"], "is the pod's own"),
        (&["--mount", "a=/x", "--mount", "b=/x/"], "two Secrets cannot be at /x"),
        (&["--mount", "a=/var/run/secrets"], "is the pod's own"),
        (&["--mount", "a=/run/secrets/kubernetes.io/x"], "is the pod's own"),
        (&["--identity", "keys", "--aws-secret", "x; rm -rf /"], "it is not the name of an object"),
        (&["--image", ""], "it is not an image such as"),
        (&["--https-proxy", "http://me:secret@proxy:1"], "it has a user"),
        (&["--replicas", "9", "--mode", "daemon"], "9 is not in 1..=5"),
        (&["--mode", "template", "--label", "a b"], "such as regcred.dev/profile=pull"),
    ] {
        let (code, _, told) = manifests("minimal", args);
        assert!(code == 2 && told.contains(why), "{args:?}: {told}");
    }
    let (code, _, told) = manifests("full", &[]);
    assert_eq!(code, 2);
    assert!(
        told.contains("sinks.edge.kubeconfig: /var/run/secrets/edge/kubeconfig is in no volume of the pod"),
        "{told}"
    );
    let (code, _, told) = manifests("full", &["--sink", "edge", "--mount", "edge=/var/run/secrets/edge"]);
    assert!(code == 2 && told.contains("print its rights alone, with --mode rights"), "{told}");
    let (code, _, told) = manifests("minimal", &["--sink", "moon"]);
    assert!(code == 2 && told.contains("moon is no cluster of this config"), "{told}");
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.yaml");
    let yaml = "sinks: { c: { type: openshift, server: 'https://api.example.com:6443' } }\ntargets: [{ namespace: a, region: eu-west-1 }]";
    fs::write(&config, yaml).expect("it can be written");
    let (code, _, told) = run(regcred(&["manifests", "--config"]).arg(&config));
    assert!(code == 2 && told.contains("a pod reaches the API server by another address"), "{told}");
}

#[test]
fn a_template_that_would_break_project_requests_is_refused() {
    let good = Path::new(DEPLOY).join("profiles/template.yaml");
    let (code, verdict, _) = check(&good);
    assert_eq!((code, &verdict["errors"]), (0, &Value::Array(vec![])), "{verdict:#}");
    let dir = tempfile::tempdir().expect("a folder");
    let bad = dir.path().join("bad.yaml");
    let text = fs::read_to_string(good).expect("text");
    for (from, to, why) in [
        ("kind: Project\n", "kind: Namespace\n", "it is in no namespace"),
        ("kind: RoleBinding", "kind: ClusterRoleBinding", "it is in no namespace"),
        ("  - name: PROJECT_NAME\n", "", "the parameter PROJECT_NAME is missing"),
        (
            "name: ${PROJECT_ADMIN_USER}",
            "name: ${PROJECT_DISPLAYNAME}",
            "which whoever requests a project writes as they like",
        ),
        ("name: ${PROJECT_NAME}", "name: fixed", "its name is not ${PROJECT_NAME}"),
    ] {
        let edited = text.replace(from, to);
        assert_ne!(edited, text, "{from}");
        fs::write(&bad, edited).expect("it can be written");
        let (code, verdict, _) = check(&bad);
        assert!(code == 2 && verdict["errors"].to_string().contains(why), "{why}: {verdict:#}");
    }
    fs::write(&bad, "a: [").expect("it can be written");
    let (code, _, told) = check(&bad);
    assert!(code == 2 && told.contains("it is not one object as YAML or JSON"), "{told}");
}
