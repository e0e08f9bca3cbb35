//! Watches: a stream of changes, one line of JSON each.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::HeaderValue,
    response::Response,
};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::sleep};

use super::{asked::Asked, failure::Failure, kind::Kind, list::is_watched, state::Shared, store::Change, view};

/// The limit for a watch without `timeoutSeconds`, as in the real server.
const LONGEST: Duration = Duration::from_mins(30);

/// The lines of one watch.
struct Lines(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

/// Streams the changes of a kind until the watch times out, watches are closed, or the client disconnects.
pub(super) fn follow(shared: Arc<Shared>, asked: Asked, kind: Kind, namespace: Option<String>) -> Response {
    let (lines, receiver) = mpsc::channel(16);
    let limit = asked.query.get("timeoutSeconds").and_then(|it| it.parse().ok()).map_or(LONGEST, Duration::from_secs);
    let (mut changes, mut closed) = (shared.state().store.changes(), shared.closed.subscribe());
    tokio::spawn(async move {
        let telling = async {
            let mut version = asked.query.get("resourceVersion").and_then(|it| it.parse().ok()).unwrap_or_default();
            loop {
                let (told, ended) = news(&shared, &asked, kind, namespace.as_deref(), &mut version);
                for line in told {
                    if lines.send(line).await.is_err() {
                        return;
                    }
                }
                if ended || changes.changed().await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = telling => {}
            () = sleep(limit) => {}
            _ = closed.changed() => {}
            () = lines.closed() => {}
        }
    });
    let mut response = Response::new(Body::new(Lines(receiver)));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

/// Returns the changes since a version, and whether the watch must end.
fn news(shared: &Shared, asked: &Asked, kind: Kind, namespace: Option<&str>, version: &mut u64) -> (Vec<Bytes>, bool) {
    let state = shared.state();
    let Some(changes) = state.store.since(*version) else {
        let gone = Failure::new(410, "Expired", "too old resource version");
        return (vec![line("ERROR", &gone.to_json())], true);
    };
    let is_meant = |change: &&Change| {
        change.key.kind == kind
            && namespace.is_none_or(|it| it == change.key.namespace)
            && is_watched(&change.object, &asked.query).unwrap_or_default()
    };
    let told = changes.filter(is_meant).map(|it| line(it.event, &view::object(it.object.clone(), asked.form)));
    let told = told.collect();
    *version = state.store.version().parse().unwrap_or(*version);
    (told, false)
}

fn line(event: &str, object: &Value) -> Bytes {
    (json!({ "type": event, "object": object }).to_string() + "\n").into()
}
