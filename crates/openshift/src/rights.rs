//! Finds why a request was denied: the namespace is gone, an RBAC rule is missing, or something other than RBAC denies
//! it.

use std::{sync::Mutex, time::Duration};

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::Namespace,
};
use kube::{Api, Client, api::PostParams, core::PartialObjectMeta};
use regcred_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::{
    call::translated,
    codes,
    error::{RequestContext, gone},
};

/// Maximum number of explained denials per [`SPAN`]. If a right is missing in thousands of namespaces, the first ones
/// are enough.
const REVIEWS: u32 = 50;
/// A denied target is reconciled again after this time.
const SPAN: Duration = Duration::from_mins(5);

/// Whether a namespace exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// The namespace exists.
    Here,
    /// The namespace is being deleted.
    Going,
    /// The namespace does not exist.
    Absent,
    /// RBAC does not allow regcred to read the namespace.
    Unknown,
}

/// The number of recent explained denials.
#[derive(Debug, Default)]
pub(crate) struct Reviews(Mutex<Option<(Instant, u32)>>);

impl Reviews {
    fn may_ask(&self) -> bool {
        let mut asked = self.0.lock().expect("no call panics while it holds the lock");
        let (since, count) = asked.filter(|(since, _)| since.elapsed() < SPAN).unwrap_or((Instant::now(), 0));
        *asked = Some((since, count.saturating_add(1)));
        count < REVIEWS
    }
}

/// Asks the server why it denied a request. If a namespace is gone, its RoleBindings are gone too, which also causes a
/// denial.
pub(crate) async fn explain(client: &Client, reviews: &Reviews, context: &RequestContext<'_>) -> Error {
    if let Some(gone) = missing_namespace(client, context).await {
        return gone;
    }
    if !reviews.may_ask() {
        return context.failed(&codes::FORBIDDEN, &context.missing_rule(context.verbs()));
    }
    let (mut missing, mut unknown) = (vec![], false);
    for verb in context.verbs() {
        match review(client, context, verb).await {
            Ok(true) => {}
            Ok(false) => missing.push(*verb),
            Err(_) => unknown = true,
        }
    }
    if missing.is_empty() && !unknown {
        let cause = "RBAC allows it, so an admission plug-in or a policy of the cluster denied it";
        return context.failed(&codes::ADMISSION, cause);
    }
    let missing = if missing.is_empty() { context.verbs().to_vec() } else { missing };
    context.failed(&codes::FORBIDDEN, &context.missing_rule(&missing))
}

/// Returns the error of a namespace that does not exist or is being deleted. `None`: it exists, or it cannot be read.
pub(crate) async fn missing_namespace(client: &Client, context: &RequestContext<'_>) -> Option<Error> {
    match presence(client, context.namespace?).await.ok()? {
        Presence::Absent => Some(gone(context, "does not exist")),
        Presence::Going => Some(gone(context, "is being deleted")),
        Presence::Here | Presence::Unknown => None,
    }
}

pub(crate) async fn presence(client: &Client, name: &str) -> Result<Presence> {
    let context = RequestContext { verb: "get", resource: "namespaces", namespace: None, name };
    let api = Api::<Namespace>::all(client.clone());
    let found: Result<Option<PartialObjectMeta<_>>> = translated(&context, api.get_metadata_opt(name)).await;
    match found {
        Ok(Some(it)) if it.metadata.deletion_timestamp.is_some() => Ok(Presence::Going),
        Ok(Some(_)) => Ok(Presence::Here),
        Ok(None) => Ok(Presence::Absent),
        Err(error) if error.kind() == ErrorKind::Denied => Ok(Presence::Unknown),
        Err(error) => Err(error),
    }
}

/// Fails if RBAC does not allow a request. regcred does not send such a request, because audits of a cluster report
/// denied requests. If the server does not answer this question, the request is sent.
pub(crate) async fn check(client: &Client, context: &RequestContext<'_>) -> Result<()> {
    match review(client, context, context.verb).await {
        Ok(false) => Err(context.failed(&codes::FORBIDDEN, &context.missing_rule(context.verbs()))),
        Ok(true) | Err(_) => Ok(()),
    }
}

/// Returns whether RBAC allows a verb. Without the object's name, the answer is about all objects. A resource outside
/// the core group ends in its group, as kubectl prints it: `rolebindings.rbac.authorization.k8s.io`.
pub(crate) async fn review(client: &Client, context: &RequestContext<'_>, verb: &str) -> Result<bool> {
    let (resource, group) = context.resource.split_once('.').unwrap_or((context.resource, ""));
    let attributes = ResourceAttributes {
        group: Some(group.into()),
        namespace: context.namespace.map(Into::into),
        verb: Some(verb.into()),
        resource: Some(resource.into()),
        name: Some(context.name.into()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let asking =
        RequestContext { verb: "create", resource: "selfsubjectaccessreviews", namespace: None, name: context.name };
    let api = Api::<SelfSubjectAccessReview>::all(client.clone());
    let answer = translated(&asking, api.create(&PostParams::default(), &review)).await?;
    let silent = || asking.failed(&codes::ANSWER, "the answer has no decision");
    answer.status.map(|status| status.allowed).ok_or_else(silent)
}
