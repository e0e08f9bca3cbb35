//! Requests for single objects. Each has a deadline and runs without tracing. Errors are translated.

use std::{fmt, fmt::Debug, sync::Arc, time::Duration};

use k8s_openapi::{
    api::core::v1::{Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Client, Resource,
    api::{DeleteParams, GetParams, Patch, PatchParams, Preconditions},
    core::Request,
};
use regcred_core::{Error, Result, Target};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    call::with_timeout,
    cluster::Cluster,
    codes,
    decode::{self, Decoded, KeptAnnotations, Stored, Unreadable, account, metadata, readable_metadata, whole_secret},
    error::{NO_API, RequestContext, is_by_policy, is_unexplained, translate},
    pages::List,
    refusal,
    rights::{Reviews, explain, missing_namespace},
    secret::DATA_KEY,
    stream::{Piece, object},
};

/// An admission policy reads the labels of a namespace from a cache of the server, which can be older than a watch.
const POLICY_LAG: Duration = Duration::from_millis(300);

/// A request, as kube builds it.
type Built = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

/// Secrets and ServiceAccounts of one cluster.
#[derive(Clone)]
pub(crate) struct Store {
    cluster: Cluster,
    kept: Arc<KeptAnnotations>,
    reviews: Arc<Reviews>,
}

impl Store {
    /// Creates a store. `annotations`: those to keep of an object, in addition to regcred's.
    pub(crate) fn new(cluster: &Cluster, annotations: impl IntoIterator<Item = String>) -> Self {
        let kept = Arc::new(annotations.into_iter().collect());
        Self { cluster: cluster.clone(), kept, reviews: Arc::default() }
    }

    pub(crate) fn kept(&self) -> &Arc<KeptAnnotations> {
        &self.kept
    }

    fn client(&self) -> &Client {
        self.cluster.client()
    }

    /// Reads the metadata of a Secret. `None`: it does not exist.
    pub(crate) async fn secret_metadata(&self, target: &Target) -> Result<Option<ObjectMeta>> {
        let request = at::<Secret>(target.group()).get_metadata(target.name(), &GetParams::default());
        self.read(&of_secret("get", target), request, |piece| metadata(piece, &self.kept)).await
    }

    /// Reads a Secret with its data. `None`: it does not exist.
    pub(crate) async fn secret(&self, target: &Target) -> Result<Option<Stored>> {
        let request = at::<Secret>(target.group()).get(target.name(), &GetParams::default());
        self.read(&of_secret("get", target), request, |piece| decode::secret(piece, &self.kept, DATA_KEY)).await
    }

