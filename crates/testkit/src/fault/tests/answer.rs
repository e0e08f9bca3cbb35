//! Tests of one fault each, on a new or an open connection.

use std::time::Instant;

use super::*;

/// Opens a connection, uses it once, and then sets the fault.
async fn idle(proxy: &FaultProxy, fault: Fault) -> TcpStream {
    let mut stream = connect(proxy).await;
    ask(&mut stream).await;
    receive(&mut stream).await;
    proxy.set(fault);
    stream
}

#[tokio::test]
async fn an_idle_connection_gets_the_new_fault_with_its_next_request() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    for (fault, heard) in [
        (Fault::Refuse, ""),
        (Fault::Truncate(0), ""),
        (Fault::Truncate(12), "HTTP/1.1 200"),
        (Fault::BadHandshake, ""),
        (Fault::SilentHandshake, ""),
    ] {
        proxy.set(Fault::None);
        let mut stream = idle(&proxy, fault.clone()).await;
        assert!(is_silent(&mut stream).await, "{fault:?}");
        ask(&mut stream).await;
        // On some systems a refusal resets the connection, because the request stays unread.
        assert_eq!(String::from_utf8_lossy(&drain(&mut stream).await.0), heard, "{fault:?}");
    }
}

#[tokio::test]
async fn a_fault_applies_to_the_given_number_of_requests() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    proxy.set_for(2, Fault::answer(503, "text/plain", "no healthy upstream"));
    for _ in 0..2 {
        let mut stream = connect(&proxy).await;
        ask(&mut stream).await;
        let (heard, end) = drain(&mut stream).await;
        assert!(heard.starts_with(b"HTTP/1.1 503 Service Unavailable\r\n") && end.is_ok());
    }
    let mut stream = connect(&proxy).await;
    ask(&mut stream).await;
    receive(&mut stream).await;
}

#[tokio::test]
async fn a_delay_applies_to_every_answer() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    proxy.set(Fault::Delay(LONG_ENOUGH));
    let mut stream = connect(&proxy).await;
    for _ in 0..2 {
        let start = Instant::now();
        ask(&mut stream).await;
        receive(&mut stream).await;
        assert!(start.elapsed() >= LONG_ENOUGH);
    }
}

#[tokio::test]
async fn a_refused_connection_is_closed_without_a_byte() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    proxy.set(Fault::Refuse);
    assert_eq!(drain(&mut connect(&proxy).await).await, (Vec::new(), Ok(())));
    assert_eq!((proxy.connections(), proxy.requests()), (1, 0));
}

#[tokio::test]
async fn a_reset_replaces_or_interrupts_the_answer() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    for (fault, heard) in [(Fault::Reset, ""), (Fault::ResetAfter(0), ""), (Fault::ResetAfter(8), "HTTP/1.1")] {
        proxy.set(fault.clone());
        let mut stream = connect(&proxy).await;
        ask(&mut stream).await;
        let expected = (heard.as_bytes().to_vec(), Err(io::ErrorKind::ConnectionReset));
        assert_eq!(drain(&mut stream).await, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_black_hole_accepts_everything_and_stays_open() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    proxy.set(Fault::BlackHole);
    let mut stream = connect(&proxy).await;
    for _ in 0..3 {
        ask(&mut stream).await;
        assert!(is_silent(&mut stream).await);
    }
    proxy.set(Fault::None);
    ask(&mut stream).await;
    assert!(is_silent(&mut stream).await, "what fell in stays in");
    assert_eq!(proxy.requests(), 1);
}

#[tokio::test]
async fn a_truncation_limit_applies_to_each_answer_separately() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    let mut stream = connect(&proxy).await;
    ask(&mut stream).await;
    let whole = receive(&mut stream).await.len();
    proxy.set(Fault::Truncate(whole + 1));
    for _ in 0..2 {
        ask(&mut stream).await;
        assert_eq!(receive(&mut stream).await.len(), whole);
    }
    proxy.set(Fault::Truncate(whole - 1));
    ask(&mut stream).await;
    let (heard, end) = drain(&mut stream).await;
    assert_eq!((heard.len(), end), (whole - 1, Ok(())));
}

#[tokio::test]
async fn garbage_is_not_http_and_the_connection_closes_cleanly() {
    let proxy = FaultProxy::start(upstream().await.address()).await;
    for fault in [Fault::Garbage, Fault::BadHandshake] {
        proxy.set(fault);
        let mut stream = connect(&proxy).await;
        ask(&mut stream).await;
        let (heard, end) = drain(&mut stream).await;
        assert!(heard.starts_with(b"\x00\x01\xfe\xff") && end.is_ok());
    }
}

#[tokio::test]
async fn an_answer_of_the_proxy_has_its_headers_and_does_not_reach_the_upstream() {
    let proxy = FaultProxy::start(upstream().await.address()).await;
    proxy.set(Fault::Answer {
        status: 429,
        content_type: "text/html".into(),
        headers: vec![("Retry-After".into(), "1".into()), ("content-length".into(), "99".into())],
        body: "<html>".into(),
    });
    let mut stream = connect(&proxy).await;
    ask(&mut stream).await;
    let (heard, end) = drain(&mut stream).await;
    assert_eq!(
        (String::from_utf8_lossy(&heard).as_ref(), end),
        (
            "HTTP/1.1 429 Too Many Requests\r\ncontent-type: text/html\r\nconnection: close\r\nRetry-After: 1\r\n\
             content-length: 99\r\n\r\n<html>",
            Ok(())
        )
    );
}

#[tokio::test]
async fn a_slow_body_follows_an_immediate_head() {
    let upstream = upstream().await;
    let proxy = FaultProxy::start(upstream.address()).await;
    proxy.set(Fault::SlowBody { bytes: 4, every: LONG_ENOUGH });
    let mut stream = connect(&proxy).await;
    ask(&mut stream).await;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("the head comes"));
    }
    // The body has three pieces, with a pause before each. The first pause may have started already.
    let start = Instant::now();
    assert_eq!(receive(&mut stream).await, BODY);
    assert!(start.elapsed() >= LONG_ENOUGH * 2);
}
