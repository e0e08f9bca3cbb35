//! Turns an HTTP request into an HTTP response.

use std::sync::Arc;

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode},
    response::Response,
};
use serde_json::{Value, json};

use super::{
    admission::Admission,
    apply::{apply, manager_missing},
    asked::{APPLY_PATCH, Asked, Endpoint, Form, JSON_PATCH, MERGE_PATCH},
    failure::{Cause, Failure},
    faults::Fault,
    follow::follow,
    kind::{Key, Kind},
    list::list,
    patch::{json_patch, merge_patch},
    state::{Shared, State},
    view,
    write::{Writer, create, delete, replace, stated},
};
use crate::now::http_date;

/// The request body limit of the real server.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// A successful response: status and body.
type Success = (u16, Value);

pub(super) async fn answer(shared: Arc<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let asked = Asked::read(&parts);
    let number = shared.state().record.begin(asked.to_request());
    // An error is impossible, because `shared` holds the sender.
    drop(shared.hanging.subscribe().wait_for(|hanging| !hanging).await);
    let body = to_bytes(body, LARGEST_BODY).await;
    if let Some(response) = watching(&shared, &asked) {
        shared.state().record.finish(number, response.status().as_u16());
        return response;
    }
    let mut state = shared.state();
    let mut response = match state.faults.take(&asked) {
        Some(Fault::Failure(failure)) => render(Err(failure)),
        Some(Fault::Raw(raw)) => raw.render(),
        None => render(
            body.map_err(|_| Failure::new(413, "RequestEntityTooLarge", "the request is larger than 3145728 bytes"))
                .and_then(|body| run(&mut state, &asked, &body)),
        ),
    };
    state.record.finish(number, response.status().as_u16());
    let ahead = state.ahead.map(|ahead| http_date(state.store.clock.now() + ahead));
    if let Some(date) = ahead.and_then(|date| date.parse().ok()) {
        response.headers_mut().insert("date", date);
    }
    response
}

/// Returns the response to a watch. Returns `None` if the request is not a watch.
fn watching(shared: &Arc<Shared>, asked: &Asked) -> Option<Response> {
    let Endpoint::Collection(kind, namespace_of) = &asked.place else { return None };
    if asked.verb != "watch" {
        return None;
    }
    let (resource, namespace, name) = asked.attributes();
    let state = shared.state();
    let refused = state.rules.check(asked.verb, resource, namespace, name).and_then(|()| acceptable(asked)).err();
    drop(state);
    Some(match refused {
        Some(failure) => render(Err(failure)),
        None => follow(Arc::clone(shared), asked.clone(), *kind, namespace_of.clone()),
    })
}

fn render(result: Result<Success, Failure>) -> Response {
    let (status, body, retry_after) = match result {
        Ok((status, body)) => (status, body, None),
        Err(failure) => (failure.status, failure.to_json(), failure.retry_after),
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        headers.insert("retry-after", seconds.into());
    }
    response
}

fn run(state: &mut State, asked: &Asked, body: &Bytes) -> Result<Success, Failure> {
    let (resource, namespace, name) = asked.attributes();
    match &asked.place {
        Endpoint::Unknown => Err(Failure::unknown_path()),
        Endpoint::Version if asked.verb == "get" => Ok((200, version())),
        Endpoint::AccessReview if asked.verb == "create" => review(state, body),
        Endpoint::SelfReview if asked.verb == "create" => Ok((201, self_review())),
        Endpoint::Policies if asked.verb == "list" => {
            state.rules.check(asked.verb, resource, namespace, name)?;
            let policy = |(name, user): &(String, String)| {
                let condition =
                    json!({ "name": "user", "expression": format!("request.userInfo.username == '{user}'") });
                json!({ "metadata": { "name": name }, "spec": { "matchConditions": [condition] } })
            };
            let items = state.policies.iter().map(policy).collect::<Vec<_>>();
            let version = "admissionregistration.k8s.io/v1";
            Ok((
                200,
                json!({ "kind": "ValidatingAdmissionPolicyList", "apiVersion": version, "metadata": {}, "items": items }),
            ))
        }
        Endpoint::Version | Endpoint::AccessReview | Endpoint::SelfReview | Endpoint::Policies => {
            Err(Failure::method_not_allowed())
        }
        Endpoint::Collection(kind, namespace_of) => {
            state.rules.check(asked.verb, resource, namespace, name)?;
            acceptable(asked)?;
            run_on_collection(state, asked, *kind, namespace_of.as_deref(), body)
        }
        Endpoint::Object(kind, namespace_of, name_of) => {
            state.rules.check(asked.verb, resource, namespace, name)?;
            acceptable(asked)?;
            run_on_object(state, asked, &Key::new(*kind, namespace_of, name_of), body)
        }
    }
}

