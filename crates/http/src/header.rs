//! Headers of requests. Their values may be secrets.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue};
use regcred_core::{Error, Result};

use crate::{codes, url::Url};

/// Returns the value of an `Authorization` header with a user and a password. The result is a secret.
pub fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// Converts headers. Fails for a value that a header cannot contain, and names the header only.
pub(crate) fn headers(url: &Url, given: &[(&str, &str)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let unusable = |cause: &str| {
            let message = format!("cannot send the header `{name}` to {}", url.host_and_port());
            Error::new(&codes::REQUEST, message).with_cause(cause)
        };
        let header = HeaderName::try_from(*name).map_err(|_| unusable("its name is not valid"))?;
        headers
            .append(header, sensitive(value).ok_or_else(|| unusable("its value has a character that is not valid"))?);
    }
    Ok(headers)
}

/// Returns a value that no `Debug` output shows. `None`: a header cannot contain it.
pub(crate) fn sensitive(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_hidden_and_errors_name_the_header_only() {
        let url = Url::new("https://r.example").expect("valid");
        let sent =
            headers(&url, &[("authorization", &basic("robot", "canary")), ("x-token", "canary")]).expect("valid");
        assert_eq!(sent["authorization"], "Basic cm9ib3Q6Y2FuYXJ5");
        assert!(!format!("{sent:?}").contains("canary") && !format!("{sent:?}").contains("cm9ib3Q6"), "{sent:?}");
        let error = headers(&url, &[("x-token", "canary\n")]).expect_err("a newline");
        assert_eq!(error.to_string(), "cannot send the header `x-token` to r.example:443");
        assert!(!error.chain().contains("canary"), "{error:?}");
    }
}
