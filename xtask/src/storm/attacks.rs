//! The writes of hostile tenants: the largest and strangest objects that an API server accepts.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::load::Asked;

/// The name of regcred's Secret.
pub(super) const SECRET: &str = "ecr-secret";
const ACCOUNT: &str = "default";

/// A write to an object of one namespace. The round makes each write different from the last one.
type Attack = fn(&str, usize) -> Asked;

/// The attacks of a namespace that is not selected.
pub(super) const UNSELECTED: [Attack; 7] = [
    largest_account,
    largest_secret,
    |namespace, round| account(namespace, &lists(20_000, 0, round)),
    |namespace, round| account(namespace, &poisoned(DEPTHS[round % DEPTHS.len()], round)),
    |namespace, round| secret(namespace, &poisoned(DEPTHS[round % DEPTHS.len()], round)),
    |namespace, round| secret(namespace, &ours(&json!({ LINKS: many_links(round) }))),
    |namespace, round| secret(namespace, &ours(&json!(many_annotations(round)))),
];

/// The attacks of a selected namespace on its ServiceAccount. Each except the last removes regcred's entries until
/// [`mend_account`].
pub(super) const ACCOUNTS: [Attack; 4] = [
    |namespace, round| account(namespace, &lists(501, 0, round)),
    |namespace, round| account(namespace, &lists(20_000, 0, round)),
    largest_account,
    |namespace, round| {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{ACCOUNT}");
        merge(&path, poisoned(DEPTHS[round % DEPTHS.len()], round))
    },
];
/// The number of [`ACCOUNTS`] that remove regcred's entries.
pub(super) const UNLINKED: usize = 3;

/// The depths of objects. Each is deeper than the 128 levels that `serde_json` reads. The first one is only deeper with
/// the levels around it.
const DEPTHS: [usize; 4] = [126, 200, 2_000, 9_000];
const LINKS: &str = "regcred.dev/links";
/// The size of annotations. The API server accepts 256 KiB.
const ANNOTATIONS: usize = 252_000;
/// The size of data. The API server accepts 1 MiB.
const DATA: usize = 1_000_000;

/// Creates the Secret that the attacks replace.
pub(super) fn foreign_secret(namespace: &str) -> Asked {
    let object = json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": SECRET }, "type": "Opaque" });
    Asked::create(format!("/api/v1/namespaces/{namespace}/secrets"), &object)
}

/// Empties the lists of the ServiceAccount.
pub(super) fn mend_account(namespace: &str) -> Asked {
    account(namespace, &json!({}).to_string())
}

pub(super) fn delete_secret(namespace: &str) -> Asked {
    Asked::delete(format!("/api/v1/namespaces/{namespace}/secrets/{SECRET}"))
}

/// Returns an attack of a selected namespace on its Secret, which has the given content. The last two are applied under
/// regcred's field manager.
pub(super) fn on_secret(namespace: &str, secret: &Value, kind: usize, round: usize) -> Asked {
    let path = format!("/api/v1/namespaces/{namespace}/secrets/{SECRET}");
    match kind {
        0 => merge(&path, poisoned(DEPTHS[round % DEPTHS.len()], round)),
        1 => merge(
            &path,
            json!({
                "metadata": { "annotations": many_annotations(round) },
                "stringData": { "blob": "x".repeat(DATA) },
            })
            .to_string(),
        ),
        _ => {
            let links = if kind == 2 { many_links(round) } else { few_links(round) };
            let mut annotations = secret["metadata"]["annotations"].clone();
            annotations[LINKS] = links.into();
            let object = json!({
                "apiVersion": "v1", "kind": "Secret", "type": secret["type"], "data": secret["data"],
                "metadata": { "name": SECRET, "labels": secret["metadata"]["labels"], "annotations": annotations },
            });
            Asked {
                method: "PATCH",
                path: format!("{path}?fieldManager=regcred&force=true"),
                content_type: "application/apply-patch+yaml",
                body: object.to_string(),
            }
        }
    }
}

/// The number of attacks in [`on_secret`].
pub(super) const ON_SECRET: usize = 4;

