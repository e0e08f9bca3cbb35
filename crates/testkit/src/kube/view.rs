//! The format of objects in responses: complete, or metadata only.

use serde_json::{Value, json};

use super::{asked::Form, kind::Kind, list::List};

/// Returns one object for a response. A `Status` is always complete.
pub(super) fn object(object: Value, form: Form) -> Value {
    if form == Form::Metadata && object["kind"] != "Status" { partial(object) } else { object }
}

/// Returns a list for a response.
pub(super) fn list(kind: Kind, list: List, form: Form) -> Value {
    let items = list.items.into_iter().map(|item| if form == Form::Metadata { partial(item) } else { bare(item) });
    let items = if list.contradictory { Value::Null } else { items.collect() };
    let (name, version) = match form {
        Form::Metadata => ("PartialObjectMetadata", "meta.k8s.io/v1"),
        Form::Whole | Form::Other => (kind.name(), kind.version()),
    };
    json!({ "kind": format!("{name}List"), "apiVersion": version, "metadata": list.metadata, "items": items })
}

fn partial(mut object: Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"].take() })
}

/// Items in a list of one kind have no `kind` and `apiVersion`.
fn bare(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("kind");
        object.remove("apiVersion");
    }
    object
}
