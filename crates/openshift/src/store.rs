//! The calls to the API server: each with a deadline, unheard by logs, its errors translated.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use k8s_openapi::{
    ByteString, NamespaceResourceScope,
    api::core::v1::{Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PartialObjectMeta, Patch, PatchParams, Preconditions},
};
use regcred_core::{Error, ErrorKind, Refusal, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use tracing::{Dispatch, instrument::WithSubscriber};

use crate::{
    error::{Doing, is_unexplained, translate},
    metadata::without_copies,
    pages::{Page, all, following},
    record::{LAST_APPLIED, is_ours},
    refusal::{self, DOCKER_CONFIG},
    rights::{Reviews, explain, missing_namespace},
    secret::DATA_KEY,
};

/// For one call: an API server under load answers in a second, one that changes its leader in a few.
const DEADLINE: Duration = Duration::from_secs(10);
/// So many objects in one answer of a list.
pub(crate) const PAGE: u32 = 500;

/// Secrets and ServiceAccounts of one cluster, written as one field manager.
#[derive(Clone)]
pub(crate) struct Store {
    client: Client,
    manager: String,
    /// The annotations that are kept of an object, besides ours.
    kept: Arc<BTreeSet<String>>,
    reviews: Arc<Reviews>,
}

/// A Secret with its data, which is why it cannot be printed.
pub(crate) struct Stored {
    pub(crate) metadata: ObjectMeta,
    pub(crate) data: Option<Vec<u8>>,
    type_: String,
    immutable: bool,
}

impl Store {
    pub(crate) fn new(client: Client, manager: String) -> Self {
        Self { client, manager, kept: Arc::default(), reviews: Arc::default() }
    }

    /// With these annotations too in what is read.
    pub(crate) fn keeping(self, annotations: impl IntoIterator<Item = String>) -> Self {
        Self { kept: Arc::new(annotations.into_iter().collect()), ..self }
    }

    /// The metadata of a Secret; `None`: there is none.
    pub(crate) async fn secret_metadata(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name };
        let api = self.api::<Secret>(namespace);
        Ok(self.call(&doing, api.get_metadata_opt(name)).await?.map(|it| self.reduce(it.metadata)))
    }

    /// A Secret with its data; `None`: there is none.
    pub(crate) async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Stored>> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name };
        let api = self.api::<Secret>(namespace);
        Ok(self
            .call(&doing, api.get_opt(name))
            .await?
            .map(|secret| Stored::reduce(secret, |metadata| self.reduce(metadata))))
    }

    /// Server-side apply; the answer holds metadata only.
    pub(crate) async fn apply_secret(
        &self,
        namespace: &str,
        name: &str,
        object: &Value,
        force: bool,
    ) -> Result<ObjectMeta> {
        let doing = Doing { verb: "patch", resource: "secrets", namespace: Some(namespace), name };
        let (api, params) = (self.api::<Secret>(namespace), PatchParams::apply(&self.manager));
        let params = if force { params.force() } else { params };
        Ok(self.call(&doing, api.patch_metadata(name, &params, &Patch::Apply(object))).await?.metadata)
    }

    /// A JSON patch of a Secret's owners; the answer holds metadata only.
    pub(crate) async fn take_over_secret(&self, namespace: &str, name: &str, patch: &Value) -> Result<ObjectMeta> {
        let doing = Doing { verb: "patch", resource: "secrets", namespace: Some(namespace), name };
        let malformed = |_| doing.failed(ErrorKind::Bug, "the patch is none");
        let patch = serde_json::from_value::<json_patch::Patch>(patch.clone()).map_err(malformed)?;
        let (api, params) = (self.api::<Secret>(namespace), updating(&self.manager));
        Ok(self.call(&doing, api.patch_metadata(name, &params, &Patch::<()>::Json(patch))).await?.metadata)
    }

    /// A merge patch of somebody else's Secret, guarded by the resourceVersion in it; the answer holds metadata only.
    pub(crate) async fn merge_into_secret(
        &self,
        namespace: &str,
        name: &str,
        manager: &str,
        patch: &Value,
    ) -> Result<()> {
        let doing = Doing { verb: "patch", resource: "secrets", namespace: Some(namespace), name };
        let (api, params) = (self.api::<Secret>(namespace), updating(manager));
        self.call(&doing, api.patch_metadata(name, &params, &Patch::Merge(patch))).await.map(drop)
    }

    /// Deletes that very Secret, if it still is as it was.
    pub(crate) async fn delete_secret(&self, namespace: &str, name: &str, seen: &ObjectMeta) -> Result<()> {
        let doing = Doing { verb: "delete", resource: "secrets", namespace: Some(namespace), name };
        let preconditions = Preconditions { uid: seen.uid.clone(), resource_version: seen.resource_version.clone() };
        let params = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        let api = self.api::<Secret>(namespace);
        self.call(&doing, api.delete(name, &params)).await.map(drop)
    }

    /// A ServiceAccount; `None`: there is none.
    pub(crate) async fn account(&self, namespace: &str, name: &str) -> Result<Option<ServiceAccount>> {
        let doing = Doing { verb: "get", resource: "serviceaccounts", namespace: Some(namespace), name };
        let api = self.api::<ServiceAccount>(namespace);
        Ok(self.call(&doing, api.get_opt(name)).await?.map(reduce_account))
    }

    /// The names of all ServiceAccounts of a namespace.
    pub(crate) async fn accounts_in(&self, namespace: &str) -> Result<Vec<String>> {
        let doing = Doing { verb: "list", resource: "serviceaccounts", namespace: Some(namespace), name: "" };
        let api = &self.api::<ServiceAccount>(namespace);
        let name = |it: PartialObjectMeta<ServiceAccount>| it.metadata.name;
        let page = |next| {
            let doing = &doing;
            async move {
                let page = limited(doing, api.list_metadata(&at(None, next))).await?;
                Ok(Page { items: page.items.into_iter().filter_map(name).collect(), next: following(page.metadata) })
            }
        };
        all(page).await
    }

    /// That a namespace does not exist or is going, as far as we may know; `None`: it is there, or nobody says.
    pub(crate) async fn gone_namespace(&self, namespace: &str) -> Option<Error> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name: "" };
        missing_namespace(&self.client, &doing).await
    }

    /// A merge patch, guarded by the resourceVersion in it; the answer holds metadata only.
    pub(crate) async fn patch_account(&self, namespace: &str, name: &str, patch: &Value) -> Result<()> {
        let doing = Doing { verb: "patch", resource: "serviceaccounts", namespace: Some(namespace), name };
        let api = self.api::<ServiceAccount>(namespace);
        let params = updating(&self.manager);
        self.call(&doing, api.patch_metadata(name, &params, &Patch::Merge(patch))).await.map(drop)
    }

    /// Of the metadata of every Secret of this name in the cluster those that come next.
    pub(crate) async fn secret_page(&self, name: &str, next: Option<String>) -> Result<Page<ObjectMeta>> {
        let doing = Doing { verb: "list", resource: "secrets", namespace: None, name };
        let api = Api::<Secret>::all(self.client.clone());
        let page = limited(&doing, api.list_metadata(&at(Some(name), next))).await?;
        let items = page.items.into_iter().map(|it| self.reduce(it.metadata)).collect();
        Ok(Page { items, next: following(page.metadata) })
    }

    /// Of every ServiceAccount of this name in the cluster those that come next.
    pub(crate) async fn account_page(&self, name: &str, next: Option<String>) -> Result<Page<ServiceAccount>> {
        let doing = Doing { verb: "list", resource: "serviceaccounts", namespace: None, name };
        let api = Api::<ServiceAccount>::all(self.client.clone());
        let page = limited(&doing, api.list(&at(Some(name), next))).await?;
        Ok(Page { items: page.items.into_iter().map(reduce_account).collect(), next: following(page.metadata) })
    }

    /// Of the annotations only ours and those of the config, and that there is a `last-applied-configuration`: it holds the token
    /// of whoever uses `kubectl apply`.
    fn reduce(&self, mut metadata: ObjectMeta) -> ObjectMeta {
        if let Some(annotations) = &mut metadata.annotations {
            annotations.retain(|name, _| is_ours(name) || name == LAST_APPLIED || self.kept.contains(name));
        }
        without_copies(metadata)
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// One call. Of a refusal without a reason the reason is asked for.
    async fn call<T>(&self, doing: &Doing<'_>, call: impl Future<Output = kube::Result<T>>) -> Result<T> {
        match unheard(doing, call).await? {
            Err(error) if is_unexplained(&error) => Err(explain(&self.client, &self.reviews, doing).await),
            other => other.map_err(|error| translate(&error, doing)),
        }
    }
}

