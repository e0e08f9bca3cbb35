//! Tests the policies of `--mode iam` for providers of type `ecr`.

use regcred_manifests::{Install, Mode, Workload, policies};
use regcred_plan::{ChosenIdentity, Policies};
use serde_json::{Value, json};

use crate::plan;

const AUDIENCE: &str = "sts.amazonaws.com";
const ROLE: &str = "arn:aws:iam::123456789012:role/regcred";

fn made(yaml: &str, identity: &str, role: &str, issuer: &str) -> Result<Policies, String> {
    let chosen = match identity {
        "none" => ChosenIdentity::default(),
        "projected" => ChosenIdentity::new(identity).with_flag("audience", "openshift"),
        "keys" => ChosenIdentity::new(identity).with_flag("aws-secret", "aws"),
        _ => ChosenIdentity::new(identity),
    };
    let flags = [("role-arn", role), ("oidc-issuer", issuer)].into_iter().filter(|(_, value)| !value.is_empty());
    let identity = flags.fold(chosen, |chosen, (flag, value)| chosen.with_flag(flag, value));
    let mode = Mode::CronJob(Workload { identity, ..Workload::default() });
    policies(&plan(yaml), &Install { mode, ..Install::default() }).map_err(|it| it.to_string())
}

#[test]
fn the_checked_in_iam_examples_match_the_generated_policies() {
    let yaml = "targets:\n- { namespace: a, region: eu-west-1, accounts: ['123456789012'] }\n\
                - { namespace: b, registry: 210987654321.dkr.ecr.us-east-1.amazonaws.com }\n";
    let Policies { document, notes } = made(yaml, "webhook", ROLE, "https://oidc.example.com").expect("it can be made");
    let role = &document["roles"][0];
    assert_eq!((&role["name"], &role["arn"]), (&json!("regcred"), &json!(ROLE)));
    let resources =
        json!(["arn:aws:ecr:eu-west-1:123456789012:repository/*", "arn:aws:ecr:us-east-1:210987654321:repository/*"]);
    assert_eq!(role["policy"]["Statement"][1]["Resource"], resources);
    let example = |file: &str| {
        let path = format!("{}/../../deploy/iam/{file}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str::<Value>(&std::fs::read_to_string(path).expect("text")).expect("JSON")
    };
    assert_eq!(role["trust"], example("trust-web-identity.json"));
    let pull = example("pull-policy.json");
    assert_eq!(role["policy"]["Statement"][1]["Action"], pull["Statement"][1]["Action"]);
    assert_eq!(role["policy"]["Statement"][0], pull["Statement"][0]);
    assert!(
        notes[1].starts_with("aws iam create-role --role-name regcred --assume-role-policy-document "),
        "{notes:?}"
    );
    assert!(notes[2].contains("account 210987654321 needs a repository policy"), "{notes:?}");
    let made = made(yaml, "pod-identity", "", "").expect("it can be made").document;
    assert_eq!(made["roles"][0]["trust"], example("trust-pod-identity.json"));
}

#[test]
fn each_role_of_the_providers_has_its_own_policy_and_trust() {
    let yaml = "providers:\n  \
        pull: { type: ecr, region: eu-west-1, accounts: ['123456789012'], role_arn: 'arn:aws:iam::123456789012:role/pull', external_id: platform }\n  \
        push: { type: ecr, region: eu-west-1, access: push, web_identity: { role_arn: 'arn:aws:iam::123456789012:role/ci/push', token_file: /var/run/secrets/regcred/token } }\n  \
        unused: { type: ecr, region: us-east-1 }\n\
        targets: [{ namespace: a, providers: [pull] }, { namespace: a, providers: [push], secret: { name: p } }]\n";
    let Policies { document, notes } = made(yaml, "webhook", ROLE, "oidc.example.com/id/1").expect("it can be made");
    let roles = document["roles"].as_array().expect("a list");
    let of = |name: &str| roles.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{document:#}"));
    assert_eq!(roles.len(), 3);
    assert_eq!(
        of("regcred")["policy"]["Statement"],
        json!([{
            "Sid": "Roles", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ["arn:aws:iam::123456789012:role/pull"],
        }])
    );
    let example = include_str!("../../../../deploy/iam/trust-role.json");
    assert_eq!(of("pull")["trust"], serde_json::from_str::<Value>(example).expect("JSON"));
    assert_eq!(of("push")["policy"]["Statement"][1]["Sid"], "PullAndPush");
    let trust = &of("push")["trust"]["Statement"][0];
    assert_eq!(trust["Principal"]["Federated"], "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1");
    assert!(notes.iter().any(|it| it.contains("--role-name push --path '/ci/'")), "{notes:?}");
}

#[test]
fn each_partition_has_its_own_arns_and_one_audience() {
    for (region, partition) in [
        ("eu-west-1", "aws"),
        ("us-east-2", "aws"),
        ("cn-north-1", "aws-cn"),
        ("cn-northwest-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("us-isof-south-1", "aws-iso-f"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("eusc-de-east-1", "aws-eusc"),
    ] {
        let yaml = format!("targets: [{{ namespace: a, region: {region} }}]");
        let role = format!("arn:{partition}:iam::123456789012:role/regcred");
        let document = made(&yaml, "webhook", &role, "https://oidc.example.com/").expect(region).document;
        let [statement, trust] = ["policy", "trust"].map(|of| &document["roles"][0][of]["Statement"]);
        let resource = format!("arn:{partition}:ecr:{region}:123456789012:repository/*");
        assert_eq!(statement[1]["Resource"], json!([resource]));
        let provider = format!("arn:{partition}:iam::123456789012:oidc-provider/oidc.example.com");
        assert_eq!(trust[0]["Principal"]["Federated"], provider);
        assert_eq!(trust[0]["Condition"]["StringEquals"]["oidc.example.com:aud"], AUDIENCE);
    }
}

#[test]
fn a_missing_identity_option_is_named() {
    let plain = "targets: [{ namespace: a, region: eu-west-1 }]";
    let assumed = "providers: { p: { type: ecr, region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:role/p' } }\n\
                   targets: [{ namespace: a, providers: [p] }]";
    for (yaml, identity, role, issuer, why) in [
        (plain, "none", "", "", "the identity of regcred in AWS is missing"),
        (plain, "webhook", ROLE, "", "--oidc-issuer is missing"),
        (plain, "projected", ROLE, "", "--oidc-issuer is missing"),
        (assumed, "pod-identity", "", "", "--role-arn is missing"),
        (
            plain,
            "webhook",
            "arn:aws-cn:iam::123456789012:role/r",
            "i.example",
            "is of the partition aws-cn, and eu-west-1 is not",
        ),
    ] {
        let told = made(yaml, identity, role, issuer).expect_err(why);
        assert!(told.contains(why), "{told}");
    }
    let projected = made(plain, "projected", ROLE, "https://i.example").expect("it can be made").document;
    let conditions = &projected["roles"][0]["trust"]["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(conditions["i.example:aud"], "openshift");
    assert_eq!(conditions["i.example:sub"], "system:serviceaccount:regcred:regcred");
}

#[test]
fn an_identity_with_keys_is_an_iam_user() {
    let plain = "targets: [{ namespace: a, region: eu-west-1 }]";
    let Policies { document, notes } = made(plain, "keys", "", "").expect("it can be made");
    assert_eq!(document["roles"], json!([]));
    let user = document["users"][0].as_object().expect("a user");
    assert_eq!(
        user.keys().collect::<Vec<_>>(),
        ["name", "policy", "providers"],
        "it has neither an ARN nor a trust policy"
    );
    assert_eq!(user["policy"]["Statement"][1]["Resource"], json!(["arn:aws:ecr:eu-west-1:*:repository/*"]));
    let begins = [
        "save the document as iam.json, then create the user:",
        "aws iam create-user --user-name regcred",
        "aws iam put-user-policy --user-name regcred --policy-name regcred --policy-document \"$(jq '.users[0].policy' iam.json)\"",
        "aws iam create-access-key --user-name regcred ",
    ];
    assert_eq!(notes.len(), begins.len(), "{notes:?}");
    for (note, begin) in notes.iter().zip(begins) {
        assert!(note.starts_with(begin), "{note}");
    }
    assert!(
        notes[3]
            .ends_with("| kubectl create secret generic aws --namespace=regcred --from-file=credentials=/dev/stdin"),
        "{notes:?}"
    );

    let assumed = "providers: { p: { type: ecr, region: cn-north-1, role_arn: 'arn:aws-cn:iam::123456789012:role/p' } }\n\
                   targets: [{ namespace: a, providers: [p] }, { namespace: b, region: cn-north-1 }]";
    let Policies { document, notes } = made(assumed, "keys", "", "").expect("it can be made");
    let principal = &document["roles"][0]["trust"]["Statement"][0]["Principal"]["AWS"];
    assert_eq!(principal, "arn:aws-cn:iam::123456789012:user/regcred");
    assert_eq!(document["users"][0]["policy"]["Statement"][2]["Sid"], "Roles");
    assert_eq!(notes[0], "save the document as iam.json, then create the user and each role:");
    assert!(notes.iter().any(|it| it.contains("jq '.roles[0].trust' iam.json")), "{notes:?}");
    assert!(notes.iter().any(|it| it.contains("change the account if the user is in another one")), "{notes:?}");
}
