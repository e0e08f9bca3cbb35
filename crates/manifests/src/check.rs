//! Whether a template for project requests can be switched to: a bad one breaks `oc new-project` for everybody.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    expand::{expand, names},
    template::PARAMETERS,
};

/// Kinds of objects that are in a namespace and that every OpenShift serves, by their groups.
const NAMESPACED: [(&str, &[&str]); 10] = [
    (
        "",
        &[
            "ConfigMap",
            "LimitRange",
            "PersistentVolumeClaim",
            "Pod",
            "ResourceQuota",
            "Secret",
            "Service",
            "ServiceAccount",
        ],
    ),
    ("apps", &["Deployment", "StatefulSet", "DaemonSet"]),
    ("apps.openshift.io", &["DeploymentConfig"]),
    ("authorization.openshift.io", &["Role", "RoleBinding"]),
    ("batch", &["CronJob", "Job"]),
    ("build.openshift.io", &["BuildConfig"]),
    ("image.openshift.io", &["ImageStream"]),
    ("networking.k8s.io", &["Ingress", "NetworkPolicy"]),
    ("rbac.authorization.k8s.io", &["Role", "RoleBinding"]),
    ("route.openshift.io", &["Route"]),
];
/// Kinds that are in no namespace: the server refuses them, and deletes the project that was begun.
const CLUSTER: [&str; 12] = [
    "APIService",
    "ClusterResourceQuota",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "SecurityContextConstraints",
    "StorageClass",
    "ValidatingAdmissionPolicy",
];
/// What whoever requests a project writes freely.
const FREE: [&str; 2] = ["PROJECT_DISPLAYNAME", "PROJECT_DESCRIPTION"];
/// Whatever is in there is run.
const RUN: [&str; 3] = ["command", "args", "env"];

/// What is wrong with a template, and what is odd about it; both empty for a good one.
///
/// Takes `Template` of group `template.openshift.io` that makes exactly one `Project` named `${PROJECT_NAME}` and its RoleBinding
/// `admin`, and otherwise only objects that are in a namespace and of kinds that each OpenShift has.
pub fn check(template: &Value) -> (Vec<String>, Vec<String>) {
    if template["kind"] != "Template" || !is_of(&template["apiVersion"], "template.openshift.io") {
        return (vec!["it is not a Template of template.openshift.io/v1".into()], vec![]);
    }
    let (mut errors, mut warnings) = (vec![], vec![]);
    let parameters = template["parameters"].as_array().into_iter().flatten();
    let parameters = parameters.filter_map(|it| it["name"].as_str()).collect::<Vec<_>>();
    for missing in PARAMETERS.iter().filter(|name| !parameters.contains(name)) {
        errors.push(format!("the parameter {missing} is missing: the server fills it in"));
    }
    let empty = |it: &&Value| {
        it["required"] == true && it["value"].as_str().unwrap_or_default().is_empty() && it["generate"].is_null()
    };
    for parameter in template["parameters"].as_array().into_iter().flatten().filter(empty) {
        let name = parameter["name"].as_str().unwrap_or_default();
        if !PARAMETERS.contains(&name) {
            errors.push(format!(
                "the parameter {name} has to have a value, and nobody gives it one: each request would fail"
            ));
        }
    }
    let values = parameters.iter().filter(|it| PARAMETERS.contains(it)).map(|it| ((*it).to_owned(), sample(it)));
    match expand(template, &values.collect::<BTreeMap<_, _>>()) {
        Ok(expanded) => objects(template, &expanded.objects, &mut errors, &mut warnings),
        Err(error) => errors.push(error),
    }
    (errors, warnings)
}

fn sample(parameter: &str) -> String {
    if parameter == "PROJECT_NAME" { "team-a".into() } else { "someone".into() }
}

