//! The program keeps logins of its own provider and of ECR in one Secret.

use std::{fs, process::Command};

use regcred_testkit::{FakeAws, FakeKube};

const CONFIG: &str = "
providers:
  pull: { type: ecr, region: eu-west-1 }
  bot: { type: robot, host: quay.io }
targets:
  - { namespace: team-a, providers: [pull, bot] }
";

#[tokio::test(flavor = "multi_thread")]
async fn logins_of_a_custom_provider_and_of_ecr_share_one_secret() {
    let (aws, kube, dir) = (FakeAws::start().await, FakeKube::start().await, tempfile::tempdir().expect("a folder"));
    kube.add_namespace("team-a", &["builder", "default", "pipeline"]);
    let (config, kubeconfig) = (dir.path().join("config.yaml"), dir.path().join("kubeconfig"));
    fs::write(&config, CONFIG).expect("it can be written");
    fs::write(&kubeconfig, kube.kubeconfig()).expect("it can be written");
    let mut program = Command::new(env!("CARGO_BIN_EXE_third-party"));
    program.arg(config).env_clear().env("KUBECONFIG", kubeconfig).env("AWS_ENDPOINT_URL", aws.url());
    program.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_SECRET_ACCESS_KEY", "opens-nothing");
    let output = program.output().expect("it starts");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    assert!(output.status.success(), "{said}");
    assert_eq!(said, "1 Secret, 2 tokens, Kubernetes 1.35\nteam-a/ecr-secret in cluster is fresh\n");
    let secret = kube.object("secrets", "team-a", "ecr-secret").expect("it was written");
    let hosts = secret["metadata"]["annotations"]["regcred.dev/hosts"].as_str().expect("an annotation");
    assert!(hosts.contains("quay.io") && hosts.contains("123456789012.dkr.ecr.eu-west-1.amazonaws.com"), "{hosts}");
}
