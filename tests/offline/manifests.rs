//! The output of `regcred manifests` is valid for an API server and an OpenShift cluster. The tests cover the examples
//! and arbitrary names.

use std::{collections::BTreeMap, fs, path::Path};

use proptest::prelude::*;
use regcred::{
    BuiltIn, Plan, Types,
    plan::{ChosenIdentity, from_yaml},
};
use regcred_core::Namespace;
use regcred_manifests::{
    Guard, Install, Mode, Mount, Proxy, TrustedCa, Workload, check, expand, manifests, project_template, yaml,
};
use serde_json::{Value, json};

use crate::published::Published;

fn types() -> Types {
    BuiltIn::default().add_to(Types::default()).expect("they have different names")
}

/// Returns the plan of a valid config.
fn plan(yaml: &str) -> Plan {
    let config = from_yaml(yaml, &types()).expect("it is valid");
    Plan::new(&config, &types()).expect("it is valid")
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple::<Value>(text).expect("YAML")
}

/// Returns every committed file in a folder, by name.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut files = vec![];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|it| it == "yaml") {
            files.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
        }
    }
    files
}

fn deploy(folder: &str) -> Vec<(String, String)> {
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(folder))
}

/// Returns the pod spec of a workload, or `None` if the object has no pod.
fn pod(object: &Value) -> Option<&Value> {
    match object["kind"].as_str()? {
        "CronJob" => Some(&object["spec"]["jobTemplate"]["spec"]["template"]["spec"]),
        "Deployment" | "Job" => Some(&object["spec"]["template"]["spec"]),
        _ => None,
    }
}

/// Asserts the requirements of the `restricted` Pod Security profile and of OpenShift's SCC `restricted-v2`.
#[track_caller]
fn is_restricted(pod: &Value, file: &str) {
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true, "{file}");
    assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault", "{file}");
    for field in ["runAsUser", "runAsGroup", "fsGroup", "seLinuxOptions", "sysctls"] {
        assert!(pod["securityContext"][field].is_null(), "{file}: the cluster chooses {field}");
    }
    for field in ["hostNetwork", "hostPID", "hostIPC", "initContainers"] {
        assert!(pod[field].is_null(), "{file}: {field}");
    }
    for container in pod["containers"].as_array().expect("containers") {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false, "{file}");
        assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }), "{file}");
        assert_eq!(context["readOnlyRootFilesystem"], true, "{file}");
        assert!(context["runAsUser"].is_null(), "{file}: the cluster chooses the user");
        let ports = container["ports"].as_array().into_iter().flatten();
        assert!(ports.into_iter().all(|port| port["containerPort"].as_u64().is_some_and(|it| it >= 1024)), "{file}");
    }
    let kinds = ["configMap", "secret", "projected"];
    for volume in pod["volumes"].as_array().expect("volumes") {
        assert!(kinds.iter().any(|kind| volume.get(*kind).is_some()), "{file}: {volume}");
    }
}

/// Asserts that a file contains no secret, because anyone can read it.
#[track_caller]
fn holds_no_secret(text: &str, file: &str) {
    for key in ["AKIA", "ASIA", "aws_secret_access_key", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PRIVATE KEY"] {
        assert!(!text.contains(key), "{file} has {key}");
    }
    assert!(!documents(text).iter().any(|it| it["kind"] == "Secret"), "{file} has a Secret");
}

#[test]
fn every_example_manifest_matches_the_published_schemas() {
    let (published, files) = (Published::new(), deploy("manifests"));
    assert!(files.len() >= 10, "they are there");
    let mut kinds = BTreeMap::<String, usize>::new();
    for (file, text) in &files {
        for object in documents(text) {
            assert_eq!(published.problems(&object), [] as [String; 0], "{file}");
            *kinds.entry(object["kind"].as_str().expect("a kind").into()).or_default() += 1;
            if object["kind"] == "Template" {
                assert_eq!(check(&object, &types().identities()), (vec![], vec![]), "{file}");
                let parameters = object["parameters"].as_array().expect("a list");
                let values =
                    parameters.iter().map(|it| (it["name"].as_str().expect("a name").to_owned(), "team-a".to_owned()));
                for made in expand(&object, &values.collect()).expect("it is one").objects {
                    assert_eq!(published.problems(&made), [] as [String; 0], "{file}");
                    assert!(!made.to_string().contains("${"), "{file}: {made}");
                }
            }
        }
    }
    for kind in [
        "CronJob",
        "Deployment",
        "PodDisruptionBudget",
        "ServiceMonitor",
        "PrometheusRule",
        "NetworkPolicy",
        "ValidatingAdmissionPolicy",
        "Template",
    ] {
        assert!(kinds.contains_key(kind), "no example has a {kind}: {kinds:?}");
    }
}

