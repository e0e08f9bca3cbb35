//! An invalid config at the moment when it would do harm.

use crate::world::{World, run};

const HOST: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";

/// Case 27: the config has an unknown key, an account of eleven digits, a region that does not exist, an invalid
/// selector, or a duplicate target. Or a host has a port, a path, a wildcard or the domain of another partition, or one
/// Secret has two logins for one host.
///
/// regcred reports each error with file, line, key, value and a suggestion. The exit code is 2, and regcred calls
/// neither AWS nor the cluster. A host with a scheme, a trailing slash or upper case is accepted with a warning.
#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_config_is_refused_before_any_request() {
    let world = World::new(&["team-a"]).await;
    let first = "- { namespace: team-a, region: eu-west-1 }";
    let host = |host: &str| format!("- {{ namespace: team-a, registry: '{host}' }}");
    let cases = [
        (
            "- { namespace: team-a, regoin: eu-west-1 }".to_owned(),
            "targets[0].regoin: this key is not known; did you mean `region`?",
        ),
        (
            "- { namespace: team-a, region: eu-west-1, accounts: [12345678901] }".into(),
            "targets[0].accounts[0]: 12345678901 is not an AWS account: it must have twelve digits",
        ),
        (
            "- { namespace: team-a, region: us-esat-1 }".into(),
            "targets[0].region: \"us-esat-1\" is not an AWS region; did you mean us-east-1?",
        ),
        (host(&format!("{HOST}:443")), "without a port"),
        (host(&format!("{HOST}/app")), "without a repository"),
        (host(&HOST.replace("123456789012", "*")), "without a wildcard"),
        (host(&format!("{HOST}.cn")), "targets[0].registry: "),
        (
            "- { namespaces: { selector: 'team in a' }, region: eu-west-1 }".into(),
            "put the values of `in` and `notin` in brackets",
        ),
        (format!("{first}\n{first}"), "targets[1]: it repeats targets[0]"),
        (
            format!(
                "- {{ namespace: team-a, registry: {HOST} }}\n- {{ namespace: team-a, region: eu-west-1, accounts: [123456789012, 210987654321] }}"
            ),
            "targets[1]: targets[0] already has a login for 123456789012.dkr.ecr.eu-west-1.amazonaws.com, and a Secret can hold only one",
        ),
    ];
    for (targets, expected) in cases {
        let (code, _, told) = run(&mut world.once(&format!("targets:\n{targets}\n"), &[]));
        let told = told.lines().filter(|line| line.starts_with("error: ")).collect::<Vec<_>>();
        assert_eq!((code, told.len()), (2, 1), "{targets}: {told:?}");
        assert!(told[0].contains(expected) && told[0].contains("regcred.yaml:"), "{targets}: {told:?}");
    }
    assert_eq!((world.aws.calls().len(), world.kube.requests().len()), (0, 0), "no request was sent");

    let harmless = format!("targets:\n{}\n", host(&format!("https://{}/", HOST.replace("eu-west-1", "EU-West-1"))));
    let (code, report, told) = run(&mut world.once(&harmless, &["--output", "json"]));
    assert_eq!(code, 0, "{report:#} {told}");
    assert!(
        told.contains(&format!("is taken as \\\"{HOST}\\\"")) || told.contains(&format!("is taken as \"{HOST}\"")),
        "{told}"
    );
    assert!(world.secret("team-a").is_some());
}
