//! The options of a provider of type `ecr`.

use std::{fmt, path::PathBuf};

use regcred_config::{Access, path};
use regcred_core::odd_character;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error, SeqAccess, Visitor},
};
use serde_json::json;

use super::region::{self, REGION};
use crate::Region;

/// Amazon ECR tokens of one region: the registries and the identity.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[schemars(transform = identities)]
#[serde(deny_unknown_fields)]
pub struct EcrOptions {
    /// AWS region, such as `eu-west-1`. A token opens the registries of one region.
    #[serde(deserialize_with = "checked_region")]
    #[schemars(regex(pattern = REGION))]
    pub region: String,
    /// AWS accounts that own the registries, twelve digits each. Default: the identity's own account.
    #[serde(default, deserialize_with = "accounts")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub accounts: Vec<Account>,
    /// Additional hosts of the same registries that image names may use. Default: none.
    #[serde(default, deserialize_with = "one_or_more")]
    #[schemars(schema_with = "one_or_more_schema")]
    pub aliases: Vec<AliasName>,
    /// A profile of the shared AWS configuration. Default: the default credential chain of the AWS SDK, which is
    /// `AWS_PROFILE` and the other sources of the AWS CLI, without instance metadata.
    pub profile: Option<String>,
    /// A role to assume with a token that the kubelet mounts.
    pub web_identity: Option<WebIdentity>,
    /// `instance`: also use the machine's own role.
    pub identity: Option<IdentityName>,
    /// Programs that a profile may run as its `credential_process`, each by its absolute path. Default: none in a pod,
    /// and every program elsewhere.
    #[serde(default)]
    #[schemars(inner(regex(pattern = "^/")))]
    pub programs: Vec<String>,
    /// A role that the identity assumes.
    pub role_arn: Option<String>,
    /// The external id that the role's trust policy requires.
    pub external_id: Option<String>,
    /// The session name that `CloudTrail` shows. Default: `regcred`.
    pub session_name: Option<String>,
    /// The required caller: the ARN of a user, a role or a session. Any other caller mints nothing.
    pub principal: Option<String>,
    /// The endpoint to use instead of ECR: HTTPS, or HTTP on loopback. Default: from the environment or the profile,
    /// otherwise ECR.
    pub endpoint: Option<String>,
    /// Whether to use FIPS endpoints. Default: from the environment or the profile.
    pub fips: Option<bool>,
    /// Whether to use dual-stack endpoints. Default: from the environment or the profile.
    pub dual_stack: Option<bool>,
    /// Whether images are only pulled (`pull`) or also pushed (`push`). Default: `pull`. AWS decides what the token
    /// permits. With `push`, Secrets are linked only to `builder` and `pipeline`, unless `service_accounts` is set.
    #[serde(default)]
    pub access: Access,
    /// Whether `endpoint` may be HTTP beyond loopback. Default: `false`.
    #[serde(default)]
    pub allow_insecure_endpoint: bool,
    /// Whether the tokens are those of ECR Public: see [`EcrOptions::public`]. It is not a key of a config.
    #[serde(skip)]
    pub is_public: bool,
}

impl EcrOptions {
    /// Returns the options for a region, with the identity of the chain.
    pub fn in_region(region: impl Into<String>) -> Self {
        Self {
            region: region.into(),
            accounts: vec![],
            aliases: vec![],
            profile: None,
            web_identity: None,
            identity: None,
            programs: vec![],
            role_arn: None,
            external_id: None,
            session_name: None,
            principal: None,
            endpoint: None,
            fips: None,
            dual_stack: None,
            access: Access::Pull,
            allow_insecure_endpoint: false,
            is_public: false,
        }
    }

    /// Returns the options for ECR Public, with the identity of the chain.
    pub fn public() -> Self {
        Self { is_public: true, ..Self::in_region(Region::of_public().as_str()) }
    }
}

/// Hides the external id, and the endpoint, which may contain a user.
impl fmt::Debug for EcrOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, accounts, profile, web_identity, identity, role_arn, .. } = self;
        f.debug_struct("EcrOptions")
            .field("region", region)
            .field("accounts", accounts)
            .field("profile", profile)
            .field("web_identity", web_identity)
            .field("identity", identity)
            .field("role_arn", role_arn)
            .finish_non_exhaustive()
    }
}