#[test]
fn the_sample_build_pushes_with_a_secret_of_the_config() {
    let published = Published::new();
    let files = deploy("openshift");
    assert!(!files.is_empty(), "they are there");
    let config =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/profiles.yaml")).expect("text");
    let config = from_yaml(&config, &types()).expect("valid");
    let kept = config.targets().iter().map(|target| target.secret.name.to_string()).collect::<Vec<_>>();
    let mut builds = 0;
    for (file, text) in files {
        holds_no_secret(&text, &file);
        for object in documents(&text) {
            assert_eq!(published.problems(&object), [] as [String; 0], "{file}");
            if object["kind"] == "BuildConfig" {
                // OpenShift releases differ in which Secret of a ServiceAccount a build uses. The example therefore
                // names the Secret.
                let push = object["spec"]["output"]["pushSecret"]["name"].as_str().expect("it is said");
                assert!(kept.iter().any(|it| it == push), "{push}: {kept:?}");
                builds += 1;
            }
        }
    }
    assert!(builds > 0);
}

#[test]
fn iam_policies_allow_only_pull_or_push_and_trust_one_service_account() {
    let read = |name: &str| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/iam").join(name);
        serde_json::from_str::<Value>(&fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}")))
            .expect("JSON")
    };
    let pull = read("pull-policy.json").to_string();
    for action in ["PutImage", "InitiateLayerUpload", "Create", "Delete", "ecr:*"] {
        assert!(!pull.contains(action), "who pulls does not {action}");
    }
    let push = read("push-policy.json");
    for statement in push["Statement"].as_array().expect("a list") {
        let token = statement["Action"] == "ecr:GetAuthorizationToken";
        let resources = statement["Resource"].to_string();
        assert!(
            token || (resources.contains(":repository/") && !resources.contains("repository/*")),
            "on a prefix alone: {statement}"
        );
    }
    let trust = read("trust-web-identity.json");
    let condition = &trust["Statement"][0]["Condition"]["StringEquals"];
    let pins = condition.as_object().expect("exact ones").iter();
    let pinned = |end: &str| {
        pins.clone().any(|(key, value)| key.ends_with(end) && value.as_str().is_some_and(|it| !it.contains('*')))
    };
    assert!(pinned(":sub") && pinned(":aud"), "{condition}");
    let pod = read("trust-pod-identity.json").to_string();
    assert!(
        pod.contains("aws:RequestTag/kubernetes-namespace")
            && pod.contains("aws:RequestTag/kubernetes-service-account"),
        "{pod}"
    );
}

#[test]
fn every_example_runs_as_any_user_and_contains_no_secret() {
    let mut pods = 0;
    for (file, text) in deploy("manifests") {
        holds_no_secret(&text, &file);
        for object in documents(&text) {
            if let Some(pod) = pod(&object) {
                is_restricted(pod, &file);
                assert_eq!(pod["enableServiceLinks"], false, "{file}: a Service named regcred would set variables");
                pods += 1;
            }
        }
    }
    assert!(pods >= 8, "{pods} workloads were checked");
}

