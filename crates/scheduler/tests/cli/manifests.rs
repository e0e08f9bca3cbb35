//! `regcred manifests` and `regcred check --template`, as a person runs them.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::world::{regcred, run};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/");
const ROLE: &str = "arn:aws:iam::123456789012:role/regcred";
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
fn notes_list_the_steps_that_apply_does_not_do() {
    let (code, list, told) = manifests("minimal", &[]);
    assert_eq!((code, &list["kind"]), (0, &Value::from("List")), "{told}");
    let first = "note: the first pass: kubectl create job --namespace=regcred --from=cronjob/regcred regcred-first";
    assert!(told.lines().any(|line| line == first), "{told}");
    assert!(told.contains("note: no AWS identity is set: use --identity"), "{told}");
    let (_, _, told) = manifests("profiles", &["--unguarded"]);
    assert!(told.contains("note: UNGUARDED: anyone who controls this pod can take over the cluster"), "{told}");
    let (_, _, told) = manifests("profiles", &["--role-bindings"]);
    assert!(told.contains("kubectl create rolebinding regcred-target --clusterrole=regcred-target"), "{told}");
}

#[test]
fn the_head_of_the_file_contains_the_command_that_made_it() {
    let mut command = regcred(&["manifests", "--config"]);
    let config = format!("{CONFIG}minimal.yaml");
    let output =
        command.arg(&config).args(["--no-proxy", "a, b", "--https-proxy", "http://p:1"]).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let head = format!("# Made by `regcred manifests --config {config} --no-proxy 'a, b' --https-proxy http://p:1`.");
    assert_eq!(text.lines().next(), Some(head.as_str()));
}

#[test]
fn hostile_arguments_cannot_end_the_head_comment() {
    let dir = tempfile::tempdir().expect("a folder");
    let hostile = dir.path().join("x\rapiVersion: v1\u{2028}kind: Secret\u{85}a\nb");
    fs::copy(format!("{CONFIG}minimal.yaml"), &hostile).expect("it can be copied");
    let mut command = regcred(&["manifests", "--config"]);
    let output = command.arg(&hostile).output().expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let head = text.lines().next().expect("a head");
    assert!(head.ends_with("/x?apiVersion: v1?kind: Secret?a?b'`."), "{head}");
    assert!(!head.contains(['\r', '\u{85}', '\u{2028}']));
}

