//! Tokens of a registry's token server.
//!
//! Source: "Token Authentication Specification" and "Oauth2 Token Authentication" of distribution.

use regcred_core::{Error, ExposeSecret, SecretString};
use regcred_http::{HttpClient, Url, basic, codes::ANSWER};
use serde::Deserialize;

use crate::{login_scheme::TokenServer, outcome::Outcome, proof::Proof};

/// The name of this client at token servers.
const CLIENT: &str = "regcred";
const SERVER: &str = "the token server of the registry";

/// The answer of a token server. It has one field or both.
#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// Exchanges a login for a token. `scope`: the rights to ask for. `None`: only to log in. `Err`: the outcome of the
/// trial.
pub(crate) async fn token(
    client: &HttpClient,
    server: &TokenServer,
    scope: Option<&str>,
    proof: &Proof,
) -> Result<SecretString, Outcome> {
    let mut fields = vec![];
    fields.extend(server.service.as_deref().map(|service| ("service", service)));
    fields.extend(scope.map(|scope| ("scope", scope)));
    let answer = match proof {
        Proof::Password { user, password } => {
            let url = Url::new(&with_query(&server.realm, &fields)).map_err(failed)?;
            client.get(&url, &[("authorization", &basic(user, password.expose_secret()))]).await
        }
        Proof::IdentityToken(token) => {
            let grant =
                [("grant_type", "refresh_token"), ("client_id", CLIENT), ("refresh_token", token.expose_secret())];
            fields.extend(grant);
            client.post_form(&Url::new(&server.realm).map_err(failed)?, &fields, &[]).await
        }
    };
    let answer = answer.map_err(failed)?;
    if !(200..300).contains(&answer.status()) {
        return Err(Outcome::of_status(answer.status(), SERVER));
    }
    let token = serde_json::from_slice(answer.body()).ok();
    let token = token.and_then(|Token { token, access_token }| token.or(access_token));
    let token = token.filter(|it| !it.is_empty()).map(SecretString::from);
    token.ok_or_else(|| Outcome::Unknown(format!("{SERVER} answers without a token")))
}

fn with_query(realm: &str, fields: &[(&str, &str)]) -> String {
    if fields.is_empty() {
        return realm.into();
    }
    let separator = if realm.contains('?') { '&' } else { '?' };
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    format!("{realm}{separator}{query}")
}

/// Returns the outcome of a failure. The error would quote the host of the token server, which is from an answer.
#[expect(clippy::needless_pass_by_value, reason = "it is the function of a map_err")]
fn failed(error: Error) -> Outcome {
    if *error.code() == ANSWER {
        return Outcome::NotProvable(format!("the answer of {SERVER} redirects, is too long, or is not HTTP"));
    }
    Outcome::Unknown(format!("{SERVER} does not answer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_keeps_that_of_the_realm() {
        let fields = [("service", "r.example"), ("scope", "repository:a/b:pull")];
        let query = "service=r.example&scope=repository%3Aa%2Fb%3Apull";
        assert_eq!(with_query("https://a.example/t", &fields), format!("https://a.example/t?{query}"));
        assert_eq!(with_query("https://a.example/t?x=y", &fields), format!("https://a.example/t?x=y&{query}"));
        assert_eq!(with_query("https://a.example/t", &[]), "https://a.example/t");
    }
}