fn run_on_collection(
    state: &mut State,
    asked: &Asked,
    kind: Kind,
    namespace: Option<&str>,
    body: &Bytes,
) -> Result<Success, Failure> {
    match (asked.verb, namespace) {
        ("list", _) => {
            let list = list(&state.store, kind, namespace, &asked.query)?;
            Ok((200, view::list(kind, list, asked.form)))
        }
        ("create", _) if namespace.is_some() || kind == Kind::Namespace => {
            let object = parse(body)?;
            let Some(name) = stated(&object, "name") else {
                let cause = Cause::new(
                    "FieldValueRequired",
                    "metadata.name",
                    "Required value: name or generateName is required",
                );
                return Err(Failure::invalid_object(kind.name(), "", &[cause]));
            };
            let key = Key::new(kind, namespace.unwrap_or_default(), name);
            let object = create(&mut state.store, &key, object, writer(asked, &state.admission))?;
            Ok((201, view::object(object, asked.form)))
        }
        _ => Err(Failure::method_not_allowed()),
    }
}

fn run_on_object(state: &mut State, asked: &Asked, key: &Key, body: &Bytes) -> Result<Success, Failure> {
    let (store, writer) = (&mut state.store, writer(asked, &state.admission));
    let object = match asked.verb {
        "get" => store.get(key).cloned().ok_or_else(|| Failure::not_found(key))?,
        "update" => replace(store, key, parse(body)?, writer)?,
        "delete" => {
            let options = if body.is_empty() { Value::Null } else { parse(body)? };
            delete(store, key, &options, asked.dry_run())?
        }
        "patch" => match asked.content_type.as_str() {
            MERGE_PATCH => merge_patch(store, key, &parse(body)?, writer)?,
            JSON_PATCH => json_patch(store, key, &parse(body)?, writer)?,
            APPLY_PATCH => return run_apply(state, asked, key, body),
            other => {
                let message = format!("the body of the request was in an unknown format - {other:?}");
                return Err(Failure::new(415, "UnsupportedMediaType", message));
            }
        },
        _ => return Err(Failure::method_not_allowed()),
    };
    Ok((200, view::object(object, asked.form)))
}

fn run_apply(state: &mut State, asked: &Asked, key: &Key, body: &Bytes) -> Result<Success, Failure> {
    if asked.query.get("fieldManager").is_none_or(String::is_empty) {
        return Err(manager_missing());
    }
    if state.store.get(key).is_none() {
        // An apply that creates an object needs permission to create that name.
        let (resource, namespace, name) = asked.attributes();
        state.rules.check("create", resource, namespace, name)?;
    }
    let applied = apply(&mut state.store, key, &parse(body)?, asked.is_set("force"), writer(asked, &state.admission))?;
    let status = if applied.created { 201 } else { 200 };
    Ok((status, view::object(applied.object, asked.form)))
}

/// Answers a `SelfSubjectAccessReview` according to the access rules.
fn review(state: &State, body: &Bytes) -> Result<Success, Failure> {
    let mut review = parse(body)?;
    if !review.is_object() {
        return Err(Failure::bad_request("a review is an object"));
    }
    let wanted = &review["spec"]["resourceAttributes"];
    let text = |name: &str| wanted[name].as_str().unwrap_or_default();
    let namespace = Some(text("namespace")).filter(|namespace| !namespace.is_empty());
    let name = Some(text("name")).filter(|name| !name.is_empty());
    let allowed = match namespace {
        Some(_) => state.rules.allows(text("verb"), text("resource"), namespace, name),
        None => state.rules.allows_everywhere(text("verb"), text("resource"), name),
    };
    review["status"] = json!({ "allowed": allowed });
    Ok((201, review))
}

fn writer<'a>(asked: &'a Asked, admission: &'a Admission) -> Writer<'a> {
    Writer { manager: asked.manager(), dry_run: asked.dry_run(), admission }
}

fn acceptable(asked: &Asked) -> Result<(), Failure> {
    if asked.form != Form::Other {
        return Ok(());
    }
    let message = "only the following media types are accepted: application/json, also as=PartialObjectMetadata";
    Err(Failure::new(406, "NotAcceptable", message))
}

fn parse(body: &Bytes) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|error| Failure::bad_request(format!("the body is not JSON: {error}")))
}

/// Returns the identity of the client.
fn self_review() -> Value {
    json!({
        "kind": "SelfSubjectReview",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {},
        "status": { "userInfo": { "username": "fake", "groups": ["system:authenticated"] } },
    })
}

fn version() -> Value {
    json!({
        "major": "1",
        "minor": "33",
        "gitVersion": "v1.33.0-fake",
        "gitCommit": "0000000000000000000000000000000000000000",
        "gitTreeState": "clean",
        "buildDate": "2025-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "rustc",
        "platform": "linux/amd64",
    })
}
