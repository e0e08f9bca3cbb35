//! The identity of the pod, as its provider types define it.

use std::path::Path;

use regcred_config::{Problem, Problems, Spec};
use regcred_plan::{NeededFile, POD_TOKENS, Plan, PodIdentity, Policies, pod_identity};
use serde_json::{Value, json};

use crate::{Install, codes::misfit, object::Site};

/// Lifetime of the projected token, in seconds. The kubelet renews a token after four fifths of its lifetime.
const TOKEN_LIFE: u32 = 3_600;

/// Returns the policies that the plan's providers need in their own systems, with the identity of the installation.
///
/// The policies of several types are one document with a key for each type.
///
/// Problems come from the types, such as a missing identity. A plan whose types have no policies is a problem too.
pub fn policies(plan: &Plan, install: &Install) -> Result<Policies, Problems> {
    let chosen = install.mode.workload().map(|workload| workload.identity.clone()).unwrap_or_default();
    regcred_plan::policies(plan, &chosen, &Site::new(plan, install).pod())
}

/// Returns what the pod needs for its identity. The result is empty if no pod runs in the cluster.
pub(crate) fn of(plan: &Plan, install: &Install, site: &Site<'_>) -> Result<PodIdentity, Problems> {
    match install.mode.workload() {
        Some(workload) => pod_identity(plan, &workload.identity, &site.pod()),
        None => Ok(PodIdentity::default()),
    }
}

/// Returns the environment variables of the container.
pub(crate) fn variables(identity: &PodIdentity) -> Vec<Value> {
    identity.variables.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}

/// Returns the volumes of the pod, each with its mount path.
pub(crate) fn volumes(identity: &PodIdentity) -> Vec<(Value, String)> {
    let secret = |it: &regcred_plan::SecretFile| {
        let items = json!([{ "key": it.key, "path": it.key }]);
        (json!({ "name": it.volume, "secret": { "secretName": it.secret, "items": items } }), it.folder.clone())
    };
    let mut volumes = identity.secrets.iter().map(secret).collect::<Vec<_>>();
    let tokens = tokens(identity);
    if !tokens.is_empty() {
        let token = |(path, audience): &(String, String)| json!({ "serviceAccountToken": { "audience": audience, "expirationSeconds": TOKEN_LIFE, "path": path } });
        let sources = tokens.iter().map(token).collect::<Vec<_>>();
        volumes.push((json!({ "name": "token", "projected": { "sources": sources } }), POD_TOKENS.to_owned()));
    }
    volumes
}

/// Returns the name of each token's file, with its audience.
pub(crate) fn tokens(identity: &PodIdentity) -> Vec<(String, String)> {
    let name = |file: &Path| file.file_name().map(|name| name.to_string_lossy().into_owned());
    identity.tokens.iter().filter_map(|(file, audience)| Some((name(file)?, audience.clone()))).collect()
}

/// Returns the files that entries of the config name, each with its entry.
fn files(plan: &Plan) -> impl Iterator<Item = (&Spec, &NeededFile)> {
    let providers = plan.planned_providers().values().filter_map(|it| Some((it.entry()?, &it.plan().files)));
    let sinks = plan.sinks().values().map(|(entry, sink)| (entry, &sink.files));
    providers.chain(sinks).flat_map(|(entry, files)| files.iter().map(move |file| (entry, file)))
}

/// Returns the files of the config that no volume of the pod provides, and the annotations that are set twice.
pub(crate) fn problems(plan: &Plan, install: &Install, identity: &PodIdentity) -> Vec<Problem> {
    let Some(workload) = install.mode.workload() else { return vec![] };
    let is_there = |file: &Path| {
        let folders = workload.mounts.iter().map(|mount| mount.folder.as_path());
        identity.tokens.contains_key(file) || folders.into_iter().any(|folder| file.starts_with(folder))
    };
    let missing = files(plan).filter(|(_, file)| !is_there(&file.path)).map(|(spec, needed)| {
        let (key, file) = (&needed.key, needed.path.display());
        let message =
            format!("{file} is in no volume of the pod: mount a Secret there that has it, as --mount SECRET=FOLDER");
        spec.problem(key, message)
    });
    let twice = identity.annotations.keys().filter(|key| install.account.annotations.contains_key(*key));
    let twice = twice.map(|key| misfit(format!("serviceAccount.annotations: the identity sets {key}: leave it out")));
    missing.chain(twice).collect()
}

/// Returns the manual steps that give the pod its identity.
pub(crate) fn notes(install: &Install, site: &Site<'_>, identity: &PodIdentity) -> Vec<String> {
    let (account, namespace) = (&site.account, site.namespace);
    let annotate = |(key, value): (&String, &String)| {
        format!(
            "annotate the ServiceAccount, which these objects do not include: kubectl annotate serviceaccount {account} \
             --namespace={namespace} --overwrite {key}={value}"
        )
    };
    let annotations = identity.annotations.iter().filter(|_| install.account.exists).map(annotate);
    annotations.chain(identity.notes.iter().cloned()).collect()
}
