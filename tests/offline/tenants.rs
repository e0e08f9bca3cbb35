//! Tenants of one process, each with its own environment. The process has an identity too, which no tenant may use.

use std::{collections::BTreeMap, fs};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred::{Regcred, engine::Pass};
use regcred_ecr::Environment;
use regcred_openshift::{Cluster, Connection};
use regcred_testkit::{ContainerCredentials, FakeAws, FakeKube, ForwardProxy};
use serde_json::{Value, json};

use crate::minting::{Mint, PULL, registries};

const KEYS: &str = "aws_access_key_id = AKIASOURCE\naws_secret_access_key = not-a-real-key\n";

/// A process with every kind of identity.
struct Process {
    aws: FakeAws,
    container: ContainerCredentials,
    proxy: ForwardProxy,
    home: tempfile::TempDir,
}

impl Process {
    async fn start() -> Self {
        let (container, proxy) = (ContainerCredentials::start().await, ForwardProxy::start().await);
        container.accept("token-of-the-process");
        let home = tempfile::tempdir().expect("a folder");
        fs::create_dir(home.path().join(".aws")).expect("a folder");
        let profiles = format!(
            "[default]\naws_access_key_id = AKIAPROCESS\naws_secret_access_key = x\n[profile dev]\n{KEYS}\
             [profile ran]\ncredential_process = /bin/true\n"
        );
        fs::write(home.path().join(".aws/config"), profiles).expect("it can be written");
        fs::write(home.path().join("token"), "token-of-the-process").expect("it can be written");
        Self { aws: FakeAws::start().await, container, proxy, home }
    }

    /// Mints as these tenants in one process. The environment variables name every credential source of the process.
    fn mint(&self, tenants: &Value) -> Mint {
        let (aws, container, proxy) = (self.aws.url(), self.container.url(), self.proxy.url());
        let path = |name: &str| self.home.path().join(name).display().to_string();
        let (home, token, config) = (path(""), path("token"), path(".aws/config"));
        let environment = [
            ("AWS_ACCESS_KEY_ID", "AKIAPROCESS"),
            ("AWS_SECRET_ACCESS_KEY", "not-a-real-key"),
            ("AWS_PROFILE", "default"),
            ("AWS_ROLE_ARN", "arn:aws:iam::999999999999:role/process"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &token),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token-of-the-process"),
            ("AWS_CONFIG_FILE", &config),
            ("AWS_ENDPOINT_URL", &aws),
            ("HTTPS_PROXY", &proxy),
            ("HOME", &home),
        ];
        Mint::start(tenants, &environment)
    }

    fn assert_unused(&self) {
        assert!(self.aws.calls().is_empty(), "{:?}", self.aws.calls());
        assert!(self.container.presented().is_empty() && self.proxy.connects().is_empty());
    }
}

