//! The calls to the API server: each with a deadline, unheard by logs, its errors translated.

use std::{fmt::Debug, sync::Arc, time::Duration};

use k8s_openapi::{
    api::core::v1::{Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Client, Resource,
    api::{DeleteParams, GetParams, Patch, PatchParams, Preconditions},
    core::Request,
};
use regcred_core::{Error, ErrorKind, Result};
use serde::Serialize;
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    call::unheard,
    decode::{self, Decoded, Kept, Stored, Unreadable, account, bare_metadata, metadata},
    error::{Doing, is_by_policy, is_unexplained, translate},
    pages::List,
    refusal,
    rights::{Reviews, explain, missing_namespace},
    secret::DATA_KEY,
    stream::{Piece, object},
};

/// A policy judges by the labels that the server itself has seen of a namespace, which can be a moment older than what a watch has said.
const LAG: Duration = Duration::from_millis(300);

/// A request as kube builds it.
type Asked = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

/// Secrets and ServiceAccounts of one cluster, written as one field manager.
#[derive(Clone)]
pub(crate) struct Store {
    client: Client,
    manager: String,
    /// The annotations that are kept of an object, besides ours.
    kept: Arc<Kept>,
    reviews: Arc<Reviews>,
}

impl Store {
    pub(crate) fn new(client: Client, manager: String) -> Self {
        Self { client, manager, kept: Arc::default(), reviews: Arc::default() }
    }

    /// With these annotations too in what is read.
    pub(crate) fn keeping(self, annotations: impl IntoIterator<Item = String>) -> Self {
        Self { kept: Arc::new(annotations.into_iter().collect()), ..self }
    }

    /// Which annotations are kept, beside those of regcred.
    pub(crate) fn kept(&self) -> Arc<Kept> {
        self.kept.clone()
    }