    /// Reads a Secret of another owner with all of its values. `None`: it does not exist.
    pub(crate) async fn whole_secret(&self, namespace: &str, name: &str) -> Result<Option<Decoded<Secret>>> {
        let context = RequestContext { verb: "get", resource: "secrets", namespace: Some(namespace), name };
        let request = at::<Secret>(namespace).get(name, &GetParams::default());
        let call = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            match object(self.client(), request, |piece| whole_secret(piece, &self.kept)).await {
                Err(kube::Error::Api(status)) if status.reason == "NotFound" => Ok(None),
                other => other.map(Some),
            }
        };
        let read = self.call(&context, call).await?;
        match read {
            Some(Err(unreadable)) if is_no_object(&unreadable) => Err(no_api(&context)),
            read => Ok(read),
        }
    }

    /// Patches a Secret, or creates it by an apply, because RBAC by name allows no other way. Returns its metadata
    /// after the write.
    pub(crate) async fn patch_secret(
        &self,
        target: &Target,
        manager: &str,
        patch: &Patch<Value>,
        force: bool,
    ) -> Result<ObjectMeta> {
        let params = PatchParams { field_manager: Some(manager.into()), force, ..PatchParams::default() };
        let request = at::<Secret>(target.group()).patch_metadata(target.name(), &params, patch);
        self.write(&of_secret("patch", target), request, |piece| metadata(piece, &self.kept)).await
    }

    /// Deletes this object if it is unchanged.
    pub(crate) async fn delete_secret(&self, target: &Target, seen: &ObjectMeta) -> Result<()> {
        let preconditions = Preconditions { uid: seen.uid.clone(), resource_version: seen.resource_version.clone() };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let request = at::<Secret>(target.group()).delete(target.name(), &params);
        self.write(&of_secret("delete", target), request, |_| Ok(())).await
    }

    /// Reads a ServiceAccount. `None`: it does not exist.
    pub(crate) async fn account(&self, namespace: &str, name: &str) -> Result<Option<ServiceAccount>> {
        let context = RequestContext { verb: "get", resource: "serviceaccounts", namespace: Some(namespace), name };
        let request = at::<ServiceAccount>(namespace).get(name, &GetParams::default());
        self.read(&context, request, account).await
    }

    /// Returns the names of all ServiceAccounts of a namespace.
    pub(crate) async fn accounts_in(&self, namespace: &str) -> Result<Vec<String>> {
        let list = List::of::<ServiceAccount>(self.client(), "serviceaccounts", Some(namespace)).metadata();
        list.all(|piece| readable_metadata(piece).name).await
    }

    /// Returns the error of a namespace that does not exist or is being deleted. `None`: it exists, or regcred may not
    /// read it.
    pub(crate) async fn gone_namespace(&self, target: &Target) -> Option<Error> {
        missing_namespace(self.client(), &of_secret("get", target)).await
    }

    /// Writes a merge patch, guarded by its resourceVersion.
    pub(crate) async fn patch_account(&self, namespace: &str, name: &str, manager: &str, patch: &Value) -> Result<()> {
        let context = RequestContext { verb: "patch", resource: "serviceaccounts", namespace: Some(namespace), name };
        let params = PatchParams { field_manager: Some(manager.into()), ..PatchParams::default() };
        let request = at::<ServiceAccount>(namespace).patch_metadata(name, &params, &Patch::Merge(patch));
        self.write(&context, request, |_| Ok(())).await
    }

    /// Lists the metadata of every Secret of this name in the cluster.
    pub(crate) fn secrets_named<'a>(&'a self, name: &'a str) -> List<'a> {
        List::of::<Secret>(self.client(), "secrets", None).metadata().named(name)
    }

    /// Lists every ServiceAccount of this name in the cluster.
    pub(crate) fn accounts_named<'a>(&'a self, name: &'a str) -> List<'a> {
        List::of::<ServiceAccount>(self.client(), "serviceaccounts", None).named(name)
    }

    /// Reads one object. `None`: it does not exist. An object that cannot be decoded is a refusal.
    async fn read<T>(
        &self,
        context: &RequestContext<'_>,
        request: Built,
        decode: impl FnOnce(Piece<'_>) -> Decoded<T>,
    ) -> Result<Option<T>> {
        let call = async {
            match object(self.client(), request.map_err(kube::Error::BuildRequest)?, decode).await {
                Err(kube::Error::Api(status)) if status.reason == "NotFound" => Ok(None),
                other => other.map(Some),
            }
        };
        self.call(context, call).await?.transpose().map_err(|unreadable| beyond_bounds(context, &unreadable))
    }

    /// Writes one object, and decodes the answer.
    async fn write<T>(
        &self,
        context: &RequestContext<'_>,
        request: Built,
        decode: impl Fn(Piece<'_>) -> Decoded<T>,
    ) -> Result<T> {
        let call = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            match object(self.client(), request.clone(), &decode).await {
                Err(kube::Error::Api(status)) if is_by_policy(&status) => {
                    sleep(POLICY_LAG).await;
                    object(self.client(), request, &decode).await
                }
                other => other,
            }
        };
        self.call(context, call).await?.map_err(|unreadable| beyond_bounds(context, &unreadable))
    }

    /// Makes one call. If the server denies it without a reason, asks for the reason.
    async fn call<T>(&self, context: &RequestContext<'_>, call: impl Future<Output = kube::Result<T>>) -> Result<T> {
        match with_timeout(context, call).await? {
            Err(error) if is_unexplained(&error) => Err(explain(self.client(), &self.reviews, context).await),
            other => other.map_err(|error| translate(&error, context)),
        }
    }
}

/// Returns the error of an object that cannot be decoded.
fn beyond_bounds(context: &RequestContext<'_>, unreadable: &Unreadable) -> Error {
    if is_no_object(unreadable) {
        return no_api(context);
    }
    refusal::unreadable_object(context.namespace.unwrap_or_default(), context.name, &unreadable.reason).into()
}

/// Returns whether an answer is not an object at all.
fn is_no_object(unreadable: &Unreadable) -> bool {
    unreadable.metadata.name.is_none() && !unreadable.is_cut_off
}

fn no_api(context: &RequestContext<'_>) -> Error {
    context.failed(&codes::ANSWER, NO_API)
}

fn of_secret<'a>(verb: &'static str, target: &'a Target) -> RequestContext<'a> {
    RequestContext { verb, resource: "secrets", namespace: Some(target.group()), name: target.name() }
}

/// Creates requests for objects of a kind in a namespace.
fn at<K: Resource<DynamicType = ()>>(namespace: &str) -> Request {
    Request::new(K::url_path(&(), Some(namespace)))
}

impl Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}
