//! An answer, which is read completely and within a limit.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use http::{HeaderMap, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use regcred_core::{ExposeSecret, Result, SecretBytes};

use crate::{
    failure::{self, LONGEST},
    url::Url,
};

/// A complete answer of a server, with any status except a redirect. `Debug` hides the body.
pub struct Answer {
    status: u16,
    retry_after: Option<Duration>,
    date: Option<SystemTime>,
    challenges: Vec<String>,
    body: SecretBytes,
}

impl Answer {
    /// Reads an answer to its end.
    pub(crate) async fn read(url: &Url, answer: Response<Incoming>) -> Result<Self> {
        let (head, body) = answer.into_parts();
        if head.status.is_redirection() {
            return Err(failure::redirect(url, head.status.as_u16()));
        }
        let body = Limited::new(body, LONGEST).collect().await.map_err(|error| failure::unread(url, &*error))?;
        let date = date(&head.headers);
        let challenges = head.headers.get_all(header::WWW_AUTHENTICATE).iter();
        let challenges = challenges.filter_map(|value| Some(value.to_str().ok()?.to_owned())).collect();
        let (status, retry_after) = (head.status.as_u16(), retry_after(&head.headers, date));
        Ok(Self { status, retry_after, date, challenges, body: Vec::from(body.to_bytes()).into() })
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the pause of `Retry-After`. `None`: there is no such header, or it is not valid.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Returns when the server sent the answer, by its own clock. `None`: it has no valid `Date` header.
    pub fn date(&self) -> Option<SystemTime> {
        self.date
    }

    /// Returns the values of the `WWW-Authenticate` headers, in their order.
    pub fn challenges(&self) -> &[String] {
        &self.challenges
    }

    /// Returns the body, which may contain a secret. It has at most 64 KiB.
    pub fn body(&self) -> &[u8] {
        self.body.expose_secret()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, retry_after, date, .. } = self;
        f.debug_struct("Answer")
            .field("status", status)
            .field("retry_after", retry_after)
            .field("date", date)
            .finish_non_exhaustive()
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, header::DATE)?).ok()
}

/// Parses seconds, or a date relative to the date of the answer.
fn retry_after(headers: &HeaderMap, date: Option<SystemTime>) -> Option<Duration> {
    let value = text(headers, header::RETRY_AFTER)?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(date?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let at = |value: &str, date: Option<&str>| {
            let mut headers = HeaderMap::from_iter([(header::RETRY_AFTER, value.parse().expect("a value"))]);
            headers.extend(date.map(|date| (header::DATE, date.parse().expect("a value"))));
            retry_after(&headers, super::date(&headers)).map(|it| it.as_secs())
        };
        let date = Some("Thu, 01 Jan 1970 00:00:10 GMT");
        assert_eq!(at("120", None), Some(120));
        assert_eq!(at("Thu, 01 Jan 1970 00:01:10 GMT", date), Some(60));
        for (value, date) in [("Thu, 01 Jan 1970 00:01:10 GMT", None), ("-1", date), ("soon", date), ("1.5", date)] {
            assert_eq!(at(value, date), None, "{value}");
        }
    }
}
