//! The endpoints for health and metrics.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Result;
use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use regcred::{
    Health,
    prometheus_client::{encoding::text::encode, registry::Registry},
};
use regcred_core::Error;
use tokio::net::TcpListener;

use super::accept;
use crate::{cli::stderr, codes};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Parses an address with a port.
///
/// Without a host, it is 0.0.0.0, which means every IPv4 address of the machine.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("0.0.0.0{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "it is not an address and a port, such as 0.0.0.0:8080 or :8080".into())
}

/// Binds the address.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener> {
    let listener = accept::listen(address)
        .map_err(|cause| Error::new(&codes::LISTEN, format!("cannot listen on {address}")).with_cause(cause))?;
    // With port 0 the system chooses the port.
    stderr::info(&format!("health and metrics at http://{}", listener.local_addr()?));
    Ok(listener)
}

/// Starts to serve the endpoints.
pub(super) fn start(listener: TcpListener, health: Arc<Health>, registry: Registry) {
    let (ready, registry) = (health.clone(), Arc::new(registry));
    let router = Router::new()
        .route("/livez", get(async || "ok\n"))
        .route(
            "/readyz",
            get(async move || {
                if ready.is_ready() {
                    (StatusCode::OK, "ok\n")
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, "no config is in force yet\n")
                }
            }),
        )
        .route("/healthz/targets", get(async move || targets(health.past_their_floor())))
        .route("/metrics", get(async move || ([(CONTENT_TYPE, OPEN_METRICS)], metrics(&registry))));
    tokio::spawn(accept::accept(listener, router));
}

/// Returns all metrics in the text format of `OpenMetrics`.
fn metrics(registry: &Registry) -> String {
    let mut text = String::new();
    if encode(&mut text, registry).is_err() {
        text.clear();
    }
    text
}

/// Returns 503 if a target is past its floor.
///
/// The endpoint is for people and alerts, not for a probe that restarts the daemon.
fn targets(past_their_floor: usize) -> impl IntoResponse + use<> {
    match past_their_floor {
        0 => (StatusCode::OK, "ok\n".to_owned()),
        some => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{some} targets have less than two hours left, or 15 % of a shorter life\n"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_past_their_floor_make_the_health_endpoint_fail() {
        assert_eq!(targets(0).into_response().status(), StatusCode::OK);
        assert_eq!(targets(1).into_response().status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
