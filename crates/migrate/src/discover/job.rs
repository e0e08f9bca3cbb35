//! Finds jobs that appear to write pull secrets.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::{
    found::{Address, Job},
    script::Says,
    tool::Tool,
};

/// Longest schedule to keep, in characters.
const LONGEST_SCHEDULE: usize = 100;
/// Limit on the ConfigMaps of one job.
const MOST: usize = 10;

/// A job that may write pull secrets, as far as its own spec shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    job: Job,
    says: Says,
    /// ConfigMaps from which the job takes files or variables.
    pub(super) scripts: Vec<String>,
}

impl Candidate {
    pub(super) fn reduce(metadata: &ObjectMeta, job: &Value) -> Option<Self> {
        let at = Address::of(metadata);
        let spec = &job["spec"];
        let pod = &spec["jobTemplate"]["spec"]["template"]["spec"];
        let containers = ["initContainers", "containers"].into_iter().filter_map(|list| pod[list].as_array()).flatten();
        if containers.clone().any(runs_regcred) {
            return None;
        }
        let texts = containers.clone().flat_map(|it| [it["name"].as_str(), it["image"].as_str()]).flatten();
        let names = std::iter::once(at.name.as_str()).chain(texts).collect::<Vec<_>>();
        let says = containers.clone().map(|it| Says::of(&text(it))).fold(Says::default(), Says::and);
        let scripts = scripts(pod, containers.clone());
        let tool = Tool::of_job(&names);
        if tool.is_none() && !says.asks && scripts.is_empty() {
            return None;
        }
        let job = Job {
            tool,
            schedule: spec["schedule"].as_str().unwrap_or_default().chars().take(LONGEST_SCHEDULE).collect(),
            is_suspended: spec["suspend"] == true,
            is_by_name: Tool::of_job(&[&at.name]).is_some(),
            at,
        };
        Some(Self { job, says, scripts })
    }

    /// Returns the namespace of the job.
    pub(super) fn namespace(&self) -> &str {
        &self.job.at.namespace
    }

    /// Adds the findings in the text of one of the job's ConfigMaps.
    pub(super) fn with(self, text: &str) -> Self {
        Self { says: self.says.and(Says::of(text)), ..self }
    }

    /// Returns the job, or `None` if it writes no pull secret. A job that is known only by its name may copy images
    /// instead.
    pub(super) fn into_job(self) -> Option<Job> {
        let Self { job, says, .. } = self;
        let is_writer = says.asks && says.writes;
        let is_known = job.tool.is_some() && (says.writes || !says.copies);
        (is_writer || is_known).then(|| Job { tool: job.tool.or(Some(Tool::Script)), ..job })
    }
}

/// Returns the address of a template whose objects contain the name of a rotator, or its script.
pub(super) fn in_template(metadata: &ObjectMeta, template: &Value) -> Option<Address> {
    let text = template["objects"].to_string();
    let is_script = text.contains("CronJob") && Says::of(&text.replace("\\n", "\n")).asks;
    (is_script || Tool::is_in(&text)).then(|| Address::of(metadata))
}

/// Returns whether the container runs regcred itself. Its jobs may have similar names.
fn runs_regcred(container: &Value) -> bool {
    let image = container["image"].as_str().unwrap_or_default();
    let last = image.rsplit('/').next().unwrap_or_default();
    last.split([':', '@']).next() == Some("regcred")
}

