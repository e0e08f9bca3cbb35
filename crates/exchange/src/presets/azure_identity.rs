//! The requests that give an access token of Microsoft Entra.

use regcred_http::Url;

use super::azure_cloud::AzureCloud;
use crate::{
    OptionError, anchor,
    exchange::{Body, Hop, Part, Proof, ProofFile, fields},
};

const METADATA: &str = "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01\
                        &resource=https%3A%2F%2Fcontainerregistry.azure.net";
const SCOPE: &str = "https://containerregistry.azure.net/.default";

/// Returns the managed identity of the machine, and the request to its metadata server.
pub(super) fn machine(client_id: Option<&String>) -> Result<(Proof, Hop), OptionError> {
    let client = match client_id {
        Some(id) => anchor::word("client_id", id).map(|()| format!("&client_id={id}"))?,
        None => String::new(),
    };
    let url = Url::metadata(&format!("{METADATA}{client}")).map_err(OptionError::of("identity"))?;
    let hop = Hop::new(url, Body::None, "access_token").with_header("metadata", Part::text("true"));
    Ok((Proof::Machine, hop))
}

/// Returns the identity of an application, and the request with its file: a token that it trusts if the file has an
/// audience, and its secret otherwise.
pub(super) fn application(
    cloud: AzureCloud,
    tenant: &str,
    client_id: &str,
    file: ProofFile,
) -> Result<(Proof, Hop), OptionError> {
    anchor::word("tenant", tenant)?;
    anchor::word("client_id", client_id)?;
    let mut body = fields([
        ("client_id", Part::text(client_id)),
        ("scope", Part::text(SCOPE)),
        ("grant_type", Part::text("client_credentials")),
    ]);
    body.extend(if file.audience.is_some() {
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        fields([("client_assertion_type", Part::text(kind)), ("client_assertion", Part::Token)]).into_iter()
    } else {
        fields([("client_secret", Part::Token)]).into_iter()
    });
    let url = anchor::fixed("tenant", &format!("https://{}/{tenant}/oauth2/v2.0/token", cloud.login_host()))?;
    Ok((Proof::File(file), Hop::new(url, Body::Form(body), "access_token")))
}
