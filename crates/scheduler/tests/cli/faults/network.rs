//! Faults of networks, proxies and untrusted servers between regcred and its servers.

use std::{
    fs,
    time::{Duration, Instant},
};

use regcred_testkit::{
    FaultProxy, ForwardProxy,
    fault::Fault,
    tls::{Authority, Certificate},
};

use super::{BRIEFLY, FORCED, ONE};
use crate::world::{World, of, run};

/// Returns the ways in which bytes are lost, with the message for ECR and the message for the API server.
fn losses() -> [(Fault, &'static str, &'static str); 8] {
    let (late, over) = ("the pass ran out of time", "the pass ran out of time");
    [
        (Fault::Refuse, "the connection failed", "the connection to the API server failed: connection "),
        (Fault::Reset, "the connection failed", "the connection to the API server failed: connection "),
        (Fault::Garbage, "the connection failed", "the connection to the API server failed"),
        (Fault::Truncate(40), "the connection failed", "the connection to the API server failed"),
        (Fault::Truncate(300), "the connection broke during the answer", "the connection to the API server failed"),
        (Fault::ResetAfter(60), "the connection failed", "the connection to the API server failed"),
        (Fault::SlowBody { bytes: 1, every: Duration::from_secs(1) }, late, over),
        (Fault::BlackHole, late, over),
    ]
}

/// Case 11: ECR or the API server accepts the connection and never answers, or closes it early.
///
/// Every call has a deadline, and so has the pass. The pass ends with exit code 3 and names what it could not reach.
/// Secrets stay, and the next pass works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_or_broken_connection_ends_the_pass_within_its_deadline() {
    let world = World::new(&["team-a"]).await;
    assert_eq!(run(&mut world.once(ONE, &[])).0, 0);
    let before = world.secret("team-a");
    let (ecr, kube) = (FaultProxy::start(world.aws.address()).await, FaultProxy::start(world.kube.address()).await);
    world.move_kube(&kube.url(), None);
    for (fault, of_ecr, of_kube) in losses() {
        for (broken, whole, expected) in [(&ecr, &kube, of_ecr), (&kube, &ecr, of_kube)] {
            broken.set(fault.clone());
            whole.set(Fault::None);
            let began = Instant::now();
            let (code, report, _) = run(world.once(ONE, FORCED).env("AWS_ENDPOINT_URL", ecr.url()));
            assert!(began.elapsed() < Duration::from_secs(5), "the pass ends at its deadline");
            let (state, why) = of(&report, "team-a");
            assert_eq!((code, state.as_str()), (3, "failed"), "{fault:?}: {report:#}");
            assert!(why.contains(expected), "{fault:?}: {why}");
            assert_eq!(world.secret("team-a"), before, "{fault:?}");
        }
    }
    ecr.set(Fault::None);
    kube.set(Fault::None);
    for fault in
        [Fault::Delay(Duration::from_millis(100)), Fault::SlowBody { bytes: 2000, every: Duration::from_millis(1) }]
    {
        ecr.set(fault.clone());
        kube.set(fault.clone());
        let (code, report, _) =
            run(world.once(ONE, &["--output", "json", "--force"]).env("AWS_ENDPOINT_URL", ecr.url()));
        assert_eq!(code, 0, "what is only slow works: {fault:?} {report:#}");
    }
}

