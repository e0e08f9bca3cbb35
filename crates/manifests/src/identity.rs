//! Who the pod is in AWS: what its ServiceAccount, its environment and its volumes say of that. Never a key.

use std::path::Path;

use regcred_config::{Problem, Spec};
use regcred_plan::{NeededFile, Plan};
use serde_json::{Value, json};

use crate::{Identity, RoleArn, Workload};

/// A token of the cluster's own issuer.
const TOKEN_FOLDER: &str = "/var/run/secrets/regcred";
const TOKEN: &str = "token";
/// A file as the AWS CLI has it.
const KEYS_FOLDER: &str = "/var/run/secrets/aws";
const KEYS: &str = "credentials";
/// AWS's own, for whom a token is unless somebody says otherwise.
pub const AUDIENCE: &str = "sts.amazonaws.com";
/// Tokens are renewed by the kubelet at four fifths of this.
const TOKEN_LIFE: u32 = 3_600;

/// By this annotation the webhook of EKS and ROSA knows the role of a ServiceAccount.
pub(crate) const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";

/// The annotation of the ServiceAccount.
pub(crate) fn annotation(identity: &Identity) -> Option<(&'static str, &RoleArn)> {
    match identity {
        Identity::Webhook { role_arn } => Some((ROLE_ANNOTATION, role_arn)),
        _ => None,
    }
}

/// What the pod needs for it: variables, and volumes with the folders at which they are.
pub(crate) fn of(plan: &Plan, workload: &Workload) -> (Vec<Value>, Vec<(Value, String)>) {
    let mut variables = vec![];
    let mut volumes = vec![];
    match &workload.identity {
        Identity::Projected { role_arn, .. } => {
            variables.push(json!({ "name": "AWS_ROLE_ARN", "value": role_arn.as_str() }));
            let file = format!("{TOKEN_FOLDER}/{TOKEN}");
            variables.push(json!({ "name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": file }));
        }
        Identity::Keys { secret } => {
            let file = format!("{KEYS_FOLDER}/{KEYS}");
            variables.push(json!({ "name": "AWS_SHARED_CREDENTIALS_FILE", "value": file }));
            let volume =
                json!({ "name": "aws", "secret": { "secretName": secret, "items": [{ "key": KEYS, "path": KEYS }] } });
            volumes.push((volume, KEYS_FOLDER.to_owned()));
        }
        Identity::None | Identity::Webhook { .. } | Identity::PodIdentity => {}
    }
    if let Some(audience) = audience(plan, &workload.identity) {
        let token =
            json!({ "serviceAccountToken": { "audience": audience, "expirationSeconds": TOKEN_LIFE, "path": TOKEN } });
        volumes.push((json!({ "name": "token", "projected": { "sources": [token] } }), TOKEN_FOLDER.to_owned()));
    }
    (variables, volumes)
}

/// For whom the pod's own token is; `None`: it needs none.
pub(crate) fn audience<'a>(plan: &Plan, identity: &'a Identity) -> Option<&'a str> {
    match identity {
        Identity::Projected { audience, .. } => Some(audience),
        _ => files(plan).any(|(_, file)| is_token(&file.path)).then_some(AUDIENCE),
    }
}

/// Whether a file is the pod's own token.
pub(crate) fn is_token(file: &Path) -> bool {
    file == Path::new(TOKEN_FOLDER).join(TOKEN)
}

/// The files that entries name, each with its entry.
fn files(plan: &Plan) -> impl Iterator<Item = (&Spec, &NeededFile)> {
    let providers = plan.planned_providers().values().filter_map(|it| Some((it.entry()?, &it.plan().files)));
    let sinks = plan.sinks().values().map(|(entry, sink)| (entry, &sink.files));
    providers.chain(sinks).flat_map(|(entry, files)| files.iter().map(move |file| (entry, file)))
}

/// Files that the config names and that no volume of the pod holds.
pub(crate) fn problems(plan: &Plan, workload: &Workload) -> Vec<Problem> {
    let is_there = |file: &Path| {
        let folders = workload.mounts.iter().map(|mount| mount.folder.as_path());
        is_token(file) || folders.into_iter().any(|folder| file.starts_with(folder))
    };
    let missing = files(plan).filter(|(_, file)| !is_there(&file.path)).map(|(spec, needed)| {
        let (key, file) = (&needed.key, needed.path.display());
        let message =
            format!("{file} is in no volume of the pod: mount a Secret there that has it, as --mount SECRET=FOLDER");
        spec.problem(key, message)
    });
    missing.collect()
}
