//! Tunnels after a successful `CONNECT`.

use std::{net::SocketAddr, sync::Mutex};

use axum::{extract::Request, response::Response};
use hyper::upgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncWriteExt, copy, copy_bidirectional, sink},
    net::TcpStream,
};

use super::{page::page, state::State};
use crate::lock::lock;

/// Opens a tunnel to `address`. Returns a 502 page if nothing listens there.
pub(super) async fn open(state: &Mutex<State>, request: &mut Request, address: SocketAddr) -> Response {
    let mut server = match TcpStream::connect(address).await {
        Ok(server) => server,
        Err(error) => return page(502, error.to_string()),
    };
    drop(server.set_nodelay(true));
    let client = upgrade::on(request);
    grant(state, async move {
        if let Ok(client) = client.await {
            drop(copy_bidirectional(&mut TokioIo::new(client), &mut server).await);
        }
    })
}

/// Opens a tunnel that sends this text and then closes.
pub(super) fn say(state: &Mutex<State>, request: &mut Request, text: String) -> Response {
    let client = upgrade::on(request);
    grant(state, async move {
        let Ok(client) = client.await else { return };
        let mut client = TokioIo::new(client);
        drop(client.write_all(text.as_bytes()).await);
        drop(client.shutdown().await);
        // Unread bytes would turn the close into a reset.
        drop(copy(&mut client, &mut sink()).await);
    })
}

fn grant(state: &Mutex<State>, tunnel: impl Future<Output = ()> + Send + 'static) -> Response {
    let tunnels = &mut lock(state).tunnels;
    while tunnels.try_join_next().is_some() {}
    tunnels.spawn(tunnel);
    Response::default()
}