/// As this manager, by a patch that is not an apply.
fn updating(manager: &str) -> PatchParams {
    PatchParams { field_manager: Some(manager.into()), ..PatchParams::default() }
}

impl Stored {
    #[cfg(test)]
    pub(crate) fn holding(data: &[u8]) -> Self {
        Self { metadata: ObjectMeta::default(), data: Some(data.into()), type_: DOCKER_CONFIG.into(), immutable: false }
    }

    /// Takes what is needed of it, and leaves what may hold a secret of somebody else.
    fn reduce(secret: Secret, metadata: impl Fn(ObjectMeta) -> ObjectMeta) -> Self {
        let mut data = secret.data.unwrap_or_default();
        Self {
            metadata: metadata(secret.metadata),
            type_: secret.type_.unwrap_or_default(),
            immutable: secret.immutable == Some(true),
            data: data.remove(DATA_KEY).map(|ByteString(bytes)| bytes),
        }
    }

    /// Why no credential can be kept in it, whoever wrote it.
    pub(crate) fn unfit(&self) -> Option<Refusal> {
        if self.type_ != DOCKER_CONFIG {
            return Some(refusal::wrong_type(Some(&self.type_)));
        }
        self.immutable.then(refusal::immutable)
    }
}

/// What links need: its two lists and its version.
fn reduce_account(mut account: ServiceAccount) -> ServiceAccount {
    (account.metadata.annotations, account.metadata.labels, account.metadata.managed_fields) = (None, None, None);
    account
}

/// The page of a list that comes next, of objects of this name or of all.
fn at(name: Option<&str>, next: Option<String>) -> ListParams {
    let field_selector = name.map(|name| format!("metadata.name={name}"));
    ListParams { field_selector, limit: Some(PAGE), continue_token: next, ..ListParams::default() }
}

/// One call, with its error translated.
pub(crate) async fn limited<T>(doing: &Doing<'_>, call: impl Future<Output = kube::Result<T>>) -> Result<T> {
    unheard(doing, call).await?.map_err(|error| translate(&error, doing))
}

/// The client logs answers that it cannot read, and answers hold Secrets: nobody listens while it works.
pub(crate) async fn unheard<T>(
    doing: &Doing<'_>,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<kube::Result<T>> {
    let late = |_| doing.failed(ErrorKind::Unreachable, "the API server did not answer within 10 s");
    timeout(DEADLINE, call.with_subscriber(Dispatch::none())).await.map_err(late)
}