/// Case 12: a proxy or a load balancer answers instead, with 407, 502 or an HTML page.
///
/// regcred takes nothing from the answer as a token or an object. The message names the proxy or the status of the
/// answer, and quotes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_a_proxy_is_refused_and_not_quoted() {
    let world = World::new(&["team-a"]).await;
    let page = "<html>canary</html>";
    let (ecr, kube) = (FaultProxy::start(world.aws.address()).await, FaultProxy::start(world.kube.address()).await);
    world.move_kube(&kube.url(), None);
    for (status, broken) in [(200, &ecr), (407, &ecr), (502, &ecr), (200, &kube), (407, &kube), (502, &kube)] {
        broken.set(Fault::answer(status, "text/html", page));
        let (code, report, logs) = run(world.once(ONE, BRIEFLY).env("AWS_ENDPOINT_URL", ecr.url()));
        let (state, why) = of(&report, "team-a");
        assert!(code != 0 && state == "failed" && !why.contains("canary") && !logs.contains("canary"), "{why} {logs}");
        assert!(why.contains("HTTP") || why.contains("proxy") || why.contains("the answer is not "), "{status}: {why}");
        broken.set(Fault::None);
    }
    let proxy = ForwardProxy::start().await;
    proxy.answer_with(407, page);
    let mut once = world.once(ONE, BRIEFLY);
    // The proxy has another name than the API server, so that `NO_PROXY` matches only the API server.
    let named = proxy.url().replace("127.0.0.1", "localhost");
    once.env_remove("AWS_ENDPOINT_URL").env("HTTPS_PROXY", &named).env("NO_PROXY", "127.0.0.1");
    let (code, report, _) = run(&mut once);
    let (_, why) = of(&report, "team-a");
    assert!(code == 3 && why.contains("the proxy requires credentials (HTTP 407)"), "{why}");
    assert!(proxy.connects().iter().all(|it| it.ends_with(".eu-west-1.amazonaws.com:443")), "{:?}", proxy.connects());
    assert_eq!(world.kube.objects("secrets").len(), 0);

    // `NO_PROXY` does not name this server, so regcred uses the proxy, even though the proxy is on loopback.
    world.move_kube("https://api.cluster.example:6443", None);
    let mut once = world.once(ONE, BRIEFLY);
    once.env("HTTPS_PROXY", proxy.url()).env("NO_PROXY", "127.0.0.1");
    let (code, ..) = run(&mut once);
    assert!(code == 3 && proxy.connects().contains(&"api.cluster.example:6443".into()), "{:?}", proxy.connects());
    let connects = proxy.connects().len();
    once.env("NO_PROXY", "api.cluster.example");
    run(&mut once);
    assert_eq!(proxy.connects().len(), connects, "one that it names is not");
    let (code, _, error) = run(world.once(ONE, BRIEFLY).env("HTTPS_PROXY", "http://user:canary word@proxy.example"));
    assert!(code == 2 && error.contains("HTTPS_PROXY") && !error.contains("canary"), "{error}");
}

/// Case 13: a certificate is untrusted, expired or for another host, or a bundle of authorities is missing or
/// truncated.
///
/// regcred does not trust the server and sends nothing. It names an unusable bundle, with exit code 2.
#[tokio::test(flavor = "multi_thread")]
async fn an_untrusted_certificate_or_ca_bundle_is_refused() {
    let world = World::new(&["team-a"]).await;
    let authority = Authority::new();
    let bundle = world.write("bundle.pem", &authority.pem());
    let certificates = [
        (authority.issue(&["127.0.0.1"]), true),
        (authority.issue_expired(&["127.0.0.1"]), false),
        (authority.issue(&["elsewhere.example"]), false),
        (Certificate::stranger(), false),
    ];
    for (certificate, trusted) in certificates {
        let ecr = FaultProxy::start_tls(world.aws.address(), &certificate).await;
        let kube = FaultProxy::start_tls(world.kube.address(), &certificate).await;
        let pass = |aws: &str| {
            let mut once = world.once(ONE, FORCED);
            run(once.env("AWS_ENDPOINT_URL", aws).env("SSL_CERT_FILE", &bundle))
        };
        world.move_kube(&world.kube.url(), None);
        let (code, report, _) = pass(&ecr.url());
        assert_eq!(code, if trusted { 0 } else { 3 }, "{report:#}");
        assert!(trusted || ecr.requests() == 0, "nothing is sent");
        assert!(trusted || of(&report, "team-a").1.contains("the certificate is not trusted"), "{report:#}");
        world.move_kube(&kube.url(), Some(&authority.pem()));
        let (code, report, _) = pass(&world.aws.url());
        assert_eq!(code, if trusted { 0 } else { 2 }, "{report:#}");
        assert!(trusted || kube.requests() == 0, "nothing is sent");
        assert!(trusted || of(&report, "team-a").1.contains("certificate is not trusted: it "), "{report:#}");
    }
    world.move_kube(&world.kube.url(), None);
    let before = world.kube.objects("secrets");
    let pem = authority.pem();
    for broken in [Some(&pem[..pem.len() - 40]), Some(""), None] {
        match broken {
            Some(text) => fs::write(&bundle, text).expect("it can be written"),
            None => fs::remove_file(&bundle).expect("it can be removed"),
        }
        let (code, _, error) = run(world.once(ONE, FORCED).env("SSL_CERT_FILE", &bundle));
        assert!(code == 2 && error.contains("SSL_CERT_FILE") && error.contains("bundle.pem"), "{error}");
    }
    assert_eq!(world.kube.objects("secrets"), before);
}
