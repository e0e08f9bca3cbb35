//! The type `ecr-public` in every command.

use regcred_testkit::aws::Answer;
use serde_json::{Value, json};

use crate::{
    online::online,
    world::{World, regcred, run},
};

const CONFIG: &str = include_str!("../../../../config/ecr-public.yaml");

fn hosts(world: &World) -> Vec<String> {
    let secret = &world.kube.objects("secrets")[0];
    let hosts = secret["metadata"]["annotations"]["regcred.dev/hosts"].as_str().expect("an annotation");
    serde_json::from_str::<Value>(hosts).expect("JSON").as_object().expect("a map").keys().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_secret_holds_the_logins_of_ecr_and_of_ecr_public() {
    let world = World::new(&["team-a"]).await;
    let (code, report, logs) = run(&mut world.once(CONFIG, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {logs}");
    let expected = ["123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr-public.aws.com", "public.ecr.aws"];
    assert_eq!(hosts(&world), expected);
    assert_eq!(world.mints(), 2, "one token for each service");
    let (code, report, logs) = run(&mut world.once(CONFIG, &["--output", "json"]));
    assert_eq!((code, world.mints()), (0, 2), "a second pass has nothing to do: {report:#} {logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_online_check_names_both_permissions_of_a_public_token() {
    let world = World::new(&["team-a"]).await;
    world.kube.deny("create", "secrets", Some("kube-system"));
    let public = "providers: { public: { type: ecr-public } }\ntargets: [{ namespace: team-a, providers: [public] }]\n";
    let (code, report, _) = run(&mut online(&world, public, &["--output", "json"]));
    let token = |report: &Value| {
        let checks = report["checks"].as_array().cloned().unwrap_or_default();
        checks.into_iter().find(|it| it["check"] == "token").unwrap_or_else(|| panic!("{report:#}"))
    };
    assert_eq!((code, &token(&report)["result"]), (0, &json!("ok")), "{report:#}");
    assert!(token(&report)["message"].to_string().contains("public.ecr.aws"), "{report:#}");
    let denied = Answer::Error {
        status: 400,
        code: "AccessDeniedException".into(),
        message: "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: sts:GetServiceBearerToken"
            .into(),
        retry_after: None,
    };
    world.aws.answer_action_with("GetAuthorizationToken", denied);
    let (code, report, _) = run(&mut online(&world, public, &["--output", "json"]));
    let fix = token(&report)["fix"].to_string();
    assert_eq!((code, &token(&report)["code"]), (2, &json!("RC0301")), "{report:#}");
    assert!(fix.contains("ecr-public:GetAuthorizationToken") && fix.contains("sts:GetServiceBearerToken"), "{fix}");
}

#[test]
fn the_policy_allows_public_tokens_and_pushes_only_if_the_config_pushes() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("regcred.yaml");
    for (text, sids) in [
        (CONFIG.to_owned(), vec!["Token", "Pull", "PublicToken"]),
        (
            CONFIG.replace("{ type: ecr-public }", "{ type: ecr-public, access: push }"),
            vec!["Token", "Pull", "PublicToken", "PublicPush"],
        ),
    ] {
        std::fs::write(&config, &text).expect("it can be written");
        let mut command = regcred(&["manifests", "--mode", "iam", "--identity", "pod-identity", "--config"]);
        let (code, document, told) = run(command.arg(&config));
        assert_eq!(code, 0, "{told}");
        let statements = document["roles"][0]["policy"]["Statement"].as_array().expect("a list");
        let found = statements.iter().map(|it| it["Sid"].as_str().unwrap_or_default()).collect::<Vec<_>>();
        assert_eq!(found, sids, "{document:#}");
        let token = statements.iter().find(|it| it["Sid"] == "PublicToken").expect("a statement");
        assert_eq!(token["Action"], json!(["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"]));
    }
}

#[test]
fn options_of_a_region_are_refused_with_their_place() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("regcred.yaml");
    let text = "providers:\n  public: { type: ecr-public, region: eu-west-1, external_id: x, profle: ci }\n\
                targets: [{ namespace: team-a, providers: [public] }]\n";
    std::fs::write(&config, text).expect("it can be written");
    let (code, _, told) = run(regcred(&["check", "--config"]).arg(&config));
    assert_eq!(code, 2, "{told}");
    for expected in [
        "yaml:2: providers.public.external_id: it requires a `role_arn` [RC0110]",
        "yaml:2: providers.public.profle: this key is not known; did you mean `profile`? [RC0104]",
        "yaml:2: providers.public.region: this key is not known",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
}
