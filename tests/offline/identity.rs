//! Every identity through the real provider of the SDK, which reads it from the environment of a process.

use std::{fs, path::Path, time::Duration};

use regcred_testkit::{ContainerCredentials, FakeAws, FaultProxy, ForwardProxy, InstanceMetadata, tls::Authority};
use serde_json::json;

use crate::minting::{HOST, Mint, PULL, mint, registries};

fn keys(aws: &FakeAws) -> [(&'static str, String); 3] {
    let key = |name, value: &str| (name, value.to_owned());
    let url = aws.url();
    [
        key("AWS_ENDPOINT_URL", &url),
        key("AWS_ACCESS_KEY_ID", "AKIABASE"),
        key("AWS_SECRET_ACCESS_KEY", "not-a-real-key"),
    ]
}

fn borrowed<'a, const N: usize>(environment: &'a [(&'static str, String); N]) -> [(&'static str, &'a str); N] {
    std::array::from_fn(|place| (environment[place].0, environment[place].1.as_str()))
}

fn actions(aws: &FakeAws) -> Vec<String> {
    aws.calls().into_iter().map(|call| call.action).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_named_profile_is_used_with_its_role() {
    let aws = FakeAws::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config");
    let profiles = format!(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = not-a-real-key\n\
         [profile other]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = not-a-real-key\n\
         [profile role]\nrole_arn = {PULL}\nsource_profile = other\nrole_session_name = from-profile\n"
    );
    fs::write(&file, profiles).expect("it can be written");
    let (file, url) = (file.display().to_string(), aws.url());
    let environment = [("AWS_CONFIG_FILE", file.as_str()), ("AWS_ENDPOINT_URL", url.as_str())];

    assert_eq!(registries(&mint(&json!({ "profile": "other" }), &environment)), [HOST]);
    assert_eq!(aws.calls().pop().map(|call| call.access_key), Some("AKIAOTHER".into()));
    assert_eq!(registries(&mint(&json!({}), &environment)), [HOST]);
    assert_eq!(
        aws.calls().pop().map(|call| call.access_key),
        Some("AKIADEFAULT".into()),
        "the chain has the default one"
    );

    assert_eq!(registries(&mint(&json!({ "profile": "role" }), &environment)), [HOST]);
    let calls = aws.calls();
    let [.., assumed, minted] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((assumed.action.as_str(), assumed.access_key.as_str()), ("AssumeRole", "AKIAOTHER"));
    assert_eq!((assumed.role_arn.as_deref(), assumed.session_name.as_deref()), (Some(PULL), Some("from-profile")));
    assert_eq!(minted.access_key, aws.sessions()[0].keys.access_key);

    let mut none = Mint::start(&json!({ "profile": "none" }), &environment);
    for _ in 0..2 {
        let told = none.again();
        assert_eq!(told["kind"], "invalid", "{told}");
        assert!(
            told["error"].as_str().is_some_and(|it| it.contains("cannot find the AWS profile \"none\": it is not in ")),
            "{told}"
        );
    }
    let mut renewed = Mint::start(&json!({ "profile": "other" }), &environment);
    assert_eq!(registries(&renewed.again()), [HOST]);
    let text = fs::read_to_string(&file).expect("text").replace("AKIAOTHER", "AKIARENEWED");
    fs::write(&file, text).expect("it can be written");
    assert_eq!(registries(&renewed.again()), [HOST]);
    assert_eq!(aws.calls().pop().map(|call| call.access_key), Some("AKIARENEWED".into()), "it is read anew each time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_profile_never_ends_the_credential_chain() {
    let aws = FakeAws::start().await;
    aws.set_session_life(Duration::from_secs(5));
    let dir = tempfile::tempdir().expect("a folder");
    let (config, token) = (dir.path().join("config"), dir.path().join("token"));
    fs::write(&config, "[profile other]\nregion = eu-west-1\n").expect("it can be written");
    fs::write(&token, "of-the-pod").expect("it can be written");
    let (config, token, url) = (config.display().to_string(), token.display().to_string(), aws.url());
    let environment = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_PROFILE", "typo"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
        ("AWS_ROLE_ARN", PULL),
        ("AWS_ENDPOINT_URL", url.as_str()),
    ];
    let mut minting = Mint::start(&json!({}), &environment);
    for _ in 0..3 {
        assert_eq!(registries(&minting.again()), [HOST]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_http_endpoint_is_refused_wherever_it_is_configured() {
    let aws = FakeAws::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("config");
    let profiles = format!(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = not-a-real-key\n\
         [profile role]\nrole_arn = {PULL}\nsource_profile = default\nservices = far\n\
         [services far]\nsts =\n  endpoint_url = http://sts.example\n"
    );
    fs::write(&file, profiles).expect("it can be written");
    let (file, url) = (file.display().to_string(), aws.url());
    let environment =
        [("AWS_CONFIG_FILE", file.as_str()), ("AWS_ENDPOINT_URL_ECR", url.as_str()), ("AWS_PROFILE", "role")];
    let refused = mint(&json!({ "profile": "role" }), &environment);
    assert_eq!(refused["kind"], "invalid", "{refused}");
    assert!(refused["error"].as_str().expect("text").ends_with("neither HTTPS nor on loopback"), "{refused}");
    assert!(aws.calls().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_is_assumed_with_external_id_and_session_name() {
    let aws = FakeAws::start().await;
    aws.require_external_id(PULL, "their-id");
    let environment = keys(&aws);
    let minted = mint(
        &json!({ "role_arn": PULL, "external_id": "their-id", "session_name": "nightly" }),
        &borrowed(&environment),
    );
    assert_eq!(registries(&minted), [HOST]);
    let call = aws.calls().remove(0);
    assert_eq!((call.action.as_str(), call.region.as_str()), ("AssumeRole", "us-east-1"));
    assert_eq!(call.external_id.as_deref(), Some("their-id"));
    assert_eq!(call.session_name.as_deref(), Some("nightly"));

    let denied = mint(&json!({ "role_arn": PULL }), &borrowed(&environment));
    let said = denied["error"].as_str().expect("text");
    assert_eq!(denied["kind"], "denied", "{said}");
    assert!(
        said.contains("cannot call sts:AssumeRole: AWS denied it") && said.contains("action sts:AssumeRole"),
        "{said}"
    );
    assert!(said.contains("principal arn:aws:iam::123456789012:"), "{said}");
    let calls = aws.calls();
    assert_eq!(calls.last().and_then(|call| call.session_name.as_deref()), Some("regcred"));
    assert_eq!(actions(&aws), ["AssumeRole", "GetAuthorizationToken", "AssumeRole"], "one call is one attempt");

    let bad = mint(&json!({ "role_arn": "arn:aws:iam::123456789012:user/x" }), &borrowed(&environment));
    assert_eq!(bad["kind"], "invalid", "{bad}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_identity_file_is_read_for_each_mint_and_may_be_missing_for_a_while() {
    let aws = FakeAws::start().await;
    aws.set_session_life(Duration::from_secs(5)); // shorter than the SDK's cache allows, so each mint calls STS again
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("token");
    let (path, url) = (file.display().to_string(), aws.url());
    let chain =
        [("AWS_WEB_IDENTITY_TOKEN_FILE", path.as_str()), ("AWS_ROLE_ARN", PULL), ("AWS_ENDPOINT_URL", url.as_str())];
    for (round, (wanted, environment)) in
        [(json!({ "web_identity": path }), &chain[2..]), (json!({}), &chain[..])].into_iter().enumerate()
    {
        let before = aws.calls().len();
        let [one, two, three] = ["one", "two", "three"].map(|name| format!("canary-{round}-{name}"));
        fs::write(&file, &one).expect("it can be written");
        let mut minting = Mint::start(&wanted, environment);
        assert_eq!(registries(&minting.again()), [HOST]);
        fs::write(&file, "").expect("it can be written");
        let empty = minting.again();
        let said = |told: &serde_json::Value, how: &str| {
            told["error"]
                .as_str()
                .expect("text")
                .ends_with(&format!("cannot use the token file of the AWS identity, {path}: {how}"))
        };
        assert_eq!((&empty["kind"], said(&empty, "it is empty")), (&json!("unreachable"), true), "{empty}");
        fs::remove_file(&file).expect("it can be removed");
        let gone = minting.again();
        assert_eq!((&gone["kind"], said(&gone, "it does not exist")), (&json!("invalid"), true), "{gone}");
        fs::write(&file, &two).expect("it can be written");
        assert_eq!(registries(&minting.again()), [HOST]);
        aws.expire_web_identity(&two);
        let expired = minting.again();
        let said = expired["error"].as_str().expect("text").to_owned();
        assert!(expired["kind"] == "denied" && said.contains("ExpiredToken"), "{said}");
        fs::write(&file, &three).expect("it can be written");
        assert_eq!(registries(&minting.again()), [HOST]);

        let calls = aws.calls().split_off(before);
        let tokens = calls.iter().filter_map(|call| call.web_identity_token.as_deref()).collect::<Vec<_>>();
        assert_eq!(tokens, [&one, &two, &two, &three]);
        let log = minting.log();
        assert!(log.contains("TRACE") && !log.contains("canary"), "no token of the pod is logged");
        assert!(
            aws.sessions().iter().all(|it| !log.contains(&it.keys.secret_key) && !log.contains(&it.keys.session_token))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_from_the_environment_is_trimmed_and_refused_if_invalid() {
    let aws = FakeAws::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("token");
    fs::write(&file, "of-the-pod").expect("it can be written");
    let (path, url) = (file.display().to_string(), aws.url());
    let with = |role: &str, session: &str| {
        let environment = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", path.as_str()),
            ("AWS_ROLE_ARN", role),
            ("AWS_ROLE_SESSION_NAME", session),
            ("AWS_ENDPOINT_URL", url.as_str()),
        ];
        mint(&json!({}), &environment)
    };
    for around in ["", " ", "\n", "\r\n", "\t", "\n\n"] {
        assert_eq!(
            registries(&with(&format!("{around}{PULL}{around}"), &format!("pod{around}"))),
            [HOST],
            "{around:?}"
        );
    }
    let before = aws.calls().len();
    let two = format!("{PULL}\ncanary");
    for (role, session, said) in [
        (two.as_str(), "pod", "cannot use AWS_ROLE_ARN: it contains a newline at character 36"),
        ("arn:aws:iam::123456789012:role/can\u{1}ary", "a", "cannot use AWS_ROLE_ARN: it contains a control character"),
        ("canary", "a", "cannot use AWS_ROLE_ARN: it is not the ARN of a role"),
        ("arn:aws:iam:eu-west-1:123456789012:role/canary", "a", "cannot use AWS_ROLE_ARN: it is not the ARN of a role"),
        (PULL, "can\nary", "cannot use AWS_ROLE_SESSION_NAME: it contains a newline at character 4"),
    ] {
        let told = with(role, session);
        let error = told["error"].as_str().expect("text");
        assert!(told["kind"] == "invalid" && error.contains(said) && !error.contains("canary"), "{role:?}: {told}");
    }
    assert_eq!(with(" \n", "a")["kind"], "denied", "there is no role");
    assert_eq!(aws.calls().len(), before, "AWS was not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_sends_the_current_token_of_its_file_and_never_to_a_proxy() {
    let (aws, container, proxy) =
        (FakeAws::start().await, ContainerCredentials::start().await, ForwardProxy::start().await);
    container.set_life(Duration::from_secs(5));
    container.accept("pod-one");
    container.accept("pod-two");
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("token");
    let (path, url, credentials, proxied) = (file.display().to_string(), aws.url(), container.url(), proxy.url());
    let environment = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", credentials.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path.as_str()),
        ("AWS_ENDPOINT_URL", url.as_str()),
        ("HTTP_PROXY", proxied.as_str()),
    ];
    fs::write(&file, "pod-one").expect("it can be written");
    let mut minting = Mint::start(&json!({}), &environment);
    assert_eq!(registries(&minting.again()), [HOST]);
    assert_eq!(aws.calls()[0].access_key, container.issued()[0].access_key);
    fs::write(&file, "pod-two").expect("it can be written");
    assert_eq!(registries(&minting.again()), [HOST]);
    fs::write(&file, "pod-three").expect("it can be written");
    let refused = minting.again();
    assert_eq!(refused["kind"], "denied", "{refused}");
    assert!(
        refused["error"]
            .as_str()
            .is_some_and(|it| it.ends_with("the container credentials endpoint answered HTTP 401")),
        "{refused}"
    );
    assert_eq!(container.presented(), ["pod-one", "pod-two", "pod-three"]);
    assert!(proxy.requests().is_empty() && proxy.connects().is_empty(), "what is near goes through no proxy");
    let log = minting.log();
    assert!(container.issued().iter().all(|it| !log.contains(&it.secret_key) && !log.contains(&it.session_token)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_of_the_machine_is_used_only_if_configured() {
    let (aws, metadata) = (FakeAws::start().await, InstanceMetadata::start().await);
    let (url, there) = (aws.url(), metadata.url());
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", there.as_str()), ("AWS_ENDPOINT_URL", url.as_str())];
    let without = mint(&json!({}), &environment);
    assert!(without["kind"] == "denied" && metadata.requests().is_empty(), "{without}");
    assert_eq!(registries(&mint(&json!({ "instance": true }), &environment)), [HOST]);
    assert_eq!(aws.calls()[0].access_key, metadata.issued()[0].access_key);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_role_list_without_exactly_one_role_is_malformed() {
    let (aws, metadata) = (FakeAws::start().await, InstanceMetadata::start().await);
    let (url, there) = (aws.url(), metadata.url());
    let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", there.as_str()), ("AWS_ENDPOINT_URL", url.as_str())];
    for list in ["fake-role", "fake-role\n", "fake-role\r\n"] {
        metadata.list_roles_as(list);
        assert_eq!(registries(&mint(&json!({ "instance": true }), &environment)), [HOST], "{list:?}");
    }
    for list in [
        "canary1\ncanary2\n",
        "my canary",
        "{\"canary\": 1}",
        "can\0ary",
        "<html>canary</html>",
        "",
        "\r\n",
        " canary",
        "canary\u{7f}",
        "canärŷ",
    ] {
        metadata.list_roles_as(list);
        let told = mint(&json!({ "instance": true }), &environment);
        assert_eq!(told["kind"], "malformed", "{list:?}: {told}");
        let said = told["error"].as_str().expect("text");
        assert!(said.contains("the instance metadata service") && !said.contains("canary"), "{list:?}: {said}");
    }
    for endpoint in ["::bad", "", "169.254.169.254"] {
        let environment = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint), ("AWS_ENDPOINT_URL", url.as_str())];
        let told = mint(&json!({ "instance": true }), &environment);
        let said = told["error"].as_str().expect("text");
        assert!(told["kind"] == "invalid" && said.contains("AWS_EC2_METADATA_SERVICE_ENDPOINT"), "{endpoint}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_principal_is_compared_before_a_mint() {
    let aws = FakeAws::start().await;
    let environment = keys(&aws);
    let minted = mint(&json!({ "role_arn": PULL, "principal": PULL }), &borrowed(&environment));
    assert_eq!(registries(&minted), [HOST]);
    assert!(actions(&aws).contains(&"GetCallerIdentity".into()));
    let before = aws.issued().len();
    let push = "arn:aws:iam::123456789012:role/push";
    let other = mint(&json!({ "role_arn": PULL, "principal": push }), &borrowed(&environment));
    let said = other["error"].as_str().expect("text");
    assert_eq!(other["kind"], "denied");
    assert!(
        said.contains("the caller is arn:aws:sts::123456789012:assumed-role/pull/regcred") && said.contains(push),
        "{said}"
    );
    assert_eq!(aws.issued().len(), before, "no token was asked for");
}

/// Starts AWS behind TLS of a private authority. A proxy sends every host to it.
async fn far(aws: &FakeAws, dir: &Path) -> (ForwardProxy, FaultProxy, String) {
    let authority = Authority::new();
    let names = [
        "api.ecr.us-east-1.amazonaws.com",
        "api.ecr-fips.us-east-1.amazonaws.com",
        "ecr.us-east-1.api.aws",
        "ecr-fips.us-east-1.api.aws",
        "sts.us-east-1.amazonaws.com",
        "sts-fips.us-east-1.amazonaws.com",
    ];
    let tls = FaultProxy::start_tls(aws.address(), &authority.issue(&names)).await;
    let proxy = ForwardProxy::start().await;
    proxy.tunnel_to(tls.address());
    let bundle = dir.join("ca.pem");
    fs::write(&bundle, authority.pem()).expect("it can be written");
    (proxy, tls, bundle.display().to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn fips_and_dual_stack_endpoints_work_with_a_proxy_and_a_private_authority() {
    let (aws, dir) = (FakeAws::start().await, tempfile::tempdir().expect("a folder"));
    let (proxy, _tls, bundle) = far(&aws, dir.path()).await;
    let url = proxy.url();
    let environment = [
        ("HTTPS_PROXY", url.as_str()),
        ("SSL_CERT_FILE", bundle.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIABASE"),
        ("AWS_SECRET_ACCESS_KEY", "not-a-real-key"),
    ];
    let cases = [
        (false, false, "api.ecr.us-east-1.amazonaws.com:443"),
        (true, false, "api.ecr-fips.us-east-1.amazonaws.com:443"),
        (false, true, "ecr.us-east-1.api.aws:443"),
        (true, true, "ecr-fips.us-east-1.api.aws:443"),
    ];
    for (fips, dual_stack, endpoint) in cases {
        let minted = mint(&json!({ "fips": fips, "dual_stack": dual_stack }), &environment);
        assert_eq!(registries(&minted), [HOST], "{endpoint}");
        assert_eq!(proxy.connects().pop().as_deref(), Some(endpoint));
    }
    let token = dir.path().join("token");
    fs::write(&token, "of-the-pod").expect("it can be written");
    let token = token.display().to_string();
    let web = [
        ("HTTPS_PROXY", url.as_str()),
        ("SSL_CERT_FILE", bundle.as_str()),
        ("AWS_USE_FIPS_ENDPOINT", "true"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()),
        ("AWS_ROLE_ARN", PULL),
    ];
    let before = proxy.connects().len();
    assert_eq!(registries(&mint(&json!({}), &web)), [HOST]);
    let fips = ["sts-fips.us-east-1.amazonaws.com:443", "api.ecr-fips.us-east-1.amazonaws.com:443"];
    assert_eq!(proxy.connects()[before..], fips, "the environment applies to STS too");
    let before = proxy.connects().len();
    assert_eq!(registries(&mint(&json!({ "fips": false }), &web)), [HOST]);
    let plain = ["sts.us-east-1.amazonaws.com:443", "api.ecr.us-east-1.amazonaws.com:443"];
    assert_eq!(proxy.connects()[before..], plain, "the builder wins");
    let minted = mint(&json!({ "aliases": true }), &environment);
    assert_eq!(
        registries(&minted),
        [
            HOST,
            "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com",
            "123456789012.dkr-ecr.us-east-1.on.aws",
            "123456789012.dkr-ecr-fips.us-east-1.on.aws",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusing_proxy_and_an_untrusted_authority_are_distinguished() {
    let (aws, dir) = (FakeAws::start().await, tempfile::tempdir().expect("a folder"));
    let (proxy, _tls, bundle) = far(&aws, dir.path()).await;
    let url = proxy.url();
    let with_trust = |bundle: &str| {
        let environment = [
            ("HTTPS_PROXY", url.as_str()),
            ("SSL_CERT_FILE", bundle),
            ("AWS_ACCESS_KEY_ID", "AKIABASE"),
            ("AWS_SECRET_ACCESS_KEY", "not-a-real-key"),
        ];
        mint(&json!({}), &environment)
    };
    let other = dir.path().join("other.pem");
    fs::write(&other, Authority::new().pem()).expect("it can be written");
    let stranger = with_trust(&other.display().to_string());
    assert!(stranger["error"].as_str().is_some_and(|it| it.ends_with("the certificate is not trusted")), "{stranger}");
    let absent = with_trust(&dir.path().join("absent.pem").display().to_string());
    assert!(
        absent["kind"] == "invalid" && absent["error"].as_str().is_some_and(|it| it.contains("absent.pem")),
        "{absent}"
    );

    for (status, how) in [(407, "the proxy requires credentials (HTTP 407)"), (502, "the proxy refused to connect")] {
        proxy.answer_with(status, "<html>canary</html>");
        let refused = with_trust(&bundle);
        assert_eq!(refused["kind"], "unreachable");
        assert!(refused["error"].as_str().is_some_and(|it| it.ends_with(how)), "{refused}");
    }
    proxy.answer_with(200, "<html>canary</html>");
    let page = with_trust(&bundle);
    assert!(page["kind"] == "unreachable" && !page.to_string().contains("canary"), "a page is not a token: {page}");
    assert!(aws.issued().is_empty());
}

/// The program logs everything at TRACE, as a program that embeds the library may do.
#[tokio::test(flavor = "multi_thread")]
async fn a_shared_file_that_is_not_text_is_reported_by_byte_and_never_logged() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("file");
    let path = file.display().to_string();
    let good = "# f\n[default]\naws_access_key_id = AKIA\naws_secret_access_key = canary\n";
    let with = |from: &str, to: &[u8]| {
        let (before, after) = good.split_once(from).expect("it is there");
        [before.as_bytes(), to, after.as_bytes()].concat()
    };
    let little = good.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let big = good.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>();
    let forms = [
        ("Latin-1 in a comment", with("# f", b"# f\xfcr"), "it is not UTF-8 at byte 3"),
        ("Latin-1 in a section", with("default", b"d\xe9fault"), "it is not UTF-8 at byte 6"),
        ("Latin-1 in a key", with("secret", b"s\xe9cret"), "it is not UTF-8"),
        ("Latin-1 in a value", with("canary", b"canary\xe9"), "it is not UTF-8"),
        ("an overlong sequence", with("canary", b"canary\xc0\xaf"), "it is not UTF-8"),
        ("a sequence that is cut off", [good.as_bytes(), b"\xe2\x82"].concat(), "it is not UTF-8"),
        ("half of a pair", with("canary", b"canary\xed\xa0\x80"), "it is not UTF-8"),
        ("a byte that no text has", with("canary", b"\xffcanary"), "it is not UTF-8"),
        ("UTF-16 with a mark", [b"\xff\xfe", &*little].concat(), "it is not UTF-8 at byte 0"),
        ("UTF-16 of the other order with a mark", [b"\xfe\xff", &*big].concat(), "it is not UTF-8 at byte 0"),
        ("UTF-16", little, ""),
        ("UTF-16 of the other order", big, ""),
        ("a NUL in a value", with("canary", b"can\0ary"), "a control character at character 4"),
        ("a NUL for a line", with("# f", b"\0"), ""),
    ];
    for (what, bytes, said) in forms {
        fs::write(&file, &bytes).expect("it can be written");
        for variable in ["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"] {
            let mut process = Mint::start(&json!({}), &[(variable, &path)]);
            let told = process.again();
            assert_eq!(told["kind"], "invalid", "{what}: {told}");
            let error = told["error"].as_str().expect("text");
            assert!(error.contains(&path) && error.contains(said) && !error.contains("canary"), "{what}: {told}");
            let log = process.log();
            let numbers = |bytes: &[u8]| bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
            let wide = "canary".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
            let is_logged =
                log.contains("canary") || log.contains(&numbers(b"canary")) || log.contains(&numbers(&wide));
            assert!(!is_logged, "{what}: {log}");
        }
    }
}