/// A role to assume with a token that the kubelet mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebIdentity {
    /// The role.
    pub role_arn: String,
    /// The token file, read for each mint.
    #[serde(deserialize_with = "path")]
    #[schemars(with = "PathBuf")]
    pub token_file: PathBuf,
}

/// A source of the identity besides the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdentityName {
    /// The machine's own role.
    Instance,
}

/// Additional hosts of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AliasName {
    /// `ACCOUNT.dkr.ecr-fips.REGION.amazonaws.com`.
    Fips,
    /// `ACCOUNT.dkr-ecr.REGION.on.aws`.
    DualStack,
    /// All additional hosts of the region.
    All,
}

/// Returns whether the text has the form of an AWS account.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An AWS account: twelve digits, written as text or as a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(String);

impl Account {
    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl JsonSchema for Account {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Account".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An AWS account: twelve digits, in quotes where they begin with a zero.",
            "anyOf": [
                { "type": "string", "pattern": "^[0-9]{12}$" },
                { "type": "integer", "minimum": 100_000_000_000_u64, "maximum": 999_999_999_999_u64 },
            ],
        })
    }
}

impl<'de> Deserialize<'de> for Account {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl Visitor<'_> for Digits {
            type Value = Account;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AWS account: it must have twelve digits")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Account, E> {
                let why = "is a number with a fraction or an exponent, as Helm prints large ones";
                Err(E::custom(format!("{number:?} {why}: write the twelve digits in quotes")))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Account, E> {
                account(&number.to_string(), &number.to_string())
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Account, E> {
                account(&number.to_string(), &number.to_string())
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Account, E> {
                account(text, &format!("{text:?}"))
            }
        }
        deserializer.deserialize_any(Digits)
    }
}

/// Parses an account. `shown` is the value as the config contains it.
fn account<E: Error>(text: &str, shown: &str) -> Result<Account, E> {
    if is_account(text) {
        return Ok(Account(text.into()));
    }
    let odd = odd_character(text).unwrap_or_else(|| "it must have twelve digits".into());
    Err(E::custom(format!("{shown} is not an AWS account: {odd}")))
}

/// Reads at least one account. Fails for a duplicate.
pub(super) fn accounts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Account>, D::Error> {
    struct List;
    impl<'de> Visitor<'de> for List {
        type Value = Vec<Account>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of AWS accounts: write them in brackets, such as [\"123456789012\"]")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<Account>, A::Error> {
            let accounts = Vec::<Account>::deserialize(serde::de::value::SeqAccessDeserializer::new(list))?;
            if accounts.is_empty() {
                return Err(A::Error::custom("the list is empty: leave it out for the identity's own account"));
            }
            let twice = accounts.iter().enumerate().find(|(place, account)| accounts[..*place].contains(account));
            match twice {
                Some((_, Account(account))) => Err(A::Error::custom(format!("duplicate account {account}"))),
                None => Ok(accounts),
            }
        }
    }
    deserializer.deserialize_any(List)
}

pub(super) fn checked_region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    region::check(&text).map_err(D::Error::custom)?;
    Ok(text)
}

/// Reads a list, or a single item.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<AliasName>, D::Error> {
    struct OneOrMore;
    impl<'de> Visitor<'de> for OneOrMore {
        type Value = Vec<AliasName>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("fips, dualstack, all, or a list of these")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<AliasName>, E> {
            AliasName::deserialize(serde::de::value::StrDeserializer::<E>::new(text)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<AliasName>, A::Error> {
            let mut all = vec![];
            while let Some(one) = list.next_element()? {
                all.push(one);
            }
            Ok(all)
        }
    }
    deserializer.deserialize_any(OneOrMore)
}

fn one_or_more_schema(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<AliasName>();
    json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
}

/// Requires exactly one identity, and a role for the options that belong to a role.
fn identities(ecr: &mut Schema) {
    let both = |one: &str, other: &str| json!({ "required": [one, other] });
    let pairs = [both("profile", "web_identity"), both("profile", "identity"), both("web_identity", "identity")];
    ecr.insert("not".into(), json!({ "anyOf": pairs }));
    ecr.insert("dependentRequired".into(), json!({ "external_id": ["role_arn"], "session_name": ["role_arn"] }));
}