fn objects(template: &Value, expanded: &[Value], errors: &mut Vec<String>, warnings: &mut Vec<String>) {
    let written = template["objects"].as_array().into_iter().flatten();
    let is_project =
        |object: &Value| object["kind"] == "Project" && is_of(&object["apiVersion"], "project.openshift.io");
    for (place, (object, written)) in expanded.iter().zip(written).enumerate() {
        let what = format!("objects[{place}], {}", described(object));
        if is_project(object) {
            if written["metadata"]["name"] != "${PROJECT_NAME}" {
                errors.push(format!(
                    "{what}: its name is not ${{PROJECT_NAME}}, so another project would be made than was asked for"
                ));
            }
        } else if let Some(error) = misplaced(object) {
            errors.push(format!("{what}: {error}"));
        }
        if object["metadata"]["name"].as_str().unwrap_or_default().is_empty()
            && object["metadata"]["generateName"].is_null()
        {
            errors.push(format!("{what}: it has no name"));
        }
        if let Some(namespace) = written["metadata"]["namespace"].as_str().filter(|it| !it.contains("${")) {
            warnings.push(format!("{what}: the namespace {namespace:?} is taken out, it is made in the new project"));
        }
        used(written, &mut vec![], &mut |path, name| {
            let run = path.iter().any(|step| RUN.contains(&step.as_str()));
            let in_annotations =
                path.first().is_some_and(|it| it == "metadata") && path.get(1).is_some_and(|it| it == "annotations");
            if (FREE.contains(&name) && !in_annotations) || (run && PARAMETERS[1..].contains(&name)) {
                let path = path.join(".");
                errors.push(format!(
                    "{what}: {path} has ${{{name}}}, which whoever requests a project writes as they like"
                ));
            }
        });
        if written.to_string().contains("AKIA") {
            warnings.push(format!(
                "{what}: it holds a key of AWS, and each project would: whoever administers a project reads its Secrets"
            ));
        }
    }
    match expanded.iter().filter(|it| is_project(it)).count() {
        1 => {}
        0 => errors.push("it makes no Project of project.openshift.io/v1: each request would fail".into()),
        several => errors.push(format!("it makes {several} Projects, and has to make exactly one")),
    }
    let is_admin = |it: &&Value| {
        it["kind"] == "RoleBinding"
            && it["roleRef"]["name"] == "admin"
            && it["subjects"].to_string().contains("someone")
    };
    if !expanded.iter().any(|it| is_admin(&it)) {
        errors.push("nobody gets the role admin: whoever requests a project could not use it. A RoleBinding of the ClusterRole admin to ${PROJECT_ADMIN_USER} is missing".into());
    }
}

/// Why the server could not make an object in the new project.
fn misplaced(object: &Value) -> Option<String> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let group = object["apiVersion"].as_str().unwrap_or_default().rsplit_once('/').map_or("", |(group, _)| group);
    if NAMESPACED.iter().any(|(known, kinds)| *known == group && kinds.contains(&kind)) {
        return None;
    }
    Some(if CLUSTER.contains(&kind) {
        "it is in no namespace: the server refuses it, and deletes the project that was asked for".into()
    } else {
        "it is of no kind that each OpenShift has: without its definition each request takes half a minute and fails"
            .into()
    })
}

fn is_of(api_version: &Value, group: &str) -> bool {
    // Before groups, OpenShift had `v1` for its own kinds; the server still reads that.
    api_version
        .as_str()
        .is_some_and(|it| it == "v1" || it.strip_prefix(group).is_some_and(|rest| rest.starts_with('/')))
}

fn described(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    format!("{} {}", text(&object["kind"]), text(&object["metadata"]["name"]))
}

