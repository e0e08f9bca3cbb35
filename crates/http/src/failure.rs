//! Translates failures of connections. It never quotes the texts of libraries or of an answer.

use std::{error::Error as StdError, io, iter::successors, time::Duration};

use http_body_util::LengthLimitError;
use regcred_core::{Error, Result};

use crate::{answer::LONGEST, codes, url::Url};

type Source<'a> = &'a (dyn StdError + 'static);

/// Returns the error of a request without an answer.
pub(crate) fn unanswered(url: &Url, error: Source) -> Error {
    if let Some(cause) = find::<rustls::Error>(error).and_then(untrusted) {
        return Error::new(&codes::UNTRUSTED, message(url)).with_cause(cause);
    }
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse) {
        return answer(url, "it is not HTTP");
    }
    Error::new(&codes::UNREACHABLE, message(url)).with_cause(connection(error))
}

/// Returns the error of an answer whose body could not be read.
pub(crate) fn unread(url: &Url, error: Source) -> Error {
    if find::<LengthLimitError>(error).is_some() {
        return answer(url, &format!("it is longer than {} KiB", LONGEST / 1024));
    }
    Error::new(&codes::UNREACHABLE, message(url)).with_cause("the connection was cut during the answer")
}

/// Returns the error of an answer that redirects.
pub(crate) fn redirect(url: &Url, status: u16) -> Error {
    answer(url, &format!("it redirects to another URL (HTTP {status})"))
}

/// Returns the error of a call that took too long.
pub(crate) fn late<T>(url: &Url, deadline: Duration) -> Result<T> {
    let cause = format!("there was no complete answer within {} s", deadline.as_secs_f32());
    Err(Error::new(&codes::UNREACHABLE, message(url)).with_cause(cause))
}

fn message(url: &Url) -> String {
    format!("cannot get an answer from {}", url.host_and_port())
}

fn answer(url: &Url, cause: &str) -> Error {
    Error::new(&codes::ANSWER, format!("cannot use the answer of {}", url.host_and_port())).with_cause(cause)
}

fn untrusted(error: &rustls::Error) -> Option<&'static str> {
    use rustls::CertificateError::{
        Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
    };
    let rustls::Error::InvalidCertificate(certificate) = error else { return None };
    Some(match certificate {
        Expired | ExpiredContext { .. } => "its certificate has expired, or the clock of this machine is wrong",
        NotValidYet | NotValidYetContext { .. } => {
            "its certificate is not valid yet, or the clock of this machine is wrong"
        }
        NotValidForName | NotValidForNameContext { .. } => "its certificate has another name",
        _ => "its certificate is not trusted",
    })
}

/// Returns why the connection failed. hyper does not export the error of its tunnel, so its text is searched.
fn connection(error: Source) -> &'static str {
    let says = |words: &str| causes(error).any(|it| it.to_string().contains(words));
    if says("proxy authorization required") {
        "the proxy requires a user and a password (HTTP 407)"
    } else if says("tunnel error: unsuccessful") {
        "the proxy refused the connection"
    } else if says("tunnel error") {
        "the proxy cannot be reached"
    } else if says("dns error") {
        "its name cannot be resolved"
    } else if find::<rustls::Error>(error).is_some() {
        "the TLS handshake failed"
    } else if causes(error)
        .filter_map(|it| it.downcast_ref::<io::Error>())
        .any(|it| it.kind() == io::ErrorKind::TimedOut)
    {
        "the connection took too long"
    } else if find::<hyper::Error>(error).is_some() {
        "the connection was cut before the answer"
    } else {
        "the connection failed"
    }
}

fn find<E: StdError + 'static>(error: Source<'_>) -> Option<&E> {
    causes(error).find_map(|cause| cause.downcast_ref::<E>())
}

/// Returns an error and its causes. `io::Error` hides the error that it wraps from `source`.
fn causes<'a>(error: Source<'a>) -> impl Iterator<Item = Source<'a>> {
    successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|it| it as Source<'a>).or_else(|| error.source())
    })
}
