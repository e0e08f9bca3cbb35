//! Hostile clients at the real endpoint of the real daemon.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpSocket,
    time::timeout,
};

use crate::{
    daemon::{Daemon, has_secret, is_linked},
    world::World,
};

const CONFIG: &str =
    "targets: [{ namespaces: { include: ['app-*'] }, region: eu-west-1, service_accounts: [{ name: default }] }]";
/// The timeout of the kubelet's probes.
const PROBE: Duration = Duration::from_secs(1);
/// An address that none of the hostile clients has.
const KUBELET: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The time limit for connections that must end. The daemon closes every connection within 15 seconds.
const PATIENCE: Duration = Duration::from_secs(30);

async fn start() -> (World, Daemon) {
    let world = World::new(&["app-a"]).await;
    let daemon = Daemon::start(&world, CONFIG);
    world.kube.until("it is served", is_linked("app-a")).await;
    (world, daemon)
}

fn connect(daemon: &Daemon) -> TcpStream {
    let stream = TcpStream::connect(daemon.address()).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

/// Returns all bytes that the daemon sends until it closes the connection.
fn answer(daemon: &Daemon, sent: &[u8]) -> Vec<u8> {
    let mut stream = connect(daemon);
    // The daemon may close the connection before the whole request is written.
    let _ = stream.write_all(sent);
    let mut answer = vec![];
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("it is not closed: {error}"),
        _ => answer,
    }
}

/// Probes from this address as the kubelet does. A probe fails after a second, and three failures in a row restart the
/// pod.
async fn assert_probes_are_answered(daemon: &Daemon, from: Ipv4Addr) {
    for path in ["/livez", "/readyz"] {
        let mut answers = vec![];
        while !answers.last().is_some_and(|it: &String| it.starts_with("HTTP/1.1 200 OK")) {
            assert!(answers.len() < 3, "{path}: {answers:?}");
            let probe = async {
                let mut stream = connect_from(daemon, from).await?;
                stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await?;
                let mut answer = String::new();
                stream.read_to_string(&mut answer).await?;
                std::io::Result::Ok(answer)
            };
            answers.push(match timeout(PROBE, probe).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => error.to_string(),
                Err(_) => "it took too long".into(),
            });
        }
    }
}

/// Sets the soft limit of open files of a process.
fn limit_files(pid: u32, soft: &str) {
    let status = Command::new("prlimit").args(["--pid", &pid.to_string(), &format!("--nofile={soft}:")]).status();
    assert!(status.expect("prlimit starts").success());
}

/// Raises the limit of open files of this process to its maximum, because the tests are the clients.
fn allow_many_files() {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("text");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).expect("the kernel says so");
    limit_files(std::process::id(), line.split_whitespace().nth(1).expect("a hard limit"));
}

