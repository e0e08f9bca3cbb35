//! The values of the Helm chart: the user's choices, and under `generated` the values that follow from the config.

use std::{collections::BTreeMap, fmt::Write};

use regcred_config::Problems;
use regcred_plan::{ChosenIdentity, Plan, PodIdentity, pod_identity};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::{
    Account, Guard, Image, Install, MONITORING, Manifests, Mode, TrustedCa, Workload,
    codes::misfit,
    identity,
    object::Site,
    write::{Made, made},
};

/// Returns the values from which the chart renders the objects of [`manifests()`](crate::manifests()). They are one
/// document, with notes for the person who installs it.
///
/// `command` is the command line that generates them again. Problems are those of `manifests()`, and an installation
/// without a workload.
pub fn values(plan: &Plan, install: &Install, command: &str) -> Result<Manifests, Problems> {
    let Some(workload) = install.mode.workload() else {
        return Err(misfit("mode: the chart runs a CronJob or a Deployment").into());
    };
    let Made { objects, mut rights, identity: identity_notes, kubectl: _ } = made(plan, install)?;
    let site = Site::new(plan, install);
    if let Some(previous) = plan.previous_instance() {
        rights.push(format!(
            "after a pass, when `regcred status` reports every Secret as fresh, run: regcred cleanup --instance {previous}"
        ));
    }
    let config_text = match install.files.as_slice() {
        [file] => Value::from(file.as_str()),
        files => files.into(),
    };
    let mut document = chosen(install, workload, &identity::of(plan, install, &site)?);
    let tokens = identity::tokens(&pod_identity(plan, &ChosenIdentity::default(), &site.pod())?);
    let tokens = tokens.into_iter().collect::<BTreeMap<_, _>>();
    document.insert("config".into(), config_text);
    document.insert(
        "generated".into(),
        json!({
            "command": command,
            "from": settings(install, &site),
            "instance": plan.instance().as_str(),
            "names": names(&site),
            "notes": rights,
            "rights": rights_of(&objects, &site),
            "tokens": tokens,
            "workload": workload_of(&objects),
        }),
    );
    Ok(Manifests { objects: vec![document.into()], notes: rights.into_iter().chain(identity_notes).collect() })
}

/// Returns the settings that `generated` follows from. The chart compares them before it renders.
fn settings(install: &Install, site: &Site<'_>) -> Value {
    let (mode, replicas) = mode(install);
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "config": install.files.iter().map(|text| sum(text)).collect::<Vec<_>>().join(" "),
        "namespace": install.namespace.as_str(),
        "mode": mode,
        "replicas": replicas,
        "guard": guard(install.guard),
        "profiles": install.profiles,
        "sink": install.sink.as_ref().map(ToString::to_string).unwrap_or_default(),
        "serviceAccount": site.account,
    })
}

