//! Evaluates a ValidatingAdmissionPolicy as an API server does, with a CEL interpreter.

use std::{collections::HashMap, sync::Arc};

use cel::{Context, Program, Value as Cel, extractors::This, objects::Key, to_value};
use serde_json::{Value, json};

/// A write request, as a policy sees it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The name of the user.
    pub user: String,
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub operation: &'static str,
    /// The resource, such as `secrets`.
    pub resource: &'static str,
    /// The namespace. Empty for cluster-scoped objects.
    pub namespace: String,
    /// The labels of the namespace.
    pub labels: Value,
    /// The new object. Null for a delete.
    pub object: Value,
    /// The existing object. Null for a create.
    pub old: Value,
    /// The permissions of the user, each as `/GROUP/RESOURCE/NAME/VERB`.
    pub rights: Vec<&'static str>,
}

impl Request {
    /// Creates a request in a namespace whose only label is its name.
    pub fn new(user: &str, operation: &'static str, resource: &'static str, namespace: &str) -> Self {
        Self {
            user: user.into(),
            operation,
            resource,
            namespace: namespace.into(),
            labels: json!({ "kubernetes.io/metadata.name": namespace }),
            object: Value::Null,
            old: Value::Null,
            rights: vec![],
        }
    }

    /// Sets the new object.
    #[must_use]
    pub fn object(mut self, object: Value) -> Self {
        self.object = object;
        self
    }

    /// Sets the existing object.
    #[must_use]
    pub fn over(mut self, old: Value) -> Self {
        self.old = old;
        self
    }

    /// Adds a label to the namespace.
    #[must_use]
    pub fn labelled(mut self, key: &str, value: &str) -> Self {
        self.labels[key] = value.into();
        self
    }
}

/// Returns an error if any policy that matches the request refuses it. The error is the first message.
///
/// # Panics
///
/// If an expression does not compile.
pub fn judge_all<'a>(policies: impl IntoIterator<Item = &'a Value>, request: &Request) -> Result<(), String> {
    let has = |list: &Value, item: &str| list.as_array().into_iter().flatten().any(|it| it == item);
    let is_about = |policy: &&Value| {
        let rules = policy["spec"]["matchConstraints"]["resourceRules"].as_array().into_iter().flatten();
        rules
            .into_iter()
            .any(|rule| has(&rule["resources"], request.resource) && has(&rule["operations"], request.operation))
    };
    policies.into_iter().filter(is_about).try_for_each(|policy| judge(policy, request))
}

/// Returns an error with the policy's message if the policy refuses the request. An expression that fails also refuses
/// it.
///
/// # Panics
///
/// If an expression does not compile.
pub fn judge(policy: &Value, request: &Request) -> Result<(), String> {
    let mut context = Context::default();
    authorizer(&mut context, &request.rights);
    let document = json!({
        "operation": request.operation, "namespace": request.namespace,
        "resource": { "resource": request.resource }, "userInfo": { "username": request.user },
    });
    let namespace = json!({ "metadata": { "name": request.namespace, "labels": request.labels } });
    let known = [
        ("request", &document),
        ("object", &request.object),
        ("oldObject", &request.old),
        ("namespaceObject", &namespace),
    ];
    for (name, value) in known {
        context.add_variable_from_value(name, to_value(value).expect("JSON"));
    }
    let list = |key: &str| policy["spec"][key].as_array().cloned().unwrap_or_default();
    for condition in list("matchConditions") {
        // A condition that fails refuses the request, as with `failurePolicy: Fail`.
        if evaluate(&condition, &context)? != Cel::Bool(true) {
            return Ok(());
        }
    }
    // The server evaluates variables lazily. A variable that fails therefore fails only the expressions that use it.
    let mut variables = HashMap::<Key, Cel>::new();
    for variable in list("variables") {
        context.add_variable_from_value("variables", Cel::Map(variables.clone().into()));
        if let Ok(value) = evaluate(&variable, &context) {
            variables.insert(variable["name"].as_str().expect("a name").into(), value);
        }
    }
    context.add_variable_from_value("variables", Cel::Map(variables.into()));
    for validation in list("validations") {
        match evaluate(&validation, &context) {
            Ok(Cel::Bool(true)) => {}
            Ok(_) => return Err(validation["message"].as_str().unwrap_or("refused").into()),
            Err(error) => return Err(format!("{}: {error}", validation["expression"])),
        }
    }
    Ok(())
}

fn evaluate(of: &Value, context: &Context<'_, '_>) -> Result<Cel, String> {
    let text = of["expression"].as_str().expect("an expression");
    let program = Program::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    program.execute(context).map_err(|error| error.to_string())
}

/// Adds `authorizer.group(g).resource(r).name(n).check(v).allowed()`, as in the CEL library of the API server.
fn authorizer(context: &mut Context<'_, '_>, rights: &[&'static str]) {
    let step = |This(so_far): This<Arc<String>>, next: Arc<String>| format!("{so_far}/{next}");
    context.add_variable_from_value("authorizer", Cel::String(Arc::new(String::new())));
    for name in ["group", "resource", "name", "check"] {
        context.add_function(name, step).expect("it is new");
    }
    let rights = rights.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    context.add_function("allowed", move |This(asked): This<Arc<String>>| rights.contains(&asked)).expect("it is new");
}
