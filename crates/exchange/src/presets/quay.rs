//! Quay: a robot account with federation, on quay.io or on one's own host.

use std::path::PathBuf;

use super::preset::{Preset, finish};
use crate::{
    Exchange, OptionError, anchor,
    exchange::{Body, End, Hop, Part, Proof, ProofFile, User},
};

/// Logins of a Quay robot account that trusts the issuer of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(deny_unknown_fields))]
pub struct Quay {
    /// Host of Quay, such as `quay.io`, with an optional port.
    pub host: String,
    /// The robot account, such as `acme+puller`.
    pub username: String,
    /// File with a token whose issuer and subject the robot trusts. It is read for every credential.
    #[cfg_attr(feature = "plan", serde(deserialize_with = "regcred_config::path"), schemars(with = "PathBuf"))]
    pub token_file: PathBuf,
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

impl Quay {
    /// Returns options with these values, and defaults otherwise.
    pub fn new(host: &str, username: &str, token_file: impl Into<PathBuf>) -> Self {
        let (host, username, token_file) = (host.into(), username.into(), token_file.into());
        Self { host, username, token_file, audience: None, registries: vec![], endpoint: None, ca_file: None }
    }
}

impl Preset for Quay {
    const NAME: &'static str = "quay";
    const SERVICE: &'static str = "Quay";
    const EXAMPLE: &'static str =
        "{ type: quay, host: quay.io, username: acme+puller, token_file: /var/run/secrets/regcred/token }";

    fn exchange(&self) -> Result<Exchange, OptionError> {
        let host = anchor::host("host", &self.host)?;
        let is_robot = self.username.split('+').count() == 2 && self.username.split('+').all(is_name);
        if !is_robot {
            return Err(OptionError::new("username", "it is not a robot account such as acme+puller"));
        }
        let url = anchor::https("host", &host, "/oauth2/federation/robot/token")?;
        let hop = Hop::new(url, Body::None, "token").with_header("authorization", Part::Basic(self.username.clone()));
        let audience = self.audience.clone().unwrap_or_else(|| host.host_and_port().into());
        let proof = ProofFile { key: "token_file", path: self.token_file.clone(), audience: Some(audience) };
        let exchange = Exchange {
            registries: anchor::registries(&self.registries, Some(&host))?,
            proof: Proof::File(proof),
            hops: vec![hop],
            user: User::Fixed(self.username.clone()),
            end: End::Jwt,
            longest_life: None,
            authorities: None,
        };
        finish(exchange, self.endpoint.as_deref(), self.ca_file.as_ref())
    }
}

/// Returns whether a text is a name of an organization or a robot in Quay.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