/// Returns the SHA-256 digest of a text, in hexadecimal.
fn sum(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn names(site: &Site<'_>) -> Value {
    json!({ "own": site.name, "target": site.wide("-target"), "namespaces": site.wide("-namespaces"), "sources": site.wide("-sources") })
}

/// Returns the rules of the roles, the namespaces with a binding, and the policies with their names.
fn rights_of(objects: &[Value], site: &Site<'_>) -> Value {
    let of_kind = |kind: &'static str| objects.iter().filter(move |it| it["kind"] == kind);
    let rules = |kind, name: String| of_kind(kind).find(|it| it["metadata"]["name"] == name).map(|it| &it["rules"]);
    let target = site.wide("-target");
    let bound = of_kind("RoleBinding").filter(|it| it["roleRef"]["name"] == target);
    let sources = of_kind("Role").filter(|it| it["metadata"]["name"] == site.wide("-sources"));
    let sources = sources.map(|it| json!({ "namespace": it["metadata"]["namespace"], "rules": it["rules"] }));
    let policies =
        of_kind("ValidatingAdmissionPolicy").map(|it| json!({ "name": it["metadata"]["name"], "spec": it["spec"] }));
    json!({
        "target": rules("ClusterRole", target.clone()),
        "namespaces": rules("ClusterRole", site.wide("-namespaces")),
        "own": rules("Role", format!("{}-own", site.name)).unwrap_or(&json!([])),
        "isClusterWide": of_kind("ClusterRoleBinding").any(|it| it["roleRef"]["name"] == target),
        "boundIn": bound.map(|it| &it["metadata"]["namespace"]).collect::<Vec<_>>(),
        "sources": sources.collect::<Vec<_>>(),
        "policies": policies.collect::<Vec<_>>(),
    })
}

/// Returns the arguments of the container. For a CronJob it adds the schedule and the time limit of a Job.
fn workload_of(objects: &[Value]) -> Value {
    let find = |kind| objects.iter().find(|it| it["kind"] == kind).map(|it| &it["spec"]);
    let args = |pod: &Value| pod["spec"]["containers"][0]["args"].clone();
    if let Some(spec) = find("CronJob") {
        let job = &spec["jobTemplate"]["spec"];
        let mut workload = json!({
            "args": args(&job["template"]),
            "schedule": spec["schedule"],
            "activeDeadlineSeconds": job["activeDeadlineSeconds"],
        });
        if let Some(zone) = spec.get("timeZone") {
            workload["timeZone"] = zone.clone();
        }
        return workload;
    }
    find("Deployment").map(|spec| json!({ "args": args(&spec["template"]) })).unwrap_or_default()
}

/// Returns the values that the user set with flags, under the keys of the chart.
fn chosen(install: &Install, workload: &Workload, identity: &PodIdentity) -> Map<String, Value> {
    let mut values = workload.pod.file.clone();
    let mut set = |key: &str, value: Value| drop(values.insert(key.to_owned(), value));
    let (mode, replicas) = mode(install);
    set("mode", mode.into());
    set("guard", guard(install.guard).into());
    if replicas > 1 {
        set("replicas", replicas.into());
    }
    if install.profiles {
        set("profiles", true.into());
    }
    if let Some(sink) = &install.sink {
        set("sink", sink.to_string().into());
    }
    if mode == "daemon" && !install.monitoring {
        set("monitoring", false.into());
    }
    let metrics_from = install.metrics_from.iter().map(ToString::to_string).collect::<Vec<_>>();
    if metrics_from != MONITORING {
        set("metricsFrom", metrics_from.into());
    }
    let account = &install.account;
    if *account != Account::default() {
        let name = account.name.as_deref().unwrap_or_default();
        let account = json!({ "create": !account.exists, "name": name, "annotations": account.annotations });
        set("serviceAccount", account);
    }
    if let Some(name) = workload.identity.name() {
        let mut parts = json!(identity.values);
        parts["type"] = name.into();
        set("identity", parts);
    }
    if !workload.mounts.is_empty() {
        let mounts = workload.mounts.iter().map(|it| json!({ "secret": it.secret, "folder": it.folder }));
        set("mounts", mounts.collect());
    }
    match &workload.trusted_ca {
        Some(TrustedCa::OpenShift) => set("trustedCa", json!({ "openshift": true })),
        Some(TrustedCa::ConfigMap(name)) => set("trustedCa", json!({ "configMap": name })),
        None => {}
    }
    if let Some(https) = &workload.proxy.https {
        let no = workload.proxy.no.as_deref().unwrap_or_default();
        set("proxy", json!({ "https": https, "noProxy": no }));
    }
    let mut image = if workload.image == Image::default() { Map::new() } else { image(&workload.image) };
    if let Some(policy) = &workload.pod.pull_policy {
        image.insert("pullPolicy".into(), policy.as_str().into());
    }
    if !image.is_empty() {
        set("image", image.into());
    }
    values
}

/// Returns the chart's name of the mode, and the number of pods.
fn mode(install: &Install) -> (&'static str, u32) {
    match install.mode {
        Mode::Daemon(_, replicas) => ("daemon", replicas),
        Mode::CronJob(_) | Mode::Elsewhere => ("cronjob", 1),
    }
}

fn guard(guard: Guard) -> &'static str {
    match guard {
        Guard::Policy => "policy",
        Guard::Bindings => "role-bindings",
        Guard::Nothing => "unguarded",
    }
}

/// Returns the parts of an image.
///
/// An image without tag and digest gets the tag `latest`, which is what a kubelet pulls. Without a tag the chart would
/// add its own version.
fn image(image: &Image) -> Map<String, Value> {
    let (named, digest) = image.as_str().split_once('@').unwrap_or((image.as_str(), ""));
    let last = named.rfind('/').map_or(0, |at| at + 1);
    let (repository, tag) = match named[last..].split_once(':') {
        Some((name, tag)) => (&named[..last + name.len()], tag),
        None => (named, if digest.is_empty() { "latest" } else { "" }),
    };
    let parts = [("repository", repository), ("tag", tag), ("digest", digest)].into_iter();
    parts.map(|(key, part)| (key.to_owned(), part.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_reference_is_split_into_repository_tag_and_digest() {
        for (reference, parts) in [
            ("registry.example.com:5000/a/b:1", ["registry.example.com:5000/a/b", "1", ""]),
            ("registry.example.com:5000/b", ["registry.example.com:5000/b", "latest", ""]),
            ("b@sha256:0", ["b", "", "sha256:0"]),
            ("a/b:1@sha256:0", ["a/b", "1", "sha256:0"]),
        ] {
            let (named, digest) = reference.split_once('@').unwrap_or((reference, ""));
            let digest = digest.replace('0', &"0".repeat(64));
            let reference = if digest.is_empty() { named.to_owned() } else { format!("{named}@{digest}") };
            let made = image(&reference.parse().expect("it is one"));
            let [repository, tag, _] = parts;
            let wanted = json!({ "repository": repository, "tag": tag, "digest": digest });
            assert_eq!(Value::from(made), wanted, "{reference}");
        }
    }

    #[test]
    fn the_checksum_equals_the_output_of_sha256sum() {
        assert_eq!(sum(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
