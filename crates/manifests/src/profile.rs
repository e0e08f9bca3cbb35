//! Lets users label a namespace for a profile that RBAC allows them to use. This needs no custom resource.

use serde_json::{Value, json};

use crate::object::Site;

/// The label by which a config chooses the namespaces of a profile.
pub(crate) const LABEL: &str = "regcred.dev/profile";
const GROUP: &str = "regcred.dev";

/// Returns the policy and its binding. Removing the label, or leaving it unchanged, needs no permission.
pub(crate) fn objects(site: &Site<'_>) -> [Value; 2] {
    let labels = "object.metadata.labels";
    let old = "oldObject.metadata.labels";
    let spec = json!({
        "failurePolicy": "Fail",
        "matchConstraints": { "resourceRules": [{
            // A write to the status can change labels too.
            "apiGroups": [""], "apiVersions": ["v1"], "resources": ["namespaces", "namespaces/status", "namespaces/finalize"],
            "operations": ["CREATE", "UPDATE"], "scope": "Cluster",
        }] },
        "matchConditions": [
            { "name": "has-a-profile", "expression": format!("has({labels}) && '{LABEL}' in {labels}") },
            {
                "name": "gets-another",
                "expression": format!(
                    "request.operation == 'CREATE' || !has({old}) || !('{LABEL}' in {old}) || {old}['{LABEL}'] != {labels}['{LABEL}']"
                ),
            },
        ],
        "validations": [{
            "expression": format!("authorizer.group('{GROUP}').resource('profiles').name({labels}['{LABEL}']).check('use').allowed()"),
            "messageExpression": format!("'{LABEL}=' + {labels}['{LABEL}'] + ' takes the verb use on profiles.{GROUP} of that name'"),
            "reason": "Forbidden",
        }],
    });
    site.policy("-profiles", &spec)
}
