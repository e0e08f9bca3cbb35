//! Any service that exchanges a token: everything is an option.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use super::preset::{Preset, TOKEN_EXCHANGE, finish};
use crate::{
    Exchange, OptionError, anchor,
    exchange::{Body, End, Hop, Part, Proof, ProofFile, User, fields},
};

/// The field value that the token replaces.
const TOKEN: &str = "{token}";

/// Logins of a service that exchanges a token by RFC 8693, or in a similar way.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(deny_unknown_fields))]
pub struct Oidc {
    /// HTTPS URL of the exchange, such as `https://id.example.com/oauth/token`.
    pub token_url: String,
    /// Keys in `auths`, such as `registry.example.com`.
    pub registries: Vec<String>,
    /// File with the token or the secret to exchange. It is read for every credential.
    #[cfg_attr(feature = "plan", serde(deserialize_with = "regcred_config::path"), schemars(with = "PathBuf"))]
    pub token_file: PathBuf,
    /// Audience of the token, if the pod's token is used. Default: the host of `token_url`.
    pub audience: Option<String>,
    /// Fields of the request. The token replaces the value `{token}`. Other values must not be secrets. Default: those
    /// of RFC 8693 for a JWT.
    #[cfg_attr(feature = "plan", serde(default))]
    pub fields: BTreeMap<String, String>,
    /// Format of the request. Default: `form`.
    #[cfg_attr(feature = "plan", serde(default))]
    pub body: BodyFormat,
    /// Field of the answer with the password. Default: `access_token`.
    pub password_field: Option<String>,
    /// User name of the login. Excludes `username_field`.
    pub username: Option<String>,
    /// Field of the answer with the user name. Excludes `username`.
    pub username_field: Option<String>,
    /// Source of the end of the login. Default: `expires_in`.
    #[cfg_attr(feature = "plan", serde(default))]
    pub expiry: Expiry,
    /// Field of the answer with the lifetime in seconds. Default: `expires_in`.
    pub expires_in_field: Option<String>,
    /// Lifetime of each login, such as `50m`, if the answer has none. Only for `expiry: life`.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "crate::kind::maybe_duration"),
        schemars(with = "Option<String>")
    )]
    pub life: Option<Duration>,
    /// Server that gets the request instead of that of `token_url`: HTTPS, or HTTP on loopback. Default: none.
    pub endpoint: Option<String>,
    /// PEM file of authorities to trust in addition to those of the machine. Default: none.
    #[cfg_attr(
        feature = "plan",
        serde(default, deserialize_with = "regcred_config::maybe_path"),
        schemars(with = "Option<PathBuf>")
    )]
    pub ca_file: Option<PathBuf>,
}

/// The format of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(rename_all = "snake_case"))]
pub enum BodyFormat {
    /// A form, as in OAuth.
    #[default]
    Form,
    /// A JSON object.
    Json,
}

/// The source of the end of a login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "plan", derive(serde::Deserialize, schemars::JsonSchema), serde(rename_all = "snake_case"))]
pub enum Expiry {
    /// A field of the answer with seconds.
    #[default]
    ExpiresIn,
    /// The claim `exp` of the password, which is a JWT.
    Jwt,
    /// The option `life`.
    Life,
}

impl Oidc {
    /// Returns options with these values, and defaults otherwise.
    pub fn new(token_url: &str, registry: &str, username: &str, token_file: impl Into<PathBuf>) -> Self {
        Self {
            token_url: token_url.into(),
            registries: vec![registry.into()],
            token_file: token_file.into(),
            audience: None,
            fields: BTreeMap::new(),
            body: BodyFormat::Form,
            password_field: None,
            username: Some(username.into()),
            username_field: None,
            expiry: Expiry::ExpiresIn,
            expires_in_field: None,
            life: None,
            endpoint: None,
            ca_file: None,
        }
    }

    fn request(&self) -> Result<Body, OptionError> {
        let part = |text: &String| if text == TOKEN { Part::Token } else { Part::text(text) };
        let body = if self.fields.is_empty() {
            fields([
                ("grant_type", Part::text(TOKEN_EXCHANGE)),
                ("subject_token", Part::Token),
                ("subject_token_type", Part::text("urn:ietf:params:oauth:token-type:jwt")),
            ])
        } else {
            self.fields.iter().map(|(name, text)| (name.clone(), part(text))).collect()
        };
        if body.iter().filter(|(_, part)| matches!(part, Part::Token)).count() != 1 {
            return Err(OptionError::new("fields", "exactly one of them must have the value {token}"));
        }
        Ok(match self.body {
            BodyFormat::Form => Body::Form(body),
            BodyFormat::Json => Body::Json(body),
        })
    }

    fn user(&self) -> Result<User, OptionError> {
        match (&self.username, &self.username_field) {
            (Some(user), None) => Ok(User::Fixed(user.clone())),
            (None, Some(field)) => Ok(User::Field(field.clone())),
            (None, None) => Err(OptionError::new("username", "set it, or `username_field`")),
            (Some(_), Some(_)) => Err(OptionError::new("username_field", "it excludes `username`")),
        }
    }

    fn end(&self) -> Result<End, OptionError> {
        let field = self.expires_in_field.clone();
        match (self.expiry, self.life, &field) {
            (Expiry::Life, Some(life), None) if life > Duration::from_mins(1) => Ok(End::Life(life)),
            (Expiry::Life, _, None) => Err(OptionError::new("life", "`expiry: life` needs more than a minute")),
            (_, Some(_), _) => Err(OptionError::new("life", "it needs `expiry: life`")),
            (Expiry::ExpiresIn, ..) => Ok(End::Seconds(field.unwrap_or_else(|| "expires_in".into()))),
            (Expiry::Jwt, None, None) => Ok(End::Jwt),
            _ => Err(OptionError::new("expires_in_field", "it needs `expiry: expires_in`")),
        }
    }
}

impl Preset for Oidc {
    const NAME: &'static str = "oidc";
    const SECRET: &'static [&'static str] = &["fields", "token_url"];
    const SERVICE: &'static str = "the token service";
    const EXAMPLE: &'static str = "{ type: oidc, token_url: \"https://id.example.com/token\", registries: \
        [registry.example.com], username: robot, token_file: /var/run/secrets/regcred/token }";

    fn exchange(&self) -> Result<Exchange, OptionError> {
        let url = anchor::fixed("token_url", &self.token_url)?;
        let audience = self.audience.clone().unwrap_or_else(|| url.host());
        let proof = ProofFile { key: "token_file", path: self.token_file.clone(), audience: Some(audience) };
        let password = self.password_field.as_deref().unwrap_or("access_token");
        let exchange = Exchange {
            registries: anchor::registries(&self.registries, None)?,
            proof: Proof::File(proof),
            hops: vec![Hop::new(url, self.request()?, password)],
            user: self.user()?,
            end: self.end()?,
            longest_life: self.life,
            authorities: None,
        };
        finish(exchange, self.endpoint.as_deref(), self.ca_file.as_ref())
    }
}

/// Hides the values of fields and the URL, which may contain a secret.
impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc")
            .field("registries", &self.registries)
            .field("token_file", &self.token_file)
            .field("fields", &self.fields.keys())
            .finish_non_exhaustive()
    }
}
