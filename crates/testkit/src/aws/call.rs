//! What was asked of AWS, and what was handed out.

use std::{fmt, time::SystemTime};

/// One request, whatever was answered. Region and key are empty where the request was not signed. Its `Debug` form does
/// not show the web identity token.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// `GetAuthorizationToken`, `GetCallerIdentity`, or what else was asked for.
    pub action: String,
    /// From the credential scope of the signature.
    pub region: String,
    /// The access key id that signed.
    pub access_key: String,
    /// The role that is to be assumed.
    pub role_arn: Option<String>,
    /// The external id that goes with the role.
    pub external_id: Option<String>,
    /// The name that the session is to have.
    pub session_name: Option<String>,
    /// The token by which a workload proves who it is.
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

/// One token that was handed out. Its `Debug` form does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Issued {
    /// The region that was asked.
    pub region: String,
    /// The registry host of the answer, without scheme.
    pub registry: String,
    /// The password of the user `AWS`.
    pub password: String,
    /// As in the answer, with milliseconds.
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
