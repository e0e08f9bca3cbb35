//! What a 403 means: a namespace that is gone, a rule that is missing, or something beside RBAC.

use std::{sync::Mutex, time::Duration};

use k8s_openapi::api::{
    authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec},
    core::v1::Namespace,
};
use kube::{Api, Client, api::PostParams, core::PartialObjectMeta};
use regcred_core::{Error, ErrorKind, Result};
use tokio::time::Instant;

use crate::{
    call::limited,
    error::{Doing, gone},
};

/// Where a right is missing in thousands of namespaces, the first answers tell the story.
const REVIEWS: u32 = 50;
/// For which so many are asked: a look at what was denied is repeated after this.
const SPAN: Duration = Duration::from_mins(5);

/// How many refusals have been taken apart of late.
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

/// Asks the server why it refused what it did not explain. Under RoleBindings a namespace that is gone answers 403 too, for
/// its bindings are gone with it.
pub(crate) async fn explain(client: &Client, reviews: &Reviews, doing: &Doing<'_>) -> Error {
    if let Some(gone) = missing_namespace(client, doing).await {
        return gone;
    }
    if !reviews.may_ask() {
        return doing.failed(ErrorKind::Denied, &doing.missing_rule(doing.verbs()));
    }
    let (mut missing, mut unknown) = (vec![], false);
    for verb in doing.verbs() {
        match review(client, doing, verb).await {
            Ok(true) => {}
            Ok(false) => missing.push(*verb),
            Err(_) => unknown = true,
        }
    }
    if missing.is_empty() && !unknown {
        let cause = "RBAC allows it, so it is an admission plug-in or a policy of the cluster that does not";
        return doing.failed(ErrorKind::Denied, cause);
    }
    let missing = if missing.is_empty() { doing.verbs().to_vec() } else { missing };
    doing.failed(ErrorKind::Denied, &doing.missing_rule(&missing))
}

/// That a namespace does not exist or is going; `None`: it is there, or nobody says.
pub(crate) async fn missing_namespace(client: &Client, doing: &Doing<'_>) -> Option<Error> {
    let name = doing.namespace?;
    let asking = Doing { verb: "get", resource: "namespaces", namespace: None, name };
    let api = Api::<Namespace>::all(client.clone());
    let found: Option<PartialObjectMeta<Namespace>> = limited(&asking, api.get_metadata_opt(name)).await.ok()?;
    match found {
        None => Some(gone(doing, "does not exist")),
        Some(it) if it.metadata.deletion_timestamp.is_some() => Some(gone(doing, "is being deleted")),
        Some(_) => None,
    }
}

/// Fails if we may not do this, without trying: a refused request is one that audits of the cluster look at. Where the server does not say,
/// it can be tried.
pub(crate) async fn check(client: &Client, doing: &Doing<'_>) -> Result<()> {
    match review(client, doing, doing.verb).await {
        Ok(false) => Err(doing.failed(ErrorKind::Denied, &doing.missing_rule(doing.verbs()))),
        Ok(true) | Err(_) => Ok(()),
    }
}

/// Whether we may do this. With the object's name: without it the answer is about all objects. A resource outside the core group has the
/// group behind it, as kubectl prints it: `rolebindings.rbac.authorization.k8s.io`.
pub(crate) async fn review(client: &Client, doing: &Doing<'_>, verb: &str) -> Result<bool> {
    let (resource, group) = doing.resource.split_once('.').unwrap_or((doing.resource, ""));
    let attributes = ResourceAttributes {
        group: Some(group.into()),
        namespace: doing.namespace.map(Into::into),
        verb: Some(verb.into()),
        resource: Some(resource.into()),
        name: Some(doing.name.into()),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let asking = Doing { verb: "create", resource: "selfsubjectaccessreviews", namespace: None, name: doing.name };
    let api = Api::<SelfSubjectAccessReview>::all(client.clone());
    let answer = limited(&asking, api.create(&PostParams::default(), &review)).await?;
    let silent = || asking.failed(ErrorKind::Malformed, "the answer does not say whether it is allowed");
    answer.status.map(|status| status.allowed).ok_or_else(silent)
}
