//! What stands between the SDK and the network: no token in clear text, no answer without an end.

use std::{fmt, mem, net::IpAddr};

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef},
            dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use http_body_util::Limited;

/// A real answer has 3 kB.
const LONGEST_ANSWER: usize = 64 * 1024;

/// Refuses endpoints that would send a token in clear text over a network, wherever they were configured, and answers that
/// do not end.
#[derive(Debug)]
pub(crate) struct Guard;

/// The endpoint is not HTTPS, and not on loopback.
#[derive(Debug)]
pub(crate) struct InsecureEndpoint;

impl fmt::Display for InsecureEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the endpoint is neither HTTPS nor on loopback")
    }
}

impl std::error::Error for InsecureEndpoint {}

#[dyn_dispatch_hint]
impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "Guard"
    }

    fn read_before_signing(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if is_secure(context.request().uri()) { Ok(()) } else { Err(InsecureEndpoint.into()) }
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let unlimited = mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(unlimited, LONGEST_ANSWER));
        Ok(())
    }
}

/// Whether it is HTTPS, or HTTP on loopback.
pub(crate) fn is_secure(url: &str) -> bool {
    if url.starts_with("https://") {
        return true;
    }
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return false;
    }
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_text_is_for_loopback_alone() {
        for good in ["https://x", "http://127.0.0.1:4566/", "http://localhost", "http://[::1]:80/x"] {
            assert!(is_secure(good), "{good}");
        }
        let bad = [
            "http://x",
            "http://127.0.0.1.evil.example",
            "http://localhost@evil.example",
            "ftp://127.0.0.1",
            "http://10.0.0.1",
            "",
        ];
        for bad in bad {
            assert!(!is_secure(bad), "{bad}");
        }
    }
}