/// Returns a tenant's merge patch, which leaves other fields unchanged.
fn merge(path: &str, body: String) -> Asked {
    Asked {
        method: "PATCH",
        path: format!("{path}?fieldManager=tenant"),
        content_type: "application/merge-patch+json",
        body,
    }
}

fn largest_account(namespace: &str, round: usize) -> Asked {
    account(namespace, &lists(2_500, 235, round))
}

fn largest_secret(namespace: &str, round: usize) -> Asked {
    let object = json!({
        "metadata": { "annotations": { LINKS: format!("{round} {}", "x".repeat(ANNOTATIONS)) } },
        "stringData": { "blob": "x".repeat(DATA) },
    });
    secret(namespace, &object.to_string())
}

fn account(namespace: &str, text: &str) -> Asked {
    replace(namespace, "serviceaccounts", "ServiceAccount", ACCOUNT, text)
}

fn secret(namespace: &str, text: &str) -> Asked {
    replace(namespace, "secrets", "Secret", SECRET, text)
}

/// Returns a request that replaces an object by this text. The text may be too deep for `serde_json`, so it is not
/// parsed.
fn replace(namespace: &str, resource: &str, kind: &str, name: &str, text: &str) -> Asked {
    let rest = text.strip_prefix('{').expect("an object");
    let metadata = format!(r#""metadata":{{"name":"{name}""#);
    let rest = match rest.strip_prefix(r#""metadata":{"#) {
        Some(more) => format!("{metadata},{more}"),
        None if rest == "}" => format!("{metadata}}}}}"),
        None => format!("{metadata}}},{rest}"),
    };
    Asked {
        method: "PUT",
        path: format!("/api/v1/namespaces/{namespace}/{resource}/{name}"),
        content_type: "application/json",
        body: format!(r#"{{"apiVersion":"v1","kind":"{kind}",{rest}"#),
    }
}

/// Returns both lists of a ServiceAccount. `longer` is the number of additional bytes in each name.
fn lists(count: usize, longer: usize, round: usize) -> String {
    let rest = "x".repeat(longer);
    let list = |letter: char| {
        let entry = |number| json!({ "name": format!("{letter}{}-{number:05}{rest}", round % 10) });
        (0..count).map(entry).collect::<Vec<_>>()
    };
    json!({ "imagePullSecrets": list('p'), "secrets": list('s') }).to_string()
}

/// Returns managed fields of this depth, with a time that no time library accepts.
fn poisoned(depth: usize, round: usize) -> String {
    let deep = format!("{}{{}}{}", r#"{"f:a":"#.repeat(depth), "}".repeat(depth));
    format!(
        r#"{{"metadata":{{"managedFields":[{{"manager":"t{round}","operation":"Update","apiVersion":"v1","time":"9999-12-31T23:59:59Z","fieldsType":"FieldsV1","fieldsV1":{deep}}}]}}}}"#
    )
}

/// Returns a Secret with regcred's labels and these annotations.
fn ours(annotations: &Value) -> String {
    let labels = json!({ "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": "default" });
    json!({ "metadata": { "labels": labels, "annotations": annotations } }).to_string()
}

/// Returns 252 kB with fourteen thousand names.
fn many_links(round: usize) -> String {
    links(14_000, round)
}

/// Returns the maximum number of links that regcred accepts.
fn few_links(round: usize) -> String {
    links(20, round)
}

fn links(count: usize, round: usize) -> String {
    let mut text = String::from("{");
    for number in 0..count {
        let comma = if number > 0 { "," } else { "" };
        let _ = write!(text, r#"{comma}"{}{number:04}":["pull"]"#, round % 10);
    }
    text + "}"
}

/// Returns 252 kB of annotations with regcred's prefix.
fn many_annotations(round: usize) -> Map<String, Value> {
    let each = 100;
    (0..ANNOTATIONS / each)
        .map(|number| (format!("regcred.dev/x-{number:05}"), json!(format!("{:0>1$}", round, each - 20))))
        .collect()
}