    /// The metadata of a Secret; `None`: there is none.
    pub(crate) async fn secret_metadata(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name };
        let request = at::<Secret>(namespace).get_metadata(name, &GetParams::default());
        self.read(&doing, request, |piece| metadata(piece, &self.kept)).await
    }

    /// A Secret with its data; `None`: there is none.
    pub(crate) async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Stored>> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name };
        let request = at::<Secret>(namespace).get(name, &GetParams::default());
        self.read(&doing, request, |piece| decode::secret(piece, &self.kept, DATA_KEY)).await
    }

    /// Server-side apply. Returns the metadata as they are then.
    pub(crate) async fn apply_secret(
        &self,
        namespace: &str,
        name: &str,
        object: &Value,
        force: bool,
    ) -> Result<ObjectMeta> {
        let params = PatchParams::apply(&self.manager);
        let params = if force { params.force() } else { params };
        self.patch_secret(namespace, name, &params, &Patch::Apply(object)).await
    }

    /// Creates a Secret as this manager, by server-side apply: RBAC grants that by name. If there is one with other data, it is a conflict.
    pub(crate) async fn create_secret(&self, namespace: &str, name: &str, manager: &str, object: &Value) -> Result<()> {
        self.patch_secret(namespace, name, &PatchParams::apply(manager), &Patch::Apply(object)).await.map(drop)
    }

    /// A JSON patch of a Secret's owners. Returns the metadata as they are then.
    pub(crate) async fn take_over_secret(&self, namespace: &str, name: &str, patch: &Value) -> Result<ObjectMeta> {
        let doing = Doing { verb: "patch", resource: "secrets", namespace: Some(namespace), name };
        let malformed = |_| doing.failed(ErrorKind::Bug, "the patch is none");
        let patch = serde_json::from_value::<json_patch::Patch>(patch.clone()).map_err(malformed)?;
        self.patch_secret(namespace, name, &updating(&self.manager), &Patch::<()>::Json(patch)).await
    }

    /// A merge patch of somebody else's Secret, guarded by the resourceVersion in it.
    pub(crate) async fn merge_into_secret(
        &self,
        namespace: &str,
        name: &str,
        manager: &str,
        patch: &Value,
    ) -> Result<()> {
        self.patch_secret(namespace, name, &updating(manager), &Patch::Merge(patch)).await.map(drop)
    }

    async fn patch_secret(
        &self,
        namespace: &str,
        name: &str,
        params: &PatchParams,
        patch: &Patch<impl Serialize + Debug>,
    ) -> Result<ObjectMeta> {
        let doing = Doing { verb: "patch", resource: "secrets", namespace: Some(namespace), name };
        let request = at::<Secret>(namespace).patch_metadata(name, params, patch);
        self.written(&doing, request, |piece| metadata(piece, &self.kept)).await
    }

    /// Deletes that very Secret, if it still is as it was.
    pub(crate) async fn delete_secret(&self, namespace: &str, name: &str, seen: &ObjectMeta) -> Result<()> {
        let doing = Doing { verb: "delete", resource: "secrets", namespace: Some(namespace), name };
        let preconditions = Preconditions { uid: seen.uid.clone(), resource_version: seen.resource_version.clone() };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let request = at::<Secret>(namespace).delete(name, &params);
        self.written(&doing, request, |_| Ok(())).await
    }

    /// A ServiceAccount; `None`: there is none.
    pub(crate) async fn account(&self, namespace: &str, name: &str) -> Result<Option<ServiceAccount>> {
        let doing = Doing { verb: "get", resource: "serviceaccounts", namespace: Some(namespace), name };
        let request = at::<ServiceAccount>(namespace).get(name, &GetParams::default());
        self.read(&doing, request, account).await
    }

    /// The names of all ServiceAccounts of a namespace.
    pub(crate) async fn accounts_in(&self, namespace: &str) -> Result<Vec<String>> {
        let list = List::of::<ServiceAccount>(&self.client, "serviceaccounts", Some(namespace)).metadata();
        list.all(|piece| bare_metadata(piece).unwrap_or_else(|it| it.into_metadata()).name).await
    }

    /// That a namespace does not exist or is going, as far as we may know; `None`: it is there, or nobody says.
    pub(crate) async fn gone_namespace(&self, namespace: &str) -> Option<Error> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name: "" };
        missing_namespace(&self.client, &doing).await
    }

    /// A merge patch, guarded by the resourceVersion in it.
    pub(crate) async fn patch_account(&self, namespace: &str, name: &str, patch: &Value) -> Result<()> {
        let doing = Doing { verb: "patch", resource: "serviceaccounts", namespace: Some(namespace), name };
        let patch = Patch::Merge(patch);
        let request = at::<ServiceAccount>(namespace).patch_metadata(name, &updating(&self.manager), &patch);
        self.written(&doing, request, |_| Ok(())).await
    }

    /// The metadata of every Secret of this name in the cluster.
    pub(crate) fn secrets_named<'a>(&'a self, name: &'a str) -> List<'a> {
        List::of::<Secret>(&self.client, "secrets", None).metadata().named(name)
    }

    /// Every ServiceAccount of this name in the cluster.
    pub(crate) fn accounts_named<'a>(&'a self, name: &'a str) -> List<'a> {
        List::of::<ServiceAccount>(&self.client, "serviceaccounts", None).named(name)
    }

    /// Reads one object; `None`: there is none. Its own fault is a refusal.
    async fn read<T>(
        &self,
        doing: &Doing<'_>,
        request: Asked,
        decode: impl FnOnce(Piece<'_>) -> Decoded<T>,
    ) -> Result<Option<T>> {
        let call = async {
            match object(&self.client, request.map_err(kube::Error::BuildRequest)?, decode).await {
                Err(kube::Error::Api(status)) if status.reason == "NotFound" => Ok(None),
                other => other.map(Some),
            }
        };
        self.call(doing, call).await?.transpose().map_err(|unreadable| beyond_bounds(doing, &unreadable))
    }

    /// Writes one object, and reads of the answer what it is then.
    async fn written<T>(
        &self,
        doing: &Doing<'_>,
        request: Asked,
        decode: impl Fn(Piece<'_>) -> Decoded<T>,
    ) -> Result<T> {
        let call = async {
            let request = request.map_err(kube::Error::BuildRequest)?;
            match object(&self.client, request.clone(), &decode).await {
                Err(kube::Error::Api(status)) if is_by_policy(&status) => {
                    sleep(LAG).await;
                    object(&self.client, request, &decode).await
                }
                other => other,
            }
        };
        self.call(doing, call).await?.map_err(|unreadable| beyond_bounds(doing, &unreadable))
    }

    /// One call. The reason of a refusal without one is asked for.
    async fn call<T>(&self, doing: &Doing<'_>, call: impl Future<Output = kube::Result<T>>) -> Result<T> {
        match unheard(doing, call).await? {
            Err(error) if is_unexplained(&error) => Err(explain(&self.client, &self.reviews, doing).await),
            other => other.map_err(|error| translate(&error, doing)),
        }
    }
}

/// What an object that cannot be read means for its target.
fn beyond_bounds(doing: &Doing<'_>, unreadable: &Unreadable) -> Error {
    if unreadable.name.is_empty() && !unreadable.is_cut_off {
        return doing.failed(ErrorKind::Malformed, "the answer is not that of a Kubernetes API; is there a proxy?");
    }
    refusal::unreadable_object(doing.namespace.unwrap_or_default(), doing.name, &unreadable.reason).into()
}

/// As this manager, by a patch that is not an apply.
fn updating(manager: &str) -> PatchParams {
    PatchParams { field_manager: Some(manager.into()), ..PatchParams::default() }
}

/// Requests for objects of a kind in a namespace.
fn at<K: Resource<DynamicType = ()>>(namespace: &str) -> Request {
    Request::new(K::url_path(&(), Some(namespace)))
}
