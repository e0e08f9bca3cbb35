//! Lists: selectors and pages.

use std::collections::HashMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    failure::Failure,
    kind::{Key, Kind},
    store::Store,
};

/// Returns the objects of a kind that match the query, and the metadata of the list.
pub(super) fn list(
    store: &Store,
    kind: Kind,
    namespace: Option<&str>,
    query: &HashMap<String, String>,
) -> Result<List, Failure> {
    let text = |name: &str| query.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let fields = Terms::read(text("fieldSelector"), "fieldSelector")?;
    let labels = Terms::read(text("labelSelector"), "labelSelector")?;
    if let Some(unknown) = fields.0.iter().find(|term| !selectable(kind, &term.name)) {
        return Err(Failure::bad_request(format!("field label not supported: {}", unknown.name)));
    }
    let (limit, start) = page(kind, text)?;
    let after = |key: &Key| start.as_ref().is_none_or(|start| key > start);
    let mut matching = store.all(kind, namespace).filter(|(key, object)| {
        let has_fields = fields.hold(|name| field(object, name));
        let has_labels = labels.hold(|name| object["metadata"]["labels"][name].as_str());
        after(key) && has_fields && has_labels
    });
    let page = matching.by_ref().take(limit).collect::<Vec<_>>();
    let left = matching.count();
    let mut metadata = json!({ "resourceVersion": store.version() });
    if let Some((last, _)) = page.last().filter(|_| left > 0) {
        metadata["continue"] = URL_SAFE_NO_PAD.encode(format!("{}/{}", last.namespace, last.name)).into();
        // The real server does not report a count if a selector is set.
        if fields.0.is_empty() && labels.0.is_empty() {
            metadata["remainingItemCount"] = left.into();
        }
    }
    let items = page.into_iter().map(|(_, object)| object.clone()).collect();
    Ok(List { items, metadata, contradictory: fields.contradict() })
}

/// Returns whether a watch with this query includes an object.
pub(super) fn is_watched(object: &Value, query: &HashMap<String, String>) -> Result<bool, Failure> {
    let text = |name: &str| query.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let fields = Terms::read(text("fieldSelector"), "fieldSelector")?;
    let labels = Terms::read(text("labelSelector"), "labelSelector")?;
    Ok(fields.hold(|name| field(object, name)) && labels.hold(|name| object["metadata"]["labels"][name].as_str()))
}

/// One page.
#[derive(Debug)]
pub(super) struct List {
    pub(super) items: Vec<Value>,
    pub(super) metadata: Value,
    /// The query asks for two different names. The real server then answers with null instead of an empty list.
    pub(super) contradictory: bool,
}

fn page<'a>(kind: Kind, text: impl Fn(&str) -> Option<&'a str>) -> Result<(usize, Option<Key>), Failure> {
    let limit = match text("limit").map(str::parse) {
        // A list from the watch cache (version 0) is never paged.
        Some(Ok(limit)) if limit > 0 && text("resourceVersion") != Some("0") => limit,
        None | Some(Ok(_)) => usize::MAX,
        Some(Err(_)) => return Err(Failure::bad_request("the limit is not a number")),
    };
    let start = text("continue").map(|token| {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (namespace, name) = str::from_utf8(&bytes).ok()?.split_once('/')?;
        Some(Key::new(kind, namespace, name))
    });
    match start {
        Some(None) => Err(Failure::bad_request("continue key is not valid")),
        Some(start) => Ok((limit, start)),
        None => Ok((limit, None)),
    }
}

/// Returns whether the field can be used in a field selector.
fn selectable(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Secret => matches!(name, "metadata.name" | "metadata.namespace" | "type"),
        Kind::ServiceAccount | Kind::ConfigMap | Kind::CronJob | Kind::Deployment | Kind::Template => {
            matches!(name, "metadata.name" | "metadata.namespace")
        }
        Kind::Namespace => matches!(name, "metadata.name" | "status.phase"),
    }
}

fn field<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    name.split('.').try_fold(object, |value, step| value.get(step))?.as_str()
}

/// A selector. All terms must match.
struct Terms(Vec<Term>);

struct Term {
    name: String,
    test: Test,
}

enum Test {
    Is(String),
    IsNot(String),
    Exists,
    IsAbsent,
}

impl Terms {
    fn read(selector: Option<&str>, parameter: &str) -> Result<Self, Failure> {
        let terms = selector.into_iter().flat_map(|selector| selector.split(',')).map(str::trim);
        let terms = terms.map(|term| Term::read(term).ok_or(term)).collect::<Result<_, _>>();
        terms.map(Self).map_err(|term| {
            Failure::bad_request(format!(
                "{parameter}: the fake server supports only equality and existence, not {term:?}"
            ))
        })
    }

    fn hold<'a>(&self, value: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|term| {
            let value = value(&term.name);
            match &term.test {
                Test::Is(wanted) => value == Some(wanted),
                Test::IsNot(wanted) => value != Some(wanted),
                Test::Exists => value.is_some(),
                Test::IsAbsent => value.is_none(),
            }
        })
    }

    fn contradict(&self) -> bool {
        let names = self.0.iter().filter_map(|term| match &term.test {
            Test::Is(wanted) if term.name == "metadata.name" => Some(wanted),
            _ => None,
        });
        let mut names = names.collect::<Vec<_>>();
        names.dedup();
        names.len() > 1
    }
}

impl Term {
    fn read(term: &str) -> Option<Self> {
        let plain = |name: &str| !name.is_empty() && !name.contains([' ', '(', ')', '=', '!']);
        let (name, test) = if let Some((name, value)) = term.split_once("!=") {
            (name, Test::IsNot(value.to_owned()))
        } else if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
            (name, Test::Is(value.to_owned()))
        } else if let Some(name) = term.strip_prefix('!') {
            (name, Test::IsAbsent)
        } else {
            (term, Test::Exists)
        };
        plain(name).then(|| Self { name: name.to_owned(), test })
    }
}
