//! The identities of a pod in AWS, and the flags of `regcred manifests` that describe them.

use regcred_core::SecretName;
use regcred_plan::{Identities, IdentityFlag};

use super::{issuer::Issuer, role::RoleArn};

pub(super) const WEBHOOK: &str = "webhook";
pub(super) const PROJECTED: &str = "projected";
pub(super) const POD_IDENTITY: &str = "pod-identity";
pub(super) const KEYS: &str = "keys";

pub(super) const ROLE_FLAG: &str = "role-arn";
pub(super) const ISSUER_FLAG: &str = "oidc-issuer";
pub(super) const AUDIENCE_FLAG: &str = "audience";
pub(super) const SECRET_FLAG: &str = "aws-secret";

/// The default audience of a token: AWS itself.
pub(super) const AUDIENCE: &str = "sts.amazonaws.com";
/// The folder of the credentials file in the format of the AWS CLI.
pub(super) const KEYS_FOLDER: &str = "/var/run/secrets/aws";

pub(super) const ROLE_VARIABLE: &str = "AWS_ROLE_ARN";
pub(super) const TOKEN_VARIABLE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
pub(super) const KEYS_VARIABLE: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// Returns the identities of the type, in the order of the help.
pub(super) fn identities() -> Identities {
    let role = IdentityFlag::new(
        ROLE_FLAG,
        "ARN",
        "Role of --identity webhook and projected, and of pod-identity with --mode iam",
        &[WEBHOOK, PROJECTED],
        |text| text.parse::<RoleArn>().map(|role| role.to_string()),
    );
    let issuer = IdentityFlag::new(
        ISSUER_FLAG,
        "URL",
        "Issuer of the cluster's tokens, for the trust policies of --mode iam: an https URL",
        &[],
        |text| text.parse::<Issuer>().map(|issuer| issuer.to_string()),
    );
    let audience = IdentityFlag::new(
        AUDIENCE_FLAG,
        "AUDIENCE",
        "Audience of the token of --identity projected. Default: sts.amazonaws.com",
        &[PROJECTED],
        audience,
    );
    let secret = IdentityFlag::new(
        SECRET_FLAG,
        "NAME",
        "Existing Secret of --identity keys. Its key `credentials` is a credentials file of the AWS CLI",
        &[KEYS],
        secret,
    );
    Identities::default()
        .with(WEBHOOK, "A role, through the webhook of ROSA, or of EKS with IRSA")
        .with(PROJECTED, "A role, with a token of the cluster's own issuer")
        .with(POD_IDENTITY, "A role, through an association of EKS Pod Identity")
        .with(KEYS, "A key in an existing Secret")
        .with_flag(role.with_required_by(&[WEBHOOK, PROJECTED]).with_policy_identities(&[
            WEBHOOK,
            PROJECTED,
            POD_IDENTITY,
        ]))
        .with_flag(issuer.with_policy_identities(&["none", WEBHOOK, PROJECTED, POD_IDENTITY, KEYS]))
        .with_flag(audience)
        .with_flag(secret.with_required_by(&[KEYS]))
        .with_variable(ROLE_VARIABLE, "--identity")
        .with_variable(TOKEN_VARIABLE, "--identity")
        .with_variable(KEYS_VARIABLE, "--identity keys")
        .with_secret_variable("AWS_ACCESS_KEY_ID", "--identity keys")
        .with_secret_variable("AWS_SECRET_ACCESS_KEY", "--identity keys")
        .with_secret_variable("AWS_SESSION_TOKEN", "--identity keys")
        // The webhook of EKS and ROSA mounts its token there.
        .with_folder("/var/run/secrets/eks.amazonaws.com")
        .with_folder(KEYS_FOLDER)
        .with_key_mark("AKIA", "a key of AWS")
}

/// Parses the audience of a token: a client id of the identity provider in IAM.
fn audience(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(|it: char| it.is_control() || it.is_whitespace()) {
        return Err(format!("it is not an audience, such as {AUDIENCE}"));
    }
    Ok(text.into())
}

fn secret(text: &str) -> Result<String, String> {
    let name = SecretName::new(text).map(|name| name.to_string());
    name.map_err(|_| "it is not the name of a Secret, such as aws-key".into())
}
