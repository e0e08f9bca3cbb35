//! The options of the pod, in a file that uses the keys of the chart's values.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::{Problems, check_key, check_value};
use regcred_core::SecretName;
use regcred_plan::Identities;
use serde_json::{Map, Value};

use crate::{
    Account,
    codes::misfit,
    resources::resources,
    shape::{Shape, TextRule},
    yaml,
};

/// Options of the pod that do not follow from the config. Default: requests and limits that fit ten thousand
/// namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodOptions {
    /// `imagePullSecrets`, `nodeSelector`, `tolerations`, `affinity` and `priorityClassName`, as in the spec of a pod.
    pub(crate) spec: Map<String, Value>,
    pub(crate) pull_policy: Option<String>,
    /// Requests and limits. Default: those of [`resources()`].
    pub(crate) resources: Option<Value>,
    pub(crate) extra_env: Vec<Value>,
    pub(crate) labels: Map<String, Value>,
    pub(crate) annotations: Map<String, Value>,
    /// The file itself. It is also a values file for the chart.
    pub(crate) file: Map<String, Value>,
}

/// The content of a file for `regcred manifests --pod`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodFile {
    /// Options of the pod.
    pub pod: PodOptions,
    /// Options of the `ServiceAccount` that the pod runs as.
    pub account: Account,
}

impl PodFile {
    /// Parses a file in YAML or JSON. Returns all problems at once. Environment variables of these identities are
    /// refused.
    pub fn parse(text: &str, identities: &Identities) -> Result<Self, Problems> {
        let one = |message: String| Problems::from(misfit(message));
        let file = if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            Value::Object(Map::new())
        } else {
            yaml::read(text).map_err(one)?
        };
        let mut problems = vec![];
        FILE.check("", &file, &mut problems);
        if !file.is_object() {
            return Err(one(format!("its keys are {}", keys().join(", "))));
        }
        let file = without_nulls(file);
        environment(&file, identities, &mut problems);
        labels(&file, &mut problems);
        let account = account(&file["serviceAccount"], &mut problems);
        Problems::check(problems.into_iter().map(misfit).collect())?;
        Ok(Self { pod: options(&file), account })
    }
}

/// Returns the JSON schema of the file.
pub fn pod_schema() -> Value {
    let mut schema = FILE.schema();
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "The pod of regcred: the file of `regcred manifests --pod`, and values of the chart".into();
    schema
}

fn keys() -> Vec<&'static str> {
    let Shape::Map(keys, _) = &FILE else { return vec![] };
    keys.iter().map(|(key, _)| *key).collect()
}

