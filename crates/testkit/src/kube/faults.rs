//! Answers that a test orders in advance.

use std::collections::HashMap;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, StatusCode},
    response::Response,
};

use super::{
    asked::{Asked, Endpoint},
    failure::Failure,
    kind::Kind,
};

/// The ordered answers.
#[derive(Debug, Default)]
pub(super) struct Faults {
    next: Option<(usize, Fault)>,
    by_namespace: HashMap<String, Failure>,
}

/// One ordered answer.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// A failure in the format of the API.
    Failure(Failure),
    /// An answer from a server in front of the API.
    Raw(Raw),
}

/// An answer that is sent unchanged.
#[derive(Clone, Debug, Default)]
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Faults {
    pub(super) fn order(&mut self, count: usize, fault: Fault) {
        self.next = Some((count, fault));
    }

    pub(super) fn fail_namespace(&mut self, namespace: &str, failure: Failure) {
        self.by_namespace.insert(namespace.to_owned(), failure);
    }

    pub(super) fn restore(&mut self, namespace: &str) {
        self.by_namespace.remove(namespace);
    }

    /// Returns the fault for this request, if one was ordered.
    pub(super) fn take(&mut self, asked: &Asked) -> Option<Fault> {
        if let Some((left, fault)) = &mut self.next
            && *left > 0
        {
            *left -= 1;
            return Some(fault.clone());
        }
        let namespace = match &asked.place {
            Endpoint::Object(kind, namespace, _) if *kind != Kind::Namespace => namespace,
            Endpoint::Collection(_, Some(namespace)) => namespace,
            _ => return None,
        };
        self.by_namespace.get(namespace).cloned().map(Fault::Failure)
    }
}

impl Raw {
    /// Builds the response. Headers that HTTP cannot send are left out, and an invalid status becomes 500.
    pub(super) fn render(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let content_type = ("content-type".to_owned(), self.content_type);
        for (name, value) in [content_type].into_iter().chain(self.headers) {
            if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}
