//! The identity of the pod in AWS, as the flags of `regcred manifests` describe it.

use std::str::FromStr;

use regcred_config::{Problem, Problems};
use regcred_plan::ChosenIdentity;

use super::{
    flags::{AUDIENCE, AUDIENCE_FLAG, ISSUER_FLAG, KEYS, POD_IDENTITY, PROJECTED, ROLE_FLAG, SECRET_FLAG, WEBHOOK},
    issuer::Issuer,
    role::RoleArn,
};

use crate::codes;

/// The identity of the pod. It holds no key.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) source: Source,
    /// The role of that identity, if it is known. Otherwise its name is that of the ServiceAccount, and its account is
    /// not known.
    pub(super) role: Option<RoleArn>,
    /// The issuer of the cluster's tokens.
    pub(super) issuer: Option<Issuer>,
}

/// The source of the pod's credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The SDK's chain finds no credentials. The providers of the config must set their own identity.
    Nothing,
    /// A webhook of the cluster gives the pod a token for the role. Used on ROSA, and on EKS with IRSA.
    Webhook { role: RoleArn },
    /// The pod has a token of the cluster's own issuer and assumes the role with it. Works on any cluster whose issuer
    /// is registered in IAM.
    Projected { role: RoleArn, audience: String },
    /// An association of EKS Pod Identity, which is created in AWS.
    PodIdentity,
    /// An existing Secret. Its key `credentials` is a credentials file of the AWS CLI.
    Keys { secret: String },
}

impl Chosen {
    /// Reads the flags. Fails for a missing or invalid value.
    pub(super) fn of(chosen: &ChosenIdentity) -> Result<Self, Problems> {
        let (role, issuer) = (read::<RoleArn>(chosen, ROLE_FLAG)?, read(chosen, ISSUER_FLAG)?);
        let known = || role.clone().ok_or_else(|| problem(format!("--{ROLE_FLAG} is missing")));
        let audience = || chosen.flag(AUDIENCE_FLAG).unwrap_or(AUDIENCE).to_owned();
        let source = match chosen.name() {
            None => Source::Nothing,
            Some(WEBHOOK) => Source::Webhook { role: known()? },
            Some(PROJECTED) => Source::Projected { role: known()?, audience: audience() },
            Some(POD_IDENTITY) => Source::PodIdentity,
            Some(KEYS) => Source::Keys { secret: chosen.flag(SECRET_FLAG).unwrap_or_default().to_owned() },
            Some(other) => return Err(problem(format!("--identity {other}: the type ecr does not support it"))),
        };
        Ok(Self { source, role, issuer })
    }
}

fn read<T: FromStr<Err = String>>(chosen: &ChosenIdentity, flag: &str) -> Result<Option<T>, Problems> {
    let value = chosen.flag(flag).map(str::parse).transpose();
    value.map_err(|why| problem(format!("--{flag}: {why}")))
}

fn problem(message: String) -> Problems {
    misfit(message).into()
}

/// Returns a problem with the identity of the pod.
pub(super) fn misfit(message: impl Into<String>) -> Problem {
    Problem::everywhere(message).with_code(&codes::POD_IDENTITY)
}
