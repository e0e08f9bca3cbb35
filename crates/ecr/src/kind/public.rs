//! The variant `ecr-public`: tokens of Amazon ECR Public.

use regcred_config::{Access, Spec};
use regcred_core::Scope;
use regcred_plan::{ProviderPlan, Variant};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    option_keys::{HINTS, PUBLIC},
    options::{EcrOptions, IdentityName, WebIdentity},
    planned::{AUTH, LIFE, public_identity},
    token::Token,
};
use crate::{Environment, service::public_registries};

/// The name of the variant.
pub(super) const NAME: &str = "ecr-public";

/// Amazon ECR Public tokens, which open `public.ecr.aws` and `ecr-public.aws.com`.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PublicOptions {
    /// A profile of the shared AWS configuration. Default: the SDK's chain without instance metadata.
    profile: Option<String>,
    /// A role to assume with a token that the kubelet mounts.
    web_identity: Option<WebIdentity>,
    /// `instance`: also use the machine's own role.
    identity: Option<IdentityName>,
    /// Programs that a profile may run as its `credential_process`, each by its absolute path. Default: none in a pod,
    /// and every program elsewhere.
    #[serde(default)]
    #[schemars(inner(regex(pattern = "^/")))]
    programs: Vec<String>,
    /// A role that the identity assumes.
    role_arn: Option<String>,
    /// The external id that the role's trust policy requires.
    external_id: Option<String>,
    /// The session name that `CloudTrail` shows. Default: `regcred`.
    session_name: Option<String>,
    /// The required caller: the ARN of a user, a role or a session. Any other caller mints nothing.
    principal: Option<String>,
    /// The endpoint to use instead of ECR Public: HTTPS, or HTTP on loopback. Default: from the environment or the
    /// profile, otherwise ECR Public.
    endpoint: Option<String>,
    /// Whether images are only pulled (`pull`) or also pushed (`push`). Default: `pull`. AWS decides what the token
    /// permits. With `push`, Secrets are linked only to `builder` and `pipeline`, unless `service_accounts` is set.
    #[serde(default)]
    access: Access,
    /// Whether `endpoint` may be HTTP beyond loopback. Default: `false`.
    #[serde(default)]
    allow_insecure_endpoint: bool,
}

impl From<PublicOptions> for EcrOptions {
    fn from(options: PublicOptions) -> Self {
        let PublicOptions { profile, web_identity, identity, programs, role_arn, external_id, .. } = options;
        let PublicOptions { session_name, principal, endpoint, access, allow_insecure_endpoint, .. } = options;
        Self {
            profile,
            web_identity,
            identity,
            programs,
            role_arn,
            external_id,
            session_name,
            principal,
            endpoint,
            access,
            allow_insecure_endpoint,
            ..Self::public()
        }
    }
}

/// Returns the variant.
pub(super) fn variant() -> Variant {
    let variant = Variant::new::<PublicOptions>(NAME);
    let grammar = regcred_config::TypeGrammar::new::<PublicOptions>(NAME).with_public(&PUBLIC).with_hints(&HINTS);
    variant.with_grammar(grammar.with_example("{ type: ecr-public }"))
}

/// Returns whether an entry is of this variant.
pub(super) fn is(entry: &Spec) -> bool {
    entry.kind() == NAME
}

/// Returns what a token needs and opens.
pub(super) fn planned(token: &Token, environment: &Environment) -> ProviderPlan {
    ProviderPlan::new(Scope::Exact(public_registries()))
        .with_mint(token.key(environment))
        .with_identity(format!("public {}", public_identity(token)))
        .with_auth_bytes(AUTH)
        .with_longest_life(LIFE)
}