/// Returns the command, the arguments and the variables of a container.
fn text(container: &Value) -> String {
    let lists = ["command", "args"].into_iter().filter_map(|list| container[list].as_array()).flatten();
    let variables = container["env"].as_array().into_iter().flatten().map(|it| &it["value"]);
    lists.chain(variables).filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Returns the ConfigMaps that a pod mounts or takes variables from.
fn scripts<'a>(pod: &'a Value, containers: impl Iterator<Item = &'a Value> + Clone) -> Vec<String> {
    let list = |of: &'a Value| of.as_array().into_iter().flatten();
    let volumes = list(&pod["volumes"]);
    let mounted = volumes.clone().map(|it| &it["configMap"]["name"]);
    let projected = volumes.flat_map(move |it| list(&it["projected"]["sources"])).map(|it| &it["configMap"]["name"]);
    let env =
        containers.clone().flat_map(move |it| list(&it["env"])).map(|it| &it["valueFrom"]["configMapKeyRef"]["name"]);
    let all_env = containers.flat_map(move |it| list(&it["envFrom"])).map(|it| &it["configMapRef"]["name"]);
    let names = mounted.chain(projected).chain(env).chain(all_env).filter_map(Value::as_str);
    let mut names = names.map(str::to_owned).collect::<Vec<_>>();
    names.sort();
    names.dedup();
    names.truncate(MOST);
    names
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(name: &str) -> ObjectMeta {
        ObjectMeta { name: Some(name.into()), namespace: Some("a".into()), ..ObjectMeta::default() }
    }

    fn candidate(name: &str, pod: &Value) -> Option<Candidate> {
        let template = json!({ "spec": { "template": { "spec": pod } } });
        let spec = json!({ "schedule": "*/5 * * * *", "jobTemplate": template });
        Candidate::reduce(&metadata(name), &json!({ "spec": spec }))
    }

    fn found(name: &str, container: &Value) -> Option<Job> {
        candidate(name, &json!({ "containers": [container] }))?.into_job()
    }

    fn tool(name: &str, container: &Value) -> Option<Tool> {
        found(name, container).and_then(|it| it.tool)
    }

    #[test]
    fn rotator_jobs_are_recognized_by_name_image_or_script() {
        assert_eq!(tool("ecr-creds-rotator", &json!({})), Some(Tool::Script));
        let renew = json!({ "name": "x", "image": "nabsul/k8s-ecr-login-renew:v1.7.2" });
        assert_eq!(tool("nightly", &renew), Some(Tool::EcrLoginRenew));
        let script = json!({ "name": "x", "image": "cli", "command": ["sh", "-c", "aws ecr get-login-password | oc create secret"] });
        assert_eq!(tool("nightly", &script), Some(Tool::Script));
        let copy = json!({ "name": "x", "image": "cli", "args": ["aws ecr get-login-password | skopeo login"] });
        assert_eq!(tool("nightly", &copy), None);
        assert_eq!(tool("backup", &json!({ "name": "x", "image": "backup", "args": ["ecr"] })), None);
        assert_eq!(tool("ecr-regcred-refresh", &script), Some(Tool::Script), "pull secrets of others are called so");
        let ours = json!({ "name": "regcred", "image": "quay.io/regcred/regcred:0.1.0", "args": ["once"] });
        assert_eq!((tool("regcred", &ours), tool("ecr-creds-rotator", &ours)), (None, None), "not ourselves");
        let job = found("ecr-creds-rotator", &json!({})).expect("it is one");
        assert_eq!((job.schedule.as_str(), job.is_suspended, job.is_by_name), ("*/5 * * * *", false, true));
        assert!(!found("nightly", &script).expect("it is one").is_by_name, "others may be called so");
    }

    #[test]
    fn a_job_with_an_unknown_image_is_recognized_by_its_name() {
        let own = json!({ "name": "main", "image": "registry.example/tools/app:1" });
        let names = [
            "ecr-login",
            "ecr-refresh",
            "registry-refresh",
            "ecr-auth-refresher",
            "refresh-ecr-secret",
            "aws-ecr-auth",
            "ecr-credentials-sync",
            "renew-registry-credentials",
            "registry-token-renewer",
            "ecr-pull-secret",
            "rotate-ecr",
            "update-ecr-token",
            "gcr-login",
            "acr-token-refresher",
        ];
        for name in names {
            assert_eq!(tool(name, &own), Some(Tool::Script), "{name}");
            let image = json!({ "name": "main", "image": format!("registry.example/{name}:1") });
            assert_eq!(tool("nightly", &image), Some(Tool::Script), "{name} as an image");
            let mirror = json!({ "name": "x", "image": "cli", "args": ["aws ecr get-login-password | skopeo login; skopeo sync"] });
            assert_eq!(tool(name, &mirror), None, "{name} that copies images");
        }
        for name in
            ["ecr-mirror", "ecr-cleanup", "secret-rotation", "token-refresh", "registry-gc", "decrease-login", "ecr"]
        {
            assert_eq!(tool(name, &own), None, "{name}");
        }
    }

    #[test]
    fn scripts_in_arguments_variables_and_config_maps_are_read() {
        let split = json!({ "name": "x", "command": ["kubectl"], "args": ["create", "secret", "docker-registry", "ecr", "--docker-password=$(aws ecr get-login-password)"] });
        assert_eq!(tool("nightly", &split), Some(Tool::Script));
        let variable = json!({ "name": "x", "env": [{ "name": "RUN", "value": "aws ecr get-login-password; kubectl apply -f - # kind: Secret" }] });
        assert_eq!(tool("nightly", &variable), Some(Tool::Script));
        let from = [
            json!({ "volumes": [{ "configMap": { "name": "script" } }] }),
            json!({ "volumes": [{ "projected": { "sources": [{ "configMap": { "name": "script" } }] } }] }),
            json!({ "containers": [{ "envFrom": [{ "configMapRef": { "name": "script" } }] }] }),
            json!({ "initContainers": [{ "env": [{ "valueFrom": { "configMapKeyRef": { "name": "script", "key": "x" } } }] }] }),
        ];
        for pod in from {
            let job = candidate("nightly", &pod).unwrap_or_else(|| panic!("{pod}"));
            assert_eq!(job.scripts, ["script"], "{pod}");
            assert_eq!(job.clone().into_job(), None, "{pod}");
            assert_eq!(job.clone().with("aws s3 ls").into_job(), None, "{pod}");
            let script = "aws ecr get-login-password\nkubectl create secret docker-registry ecr";
            assert_eq!(job.with(script).into_job().and_then(|it| it.tool), Some(Tool::Script), "{pod}");
        }
    }

    #[test]
    fn a_template_is_recognized_by_its_objects() {
        let is_one =
            |objects: Value| in_template(&metadata("project-request"), &json!({ "objects": objects })).is_some();
        assert!(is_one(
            json!([{ "kind": "Project" }, { "kind": "CronJob", "metadata": { "name": "ecr-creds-rotator" } }])
        ));
        assert!(is_one(json!([{ "kind": "CronJob", "spec": { "command": "aws ecr get-login-password" } }])));
        assert!(!is_one(json!([{ "kind": "Project", "metadata": { "labels": { "regcred": "yes" } } }])));
        assert!(!is_one(json!(null)));
    }

    #[test]
    fn a_malformed_job_is_not_a_candidate() {
        assert_eq!(Candidate::reduce(&ObjectMeta::default(), &json!({ "spec": 7 })), None);
    }
}
