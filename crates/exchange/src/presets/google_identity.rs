//! The requests that give an access token of Google.

use std::path::Path;

use regcred_http::Url;

use super::preset::TOKEN_EXCHANGE;
use crate::{
    OptionError, anchor,
    exchange::{Body, Hop, Part, Proof, ProofFile, fields},
};

const METADATA: &str = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token";
/// The scope of a token for registries.
const CLOUD: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The scope of a token that only impersonates an account.
const IAM: &str = "https://www.googleapis.com/auth/iam";

/// Returns the identity of the machine, and the request to its metadata server.
pub(super) fn machine() -> Result<(Proof, Hop), OptionError> {
    let url = Url::metadata(METADATA).map_err(OptionError::of("identity"))?;
    let hop = Hop::new(url, Body::None, "access_token");
    Ok((Proof::Machine, hop.with_header("metadata-flavor", Part::text("Google"))))
}

/// Returns the identity of a token file, and the exchange of the token. `account` is impersonated afterwards.
pub(super) fn federated(
    path: &Path,
    provider: &str,
    audience: Option<&String>,
    account: Option<&str>,
) -> Result<(Proof, Hop), OptionError> {
    if !is_provider(provider) {
        let form = "projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
        return Err(OptionError::new("workload_identity_provider", format!("it does not have the form {form}")));
    }
    let body = fields([
        ("grant_type", Part::text(TOKEN_EXCHANGE)),
        ("audience", Part::text(format!("//iam.googleapis.com/{provider}"))),
        ("scope", Part::text(if account.is_some() { IAM } else { CLOUD })),
        ("requested_token_type", Part::text("urn:ietf:params:oauth:token-type:access_token")),
        ("subject_token", Part::Token),
        ("subject_token_type", Part::text("urn:ietf:params:oauth:token-type:jwt")),
    ]);
    let url = anchor::fixed("token_file", "https://sts.googleapis.com/v1/token")?;
    let audience = audience.cloned().unwrap_or_else(|| format!("https://iam.googleapis.com/{provider}"));
    let proof = ProofFile { key: "token_file", path: path.to_path_buf(), audience: Some(audience) };
    Ok((Proof::File(proof), Hop::new(url, Body::Form(body), "access_token")))
}

/// Returns the request for a token of a service account.
pub(super) fn impersonation(account: &str) -> Result<Hop, OptionError> {
    anchor::word("service_account", account)?;
    let path = format!("/v1/projects/-/serviceAccounts/{account}:generateAccessToken");
    let url = anchor::fixed("service_account", &format!("https://iamcredentials.googleapis.com{path}"))?;
    let hop = Hop::new(url, Body::Json(fields([("scope", Part::List(CLOUD))])), "accessToken");
    Ok(hop.with_header("authorization", Part::Bearer))
}

fn is_provider(text: &str) -> bool {
    let is_word = |text: &str| anchor::word("workload_identity_provider", text).is_ok();
    let parts = text.split('/').collect::<Vec<_>>();
    let ["projects", project, "locations", "global", "workloadIdentityPools", pool, "providers", provider] = parts[..]
    else {
        return false;
    };
    [project, pool, provider].into_iter().all(is_word)
}
