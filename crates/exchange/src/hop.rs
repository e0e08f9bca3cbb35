//! Sends one request of an exchange.

use regcred_core::{ExposeSecret, Result, SecretString};
use regcred_http::{Answer, HttpClient, basic};
use serde_json::{Map, Value, json};

use crate::{
    exchange::{Body, Hop, Part},
    refusal,
};

/// Sends a request with the token so far. Fails unless the answer is a success.
pub(crate) async fn send(hop: &Hop, client: &HttpClient, token: &SecretString) -> Result<Answer> {
    let token = token.expose_secret();
    let headers = hop.headers.iter().map(|(name, part)| (*name, text(part, token))).collect::<Vec<_>>();
    let headers = headers.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
    let answer = match &hop.body {
        Body::None => client.get(&hop.url, &headers).await?,
        Body::Form(fields) => {
            let fields = fields.iter().map(|(name, part)| (name.as_str(), text(part, token))).collect::<Vec<_>>();
            let fields = fields.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>();
            client.post_form(&hop.url, &fields, &headers).await?
        }
        Body::Json(fields) => client.post_json(&hop.url, &object(fields, token), &headers).await?,
    };
    refusal::check(&hop.url, &answer)?;
    Ok(answer)
}

fn text(part: &Part, token: &str) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::List(text) => (*text).to_owned(),
        Part::Token => token.to_owned(),
        Part::Bearer => format!("Bearer {token}"),
        Part::Basic(user) => basic(user, token),
    }
}

fn object(fields: &[(String, Part)], token: &str) -> Value {
    let value = |part: &Part| match part {
        Part::List(text) => json!([text]),
        part => Value::String(text(part, token)),
    };
    fields.iter().map(|(name, part)| (name.clone(), value(part))).collect::<Map<_, _>>().into()
}
