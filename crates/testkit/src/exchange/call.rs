//! A request, and the checks of its parts.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::Query,
    http::{Uri, request::Parts},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::refusal::Refusal;

/// A request with its whole body.
#[derive(Debug)]
pub(super) struct Call {
    head: Parts,
    body: Bytes,
}

impl Call {
    pub(super) fn new(head: Parts, body: Bytes) -> Self {
        Self { head, body }
    }

    /// Returns the method and the path, such as `POST /v1/token`.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.head.method, self.head.uri.path())
    }

    pub(super) fn path(&self) -> &str {
        self.head.uri.path()
    }

    pub(super) fn method(&self) -> &str {
        self.head.method.as_str()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.head.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }

    /// Returns the user and the password of HTTP Basic authentication.
    pub(super) fn basic(&self) -> Result<(String, String), Refusal> {
        let login = self.header("authorization").strip_prefix("Basic ").and_then(|it| STANDARD.decode(it).ok());
        let login = login.and_then(|it| String::from_utf8(it).ok());
        let login = login.as_deref().and_then(|it| it.split_once(':')).ok_or(Refusal::Unauthorized)?;
        Ok((login.0.to_owned(), login.1.to_owned()))
    }

    /// Returns the token of the `Authorization` header.
    pub(super) fn bearer(&self) -> Result<&str, Refusal> {
        self.header("authorization").strip_prefix("Bearer ").ok_or(Refusal::Unauthorized)
    }

    /// Returns the fields of the query.
    pub(super) fn query(&self) -> Result<BTreeMap<String, String>, Refusal> {
        let Query(fields) = Query::try_from_uri(&self.head.uri).map_err(|_| Refusal::Request)?;
        Ok(fields)
    }

    /// Returns the fields of a form.
    pub(super) fn form(&self) -> Result<BTreeMap<String, String>, Refusal> {
        self.has_type("application/x-www-form-urlencoded")?;
        // A form has the syntax of a query string.
        let text = str::from_utf8(&self.body).map_err(|_| Refusal::Request)?;
        let uri = format!("/?{text}").parse::<Uri>().map_err(|_| Refusal::Request)?;
        let Query(fields) = Query::try_from_uri(&uri).map_err(|_| Refusal::Request)?;
        Ok(fields)
    }

    /// Returns a JSON body.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        self.has_type("application/json")?;
        serde_json::from_slice(&self.body).map_err(|_| Refusal::Request)
    }

    fn has_type(&self, expected: &str) -> Result<(), Refusal> {
        if self.header("content-type") == expected { Ok(()) } else { Err(Refusal::Request) }
    }
}

/// Fails unless the fields are exactly these. Returns the values of the names in `free`, which may be any text.
pub(super) fn exact<const N: usize>(
    mut fields: BTreeMap<String, String>,
    fixed: &[(&str, &str)],
    free: [&str; N],
) -> Result<[String; N], Refusal> {
    for (name, value) in fixed {
        if fields.remove(*name).as_deref() != Some(value) {
            return Err(Refusal::Request);
        }
    }
    let values = free.map(|name| fields.remove(name).filter(|it| !it.is_empty()));
    if !fields.is_empty() || values.iter().any(Option::is_none) {
        return Err(Refusal::Request);
    }
    Ok(values.map(Option::unwrap_or_default))
}
