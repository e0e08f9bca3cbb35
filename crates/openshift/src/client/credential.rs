//! The credential of a user, checked before the first request.

use std::path::{Path, PathBuf};

use http::HeaderValue;
use kube::config::AuthInfo;
use regcred_core::{ExposeSecret, SecretString, read_file, read_text_file};

use super::{
    exec::Plugin,
    header::{self, UNSENDABLE},
};

/// The source of the `Authorization` header.
#[derive(Debug)]
pub(super) enum Credential {
    /// No header. There may be a client certificate.
    None,
    /// A header that never changes.
    Fixed(HeaderValue),
    /// A file that another program renews.
    File(TokenFile),
    /// A program that prints it.
    Plugin(Box<Plugin>),
}

/// A file with a token.
#[derive(Debug)]
pub(super) struct TokenFile {
    user: String,
    path: PathBuf,
    /// The fallback token, used while the file cannot be read.
    inline: Option<Result<HeaderValue, String>>,
}

/// Why a token file cannot be used.
enum Unread {
    /// The file cannot be read. The fallback token is used.
    Gone(String),
    /// The file contains a token that cannot be sent.
    Unsendable(String),
}

impl Credential {
    /// Returns the credential of a user. `server_user` is the user in the URL of the server.
    pub(super) fn of(
        user_name: &str,
        user: &AuthInfo,
        server_user: Option<&(String, SecretString)>,
    ) -> Result<Self, String> {
        if let Some((name, password)) = server_user {
            let header = header::basic(name, password.expose_secret());
            return header.map(Self::Fixed).ok_or_else(|| format!("has a user in `server` that {UNSENDABLE}"));
        }
        let has_token = user.token.is_some() || user.token_file.is_some();
        let has_basic = user.username.is_some() || user.password.is_some();
        if has_token && has_basic {
            return Err("has a token and a user name: remove one".into());
        }
        if let (Some(_), Some(_)) = (&user.exec, &user.auth_provider) {
            return Err("has an exec plug-in and an auth-provider: remove one".into());
        }
        let token = user.token.as_ref().map(|token| {
            header::bearer(token.expose_secret()).ok_or_else(|| format!("has a `token` that {UNSENDABLE}"))
        });
        if let Some(path) = &user.token_file {
            return Ok(Self::File(TokenFile { user: user_name.to_owned(), path: path.into(), inline: token }));
        }
        if let Some(token) = token {
            return token.map(Self::Fixed);
        }
        if has_basic {
            let password = user.password.as_ref().map(ExposeSecret::expose_secret).unwrap_or_default();
            let header = header::basic(user.username.as_deref().unwrap_or_default(), password);
            return header.map(Self::Fixed).ok_or_else(|| format!("has a password that {UNSENDABLE}"));
        }
        if let Some(provider) = &user.auth_provider {
            let id_token = provider.config.get("id-token").filter(|_| provider.name == "oidc");
            let Some(token) = id_token else {
                return Err("has an auth-provider that is not `oidc` with an `id-token`: use its exec plug-in".into());
            };
            let header = header::bearer(token);
            return header.map(Self::Fixed).ok_or_else(|| format!("has an `id-token` that {UNSENDABLE}"));
        }
        let has_certificate = user.client_certificate_data.is_some() || user.client_certificate.is_some();
        match &user.exec {
            Some(exec) if !has_certificate => {
                Plugin::new(user_name, exec.clone()).map(|plugin| Self::Plugin(plugin.into()))
            }
            _ => Ok(Self::None),
        }
    }
}

impl TokenFile {
    /// Reads the current token from the file. An empty file sends no token.
    pub(super) fn read(&self) -> Result<Option<HeaderValue>, String> {
        let of_user = |reason: String| format!("its user {:?} {reason}", self.user);
        match (read(&self.path), &self.inline) {
            (Ok(Some(header)), _) => Ok(Some(header)),
            (Err(Unread::Unsendable(reason)), _) | (Err(Unread::Gone(reason)), None) => Err(of_user(reason)),
            (Ok(None) | Err(Unread::Gone(_)), Some(inline)) => inline.clone().map(Some).map_err(of_user),
            (Ok(None), None) => Ok(None),
        }
    }
}

fn read(path: &Path) -> Result<Option<HeaderValue>, Unread> {
    let text = read_text_file(path).map_err(|error| {
        let reason = format!("has a `tokenFile`: {}", error.chain());
        if read_file(path).is_ok() { Unread::Unsendable(reason) } else { Unread::Gone(reason) }
    })?;
    let unsendable = || Unread::Unsendable(format!("has a `tokenFile`, {}, that {UNSENDABLE}", path.display()));
    match text.trim() {
        "" => Ok(None),
        token => header::bearer(token).map(Some).ok_or_else(unsendable),
    }
}
