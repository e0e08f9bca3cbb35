//! The body of a request in the query protocol.

use std::collections::HashMap;

use axum::{extract::Query, http::Uri};

/// The decoded fields of a form.
#[derive(Debug, Default)]
pub(super) struct Form(HashMap<String, String>);

impl Form {
    /// Parses a body. Returns an empty form if the body is not a form.
    pub(super) fn read(body: &[u8]) -> Self {
        // A form has the syntax of a query string.
        let uri = str::from_utf8(body).ok().and_then(|form| format!("/?{form}").parse::<Uri>().ok());
        let query = uri.and_then(|uri| Query::try_from_uri(&uri).ok());
        Self(query.map(|Query(fields)| fields).unwrap_or_default())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_fields_are_decoded_and_a_body_without_a_form_has_none() {
        let form = Form::read(b"Action=AssumeRole&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fpull&Name=a+b%2Bc&Empty=");
        assert_eq!(form.get("RoleArn"), Some("arn:aws:iam::1:role/pull"));
        assert_eq!((form.get("Name"), form.get("Empty"), form.get("Missing")), (Some("a b+c"), Some(""), None));
        assert_eq!(Form::read(b"{\"a\": 1}").get("a"), None);
        assert_eq!(Form::read(b"\xff").get("a"), None);
    }
}