#[test]
fn options_that_would_not_work_in_the_cluster_are_refused() {
    let mut command = regcred(&["manifests", "--config"]);
    command.arg(format!("{CONFIG}minimal.yaml")).env("REGCRED__SCHEDULE", "@daily");
    let (code, _, told) = run(&mut command);
    assert_eq!(code, 2);
    assert!(
        told.contains("cannot print the manifests: REGCRED__SCHEDULE is set here and would not be in the cluster"),
        "{told}"
    );
    for (args, why) in [
        (&["--identity", "webhook"][..], "--role-arn <ARN>"),
        (&["--identity", "keys"], "--aws-secret <NAME>"),
        (&["--mount", "edge"], "such as edge=/var/run/secrets/edge"),
        (&["--unguarded", "--role-bindings"], "cannot be used with"),
        (&["--role-arn", ROLE], "error: cannot use --role-arn: it needs --identity webhook or projected [RC0701]\n"),
        (
            &["--identity", "pod-identity", "--role-arn", ROLE],
            "error: cannot use --role-arn: it needs --identity webhook or projected [RC0701]\n",
        ),
        (
            &["--mode", "iam", "--role-arn", ROLE],
            "error: cannot use --role-arn: it needs --identity webhook, projected or pod-identity [RC0701]\n",
        ),
        (&["--identity", "webhook", "--role-arn", ""], "it is not the ARN of a role"),
        (&["--identity", "webhook", "--role-arn", "foo"], "such as arn:aws:iam::123456789012:role/regcred"),
        (&["--identity", "webhook", "--role-arn", "arn:aws:iam::12345:user/x"], "it is not the ARN of a role"),
        (&["--identity", "projected", "--role-arn", "arn:aws:sts::123456789012:assumed-role/a/b"], "it is not the ARN"),
        (&["--identity", "projected", "--role-arn", ROLE, "--audience", "a b"], "it is not an audience"),
        (&["--identity", "projected", "--role-arn", ROLE, "--audience", ""], "it is not an audience"),
        (&["--image", "UPPER:bad tag"], "it is not the reference of an image"),
        (&["--image", "https://ghcr.io/regcred/regcred"], "it is a URL: leave out https://"),
        (&["--image", "regcred@sha256:12"], "it is not the reference of an image"),
        (
            &["--oidc-issuer", "https://oidc.example.com"],
            "error: cannot use --oidc-issuer: it needs --mode iam [RC0701]\n",
        ),
        (&["--mode", "iam", "--oidc-issuer", "http://oidc.example.com"], "it is not an issuer"),
        (&["--mode", "iam"], "the identity of regcred in AWS is missing"),
        (&["--mode", "iam", "--identity", "webhook", "--role-arn", ROLE], "--oidc-issuer is missing"),
        (&["--no-monitoring"], "error: cannot use --no-monitoring: it needs --mode daemon [RC0701]\n"),
        (
            &["--no-monitoring", "--mode", "cronjob"],
            "error: cannot use --no-monitoring: it needs --mode daemon [RC0701]\n",
        ),
        (&["--replicas", "2", "--mode", "iam"], "error: cannot use --replicas: it needs --mode daemon [RC0701]\n"),
        (
            &["--audience", "x", "--identity", "none"],
            "error: cannot use --audience: it needs --identity projected [RC0701]\n",
        ),
        (&["--aws-secret", "x"], "error: cannot use --aws-secret: it needs --identity keys [RC0701]\n"),
        (&["--ca", "Foo_B"], "it is not the name of a ConfigMap, such as corporate-ca"),
        (&["--pod", "/nonexistent/pod.yaml"], "/nonexistent/pod.yaml"),
        (&["--https-proxy", "http://"], "it is not a URL"),
        (&["--https-proxy", "http://proxy example"], "it is not a URL"),
        (&["--https-proxy", "http://proxy.example.com/path"], "it is not a URL"),
        (&["--https-proxy", "socks5://proxy.example.com"], "it is not a URL"),
        (&["--mode", "template", "--label", "a=b,c=d"], "is not a label's value"),
        (&["--label", "a=b"], "error: cannot use --label: it needs --mode template [RC0701]\n"),
        (&["--metrics-from", "monitoring"], "error: cannot use --metrics-from: it needs --mode daemon [RC0701]\n"),
        (&["--mode", "daemon", "--metrics-from", "Not A Name"], "--metrics-from <NAMESPACE>"),
        (&["--mount", "a=//"], "such as edge=/var/run/secrets/edge"),
        (&["--mount", "a=/x/../y"], "such as edge=/var/run/secrets/edge"),
        (&["--mount", "a=/etc/regcred/x"], "is the pod's own"),
        (&["--mount", "a=/x", "--mount", "b=/x/"], "cannot use --mount: two Secrets cannot be at /x"),
        (&["--mount", "a=/var/run/secrets"], "is the pod's own"),
        (&["--mount", "a=/run/secrets/kubernetes.io/x"], "is the pod's own"),
        (&["--identity", "keys", "--aws-secret", "x; rm -rf /"], "it is not the name of a Secret, such as aws-key"),
        (&["--image", ""], "it is not the reference of an image"),
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
    assert!(code == 2 && told.contains("print only the rights, with --mode rights"), "{told}");
    let (code, _, told) = manifests("minimal", &["--sink", "moon"]);
    assert!(code == 2 && told.contains("moon is not a cluster of this config"), "{told}");
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
            "which is free text of the user who requests the project",
        ),
        ("name: ${PROJECT_NAME}", "name: fixed", "its name is not ${PROJECT_NAME}"),
    ] {
        let edited = text.replace(from, to);
        assert_ne!(edited, text, "{from}");
        fs::write(&bad, edited).expect("it can be written");
        let (code, verdict, _) = check(&bad);
        assert!(code == 2 && verdict["errors"].to_string().contains(why), "{why}: {verdict:#}");
        for error in verdict["errors"].as_array().expect("a list") {
            let keys = error.as_object().expect("an object").keys().collect::<Vec<_>>();
            assert_eq!(keys, ["code", "file", "fix", "line", "message", "path"], "as the errors of a config: {error}");
            assert_eq!(error["file"], bad.display().to_string());
            let is_of_an_object = error["message"].to_string().contains(" team-a: ");
            let is_placed = error["path"].as_str().is_some_and(|it| it.starts_with("objects["));
            assert!(is_placed || !is_of_an_object && error["path"].is_null(), "{error}");
        }
    }
    fs::write(&bad, "a: [").expect("it can be written");
    let (code, _, told) = check(&bad);
    assert!(code == 2 && told.contains("it is not one object as YAML or JSON"), "{told}");
}