#[test]
fn a_cron_job_ends_before_the_next_and_does_not_retry_exit_code_2() {
    for (schedule, active, pass) in
        [("", 660, "600s"), ("schedule: '*/5 * * * *'\n", 285, "270s"), ("schedule: '0 */4 * * *'\n", 660, "600s")]
    {
        let plan = plan(&format!("{schedule}targets: [{{ namespace: a, region: eu-west-1 }}]"));
        let made = manifests(&plan, &Install::default()).expect("they can be made");
        let job = made.objects.iter().find(|it| it["kind"] == "CronJob").expect("a CronJob");
        let spec = &job["spec"]["jobTemplate"]["spec"];
        assert_eq!(
            (&spec["activeDeadlineSeconds"], &spec["template"]["spec"]["containers"][0]["args"][2]),
            (&json!(active), &json!(pass))
        );
        assert_eq!(spec["podFailurePolicy"]["rules"][0]["onExitCodes"]["values"], json!([2]));
        assert_eq!(
            (&job["spec"]["concurrencyPolicy"], &job["spec"]["startingDeadlineSeconds"]),
            (&json!("Forbid"), &json!(600))
        );
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
        let yaml = format!("schedule: '{schedule}'\ntargets: [{{ namespace: a, region: eu-west-1 }}]");
        let made = manifests(&plan(&yaml), &Install::default()).expect("they can be made");
        let job = made.objects.iter().find(|it| it["kind"] == "CronJob").expect("a CronJob");
        assert_eq!(job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"], seconds, "{schedule}");
    }
}

#[test]
fn a_schedule_that_lets_tokens_expire_is_refused_and_a_tight_one_is_reported() {
    let made = |schedule: &str| {
        let yaml = format!("schedule: '{schedule}'\ntargets: [{{ namespace: a, region: eu-west-1 }}]");
        let config = from_yaml(&yaml, &types());
        let config = config.map_err(|problems| problems.to_string())?;
        let plan = Plan::new(&config, &types()).map_err(|problems| problems.to_string())?;
        manifests(&plan, &Install::default()).map(|it| it.notes).map_err(|problems| problems.to_string())
    };
    assert!(made("0 */11 * * *").expect_err("11 h").contains("pauses for up to 11 hours"));
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
        "0 8 * * 1-5",
    ] {
        let told = made(schedule).expect_err(schedule);
        assert!(told.contains("and a credential of type ecr lives for 12 hours"), "{schedule}: {told}");
    }
    assert!(made("0 */8 * * *").expect("8 h").iter().any(|it| it.contains("if one run fails")));
    assert!(!made("0 */6 * * *").expect("6 h").iter().any(|it| it.contains("if one run fails")));
}

#[test]
fn a_cluster_wide_right_always_has_a_guard_or_a_warning() {
    let plan = plan("targets: [{ namespaces: ['app-*'], region: eu-west-1 }]");
    let made = |guard| manifests(&plan, &Install { guard, ..Install::default() }).expect("they can be made");
    let has = |objects: &[Value], kind: &str, name: &str| {
        objects.iter().any(|it| it["kind"] == kind && it["metadata"]["name"] == name)
    };
    let wide = |objects: &[Value]| has(objects, "ClusterRoleBinding", "regcred-target");
    let guarded = made(Guard::Policy);
    assert!(
        wide(&guarded.objects) && has(&guarded.objects, "ValidatingAdmissionPolicyBinding", "regcred-guard-secrets")
    );
    let bound = made(Guard::Bindings);
    assert!(
        !wide(&bound.objects) && bound.notes.iter().any(|it| it.contains("needs a binding of its own")),
        "{:?}",
        bound.notes
    );
    let open = made(Guard::Nothing);
    assert!(wide(&open.objects) && open.notes.iter().any(|it| it.starts_with("UNGUARDED: ")), "{:?}", open.notes);
}

#[test]
fn a_path_of_the_config_that_no_volume_mounts_is_refused() {
    let yaml = "sinks: { a: { type: openshift }, b: { type: openshift, kubeconfig: /var/run/secrets/b/config } }\n\
                providers: { p: { type: ecr, region: eu-west-1, web_identity: { role_arn: 'arn:aws:iam::123456789012:role/p', token_file: /x/token } } }\n\
                targets: [{ namespace: n, providers: [p], sink: a }, { namespace: n, providers: [p], sink: b }]";
    let plan = plan(yaml);
    let made = |folders: &[&str]| {
        let mounts = folders.iter().map(|folder| Mount { secret: "s".into(), folder: folder.into() }).collect();
        let mode = Mode::CronJob(Workload { mounts, ..Workload::default() });
        manifests(&plan, &Install { mode, ..Install::default() }).map_err(|it| it.to_string())
    };
    let told = made(&[]).expect_err("neither is mounted");
    assert!(told.contains("providers.p.web_identity.token_file: /x/token is in no volume"), "{told}");
    assert!(told.contains("sinks.b.kubeconfig: /var/run/secrets/b/config is in no volume"), "{told}");
    made(&["/x", "/var/run/secrets/b"]).expect("both are mounted");
    let elsewhere = Install { mode: Mode::Elsewhere, sink: Some("b".parse().expect("a name")), ..Install::default() };
    manifests(&plan, &elsewhere).expect("nothing runs there");
}

