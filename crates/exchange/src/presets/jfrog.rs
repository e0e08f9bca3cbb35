//! JFrog: an OIDC integration of the platform.

use std::path::PathBuf;

use super::preset::{Preset, TOKEN_EXCHANGE, finish};
use crate::{
    Exchange, OptionError, anchor,
    exchange::{Body, End, Hop, Part, Proof, ProofFile, User, fields},
};

/// Logins of a JFrog platform that trusts the issuer of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(deny_unknown_fields))]
pub struct Jfrog {
    /// Host of the platform, such as `acme.jfrog.io`, with an optional port.
    pub host: String,
    /// Name of the OIDC integration in the platform.
    pub provider_name: String,
    /// File with a token that the integration trusts. It is read for every credential.
    #[cfg_attr(feature = "plan", serde(deserialize_with = "regcred_config::path"), schemars(with = "PathBuf"))]
    pub token_file: PathBuf,
    /// User name of the login. Default: the one that the platform returns.
    pub username: Option<String>,
    /// Audience of the token, if the pod's token is used. Default: the host.
    pub audience: Option<String>,
    /// Keys in `auths`. Default: the host.
    #[cfg_attr(feature = "plan", serde(default))]
    pub registries: Vec<String>,
    /// Server that gets the request instead of the host: HTTPS, or HTTP on loopback. Default: the host.
    pub endpoint: Option<String>,
    /// PEM file of authorities to trust in addition to those of the machine. Default: none.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "regcred_config::maybe_path"),
        schemars(with = "Option<PathBuf>")
    )]
    pub ca_file: Option<PathBuf>,
}

impl Jfrog {
    /// Returns options with these values, and defaults otherwise.
    pub fn new(host: &str, provider_name: &str, token_file: impl Into<PathBuf>) -> Self {
        Self {
            host: host.into(),
            provider_name: provider_name.into(),
            token_file: token_file.into(),
            username: None,
            audience: None,
            registries: vec![],
            endpoint: None,
            ca_file: None,
        }
    }
}

impl Preset for Jfrog {
    const NAME: &'static str = "jfrog";
    const SERVICE: &'static str = "JFrog";
    const EXAMPLE: &'static str =
        "{ type: jfrog, host: acme.jfrog.io, provider_name: cluster, token_file: /var/run/secrets/regcred/token }";

    fn exchange(&self) -> Result<Exchange, OptionError> {
        let host = anchor::host("host", &self.host)?;
        if self.provider_name.trim().is_empty() {
            return Err(OptionError::new("provider_name", "it is empty"));
        }
        let body = fields([
            ("grant_type", Part::text(TOKEN_EXCHANGE)),
            ("subject_token_type", Part::text("urn:ietf:params:oauth:token-type:id_token")),
            ("subject_token", Part::Token),
            ("provider_name", Part::text(&self.provider_name)),
        ]);
        let url = anchor::https("host", &host, "/access/api/v1/oidc/token")?;
        let audience = self.audience.clone().unwrap_or_else(|| host.host_and_port().into());
        let proof = ProofFile { key: "token_file", path: self.token_file.clone(), audience: Some(audience) };
        let exchange = Exchange {
            registries: anchor::registries(&self.registries, Some(&host))?,
            proof: Proof::File(proof),
            hops: vec![Hop::new(url, Body::Json(body), "access_token")],
            user: self.username.clone().map_or(User::Field("username".into()), User::Fixed),
            end: End::Seconds("expires_in".into()),
            longest_life: None,
            authorities: None,
        };
        finish(exchange, self.endpoint.as_deref(), self.ca_file.as_ref())
    }
}
