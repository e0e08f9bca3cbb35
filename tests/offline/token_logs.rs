//! The libraries never log a token, at any log level of the embedding program.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use aws_credential_types::Credentials;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred_core::{Address, StoreName, SystemClock, Target, testing::provider_name};
use regcred_ecr::{EcrProvider, Region};
use regcred_engine::{Engine, Minter, Pass, Route};
use regcred_openshift::{Cluster, Link, OpenShiftSink};
use regcred_testkit::{FakeAws, FakeKube, aws::Answer};

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Write for Heard {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trace_logs_contain_no_part_of_a_token() {
    let heard = Heard::default();
    let writer = heard.clone();
    let everything = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    everything.with_writer(move || writer.clone()).init();
    let (aws, kube) = (FakeAws::start().await, FakeKube::start().await);
    kube.add_namespace("team-a", &["default"]);

    let engine = engine(&aws, &kube).await;
    for force in [false, true] {
        let report = engine.once(Pass::default().with_force(force)).await;
        assert_eq!(report.exit_code(), 0, "{report:?}");
    }
    let token = STANDARD.encode(format!("AWS:{}", aws.issued()[0].password));
    let body = format!("{{\"authorizationData\":[{{\"authorizationToken\":\"{token}\",\"proxyEndpoint\":7}}]}}");
    aws.answer_with(Answer::Raw { status: 200, content_type: "application/x-amz-json-1.1".into(), body });
    let report = self::engine(&aws, &kube).await.once(Pass::default().with_force(true).with_attempts(1)).await;
    assert_eq!(report.exit_code(), 3, "{report:?}");

    let heard = String::from_utf8(heard.0.lock().expect("no panic").clone()).expect("text");
    assert!(heard.contains("TRACE") && heard.contains("minted credential"), "something was heard");
    let shown = format!("{heard} {engine:?} {report:?}");
    for issued in aws.issued() {
        let encoded = STANDARD.encode(format!("AWS:{}", issued.password));
        let twice = STANDARD.encode(&encoded);
        for form in [&issued.password, &encoded, &twice[8..400].to_owned(), &issued.password[100..200].to_owned()] {
            assert!(!shown.contains(form), "a token was heard");
        }
    }
}

async fn engine(aws: &FakeAws, kube: &FakeKube) -> Arc<Engine> {
    let identity = Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", "not-a-real-key", None);
    let provider = EcrProvider::builder(Region::new("eu-west-1").expect("valid"));
    let provider = provider.with_endpoint(aws.url()).with_identity(identity).build().await.expect("it is whole");
    let config = kube::Config::new(kube.url().parse().expect("a URL"));
    let cluster = Cluster::from_config(config, None).await.expect("it is usable");
    let sink = OpenShiftSink::builder(cluster).with_links(Link::defaults()).build();
    let target = Target::new(StoreName::new("cluster").expect("valid"), Address::new("team-a", "ecr-secret"));
    let route = Route::new("test", vec![provider_name("prod")], vec![target], sink);
    let minter = Minter::new(provider_name("prod"), Arc::new(provider));
    Engine::builder(Arc::new(SystemClock)).with_minter(minter).with_route(route).build().expect("it is whole")
}
