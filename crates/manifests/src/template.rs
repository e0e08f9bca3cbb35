//! The template for project requests on OpenShift. It adds the label by which the config selects a project.

use regcred_config::{Problem, Problems, Requirement, Selection};
use regcred_plan::Plan;
use serde_json::{Value, json};

use crate::{
    Guard, Install, Manifests, codes,
    need::{Need, sinks},
    object::Site,
    rights,
};

/// The only parameters that the server sets.
pub(crate) const PARAMETERS: [&str; 5] =
    ["PROJECT_NAME", "PROJECT_DISPLAYNAME", "PROJECT_DESCRIPTION", "PROJECT_ADMIN_USER", "PROJECT_REQUESTING_USER"];
/// The namespace in which OpenShift looks for the template.
const NAMESPACE: &str = "openshift-config";
/// Matches the namespaces of the platform, as `oc get projects` prints them.
const PLATFORM: &str = "/(default|openshift|dedicated-admin|(kube|openshift|redhat)-.*)$";

/// Returns a template for project requests that labels each project as the config's selection requires.
///
/// With [`Guard::Bindings`] the template also binds the rights in the project. `labels` replaces the labels of the
/// config's only selection.
pub fn project_template(plan: &Plan, install: &Install, labels: &[(String, String)]) -> Result<Manifests, Problems> {
    let here = sinks(plan, install.sink.as_ref())?;
    let (need, site) = (Need::of(plan, &here), Site::new(plan, install));
    let labels = if labels.is_empty() { wanted(&need)? } else { labels.to_vec() };
    let set =
        labels.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect::<serde_json::Map<_, _>>();
    let project = json!({
        "apiVersion": "project.openshift.io/v1",
        "kind": "Project",
        "metadata": {
            "name": "${PROJECT_NAME}",
            "labels": set,
            "annotations": {
                "openshift.io/description": "${PROJECT_DESCRIPTION}",
                "openshift.io/display-name": "${PROJECT_DISPLAYNAME}",
                "openshift.io/requester": "${PROJECT_REQUESTING_USER}",
            },
        },
    });
    let admin = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": { "name": "admin", "namespace": "${PROJECT_NAME}" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin" },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "${PROJECT_ADMIN_USER}" }],
    });
    let mut objects = vec![project, admin];
    if install.guard == Guard::Bindings {
        objects.push(rights::target_binding(&site, "${PROJECT_NAME}"));
    }
    let mut metadata = site.everywhere("-project-request");
    metadata["namespace"] = NAMESPACE.into();
    let name = metadata["name"].as_str().unwrap_or_default().to_owned();
    let template = json!({
        "apiVersion": "template.openshift.io/v1",
        "kind": "Template",
        "metadata": metadata,
        "objects": objects,
        "parameters": PARAMETERS.map(|name| json!({ "name": name })),
    });
    let labels = labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ");
    let notes = [
        "every project that users request gets the credential".to_owned(),
        "look at it first: regcred check --template FILE".into(),
        format!(
            "then switch: oc patch project.config.openshift.io/cluster --type=merge --patch='{{\"spec\":{{\"projectRequestTemplate\":{{\"name\":\"{name}\"}}}}}}'"
        ),
        format!("existing projects: {}", backfill(&format!("oc label {{}} {labels}"))),
    ];
    let bound = (install.guard == Guard::Bindings).then(|| {
        let (role, account, namespace) = (site.wide("-target"), &site.account, site.namespace);
        let bind = format!(
            "sh -c 'oc create rolebinding {role} --clusterrole={role} --serviceaccount={namespace}:{account} \
             --namespace=\"${{1#*/}}\"' sh {{}}"
        );
        format!("and their bindings: {}", backfill(&bind))
    });
    Ok(Manifests { objects: vec![template], notes: notes.into_iter().chain(bound).collect() })
}

/// Returns a shell command that runs `command` for each project except those of the platform.
fn backfill(command: &str) -> String {
    format!(
        "oc get projects --output=name | sed 's,^project[^/]*/,namespace/,' | grep --invert-match --extended-regexp '{PLATFORM}' | xargs --replace {command}"
    )
}

/// Returns the labels that the only selection of the config requires.
fn wanted(need: &Need) -> Result<Vec<(String, String)>, Problem> {
    let problem = |message: &str| Problem::everywhere(format!("targets: {message}")).with_code(&codes::TEMPLATE);
    let selections = need.selections();
    let asking = selections.iter().filter(|it| it.asks_for_a_label()).collect::<Vec<_>>();
    match asking.as_slice() {
        [] => Err(problem("no target selects namespaces by a label: set one with --label KEY=VALUE")),
        [one] => labels(one),
        several => {
            let choices = several.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
            Err(problem(&format!("several targets select by label ({choices}): set the labels with --label KEY=VALUE")))
        }
    }
}

fn labels(selection: &Selection) -> Result<Vec<(String, String)>, Problem> {
    let labels = selection.selector().requirements().filter_map(|(key, requirement)| match requirement {
        Requirement::Exists => Some((key.to_owned(), "true".to_owned())),
        Requirement::IsOneOf(values) => Some((key.to_owned(), values.first()?.clone())),
        Requirement::IsAbsent | Requirement::IsNoneOf(_) => None,
    });
    let labels = labels.collect::<Vec<_>>();
    let set = labels.iter().cloned().collect();
    if selection.selector().takes(&set) {
        return Ok(labels);
    }
    Err(Problem::everywhere(format!(
        "targets: no labels match {}: set the labels with --label KEY=VALUE",
        selection.selector()
    ))
    .with_code(&codes::TEMPLATE))
}
