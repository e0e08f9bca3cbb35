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

/// Tokens of Amazon ECR: of which region, for which registries, and as whom they are asked for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[schemars(transform = identities)]
#[serde(deny_unknown_fields)]
pub struct EcrOptions {
    /// Such as `eu-west-1`: a token opens the registries of one region.
    #[serde(deserialize_with = "checked_region")]
    #[schemars(regex(pattern = REGION))]
    pub region: String,
    /// Twelve digits each. Default: the identity's own account.
    #[serde(default, deserialize_with = "accounts")]
    #[schemars(length(min = 1), extend("uniqueItems" = true))]
    pub accounts: Vec<Account>,
    /// Further hosts of the same registries, as images may name them. Default: none.
    #[serde(default, deserialize_with = "one_or_more")]
    #[schemars(schema_with = "one_or_more_schema")]
    pub aliases: Vec<AliasName>,
    /// A profile of the shared AWS configuration. Default: the SDK's chain without instance metadata.
    pub profile: Option<String>,
    /// A role by a token that the kubelet mounts.
    pub web_identity: Option<WebIdentity>,
    /// `instance`: also the machine's own role.
    pub identity: Option<IdentityName>,
    /// The programs that a profile may run as its `credential_process`, each by its absolute path. Default: none in a pod, and every
    /// one elsewhere.
    #[serde(default)]
    #[schemars(inner(regex(pattern = "^/")))]
    pub programs: Vec<String>,
    /// A role that is assumed by whom the above is.
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for.
    pub external_id: Option<String>,
    /// What `CloudTrail` shows. Default: `regcred`.
    pub session_name: Option<String>,
    /// Who the caller has to be, or nothing is minted: the ARN of a user, a role or a session.
    pub principal: Option<String>,
    /// Where to ask instead of at ECR: HTTPS, or HTTP on loopback. Default: as the environment or the profile says, else ECR.
    pub endpoint: Option<String>,
    /// Whether to ask at FIPS endpoints. Default: as the environment or the profile says.
    pub fips: Option<bool>,
    /// Whether to ask at dual-stack endpoints. Default: as the environment or the profile says.
    pub dual_stack: Option<bool>,
    /// Whether its tokens `pull` or also `push`: the Secrets of one that pushes are linked to `builder` and `pipeline` alone,
    /// unless `service_accounts` says otherwise. What it may do AWS decides. Default: `pull`.
    #[serde(default)]
    pub access: Access,
    /// Whether `endpoint` may be HTTP elsewhere than on loopback. Default: `false`.
    #[serde(default)]
    pub allow_insecure_endpoint: bool,
}

impl EcrOptions {
    /// The tokens of a region, as whom the chain says.
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
        }
    }
}

/// Without the external id, and without the endpoint, which may have a user in it.
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

/// A role by a token that the kubelet mounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebIdentity {
    /// The role.
    pub role_arn: String,
    /// The token's file, read anew for each mint.
    #[serde(deserialize_with = "path")]
    #[schemars(with = "PathBuf")]
    pub token_file: PathBuf,
}

/// Where an identity may come from besides the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IdentityName {
    /// The machine's own role.
    Instance,
}

/// Further hosts of a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AliasName {
    /// `ACCOUNT.dkr.ecr-fips.REGION.amazonaws.com`.
    Fips,
    /// `ACCOUNT.dkr-ecr.REGION.on.aws`.
    DualStack,
    /// Every one that the region has.
    All,
}

/// Whether it has the form of an AWS account.
pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An AWS account: twelve digits, written as text or as a number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account(String);

impl Account {
    /// The digits.
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

/// Reads an account. `shown` is the same as the config has it.
fn account<E: Error>(text: &str, shown: &str) -> Result<Account, E> {
    if is_account(text) {
        return Ok(Account(text.into()));
    }
    let odd = odd_character(text).unwrap_or_else(|| "it must have twelve digits".into());
    Err(E::custom(format!("{shown} is not an AWS account: {odd}")))
}

/// Reads at least one account, and none twice.
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
                Some((_, Account(account))) => Err(A::Error::custom(format!("{account} is there twice"))),
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

/// A list, or one thing of it alone.
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

/// One identity asks, and what belongs to a role needs one.
fn identities(ecr: &mut Schema) {
    let both = |one: &str, other: &str| json!({ "required": [one, other] });
    let pairs = [both("profile", "web_identity"), both("profile", "identity"), both("web_identity", "identity")];
    ecr.insert("not".into(), json!({ "anyOf": pairs }));
    ecr.insert("dependentRequired".into(), json!({ "external_id": ["role_arn"], "session_name": ["role_arn"] }));
}
