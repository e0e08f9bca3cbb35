//! Each tenant gets a token of its own identity, although the process has an identity too.

use std::{fs, process::Command};

use regcred_testkit::{FakeAws, FakeKube};

#[tokio::test(flavor = "multi_thread")]
async fn each_tenant_uses_its_own_identity_and_one_without_credentials_fails() {
    let (process, kube, dir) =
        (FakeAws::start().await, FakeKube::start().await, tempfile::tempdir().expect("a folder"));
    let (keys, web) = (FakeAws::start().await, FakeAws::start().await);
    let role = "AWS_ROLE_ARN=arn:aws:iam::123456789012:role/b\nAWS_WEB_IDENTITY_TOKEN_FILE=/../token";
    let tenants = [
        ("team-a", format!("AWS_ACCESS_KEY_ID=AKIATEAMA\nAWS_SECRET_ACCESS_KEY=x\nAWS_ENDPOINT_URL={}\n", keys.url())),
        ("team-b", format!("{role}\nAWS_ENDPOINT_URL={}\n", web.url())),
        ("team-c", String::new()),
    ];
    for (tenant, variables) in &tenants {
        kube.add_namespace(tenant, &["default"]);
        let folder = dir.path().join(tenant);
        fs::create_dir(&folder).expect("a folder");
        let config = format!("instance: {tenant}\ntargets: [{{ namespace: {tenant}, region: eu-west-1 }}]\n");
        for (file, text) in [("regcred.yaml", &config), ("aws.env", variables), ("token", &format!("of {tenant}"))] {
            fs::write(folder.join(file), text).expect("it can be written");
        }
    }
    let kubeconfig = dir.path().join("kubeconfig");
    fs::write(&kubeconfig, kube.kubeconfig()).expect("it can be written");
    let mut program = Command::new(env!("CARGO_BIN_EXE_tenants"));
    program.args(tenants.iter().map(|(tenant, _)| dir.path().join(tenant)));
    program.env_clear().env("KUBECONFIG", kubeconfig).env("AWS_ENDPOINT_URL", process.url());
    program.env("AWS_ACCESS_KEY_ID", "AKIAPROCESS").env("AWS_SECRET_ACCESS_KEY", "opens-nothing");
    let output = tokio::task::spawn_blocking(move || program.output()).await.expect("no panic").expect("it starts");
    let text = String::from_utf8(output.stdout).expect("text");
    for (tenant, code) in [("team-a", 0), ("team-b", 0), ("team-c", 2)] {
        assert!(text.contains(&format!("/{tenant} ended with {code}\n")), "{text}");
        assert_eq!(kube.object("secrets", tenant, "ecr-secret").is_some(), code == 0, "{tenant}");
    }
    assert!(keys.calls().iter().all(|call| call.access_key == "AKIATEAMA") && keys.issued().len() == 1);
    assert_eq!(web.calls()[0].web_identity_token.as_deref(), Some("of team-b"));
    assert!(process.calls().is_empty(), "{:?}", process.calls());
}