/// Every parameter that a value uses, with the way to it.
fn used(value: &Value, path: &mut Vec<String>, tell: &mut impl FnMut(&[String], &str)) {
    match value {
        Value::String(text) => {
            let doubled = text.strip_prefix("${{").and_then(|it| it.strip_suffix("}}"));
            names(text).into_iter().chain(doubled).for_each(|name| tell(path, name));
        }
        Value::Array(list) => list.iter().for_each(|it| used(it, path, tell)),
        Value::Object(map) => {
            for (key, value) in map {
                for name in names(key) {
                    tell(path, name);
                }
                path.push(key.clone());
                used(value, path, tell);
                path.pop();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn good() -> Value {
        json!({
            "apiVersion": "template.openshift.io/v1", "kind": "Template", "metadata": { "name": "project-request" },
            "objects": [
                { "apiVersion": "project.openshift.io/v1", "kind": "Project", "metadata": { "name": "${PROJECT_NAME}" } },
                {
                    "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": { "name": "admin" },
                    "roleRef": { "kind": "ClusterRole", "name": "admin" },
                    "subjects": [{ "kind": "User", "name": "${PROJECT_ADMIN_USER}" }],
                },
            ],
            "parameters": PARAMETERS.map(|name| json!({ "name": name })),
        })
    }

    #[track_caller]
    fn refused(edit: impl FnOnce(&mut Value), told: &str) {
        let mut template = good();
        edit(&mut template);
        let (errors, _) = check(&template);
        assert!(errors.iter().any(|error| error.contains(told)), "{told}: {errors:#?}");
    }

    fn add(object: Value) -> impl FnOnce(&mut Value) {
        |template| template["objects"].as_array_mut().expect("a list").push(object)
    }

    #[test]
    fn a_good_one_passes() {
        assert_eq!(check(&good()), (vec![], vec![]));
    }

    #[test]
    fn each_way_to_break_project_requests_is_refused() {
        refused(|it| it["kind"] = "ConfigMap".into(), "it is not a Template");
        refused(|it| drop(it["parameters"].as_array_mut().expect("a list").remove(0)), "PROJECT_NAME is missing");
        refused(
            |it| it["parameters"].as_array_mut().expect("a list").push(json!({ "name": "X", "required": true })),
            "X has to have a value",
        );
        refused(|it| drop(it["objects"].as_array_mut().expect("a list").remove(0)), "it makes no Project");
        refused(add(good()["objects"][0].clone()), "it makes 2 Projects");
        refused(|it| it["objects"][0]["metadata"]["name"] = "x".into(), "its name is not ${PROJECT_NAME}");
        refused(|it| drop(it["objects"].as_array_mut().expect("a list").remove(1)), "nobody gets the role admin");
        let named = |api: &str, kind: &str| json!({ "apiVersion": api, "kind": kind, "metadata": { "name": "x" } });
        refused(add(named("rbac.authorization.k8s.io/v1", "ClusterRole")), "it is in no namespace");
        refused(add(named("v1", "Namespace")), "it is in no namespace");
        refused(add(named("external-secrets.io/v1", "ExternalSecret")), "of no kind that each OpenShift has");
        refused(add(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": {} })), "it has no name");
    }

    #[test]
    fn what_people_write_freely_is_in_no_command_and_no_right() {
        let job = |text: &str| {
            let mut job = json!({ "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": "x" } });
            job["spec"]["template"]["spec"]["containers"] = json!([{ "args": ["sh", "-c", text] }]);
            job
        };
        refused(add(job("echo ${PROJECT_DESCRIPTION}")), "args has ${PROJECT_DESCRIPTION}");
        refused(add(job("${{PROJECT_REQUESTING_USER}}")), "args has ${PROJECT_REQUESTING_USER}");
        refused(
            |it| it["objects"][1]["subjects"][0]["name"] = "${PROJECT_DISPLAYNAME}".into(),
            "has ${PROJECT_DISPLAYNAME}",
        );
        let mut template = good();
        add(job("echo ${PROJECT_NAME}"))(&mut template);
        assert_eq!(check(&template).0, Vec::<String>::new(), "a project's name is a DNS label");
    }

    #[test]
    fn a_namespace_that_is_lost_and_a_key_are_told() {
        let mut template = good();
        let data = json!({ "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE" });
        add(
            json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "aws", "namespace": "ops" }, "stringData": data }),
        )(&mut template);
        let (errors, warnings) = check(&template);
        assert_eq!(errors, Vec::<String>::new());
        assert!(warnings[0].contains("\"ops\" is taken out") && warnings[1].contains("a key of AWS"), "{warnings:#?}");
    }
}
