//! Connections to the fake servers, which a test can interrupt. They use no sockets, so that paused time does not
//! advance while a request runs.

use std::{
    future::pending,
    io,
    sync::{Arc, Mutex},
};

use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use http::Response;
use http_body_util::BodyExt;
use regcred_openshift::Cluster;
use regcred_testkit::{FakeAws, FakeKube};

/// How a server is unreachable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The connection is refused.
    Refused,
    /// A load balancer answers that the server is unavailable.
    Unavailable,
    /// The server never answers.
    Silent,
}

/// The connection to one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line(Arc<Mutex<Option<Outage>>>);

impl Line {
    pub(crate) fn set(&self, outage: Option<Outage>) {
        *self.0.lock().expect("no panic") = outage;
    }

    pub(crate) fn outage(&self) -> Option<Outage> {
        *self.0.lock().expect("no panic")
    }

    async fn through<B: From<String>>(&self, answer: impl Future<Output = Response<B>>) -> io::Result<Response<B>> {
        match self.outage() {
            None => Ok(answer.await),
            Some(Outage::Refused) => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(Outage::Unavailable) => {
                let mut answer = Response::new(B::from("no healthy upstream".to_owned()));
                *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
                Ok(answer)
            }
            Some(Outage::Silent) => pending().await,
        }
    }
}

/// Returns the cluster, through the real client.
pub(crate) fn cluster(kube: &Arc<FakeKube>, line: &Line) -> Cluster {
    let (kube, line) = (kube.clone(), line.clone());
    let call = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let (answer, line) = (kube.answer(request), line.clone());
        async move { line.through(answer).await }
    });
    Cluster::from_client(kube::Client::new(call, "default"), &http::Uri::from_static("https://api.example:6443"))
}

/// AWS, as an HTTP client for the real SDK.
#[derive(Clone, Debug)]
pub(crate) struct Aws {
    pub(crate) aws: Arc<FakeAws>,
    pub(crate) line: Line,
}

impl HttpClient for Aws {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Aws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = request.try_into_http1x().expect("the SDK makes valid requests");
        let (answer, line) = (self.aws.answer(request), self.line.clone());
        HttpConnectorFuture::new(async move {
            let answer = line.through(answer).await.map_err(|error| ConnectorError::io(error.into()))?;
            let (parts, body) = answer.into_parts();
            let body = body.collect().await.expect("the fake server's answers are whole").to_bytes();
            let answer = Response::from_parts(parts, SdkBody::from(body));
            Ok(HttpResponse::try_from(answer).expect("the fake server's answers are valid"))
        })
    }
}
