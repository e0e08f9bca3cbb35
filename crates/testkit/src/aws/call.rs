//! The requests that reached the fake AWS, and the tokens that it issued.

use std::{fmt, time::SystemTime};

/// One request, whether or not it succeeded. Region and key are empty if the request was not signed. The `Debug` form
/// hides the web identity token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The requested action, such as `GetAuthorizationToken` or `GetCallerIdentity`.
    pub action: String,
    /// The region from the credential scope of the signature.
    pub region: String,
    /// The access key id from the signature.
    pub access_key: String,
    /// The ARN of the role to assume.
    pub role_arn: Option<String>,
    /// The external id for the role.
    pub external_id: Option<String>,
    /// The name for the session.
    pub session_name: Option<String>,
    /// The token that identifies the workload.
    pub web_identity_token: Option<String>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("action", &self.action)
            .field("region", &self.region)
            .field("access_key", &self.access_key)
            .field("role_arn", &self.role_arn)
            .field("external_id", &self.external_id)
            .field("session_name", &self.session_name)
            .field("web_identity_token", &self.web_identity_token.as_ref().map(|_| "[hidden]"))
            .finish()
    }
}

/// One token that was issued. The `Debug` form hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The region of the request.
    pub region: String,
    /// The registry host in the response, without a scheme.
    pub registry: String,
    /// The password of the user `AWS`.
    pub password: String,
    /// The expiry in the response, in milliseconds.
    pub expires_at: SystemTime,
}

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("region", &self.region)
            .field("registry", &self.registry)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}