/// Connects from this address. All of 127.0.0.0/8 is loopback.
async fn connect_from(daemon: &Daemon, from: Ipv4Addr) -> std::io::Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(daemon.address().parse().expect("an address")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_requests_with_large_headers_take_little_memory() {
    allow_many_files();
    let (_world, daemon) = start().await;
    let before = daemon.memory();
    let mut most = before;
    for size in [400_000, 15_000] {
        let mut request = b"GET /metrics HTTP/1.1\r\n".to_vec();
        while request.len() < size {
            request.extend(format!("X-{}: {}\r\n", request.len(), "x".repeat(4000)).bytes());
        }
        let mut streams = vec![];
        for number in 0..700 {
            let mut stream = connect(&daemon);
            let _ = stream.write_all(&request);
            streams.push(stream);
            if number % 50 == 0 {
                most = most.max(daemon.memory());
            }
        }
        most = most.max(daemon.memory());
        assert_probes_are_answered(&daemon, Ipv4Addr::LOCALHOST).await;
    }
    println!("memory before: {before} KiB, at most: {most} KiB");
    assert!(most - before < 16 * 1024, "{before} KiB became {most} KiB");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_delay_neither_a_probe_nor_a_target() {
    allow_many_files();
    let (world, daemon) = start().await;
    limit_files(daemon.pid(), "1024");
    let before = daemon.open_files();
    let idle = (0..1100).map(|_| connect(&daemon)).collect::<Vec<_>>();
    assert_probes_are_answered(&daemon, Ipv4Addr::LOCALHOST).await;
    // The number of connections to the cluster varies too.
    assert!(daemon.open_files() < before + 64 + 20, "{before} files became {}", daemon.open_files());
    world.kube.add_namespace("app-b", &["default"]);
    world.kube.until("a new namespace is served", has_secret("app-b")).await;
    assert_probes_are_answered(&daemon, Ipv4Addr::LOCALHOST).await;
    drop(idle);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_many_connections_loses_only_its_own_connections() {
    let (_world, daemon) = start().await;
    let mut kubelet = connect_from(&daemon, KUBELET).await.expect("it listens");
    kubelet.write_all(b"GET /livez HTTP/1.1\r\n").await.expect("it is sent");
    let strangers = (0..200).map(|_| connect(&daemon)).collect::<Vec<_>>();
    assert_probes_are_answered(&daemon, Ipv4Addr::LOCALHOST).await;
    kubelet.write_all(b"Host: a\r\n\r\n").await.expect("it is still open");
    let mut answer = String::new();
    kubelet.read_to_string(&mut answer).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    drop(strangers);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_are_answered_while_a_client_connects_as_fast_as_it_can() {
    let (_world, daemon) = start().await;
    let (address, stop) = (daemon.address().to_owned(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    let flood = tokio::task::spawn_blocking(move || {
        let (mut open, mut count) = (VecDeque::new(), 0);
        while !stopped.load(Relaxed) {
            open.push_back(TcpStream::connect(&address).expect("it listens"));
            open.drain(..open.len().saturating_sub(200));
            count += 1;
        }
        count
    });
    for _ in 0..10 {
        assert_probes_are_answered(&daemon, KUBELET).await;
    }
    stop.store(true, Relaxed);
    assert!(flood.await.expect("it ends") > 64, "there was a flood");
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_over_16_kb_are_refused() {
    let (_world, daemon) = start().await;
    let request = |size: usize| format!("GET /livez HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(size));
    assert!(answer(&daemon, request(8000).as_bytes()).starts_with(b"HTTP/1.1 200 "));
    let refused = answer(&daemon, request(17_000).as_bytes());
    assert!(refused.is_empty() || refused.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&refused));
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_2_is_not_answered() {
    let (_world, daemon) = start().await;
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let answer = answer(&daemon, &[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(), &settings].concat());
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    let upgrade = "GET /livez HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n";
    assert!(self::answer(&daemon, upgrade.as_bytes()).starts_with(b"HTTP/1.1 200 "));
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_read_their_answer_hold_no_connection() {
    let (_world, daemon) = start().await;
    let before = daemon.open_files();
    let address = daemon.address().parse::<SocketAddr>().expect("an address");
    let mut slow = vec![];
    for _ in 0..100 {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(1).expect("the kernel takes its smallest");
        let mut stream = socket.connect(address).await.expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("it is sent");
        slow.push(stream);
    }
    assert_probes_are_answered(&daemon, Ipv4Addr::LOCALHOST).await;
    let begin = Instant::now();
    while daemon.open_files() > before + 20 {
        assert!(begin.elapsed() < PATIENCE, "{before} files became {}", daemon.open_files());
        tokio::task::yield_now().await;
    }
    drop(slow);
    daemon.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_request_per_connection_is_answered_and_garbage_is_refused() {
    let (_world, daemon) = start().await;
    let garbage = "\0\u{1}GARBAGE / / /\r\n\r\n".repeat(100);
    for (sent, status) in [
        ("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
        ("HEAD /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
        ("POST /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "405"),
        ("GET /debug HTTP/1.1\r\nHost: a\r\n\r\n", "404"),
        ("", "400"),
    ] {
        let answer = answer(&daemon, format!("{sent}{garbage}").as_bytes());
        let answer = String::from_utf8_lossy(&answer);
        // The garbage may cause a reset that overtakes the answer.
        assert!(answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{sent}: {answer}");
        assert!(answer.matches("HTTP/1.1").count() <= 1, "{sent}: {answer}");
    }
    let head = answer(&daemon, b"HEAD /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head.starts_with(b"HTTP/1.1 200 ") && head.ends_with(b"\r\n\r\n"), "no body");
    assert_probes_are_answered(&daemon, Ipv4Addr::LOCALHOST).await;
    daemon.stop();
}
