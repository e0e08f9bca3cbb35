//! Jobs that look as if they wrote pull secrets.

use kube::api::DynamicObject;
use serde_json::Value;

use super::{Address, Job, Tool};

/// What a script says that asks ECR for a token.
const CALLS: [&str; 3] = ["get-login-password", "get-authorization-token", "ecr get-login"];
/// Of a schedule, as the API takes it.
const LONGEST_SCHEDULE: usize = 100;

pub(super) fn reduce(job: &DynamicObject) -> Option<Job> {
    let at = Address::of(&job.metadata);
    let spec = &job.data["spec"];
    let pod = &spec["jobTemplate"]["spec"]["template"]["spec"];
    let containers = ["initContainers", "containers"].into_iter().filter_map(|list| pod[list].as_array()).flatten();
    let texts = containers.clone().flat_map(|it| [it["name"].as_str(), it["image"].as_str()]).flatten();
    let names = std::iter::once(at.name.as_str()).chain(texts).collect::<Vec<_>>();
    let tool = Tool::of_job(&names);
    let says = |text: &str| containers.clone().any(|it| words(it).any(|word| word.contains(text)));
    let is_script = CALLS.iter().any(|call| says(call)) && says("secret"); // others log in to copy images
    if !is_script && (tool.is_none() || containers.clone().any(runs_regcred)) {
        return None;
    }
    Some(Job {
        tool: tool.or(Some(Tool::Script)),
        schedule: spec["schedule"].as_str().unwrap_or_default().chars().take(LONGEST_SCHEDULE).collect(),
        is_suspended: spec["suspend"] == true,
        is_by_name: Tool::of_job(&[&at.name]).is_some(),
        at,
    })
}

/// A template that says the name of a rotator, or its script, anywhere in what it makes.
pub(super) fn in_template(template: &DynamicObject) -> Option<Address> {
    let text = template.data["objects"].to_string();
    let is_script = text.contains("CronJob") && CALLS.iter().any(|call| text.contains(call));
    (is_script || Tool::of_job(&[&text]).is_some()).then(|| Address::of(&template.metadata))
}

/// Whether it is ourselves: pull secrets of others are called so too.
fn runs_regcred(container: &Value) -> bool {
    let image = container["image"].as_str().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split([':', '@']).next() == Some("regcred")
}

/// What a container runs.
fn words(container: &Value) -> impl Iterator<Item = &str> {
    ["command", "args"].into_iter().filter_map(|list| container[list].as_array()).flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(name: &str, container: &Value) -> Option<Job> {
        let template = json!({ "spec": { "template": { "spec": { "containers": [container] } } } });
        let spec = json!({ "schedule": "*/5 * * * *", "jobTemplate": template });
        let job = json!({ "metadata": { "name": name, "namespace": "a" }, "spec": spec });
        reduce(&serde_json::from_value(job).expect("an object"))
    }

    #[test]
    fn rotators_are_known_by_name_image_or_script() {
        let tool = |name: &str, container: &Value| found(name, container).map(|it| it.tool);
        assert_eq!(tool("ecr-creds-rotator", &json!({})), Some(Some(Tool::Script)));
        let renew = json!({ "name": "x", "image": "nabsul/k8s-ecr-login-renew:v1.7.2" });
        assert_eq!(tool("nightly", &renew), Some(Some(Tool::EcrLoginRenew)));
        let script = json!({ "name": "x", "image": "cli", "command": ["sh", "-c", "aws ecr get-login-password | oc create secret"] });
        assert_eq!(tool("nightly", &script), Some(Some(Tool::Script)));
        let copy = json!({ "name": "x", "image": "cli", "args": ["aws ecr get-login-password | skopeo login"] });
        assert_eq!(tool("nightly", &copy), None);
        assert_eq!(tool("backup", &json!({ "name": "x", "image": "backup", "args": ["ecr"] })), None);
        assert_eq!(
            tool("ecr-regcred-refresh", &script),
            Some(Some(Tool::Script)),
            "pull secrets of others are called so"
        );
        let ours = json!({ "name": "regcred", "image": "quay.io/regcred/regcred:0.1.0", "args": ["once"] });
        assert_eq!((tool("regcred", &ours), tool("ecr-creds-rotator", &ours)), (None, None), "not ourselves");
        let job = found("ecr-creds-rotator", &json!({})).expect("it is one");
        assert_eq!((job.schedule.as_str(), job.is_suspended, job.is_by_name), ("*/5 * * * *", false, true));
        assert!(!found("nightly", &script).expect("it is one").is_by_name, "others may be called so");
    }

    #[test]
    fn a_template_is_known_by_what_it_makes() {
        let is_one = |objects: Value| {
            let template = json!({ "metadata": { "name": "project-request" }, "objects": objects });
            in_template(&serde_json::from_value(template).expect("an object")).is_some()
        };
        assert!(is_one(
            json!([{ "kind": "Project" }, { "kind": "CronJob", "metadata": { "name": "ecr-creds-rotator" } }])
        ));
        assert!(is_one(json!([{ "kind": "CronJob", "spec": { "command": "aws ecr get-login-password" } }])));
        assert!(!is_one(json!([{ "kind": "Project", "metadata": { "labels": { "regcred": "yes" } } }])));
        assert!(!is_one(json!(null)));
    }

    #[test]
    fn a_job_that_says_nothing_of_itself_is_none() {
        let job = serde_json::from_value(json!({ "metadata": {}, "spec": 7 })).expect("an object");
        assert_eq!(reduce(&job), None);
    }
}
