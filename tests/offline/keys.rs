//! Keys as users paste them, from every credential source.

use std::fs;

use regcred_testkit::{
    ContainerCredentials, FakeAws, FaultProxy, ForwardProxy, InstanceMetadata, SignIn, tls::Authority,
};
use serde_json::{Value, json};

use crate::minting::{HOST, Mint, PULL, mint, registries};

const HOPS: &str = "the instance metadata service did not answer: a pod needs a hop limit of 2, which \
                    `aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2";

const AROUND: [&str; 10] = ["\n", "\r\n", " ", "\t", "  \n", "\n\n", "\u{a0}", "\u{2003}", " \t\r\n", "\u{b}"];
const INSIDE: [(&str, &str); 11] = [
    ("AKIA\nREST", "a newline at character 5"),
    ("AKIA\r\nREST", "a newline at character 5"),
    ("AKIA\rREST", "a newline at character 5"),
    ("AKIA REST", "a blank at character 5"),
    ("AKIA\tREST", "a blank at character 5"),
    ("AKIA\u{a0}REST", "a blank at character 5"),
    ("AKIA\u{7f}REST", "a control character at character 5"),
    ("AKIA\u{1b}[2J", "a control character at character 5"),
    ("AKI\u{c4}REST", "a character that is not ASCII at character 4"),
    ("\u{201c}AKIA\u{201d}", "a character that is not ASCII at character 1"),
    ("AKIA\u{200b}", "a character that is not ASCII at character 5"),
];
const VARIABLES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