/// Returns the options in a file that has passed validation.
fn options(file: &Value) -> PodOptions {
    let object = |key: &str| file[key].as_object().cloned().unwrap_or_default();
    let spec = ["imagePullSecrets", "nodeSelector", "tolerations", "affinity", "priorityClassName"].into_iter();
    let spec = spec.filter(|key| !is_empty(&file[*key])).map(|key| (key.to_owned(), file[key].clone()));
    let resources = file.get("resources").map(|said| match said {
        Value::Null => Value::Object(Map::new()),
        said => over(resources(), said),
    });
    PodOptions {
        spec: spec.collect(),
        pull_policy: file["image"]["pullPolicy"].as_str().filter(|it| !it.is_empty()).map(str::to_owned),
        resources,
        extra_env: file["extraEnv"].as_array().cloned().unwrap_or_default(),
        labels: object("podLabels"),
        annotations: object("podAnnotations"),
        file: file.as_object().cloned().unwrap_or_default(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Merges values over defaults as Helm does. Maps are merged, and a null removes a key.
fn over(mut below: Value, above: &Value) -> Value {
    let (Value::Object(map), Value::Object(said)) = (&mut below, above) else { return above.clone() };
    for (key, value) in said {
        if value.is_null() {
            map.remove(key);
        } else {
            let united = over(map.remove(key).unwrap_or_default(), value);
            map.insert(key.clone(), united);
        }
    }
    below
}

/// Removes keys whose value is null. In `resources` a null removes a default, so those nulls are kept.
fn without_nulls(file: Value) -> Value {
    fn strip(value: Value) -> Value {
        match value {
            Value::Object(map) => {
                map.into_iter().filter(|(_, it)| !it.is_null()).map(|(key, it)| (key, strip(it))).collect()
            }
            Value::Array(list) => list.into_iter().map(strip).collect(),
            other => other,
        }
    }
    let Value::Object(file) = file else { return file };
    let kept = |(key, value): (String, Value)| if key == "resources" { (key, value) } else { (key, strip(value)) };
    file.into_iter().filter(|(key, it)| key == "resources" || !it.is_null()).map(kept).collect()
}

/// Variables that regcred sets in addition to those of the identity, and the flag or value that sets each.
const OWN: [(&str, &str); 3] = [
    ("HTTPS_PROXY", "--https-proxy, in the chart `proxy.https`"),
    ("NO_PROXY", "--no-proxy, in the chart `proxy.noProxy`"),
    ("SSL_CERT_FILE", "--ca or --openshift-ca, in the chart `trustedCa`"),
];

fn environment(file: &Value, identities: &Identities, problems: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (place, variable) in file["extraEnv"].as_array().into_iter().flatten().enumerate() {
        let Some(name) = variable["name"].as_str() else { continue };
        let mut wrong = |what: &str| problems.push(format!("extraEnv[{place}]: {name}: {what}"));
        if !seen.insert(name) {
            wrong("duplicate variable");
        }
        if variable.get("value").is_some() && variable.get("valueFrom").is_some() {
            wrong("leave out `value` or `valueFrom`");
        }
        let secret = identities.secret_variables.iter().find(|(secret, _)| *secret == name);
        if let Some((_, by)) = secret.filter(|_| variable.get("value").is_some()) {
            wrong(&format!(
                "everyone who may read the pod would read the key: put it into a Secret and use {by}, in the chart `identity`"
            ));
        }
        if let Some((_, by)) = identities.variables.iter().find(|(own, _)| *own == name) {
            wrong(&format!("set it with {by}, in the chart `identity`"));
        }
        if let Some((_, by)) = OWN.iter().find(|(own, _)| *own == name) {
            wrong(&format!("set it with {by}"));
        }
        if name.starts_with("REGCRED__") || name == "REGCRED_CONFIG" {
            wrong("it would change the config and not the rights: set it in the config");
        }
    }
}

/// Prefixes of the labels by which regcred's objects are found and selected.
const RESERVED: [&str; 2] = ["app.kubernetes.io/", "regcred.dev/"];

fn labels(file: &Value, problems: &mut Vec<String>) {
    for (key, _) in file["podLabels"].as_object().into_iter().flatten() {
        if RESERVED.iter().any(|prefix| key.starts_with(prefix)) {
            problems.push(format!("podLabels.{key}: regcred sets the labels of this prefix"));
        }
    }
}

fn account(said: &Value, problems: &mut Vec<String>) -> Account {
    let name = said["name"].as_str().filter(|it| !it.is_empty()).map(str::to_owned);
    let exists = said["create"] == Value::Bool(false);
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    let annotations =
        said["annotations"].as_object().into_iter().flatten().filter_map(text).collect::<BTreeMap<_, _>>();
    if exists && name.is_none() {
        problems.push("serviceAccount.name: name the ServiceAccount that exists, as `create` is false".into());
    }
    if exists && !annotations.is_empty() {
        problems.push("serviceAccount.annotations: regcred sets none on an existing ServiceAccount".into());
    }
    if name.as_deref() == Some("default") {
        problems.push(
            "serviceAccount.name: every pod of the namespace that names no ServiceAccount runs as `default`, and would have these rights"
                .into(),
        );
    }
    Account { name, exists, annotations }
}

const LABEL_KEY: TextRule = TextRule {
    is: |text| check_key(text).is_ok(),
    pattern: "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$",
    what: "the key of a label, such as example.com/team",
};
const ANNOTATION_KEY: TextRule = TextRule { what: "the key of an annotation, such as example.com/team", ..LABEL_KEY };
const RESOURCE: TextRule = TextRule { what: "the name of a resource, such as memory", ..LABEL_KEY };
const LABEL_VALUE: TextRule = TextRule {
    is: |text| check_value(text).is_ok(),
    pattern: "^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$",
    what: "the value of a label: letters, digits, '-', '_' and '.'",
};
const NAME: TextRule = TextRule {
    is: |text| SecretName::new(text).is_ok(),
    pattern: "^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$",
    what: "the name of an object, such as registry-pull",
};
const NAME_OR_NONE: TextRule = TextRule {
    is: |text| text.is_empty() || SecretName::new(text).is_ok(),
    pattern: "^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?)?$",
    what: "the name of an object, such as registry-pull",
};
const VARIABLE: TextRule = TextRule {
    is: |text| {
        text.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    },
    pattern: "^[A-Za-z_][A-Za-z0-9_.-]*$",
    what: "the name of a variable",
};
const KEY: TextRule = TextRule {
    is: |text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)),
    pattern: "^[A-Za-z0-9_.-]+$",
    what: "the key of a Secret or a ConfigMap",
};
const ANY: TextRule = TextRule { is: |_| true, pattern: "", what: "text" };
const SOME: TextRule = TextRule { is: |text| !text.is_empty(), pattern: "^.", what: "text, which may not be empty" };

const LABELS: Shape = Shape::Names(&LABEL_KEY, &Shape::Text(&LABEL_VALUE));
const ANNOTATIONS: Shape = Shape::Names(&ANNOTATION_KEY, &Shape::Text(&ANY));
const AMOUNTS: Shape = Shape::Names(&RESOURCE, &Shape::Quantity);
const TEXTS: Shape = Shape::List(&Shape::Text(&ANY));

/// The shape of the file. Parts that Kubernetes defines use the keys of Kubernetes.
const FILE: Shape = Shape::Map(
    &[
        ("image", Shape::Map(&[("pullPolicy", Shape::Word(&["", "Always", "IfNotPresent", "Never"]))], &[])),
        ("imagePullSecrets", Shape::List(&Shape::Map(&[("name", Shape::Text(&NAME))], &["name"]))),
        ("resources", Shape::Map(&[("requests", AMOUNTS), ("limits", AMOUNTS)], &[])),
        ("nodeSelector", LABELS),
        ("tolerations", Shape::List(&TOLERATION)),
        ("affinity", AFFINITY),
        ("priorityClassName", Shape::Text(&NAME_OR_NONE)),
        ("extraEnv", Shape::List(&Shape::Map(VARIABLES, &["name"]))),
        ("podLabels", LABELS),
        ("podAnnotations", ANNOTATIONS),
        (
            "serviceAccount",
            Shape::Map(
                &[("create", Shape::Bool), ("name", Shape::Text(&NAME_OR_NONE)), ("annotations", ANNOTATIONS)],
                &[],
            ),
        ),
    ],
    &[],
);

const TOLERATION: Shape = Shape::Map(
    &[
        ("key", Shape::Text(&ANY)),
        ("operator", Shape::Word(&["Exists", "Equal", "Lt", "Gt"])),
        ("value", Shape::Text(&ANY)),
        ("effect", Shape::Word(&["", "NoSchedule", "PreferNoSchedule", "NoExecute"])),
        ("tolerationSeconds", Shape::Number),
    ],
    &[],
);

const VARIABLES: &[(&str, Shape)] = &[
    ("name", Shape::Text(&VARIABLE)),
    ("value", Shape::Secret),
    (
        "valueFrom",
        Shape::Map(
            &[
                ("secretKeyRef", KEY_OF),
                ("configMapKeyRef", KEY_OF),
                (
                    "fieldRef",
                    Shape::Map(&[("apiVersion", Shape::Text(&ANY)), ("fieldPath", Shape::Text(&SOME))], &["fieldPath"]),
                ),
                (
                    "resourceFieldRef",
                    Shape::Map(
                        &[
                            ("containerName", Shape::Text(&ANY)),
                            ("resource", Shape::Text(&SOME)),
                            ("divisor", Shape::Quantity),
                        ],
                        &["resource"],
                    ),
                ),
            ],
            &[],
        ),
    ),
];
const KEY_OF: Shape = Shape::Map(
    &[("name", Shape::Text(&NAME)), ("key", Shape::Text(&KEY)), ("optional", Shape::Bool)],
    &["name", "key"],
);

const AFFINITY: Shape = Shape::Map(
    &[("nodeAffinity", NODE_AFFINITY), ("podAffinity", POD_AFFINITY), ("podAntiAffinity", POD_AFFINITY)],
    &[],
);
const NODE_AFFINITY: Shape = Shape::Map(
    &[
        (
            "requiredDuringSchedulingIgnoredDuringExecution",
            Shape::Map(&[("nodeSelectorTerms", Shape::List(&NODE_TERM))], &["nodeSelectorTerms"]),
        ),
        (
            "preferredDuringSchedulingIgnoredDuringExecution",
            Shape::List(&Shape::Map(
                &[("weight", Shape::Number), ("preference", NODE_TERM)],
                &["weight", "preference"],
            )),
        ),
    ],
    &[],
);
const NODE_TERM: Shape =
    Shape::Map(&[("matchExpressions", Shape::List(&EXPRESSION)), ("matchFields", Shape::List(&EXPRESSION))], &[]);
const EXPRESSION: Shape = Shape::Map(
    &[
        ("key", Shape::Text(&SOME)),
        ("operator", Shape::Word(&["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"])),
        ("values", TEXTS),
    ],
    &["key", "operator"],
);
const POD_AFFINITY: Shape = Shape::Map(
    &[
        ("requiredDuringSchedulingIgnoredDuringExecution", Shape::List(&POD_TERM)),
        (
            "preferredDuringSchedulingIgnoredDuringExecution",
            Shape::List(&Shape::Map(
                &[("weight", Shape::Number), ("podAffinityTerm", POD_TERM)],
                &["weight", "podAffinityTerm"],
            )),
        ),
    ],
    &[],
);
const POD_TERM: Shape = Shape::Map(
    &[
        ("labelSelector", SELECTOR),
        ("namespaceSelector", SELECTOR),
        ("namespaces", TEXTS),
        ("topologyKey", Shape::Text(&SOME)),
        ("matchLabelKeys", TEXTS),
        ("mismatchLabelKeys", TEXTS),
    ],
    &["topologyKey"],
);
const SELECTOR: Shape = Shape::Map(&[("matchLabels", LABELS), ("matchExpressions", Shape::List(&EXPRESSION))], &[]);

#[cfg(test)]
mod tests {
    use regcred::{BuiltIn, Types};
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<PodFile, Problems> {
        let types = BuiltIn::default().add_to(Types::default()).expect("they have different names");
        PodFile::parse(text, &types.identities())
    }

    #[test]
    fn a_pod_file_is_read_as_the_chart_reads_it() {
        let file = parse(
            "image: { pullPolicy: Always }\n\
             imagePullSecrets: [{ name: mirror }]\n\
             resources: { requests: { cpu: 1 }, limits: { memory: 1Gi, cpu: null } }\n\
             nodeSelector: { kubernetes.io/os: linux }\n\
             tolerations: [{ key: infra, operator: Exists, effect: NoSchedule }]\n\
             priorityClassName: system-cluster-critical\n\
             extraEnv: [{ name: AWS_STS_REGIONAL_ENDPOINTS, value: regional }]\n\
             podLabels: { team: platform }\n\
             podAnnotations: { example.com/a: '1' }\n\
             serviceAccount: { create: false, name: ci }\n",
        );
        let PodFile { pod, account } = file.expect("it is valid");
        let resources = json!({ "requests": { "cpu": 1, "memory": "48Mi" }, "limits": { "memory": "1Gi" } });
        assert_eq!(pod.resources, Some(resources), "maps are united as Helm unites them");
        assert_eq!(
            pod.spec.keys().collect::<Vec<_>>(),
            ["imagePullSecrets", "nodeSelector", "priorityClassName", "tolerations"]
        );
        assert_eq!(account, Account { name: Some("ci".into()), exists: true, annotations: BTreeMap::new() });
        let none = parse("resources: { limits: null }\nnodeSelector: null\naffinity: {}\n").expect("it is valid");
        let resources = json!({ "requests": { "cpu": "10m", "memory": "48Mi" } });
        assert_eq!((none.pod.resources, none.pod.spec), (Some(resources), Map::new()));
        let none = parse("resources: null").expect("it is valid");
        assert_eq!(none.pod.resources, Some(json!({})), "as Helm has it");
        assert_eq!(parse("# nothing\n").expect("it is valid"), PodFile::default());
    }

    #[test]
    fn pod_options_that_kubernetes_accepts_are_accepted() {
        for good in [
            "affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: a, operator: In, values: [b] }] }] } } }",
            "affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: x, labelSelector: { matchLabels: { a: b } } } }] } }",
            "tolerations: [{ operator: Exists }]",
            "tolerations: [{ key: a, operator: Equal, value: b, effect: NoExecute, tolerationSeconds: 30 }]",
            "extraEnv: [{ name: A, valueFrom: { secretKeyRef: { name: s, key: k, optional: true } } }]",
            "extraEnv: [{ name: A, valueFrom: { fieldRef: { fieldPath: status.hostIP } } }]",
            "extraEnv: [{ name: AWS_SECRET_ACCESS_KEY, valueFrom: { secretKeyRef: { name: s, key: k } } }]",
            "resources: { limits: { memory: 512Mi, ephemeral-storage: 1Gi, example.com/gpu: 1 } }",
            "imagePullSecrets: [{ name: a }, { name: b.c }]",
            "serviceAccount: { name: regcred-custom, annotations: { a: b } }",
            "{\"priorityClassName\": \"x\"}",
        ] {
            parse(good).expect(good);
        }
    }

    #[test]
    fn all_invalid_pod_options_are_reported_at_once_with_their_paths() {
        for (bad, why) in [
            ("nodeselector: {}", "nodeselector: this key is not known; did you mean `nodeSelector`?"),
            ("toleration: []", "did you mean `tolerations`?"),
            ("config: {}", "known keys: image, imagePullSecrets"),
            ("imagePullSecrets: [mirror]", "imagePullSecrets[0]: text is not a map; its keys are name"),
            ("imagePullSecrets: mirror", "imagePullSecrets: text is not a list"),
            ("resources: { limit: {} }", "resources.limit: this key is not known; did you mean `limits`?"),
            ("resources: { limits: { memory: 256MB } }", "\"256MB\" is not a quantity, such as 250m or 256Mi"),
            ("resources: { limits: { memory: -1 } }", "-1 is not a quantity"),
            (
                "tolerations: [{ key: a, efect: NoSchedule }]",
                "tolerations[0].efect: this key is not known; did you mean `effect`?",
            ),
            ("tolerations: [{ operator: exists }]", "it must be one of Exists, Equal"),
            ("tolerations: [{ key: true }]", "tolerations[0].key: true or false is not text: put it in quotes"),
            ("image: { pullPolicy: always }", "image.pullPolicy: it must be one of Always, IfNotPresent, Never"),
            ("image: { pullPolicy: 7 }", "image.pullPolicy: it must be one of Always, IfNotPresent, Never"),
            ("tolerations: [{ effect: x }]", "[0].effect: it must be one of NoSchedule, PreferNoSchedule, NoExecute"),
            ("image: { tag: x }", "image.tag: this key is not known"),
            ("extraEnv: { A: b }", "extraEnv: a map is not a list"),
            ("extraEnv: [{ name: A, value: 1 }]", "extraEnv[0].value: a number is not text: put it in quotes"),
            ("extraEnv: [{ value: a }]", "extraEnv[0].name: it is missing"),
            ("extraEnv: [{ name: A, value: a }, { name: A, value: b }]", "extraEnv[1]: A: duplicate variable"),
            ("extraEnv: [{ name: A, value: a, valueFrom: {} }]", "leave out `value` or `valueFrom`"),
            ("extraEnv: [{ name: AWS_SECRET_ACCESS_KEY, value: hunter2 }]", "--identity keys"),
            ("extraEnv: [{ name: AWS_SESSION_TOKEN, value: hunter2 }]", "would read the key"),
            ("extraEnv: [{ name: HTTPS_PROXY, value: 'http://u:hunter2@p' }]", "set it with --https-proxy"),
            ("extraEnv: [{ name: REGCRED__SCHEDULE, value: '@daily' }]", "set it in the config"),
            ("podLabels: { app.kubernetes.io/name: x }", "regcred sets the labels of this prefix"),
            ("podLabels: { 'a b': x }", "is not the key of a label"),
            ("podAnnotations: { 'a b': x }", "podAnnotations: the key \"a b\" is not the key of an annotation"),
            ("serviceAccount: { annotations: { 'a b': x } }", "is not the key of an annotation"),
            ("resources: { limits: { 'a b': 1 } }", "the key \"a b\" is not the name of a resource, such as memory"),
            ("serviceAccount: { create: 'yes' }", "create: \"yes\" is not true or false: write one of these"),
            ("serviceAccount: { create: 'false' }", "create: \"false\" is text: write false without quotes"),
            ("serviceAccount: { create: hunter2 }", "create: text is not true or false: write one of these"),
            ("podLabels: { a: 'b c' }", "\"b c\" is not the value of a label"),
            ("podAnnotations: { a: 1 }", "a number is not text: put it in quotes"),
            ("serviceAccount: { create: false }", "name the ServiceAccount that exists"),
            ("serviceAccount: { name: default }", "every pod of the namespace"),
            (
                "serviceAccount: { create: false, name: a, annotations: { b: c } }",
                "regcred sets none on an existing ServiceAccount",
            ),
            ("serviceAccount: ci", "serviceAccount: text is not a map; its keys are create, name, annotations"),
            ("priorityClassName: 'A b'", "is not the name of an object"),
            (
                "affinity: { nodeAfinity: {} }",
                "affinity.nodeAfinity: this key is not known; did you mean `nodeAffinity`?",
            ),
            ("[]", "its keys are image, imagePullSecrets"),
            ("a: [", "it is not one object as YAML or JSON"),
        ] {
            let told = parse(bad).expect_err(bad).to_string();
            assert!(told.contains(why), "{bad}: {told}");
            assert!(!told.contains("hunter2"), "no message quotes a value: {told}");
        }
        let both = parse("nodeselector: {}\nextraEnv: [{ nam: A }]").expect_err("two problems").to_string();
        assert_eq!(both.lines().count(), 2, "{both}");
    }
}