fn host(account: &str) -> String {
    format!("{account}.dkr.ecr.us-east-1.amazonaws.com")
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_tenants_get_the_tokens_of_their_own_identities() {
    let process = Process::start().await;
    let accounts = ["111111111111", "222222222222", "333333333333", "444444444444", "555555555555", "666666666666"];
    let mut clouds = vec![];
    for account in accounts {
        clouds.push(FakeAws::start().await.with_account(account));
    }
    let urls = clouds.iter().map(FakeAws::url).collect::<Vec<_>>();
    let role = |place: usize| format!("arn:aws:iam::{}:role/pull", accounts[place]);
    let keys = |place: usize, key: &str| json!({ "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": "x", "AWS_ENDPOINT_URL": urls[place] });
    let web = |place: usize| {
        let (role, url) = (role(place), &urls[place]);
        json!({ "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ENDPOINT_URL": url })
    };
    let profile = |place: usize| {
        format!(
            "[profile team]\nrole_arn = {}\nsource_profile = source\nexternal_id = theirs\nservices = own\n\
             [services own]\nsts =\n  endpoint_url = {1}\necr =\n  endpoint_url = {1}\n",
            role(place),
            urls[place],
        )
    };
    let config = |home: &str, place| json!({ format!("{home}/.aws/config"): profile(place), format!("{home}/.aws/credentials"): format!("[source]\n{KEYS}") });
    let tenants = json!([
        { "environment": keys(0, "AKIAONE"), "files": {} },
        { "environment": keys(1, "AKIATWO"), "role_arn": role(1), "files": {} },
        { "environment": web(2), "files": { "/token": "token-of-three\n" } },
        { "environment": web(3), "files": { "/token": "token-of-four" } },
        { "environment": { "HOME": "/five", "AWS_PROFILE": "team" }, "files": config("/five", 4) },
        { "environment": { "HOME": "/six" }, "profile": "team", "files": config("/six", 5) },
    ]);

    let mut minting = process.mint(&tenants);
    for _ in 0..2 {
        let minted = minting.again();
        let minted = minted.as_array().expect("one answer for each tenant");
        assert_eq!(minted.iter().map(registries).collect::<Vec<_>>(), accounts.map(|account| vec![host(account)]));
    }

    let calls = clouds.iter().map(FakeAws::calls).collect::<Vec<_>>();
    assert!(calls[0].iter().all(|call| call.access_key == "AKIAONE"), "{calls:?}");
    for (place, key) in [(1, "AKIATWO"), (4, "AKIASOURCE"), (5, "AKIASOURCE")] {
        assert_eq!((calls[place].len(), calls[place][0].access_key.as_str()), (4, key));
        assert_eq!(calls[place][0].role_arn, Some(role(place)));
    }
    assert_eq!(calls[4][0].external_id.as_deref(), Some("theirs"));
    for (place, token) in [(2, "token-of-three"), (3, "token-of-four")] {
        assert_eq!(calls[place][0].web_identity_token.as_deref(), Some(token));
    }
    assert!(clouds.iter().all(|aws| aws.issued().len() == 2), "each tenant has tokens of its own");
    process.assert_unused();
    assert!(!minting.log().contains("not-a-real-key"), "no key is logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_identity_token_of_a_tenant_is_read_again_for_each_mint() {
    let (process, aws) = (Process::start().await, FakeAws::start().await);
    let dir = tempfile::tempdir().expect("a folder");
    let token = dir.path().join("token");
    let variables =
        json!({ "AWS_ROLE_ARN": PULL, "AWS_WEB_IDENTITY_TOKEN_FILE": token, "AWS_ENDPOINT_URL": aws.url() });
    let mut minting = process.mint(&json!([{ "environment": variables }]));
    for text in ["first", "second"] {
        fs::write(&token, text).expect("it can be written");
        registries(&minting.again()[0]);
    }
    let tokens = aws.calls().into_iter().filter_map(|call| call.web_identity_token).collect::<Vec<_>>();
    assert_eq!(tokens, ["first", "second"]);
    aws.expire_web_identity("second");
    let told = minting.again();
    let said = told[0]["error"].as_str().expect("it failed");
    assert_eq!(told[0]["kind"], "denied", "{said}");
    assert!(
        said.contains("cannot call sts:AssumeRoleWithWebIdentity: AWS denied it") && !said.contains("second"),
        "{said}"
    );
    fs::remove_file(&token).expect("it is there");
    let told = minting.again();
    assert_eq!(told[0]["kind"], "invalid", "{told}");
    process.assert_unused();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_credentials_fails_although_the_process_has_some() {
    let process = Process::start().await;
    let home = process.home.path();
    let tenants = json!([
        { "environment": {} },
        { "environment": {}, "files": {} },
        { "environment": {}, "role_arn": PULL },
        { "environment": { "AWS_ACCESS_KEY_ID": "AKIAHALF" } },
        { "environment": { "AWS_ROLE_ARN": PULL } },
        { "environment": {}, "profile": "dev" },
        { "environment": { "AWS_PROFILE": "dev", "HOME": home }, "files": {} },
        { "environment": { "HOME": home }, "web_identity": "/absent", "files": {} },
    ]);
    let told = process.mint(&tenants).again();
    let nowhere = "cannot find AWS credentials: the variables, profiles and web identity of the program have none";
    let said = [
        ("denied", nowhere),
        ("denied", nowhere),
        ("denied", nowhere),
        ("denied", "AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY"),
        ("denied", nowhere),
        ("invalid", "cannot find the AWS profile \"dev\": there is no home folder to look in"),
        ("invalid", "cannot find the AWS profile \"dev\" that AWS_PROFILE names"),
        ("invalid", "cannot use the token file of the AWS identity, /absent: it does not exist"),
    ];
    for (place, (kind, message)) in said.into_iter().enumerate() {
        assert_eq!(told[place]["kind"], kind, "{place}: {told}");
        assert!(told[place]["error"].as_str().is_some_and(|it| it.contains(message)), "{place}: {told}");
    }
    process.assert_unused();
    assert_eq!(registries(&process.mint(&json!([{}])).again()[0]), [host("123456789012")]);
    assert_eq!(process.aws.calls()[0].access_key, "AKIAPROCESS", "without an environment it is still the process");
}

#[tokio::test(flavor = "multi_thread")]
async fn credential_sources_of_the_process_are_refused_by_name() {
    let process = Process::start().await;
    let config = |text: &str| json!({ "/home/.aws/config": format!("[default]\n{text}") });
    let own = |text: &str| json!({ "environment": { "HOME": "/home" }, "files": config(text) });
    let role = |source: &str| own(&format!("role_arn = {PULL}\ncredential_source = {source}\n"));
    let sso = "sso_start_url = https://x.example\nsso_region = us-east-1\nsso_account_id = 123456789012\n\
               sso_role_name = x\n";
    let cases = [
        (json!({ "environment": {}, "instance": true }), "the role of the machine"),
        (role("Ec2InstanceMetadata"), "the role of the machine"),
        (role("EcsContainer"), "EcsContainer as credential_source of the AWS profile \"default\""),
        (own(sso), "the SSO session of the AWS profile \"default\""),
        (own("login_session = x\n"), "the login session of the AWS profile \"default\""),
        (own("credential_process = /bin/true\n"), "the credential_process of the AWS profile \"default\""),
        (
            json!({ "environment": { "HOME": process.home.path() }, "profile": "ran" }),
            "the credential_process of the AWS profile \"ran\"",
        ),
        (
            json!({ "environment": { "AWS_CONTAINER_CREDENTIALS_FULL_URI": process.container.url() } }),
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            json!({ "environment": { "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x" } }),
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        ),
    ];
    let (tenants, refused): (Vec<_>, Vec<_>) = cases.into_iter().unzip();
    let told = process.mint(&Value::from(tenants)).again();
    for (place, what) in refused.into_iter().enumerate() {
        let error = told[place]["error"].as_str().unwrap_or_else(|| panic!("{place}: {told}"));
        assert_eq!(told[place]["kind"], "invalid", "{error}");
        assert!(error.contains(&format!("cannot use {what}: it belongs to the process")), "{error}");
    }
    process.assert_unused();
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_and_proxies_come_from_the_tenant() {
    let (process, proxy) = (Process::start().await, ForwardProxy::start().await);
    let keys = |more: &[(&str, &str)]| {
        let keys = [("AWS_ACCESS_KEY_ID", "AKIAONE"), ("AWS_SECRET_ACCESS_KEY", "x")];
        json!({ "environment": keys.iter().chain(more).copied().collect::<BTreeMap<_, _>>(), "files": {} })
    };
    let proxy_url = proxy.url();
    let proxied = |more: &[(&str, &str)]| keys(&[&[("HTTPS_PROXY", proxy_url.as_str())], more].concat());
    let far = ("AWS_ENDPOINT_URL", "https://far.example");
    let tenants = json!([
        proxied(&[]),
        proxied(&[("AWS_USE_FIPS_ENDPOINT", "true")]),
        proxied(&[("AWS_USE_DUALSTACK_ENDPOINT", "True")]),
        proxied(&[far]),
        proxied(&[far, ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"), ("AWS_USE_FIPS_ENDPOINT", "true")]),
        keys(&[("AWS_USE_FIPS_ENDPOINT", "maybe")]),
        keys(&[("AWS_ENDPOINT_URL_ECR", "http://far.example")]),
        keys(&[("AWS_CA_BUNDLE", "/absent.pem")]),
    ]);
    let told = process.mint(&tenants).again();
    let mut hosts = proxy.connects();
    hosts.sort();
    let [usual, fips] = ["api.ecr", "api.ecr-fips"].map(|name| format!("{name}.us-east-1.amazonaws.com:443"));
    let [dual_stack, far] = ["ecr.us-east-1.api.aws:443", "far.example:443"].map(str::to_owned);
    assert_eq!(hosts, [fips.clone(), fips, usual, dual_stack, far], "{told}");
    let refused = [
        (5, "cannot use AWS_USE_FIPS_ENDPOINT or use_fips_endpoint of the AWS profile: it is neither true nor false"),
        (
            6,
            "cannot use the endpoint \"http://far.example\" of AWS_ENDPOINT_URL_ECR: it is neither HTTPS nor on loopback",
        ),
        (7, "cannot use the authorities of AWS_CA_BUNDLE, /absent.pem: cannot read /absent.pem: it does not exist"),
    ];
    for (place, message) in refused {
        assert_eq!((&told[place]["kind"], &told[place]["error"]), (&"invalid".into(), &message.into()), "{told}");
    }
    process.assert_unused();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_daemons_of_one_process_write_the_tokens_of_their_own_tenants() {
    let kube = FakeKube::start().await;
    let dir = tempfile::tempdir().expect("a folder");
    let kubeconfig = dir.path().join("kubeconfig");
    fs::write(&kubeconfig, kube.kubeconfig()).expect("it can be written");
    let connection = Connection { kubeconfig: Some(kubeconfig), context: None };
    let cluster = Cluster::connect(&connection).await.expect("it is usable");
    let (mut clouds, mut tenants) = (vec![], vec![]);
    for (tenant, account) in [("team-a", "111111111111"), ("team-b", "222222222222")] {
        kube.add_namespace(tenant, &["default"]);
        let aws = FakeAws::start().await.with_account(account);
        let variables =
            [("AWS_ACCESS_KEY_ID", tenant), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_ENDPOINT_URL", &aws.url())];
        let config = format!("instance: {tenant}\ntargets:\n- {{ namespace: {tenant}, region: us-east-1 }}\n");
        let regcred = Regcred::builder()
            .with_yaml(config)
            .with_cluster("cluster".parse().expect("a name"), cluster.clone())
            .with_aws_environment(Environment::new(variables))
            .build();
        tenants.push(regcred.expect("it is whole"));
        clouds.push((tenant, account, aws));
    }
    let [one, other] = tenants.as_mut_slice() else { panic!("there are two") };
    let (one, other) = tokio::join!(one.once(Pass::default()), other.once(Pass::default()));
    for report in [one, other] {
        assert_eq!(report.expect("it runs").exit_code(), 0);
    }
    for (tenant, account, aws) in clouds {
        let secret = kube.object("secrets", tenant, "ecr-secret").expect("it was written");
        let login = secret["data"][".dockerconfigjson"].as_str().expect("text");
        let login = serde_json::from_slice::<Value>(&STANDARD.decode(login).expect("base64")).expect("JSON");
        let issued = aws.issued();
        assert_eq!(issued.len(), 1);
        let auth = STANDARD.encode(format!("AWS:{}", issued[0].password));
        assert_eq!(login["auths"], json!({ host(account): { "auth": auth } }));
        assert!(aws.calls().iter().all(|call| call.access_key == tenant), "{:?}", aws.calls());
    }
}