fn assert_invalid(minted: &Value, said: &str) {
    assert_eq!(minted["kind"], "invalid", "{said}: {minted}");
    assert!(minted["error"].as_str().is_some_and(|it| it.contains(said)), "{said}: {minted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_from_the_environment_are_trimmed_or_refused_by_variable_name() {
    let aws = FakeAws::start().await;
    let url = aws.url();
    let with = |variable: &str, value: &str| {
        let mut environment = vec![("AWS_ENDPOINT_URL", url.as_str())];
        for name in VARIABLES {
            environment.push((name, if name == variable { value } else { "ASIAGOOD" }));
        }
        mint(&json!({}), &environment)
    };
    for around in AROUND {
        for variable in VARIABLES {
            assert_eq!(registries(&with(variable, &format!("{around}ASIAGOOD{around}"))), [HOST], "{around:?}");
            assert_eq!(aws.calls().pop().map(|call| call.access_key).as_deref(), Some("ASIAGOOD"));
        }
    }
    for (value, said) in INSIDE {
        for variable in VARIABLES {
            assert_invalid(&with(variable, value), &format!("cannot use {variable}: it contains {said}"));
        }
    }
    for empty in ["", " ", "\n"] {
        assert_eq!(registries(&with("AWS_SESSION_TOKEN", empty)), [HOST]);
        assert_eq!(with("AWS_ACCESS_KEY_ID", empty)["kind"], "denied", "it counts as not set");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_keys_in_an_answer_are_refused_with_the_name_of_their_source() {
    let (aws, container, instance, sign_in) = (
        FakeAws::start().await,
        ContainerCredentials::start().await,
        InstanceMetadata::start().await,
        SignIn::start().await,
    );
    container.accept("pod");
    sign_in.accept_access("access");
    let home = tempfile::tempdir().expect("a folder");
    let cache = home.path().join(".aws/sso/cache");
    fs::create_dir_all(&cache).expect("it can be made");
    let token = json!({ "accessToken": "access", "expiresAt": "2099-01-01T00:00:00Z" }).to_string();
    fs::write(cache.join("ee0bfd2552fbd840c02cc48b6e823320543c450f.json"), token).expect("it can be written");
    let config = |key: &str| {
        let keys = json!({ "Version": 1, "AccessKeyId": key, "SecretAccessKey": "x" }).to_string();
        fs::write(home.path().join("keys"), keys).expect("it can be written");
        let config = format!(
            "[profile sso]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = r\n\
             [sso-session corp]\nsso_start_url = u\nsso_region = eu-west-1\n\
             [profile process]\ncredential_process = cat {}/keys\n\
             [profile role]\nrole_arn = {PULL}\nsource_profile = process\n",
            home.path().display()
        );
        fs::write(home.path().join(".aws/config"), config).expect("it can be written");
    };
    let (url, of_container, of_instance) = (aws.url(), container.url(), instance.url());
    let (of_sso, home_folder) = (sign_in.url(), home.path().display().to_string());
    let common = [
        ("AWS_ENDPOINT_URL_ECR", url.as_str()),
        ("AWS_ENDPOINT_URL_STS", &url),
        ("AWS_ENDPOINT_URL_SSO", &of_sso),
        ("HOME", &home_folder),
        ("PATH", "/usr/bin:/bin"),
    ];
    let of = |more: &[(&'static str, &str)], wanted: Value| {
        let more = more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>();
        (more, wanted)
    };
    let sources = [
        (
            "the container credentials endpoint",
            of(
                &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &of_container), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "pod")],
                json!({}),
            ),
        ),
        (
            "the instance metadata service",
            of(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &of_instance)], json!({ "instance": true })),
        ),
        ("the SSO session of the AWS profile \"sso\"", of(&[], json!({ "profile": "sso" }))),
        ("the credential_process of the AWS profile \"process\"", of(&[], json!({ "profile": "process" }))),
        ("the credential_process of the AWS profile \"process\"", of(&[], json!({ "profile": "role" }))),
    ];
    for (key, said) in INSIDE.into_iter().map(|(key, said)| (key, Some(said))).chain(AROUND.map(|_| ("", None))) {
        let pasted = if said.is_none() { format!("{}ASIAGOOD\n", AROUND[0]) } else { key.to_owned() };
        container.set_access_key(&pasted);
        instance.set_access_key(&pasted);
        sign_in.set_access_key(&pasted);
        config(&pasted);
        for (from, (more, wanted)) in &sources {
            let environment = common.into_iter().chain(more.iter().map(|(name, value)| (*name, value.as_str())));
            let minted = mint(wanted, &environment.collect::<Vec<_>>());
            match said {
                Some(said) => {
                    assert_invalid(&minted, &format!("cannot use the access key of {from}: it contains {said}"));
                }
                None => assert!(minted["registries"].is_array(), "{from}: {minted}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_instance_metadata_answer_is_reported_with_a_fix() {
    let aws = FakeAws::start().await;
    let url = aws.url();
    let ask = |endpoint: &str, more: &[(&str, &str)]| {
        let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint), ("AWS_ENDPOINT_URL", &url)];
        mint(&json!({ "instance": true }), &[&environment[..], more].concat())
    };
    let assert_said = |minted: Value, kind: &str, said: &str| {
        let error = minted["error"].as_str().unwrap_or_default();
        assert!(minted["kind"] == kind && error.contains(said), "{kind} {said}: {minted}");
        assert!(!error.contains("identity: instance") && !error.contains("canary"), "{minted}");
    };
    assert_said(ask("http://127.0.0.1:1", &[]), "unreachable", HOPS);
    // A port that accepts connections and never answers.
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let silent = format!("http://{}", silent.local_addr().expect("it has an address"));
    assert_said(ask(&silent, &[]), "unreachable", HOPS);
    assert_said(ask("http://imds.example", &[]), "invalid", "neither HTTPS nor on loopback");
    assert_said(
        ask("http://127.0.0.1:1", &[("AWS_EC2_METADATA_DISABLED", "true")]),
        "invalid",
        "AWS_EC2_METADATA_DISABLED is true",
    );
    let instance = InstanceMetadata::start().await;
    instance.remove_role();
    assert_said(ask(&instance.url(), &[]), "denied", "answered HTTP 404: the machine has no role");
    for (status, body, kind, said) in [
        (401, "canary", "denied", "answered HTTP 401"),
        (403, "canary", "denied", "answered HTTP 403"),
        (404, "canary", "denied", "answered HTTP 404"),
        (405, "", "denied", "answered HTTP 405"),
        (429, "canary", "throttled", "answered HTTP 429"),
        (500, "canary", "unreachable", "answered HTTP 500"),
        (503, "<html>canary</html>", "unreachable", "answered HTTP 503"),
        (200, "<html>canary</html>", "malformed", "the answer is not that of the instance metadata service"),
        (200, "", "malformed", "the answer is not that of the instance metadata service"),
        (200, "canary\n", "malformed", "the answer is not that of the instance metadata service"),
    ] {
        let instance = InstanceMetadata::start().await;
        instance.fail_with(status, body);
        assert_said(ask(&instance.url(), &[]), kind, said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_that_is_not_text_is_invalid() {
    let aws = FakeAws::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let (binary, folder) = (dir.path().join("binary"), dir.path().join("folder"));
    fs::write(&binary, b"canary\xff").expect("it can be written");
    fs::create_dir(&folder).expect("it can be made");
    for path in [binary, folder] {
        let (path, url) = (path.display().to_string(), aws.url());
        let profile = dir.path().join("config");
        fs::write(&profile, format!("[profile web]\nrole_arn = {PULL}\nweb_identity_token_file = {path}\n"))
            .expect("written");
        let profile = profile.display().to_string();
        let common = [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_CONFIG_FILE", &profile)];
        for (wanted, more) in [
            (json!({ "web_identity": path }), vec![]),
            (json!({}), vec![("AWS_WEB_IDENTITY_TOKEN_FILE", path.as_str()), ("AWS_ROLE_ARN", PULL)]),
            (json!({ "profile": "web" }), vec![]),
            (
                json!({}),
                vec![
                    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.as_str()),
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
                ],
            ),
        ] {
            let minted = mint(&wanted, &[&common[..], &more].concat());
            assert_invalid(&minted, &format!("cannot use the token file of the AWS identity, {path}: "));
            assert!(!minted.to_string().contains("canary"), "{minted}");
        }
    }
}

#[test]
fn contradictory_variables_are_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let token = dir.path().join("token");
    fs::write(&token, "of-the-pod").expect("it can be written");
    let token = token.display().to_string();
    let not_valid = "AWS_CONTAINER_CREDENTIALS_FULL_URI or its token is not valid";
    let endpoint = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let cases: [&[(&str, &str)]; 3] = [
        &[(endpoint, "http://10.0.0.1/v1")],
        &[(endpoint, "not a URL")],
        &[(endpoint, "http://127.0.0.1:1/"), ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary\nrest")],
    ];
    for environment in cases {
        let minted = mint(&json!({}), environment);
        assert_invalid(&minted, not_valid);
        assert!(!minted.to_string().contains("canary"), "{minted}");
    }
    let minted = mint(&json!({}), &[("AWS_WEB_IDENTITY_TOKEN_FILE", &token)]);
    assert_eq!(minted["kind"], "denied", "{minted}");
    assert!(minted["error"].as_str().is_some_and(|it| it.ends_with("needs a role in AWS_ROLE_ARN")), "{minted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ca_bundle_of_the_aws_cli_wins_over_the_bundle_of_openssl() {
    let (aws, authority, dir) = (FakeAws::start().await, Authority::new(), tempfile::tempdir().expect("a folder"));
    let tls = FaultProxy::start_tls(aws.address(), &authority.issue(&["api.ecr.us-east-1.amazonaws.com"])).await;
    let proxy = ForwardProxy::start().await;
    proxy.tunnel_to(tls.address());
    let file = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path.display().to_string()
    };
    let (right, wrong, broken) =
        (file("right.pem", &authority.pem()), file("wrong.pem", &Authority::new().pem()), file("broken.pem", "canary"));
    let (absent, folder) = (format!("{right}.absent"), dir.path().display().to_string());
    let url = proxy.url();
    let with = |bundles: &[(&str, &str)]| {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIABASE"), ("AWS_SECRET_ACCESS_KEY", "x"), ("HTTPS_PROXY", url.as_str())];
        Mint::start(&json!({}), &[&keys[..], bundles].concat()).again()
    };
    let good: [&[(&str, &str)]; 4] = [
        &[("AWS_CA_BUNDLE", &right)],
        &[("AWS_CA_BUNDLE", &right), ("SSL_CERT_FILE", &wrong)],
        &[("AWS_CA_BUNDLE", &right), ("SSL_CERT_FILE", &broken)],
        &[("AWS_CA_BUNDLE", ""), ("SSL_CERT_FILE", &right)],
    ];
    for bundles in good {
        assert_eq!(registries(&with(bundles)), [HOST], "{bundles:?}");
    }
    let stranger = with(&[("AWS_CA_BUNDLE", &wrong), ("SSL_CERT_FILE", &right)]);
    assert!(stranger["error"].as_str().is_some_and(|it| it.ends_with("the certificate is not trusted")), "{stranger}");
    // A profile can name a CA bundle too. The variable of AWS takes precedence, and the variable of OpenSSL is then
    // ignored.
    let profile = |bundle: &str| file("config", &format!("[default]\nca_bundle = {bundle}\n"));
    for (bundle, more, is_trusted) in [
        (right.as_str(), None, true),
        (&right, Some(("SSL_CERT_FILE", &wrong)), true),
        (&wrong, Some(("SSL_CERT_FILE", &right)), false),
        (&wrong, Some(("AWS_CA_BUNDLE", &right)), true),
        ("", Some(("SSL_CERT_FILE", &right)), true),
    ] {
        let config = profile(bundle);
        let more = more.map(|(variable, path)| (variable, path.as_str()));
        let minted = with(&[("AWS_CONFIG_FILE", config.as_str())].into_iter().chain(more).collect::<Vec<_>>());
        assert_eq!(minted["registries"].is_array(), is_trusted, "{bundle:?} {more:?}: {minted}");
    }
    let minted = with(&[("AWS_CONFIG_FILE", &profile(&broken))]);
    assert_invalid(
        &minted,
        &format!("cannot use the authorities of ca_bundle of the AWS profile \"default\", {broken}: "),
    );
    for (path, why) in
        [(&absent, "it does not exist"), (&broken, "it has no PEM certificate"), (&folder, "it is not a regular file")]
    {
        let minted = with(&[("AWS_CA_BUNDLE", path)]);
        assert_invalid(&minted, &format!("cannot use the authorities of AWS_CA_BUNDLE, {path}: "));
        assert_invalid(&minted, why);
    }
}