/// Returns names that a YAML parser could misread, or that a template could interpret.
fn hostile() -> impl Strategy<Value = String> {
    let odd = ["no", "on", "y", "null", "true", "1e3", "0x1f", "12", "1-30", "a", "default", "kube-system"];
    prop_oneof![
        3 => "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?",
        1 => proptest::sample::select(odd.to_vec()).prop_map(str::to_owned),
    ]
}

/// Returns texts for labels and command lines.
fn text() -> impl Strategy<Value = String> {
    let odd = [
        "\"; rm -rf /",
        "${PROJECT_NAME}",
        "$(id)",
        "é\r\nx",
        "a: b # c",
        "- x",
        "{{ .Values }}",
        "yes",
        "'",
        "|",
        "\t",
        "%",
        "<<",
    ];
    prop_oneof![Just(String::new()), "\\PC{0,40}", proptest::sample::select(odd.to_vec()).prop_map(str::to_owned)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn objects_with_hostile_names_are_parsed_as_intended(
        instance in hostile(), namespace in hostile(), target in hostile(), secret in hostile(), account in hostile(),
        note in text(), proxy in text(), audience in text(), replicas in 1u32..3,
    ) {
        let note = json!(note).to_string();
        let file = format!(
            "instance: \"{instance}\"\n# {}\ntargets:\n- namespace: \"{target}\"\n  region: eu-west-1\n  \
             secret: {{ name: \"{secret}\", annotations: {{ example.com/note: {note} }} }}\n  service_accounts: [{{ name: \"{account}\" }}]\n\
             - namespaces: {{ selector: 'a in (\"x\")' }}\n  region: us-east-1\n  secret: {{ name: \"{secret}-b\" }}\n",
            proxy.replace(char::is_control, " ")
        ).replace("(\"x\")", "(yes, b)");
        let config = from_yaml(&file, &types());
        prop_assume!(config.is_ok());
        let plan = Plan::new(&config.expect("it is valid"), &types()).expect("nothing contradicts itself");
        let workload = || Workload {
            identity: ChosenIdentity::new("projected")
                .with_flag("role-arn", "arn:aws:iam::123456789012:role/regcred")
                .with_flag("audience", &audience),
            mounts: vec![Mount { secret: secret.clone(), folder: "/x".into() }],
            trusted_ca: Some(TrustedCa::OpenShift),
            proxy: Proxy { https: Some(proxy.clone()), no: None },
            ..Workload::default()
        };
        let install = |mode| Install {
            namespace: Namespace::new(&namespace).expect("a name"), files: vec![file.clone()], mode, profiles: true, ..Install::default()
        };
        let published = Published::new();
        for mode in [Mode::CronJob(workload()), Mode::Daemon(workload(), replicas), Mode::Elsewhere] {
            let made = manifests(&plan, &install(mode)).expect("they can be made").objects;
            let read = documents(&yaml(&[], &made));
            prop_assert_eq!(&read, &made);
            for object in &made {
                prop_assert_eq!(published.problems(object), [] as [String; 0]);
                let name = object["metadata"]["name"].as_str().expect("a name");
                let longest = match object["kind"].as_str() { Some("CronJob") => 52, Some("Service" | "Deployment") => 63, _ => 253 };
                prop_assert!(name.len() <= longest, "{name}");
            }
            if let Some(kept) = made.iter().find(|it| it["kind"] == "ConfigMap" && it["data"].is_object()) {
                prop_assert_eq!(kept["data"]["config.yaml"].as_str(), Some(file.as_str()));
            }
        }
        let template = project_template(&plan, &Install { guard: Guard::Bindings, ..install(Mode::Elsewhere) }, &[]).expect("it can be made");
        let template = documents(&yaml(&[], &template.objects)).remove(0);
        prop_assert_eq!(check(&template, &types().identities()), (vec![], vec![]));
        let values = [
            ("PROJECT_NAME", target.as_str()), ("PROJECT_DISPLAYNAME", &proxy), ("PROJECT_DESCRIPTION", &audience),
            ("PROJECT_ADMIN_USER", &note), ("PROJECT_REQUESTING_USER", &account),
        ];
        let values = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let made = expand(&template, &values).expect("it is one").objects;
        prop_assert_eq!(&made[0]["metadata"]["annotations"]["openshift.io/display-name"], proxy.as_str());
        prop_assert_eq!(&made[0]["metadata"]["labels"], &json!({ "a": "b" }));
        prop_assert_eq!(&made[1]["subjects"][0]["name"], note.as_str());
        prop_assert_eq!(&made[2]["metadata"]["namespace"], target.as_str());
    }
}