#[test]
fn the_objects_of_the_prometheus_operator_are_last_and_can_be_left_out() {
    let kinds = |list: &Value| {
        let items = list["items"].as_array().expect("a list").iter();
        items.map(|it| it["kind"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    let (code, list, told) = manifests("minimal", &["--mode", "daemon", "--replicas", "2"]);
    assert_eq!(code, 0, "{told}");
    assert!(kinds(&list).ends_with(&["PodDisruptionBudget".into(), "ServiceMonitor".into(), "PrometheusRule".into()]));
    assert!(told.contains("need the CRDs of the Prometheus operator"), "{told}");
    let (code, without, told) = manifests("minimal", &["--mode", "daemon", "--replicas", "2", "--no-monitoring"]);
    assert_eq!((code, kinds(&without).len()), (0, kinds(&list).len() - 2), "{told}");
    assert!(!without.to_string().contains("monitoring.coreos.com"));
    assert!(!told.contains("need the CRDs"), "{told}");
}

#[test]
fn a_pod_file_sets_where_and_how_the_pod_runs() {
    let dir = tempfile::tempdir().expect("a folder");
    let pod = dir.path().join("pod.yaml");
    let text = "imagePullSecrets: [{ name: mirror }]\nimage: { pullPolicy: Always }\nresources: { limits: { memory: 1Gi } }\n\
                extraEnv: [{ name: A, value: b }]\npodLabels: { team: x }\npodAnnotations: { note: why }\n\
                tolerations: [{ operator: Exists }]\nserviceAccount: { create: false, name: ci }\n";
    fs::write(&pod, text).expect("it can be written");
    let file = pod.display().to_string();
    for (mode, at) in [("cronjob", "/spec/jobTemplate/spec/template"), ("daemon", "/spec/template")] {
        let args = ["--mode", mode, "--pod", &file, "--identity", "webhook", "--role-arn", ROLE];
        let (code, list, told) = manifests("minimal", &args);
        assert_eq!(code, 0, "{told}");
        let items = list["items"].as_array().expect("a list");
        assert!(items.iter().all(|it| it["kind"] != "ServiceAccount"), "it exists already");
        assert!(told.contains("kubectl annotate serviceaccount ci --namespace=regcred"), "{told}");
        let subject = |it: &Value| it["subjects"][0]["name"].as_str().map(str::to_owned);
        assert!(items.iter().filter_map(subject).all(|name| name == "ci"), "the rights are bound to it");
        let guard = items.iter().find(|it| it["kind"] == "ValidatingAdmissionPolicy").expect("a policy");
        assert!(guard["spec"]["matchConditions"].to_string().contains("system:serviceaccount:regcred:ci"), "{guard:#}");
        let workload = items.iter().find_map(|it| it.pointer(at)).expect("a pod");
        let (spec, container) = (&workload["spec"], &workload["spec"]["containers"][0]);
        assert_eq!(spec["serviceAccountName"], "ci");
        assert_eq!(spec["imagePullSecrets"][0]["name"], "mirror");
        assert_eq!(spec["tolerations"][0]["operator"], "Exists");
        assert_eq!(container["imagePullPolicy"], "Always");
        assert_eq!(container["resources"]["limits"]["memory"], "1Gi");
        assert_eq!(container["resources"]["requests"]["cpu"], "10m", "other defaults stay");
        assert!(container["env"].to_string().contains(r#"{"name":"A","value":"b"}"#));
        assert_eq!(
            (&workload["metadata"]["labels"]["team"], &workload["metadata"]["annotations"]["note"]),
            (&"x".into(), &"why".into())
        );
    }
    fs::write(&pod, "nodeselector: {}\nextraEnv: [{ name: AWS_SECRET_ACCESS_KEY, value: hunter2 }]")
        .expect("it can be written");
    let (code, _, told) = manifests("minimal", &["--pod", &file]);
    assert!(code == 2 && told.contains("did you mean `nodeSelector`?") && told.contains("--identity keys"), "{told}");
    assert!(told.contains(&file) && !told.contains("hunter2"), "{told}");
}

#[test]
fn iam_policies_are_one_json_document_with_commands_as_notes() {
    let args = [
        "--mode",
        "iam",
        "--identity",
        "webhook",
        "--role-arn",
        ROLE,
        "--oidc-issuer",
        "https://oidc.example.com/id/1",
    ];
    let (code, document, told) = manifests("minimal", &args);
    assert_eq!(code, 0, "{told}");
    let role = &document["roles"][0];
    assert_eq!(role["arn"], ROLE);
    assert_eq!(role["trust"]["Statement"][0]["Action"], "sts:AssumeRoleWithWebIdentity");
    assert_eq!(role["policy"]["Statement"][0]["Action"], "ecr:GetAuthorizationToken");
    assert!(told.contains("aws iam create-role --role-name regcred --assume-role-policy-document"), "{told}");
    let (code, document, told) =
        manifests("profiles", &["--mode", "iam", "--identity", "pod-identity", "--role-arn", ROLE]);
    assert_eq!(code, 0, "{told}");
    assert!(document["roles"].as_array().is_some_and(|roles| roles.len() == 3), "{document:#}");
    assert!(told.contains("aws eks create-pod-identity-association"), "{told}");
    let (code, document, told) =
        manifests("minimal", &["--mode", "iam", "--identity", "keys", "--aws-secret", "aws-key", "-n", "infra"]);
    assert_eq!((code, &document["roles"], &document["users"][0]["name"]), (0, &json!([]), &json!("regcred")), "{told}");
    for line in [
        "note: save the document as iam.json, then create the user:",
        "note: aws iam create-user --user-name regcred",
        r#"note: aws iam put-user-policy --user-name regcred --policy-name regcred --policy-document "$(jq '.users[0].policy' iam.json)""#,
        r#"note: aws iam create-access-key --user-name regcred --output json | jq --raw-output '.AccessKey | "[default]\naws_access_key_id = \(.AccessKeyId)\naws_secret_access_key = \(.SecretAccessKey)"' | kubectl create secret generic aws-key --namespace=infra --from-file=credentials=/dev/stdin"#,
    ] {
        assert!(told.lines().any(|it| it == line), "{line}\n{told}");
    }
}

#[test]
fn a_renamed_instance_gets_notes_on_how_to_move() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.yaml");
    let yaml = "instance: blue\nprevious_instance: default\ntargets: [{ namespace: a, region: eu-west-1 }]";
    fs::write(&config, yaml).expect("it can be written");
    let (code, list, told) = run(regcred(&["manifests", "--output", "json", "--config"]).arg(&config));
    assert_eq!(code, 0, "{told}");
    assert!(list.to_string().contains("'default'"), "the guard knows the previous name");
    for line in [
        "before you apply this, stop instance default",
        "kubectl delete cronjob,deployment --namespace=regcred --selector=regcred.dev/instance=default",
        "regcred cleanup --instance default",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    fs::write(&config, yaml.replace("instance: default", "instance: blue")).expect("it can be written");
    let (code, _, told) = run(regcred(&["check", "--config"]).arg(&config));
    assert!(code == 2 && told.contains("previous_instance: it is the name of `instance`, blue"), "{told}");
}

#[test]
fn chart_values_contain_the_config_unchanged_and_the_derived_settings() {
    let output = regcred(&["manifests", "--mode", "values", "--sink", "cluster", "--config"])
        .arg(format!("{CONFIG}full.yaml"))
        .args(["--mount", "edge=/var/run/secrets/edge", "--identity", "keys", "--aws-secret", "aws", "--quiet"])
        .output()
        .expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("# Made by `regcred manifests --mode values --sink cluster --config "), "{text}");
    assert!(
        text.contains("                # keeps two installations from writing"),
        "comments stay as they are: {text}"
    );
    let (code, values, told) =
        manifests("minimal", &["--mode", "values", "--workload", "daemon", "--replicas", "2", "--role-bindings"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(values["config"], fs::read_to_string(format!("{CONFIG}minimal.yaml")).expect("text"));
    let chosen = ["mode", "guard", "replicas"].map(|key| values[key].clone());
    assert_eq!(chosen, [json!("daemon"), json!("role-bindings"), json!(2)]);
    let generated = &values["generated"];
    let (_, list, _) = manifests("minimal", &["--mode", "daemon", "--replicas", "2", "--role-bindings"]);
    let mut objects = list["items"].as_array().expect("a list").iter();
    let role = objects.find(|it| it["metadata"]["name"] == "regcred-target");
    assert_eq!(generated["rights"]["target"], role.expect("a role")["rules"]);
    assert_eq!(generated["rights"]["boundIn"], json!(["team-a", "team-b"]));
    assert_eq!(generated["rights"]["policies"], json!([]));
    assert!(generated["notes"].to_string().contains("without the policy"), "{generated:#}");
    assert!(!told.contains("kubectl apply") && !told.contains("kubectl delete"), "Helm does this: {told}");
}

#[test]
fn chart_values_refuse_the_options_that_manifests_refuses() {
    for (args, why) in [
        (&["--workload", "daemon"][..], "error: cannot use --workload: it needs --mode values [RC0701]\n"),
        (
            &["--mode", "values", "--replicas", "2"],
            "error: cannot use --replicas: it needs --workload daemon [RC0701]\n",
        ),
        (&["--mode", "values", "--workload", "rights"], "invalid value 'rights'"),
        (&["--mode", "values", "--sink", "moon"], "moon is not a cluster of this config"),
        (&["--mode", "values", "--schedule", "@daily"], "lives for 12 hours: run it at least every 10 hours"),
    ] {
        let (code, _, told) = manifests("minimal", args);
        assert!(code == 2 && told.contains(why), "{args:?}: {told}");
    }
    let mut named = regcred(&["manifests", "--mode", "values", "--output", "name", "--config"]);
    let output = named.arg(format!("{CONFIG}minimal.yaml")).output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code() == Some(2) && told.contains("cannot print names: this --mode prints no objects"),
        "{told}"
    );
}

#[test]
fn the_chart_schema_has_the_patterns_of_the_flags_and_the_pod_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/chart/regcred/values.schema.json");
    let values = serde_json::from_str::<Value>(&fs::read_to_string(path).expect("text")).expect("JSON");
    let properties = &values["properties"];
    assert_eq!(properties["image"]["properties"]["repository"]["pattern"], regcred_manifests::Image::REPOSITORY);
    assert_eq!(properties["image"]["properties"]["tag"]["pattern"], regcred_manifests::Image::TAG);
    let role = &properties["identity"]["properties"]["roleArn"]["pattern"];
    assert_eq!(*role, regcred::ecr::RoleArn::PATTERN);
    let (code, pod, told) = run(&mut regcred(&["schema", "--pod"]));
    assert_eq!(code, 0, "{told}");
    for (key, schema) in pod["properties"].as_object().expect("a map") {
        if key != "image" {
            assert_eq!(properties[key], *schema, "{key}");
        }
    }
}
