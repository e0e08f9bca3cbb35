//! A successful answer: fields of a JSON object.

use std::fmt;

use regcred_core::{Error, Result, SecretString};
use regcred_http::{Answer, Url};
use serde_json::{Map, Value};

use crate::codes;

/// The fields of an answer, which may be secrets. `Debug` shows none.
pub(crate) struct Grant {
    url: Url,
    fields: Map<String, Value>,
}

impl Grant {
    pub(crate) fn parse(url: &Url, answer: &Answer) -> Result<Self> {
        match serde_json::from_slice(answer.body()) {
            Ok(fields) => Ok(Self { url: url.clone(), fields }),
            // The error of the parser may quote the answer.
            Err(_) => Err(unusable(url, "it is not a JSON object")),
        }
    }

    /// Returns a token: a text without spaces and control characters.
    pub(crate) fn token(&self, field: &str) -> Result<SecretString> {
        let token = self.text(field)?;
        if token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(token.into());
        }
        Err(unusable(&self.url, &format!("its `{field}` is not a token")))
    }

    /// Returns a text that is not empty.
    pub(crate) fn text(&self, field: &str) -> Result<&str> {
        let text = self.fields.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| unusable(&self.url, &format!("it has no text in `{field}`")))
    }

    /// Returns a number of seconds, which may be written as text.
    pub(crate) fn seconds(&self, field: &str) -> Result<u64> {
        let value = self.fields.get(field);
        let number = value.and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
        number.ok_or_else(|| unusable(&self.url, &format!("it has no number of seconds in `{field}`")))
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Returns the error of an answer without the expected field.
pub(crate) fn unusable(url: &Url, cause: &str) -> Error {
    Error::new(&codes::ANSWER, format!("cannot use the answer of {}", url.host_and_port())).with_cause(cause)
}
