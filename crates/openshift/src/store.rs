//! The calls to the API server: each with a deadline, unheard by logs, its errors translated.

use std::time::Duration;

use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Namespace, Secret, ServiceAccount},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions},
    core::PartialObjectMeta,
};
use regcred_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use tracing::{instrument::WithSubscriber, subscriber::NoSubscriber};

use crate::error::{Doing, gone, translate};

/// For one call: an API server under load answers in a second, one that changes its leader in a few.
const DEADLINE: Duration = Duration::from_secs(10);
/// So many objects in one answer of a list.
const PAGE: u32 = 500;

/// Secrets and ServiceAccounts of one cluster, written as one field manager.
#[derive(Clone)]
pub(crate) struct Store {
    client: Client,
    manager: String,
}

impl Store {
    pub(crate) fn new(client: Client, manager: String) -> Self {
        Self { client, manager }
    }

    /// The metadata of a Secret; `None`: there is none.
    pub(crate) async fn secret_metadata(&self, namespace: &str, name: &str) -> Result<Option<ObjectMeta>> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name };
        let api = self.api::<Secret>(namespace);
        Ok(self.call(&doing, api.get_metadata_opt(name)).await?.map(|it| reduce_metadata(it.metadata)))
    }

    /// A Secret with its data; `None`: there is none.
    pub(crate) async fn secret(&self, namespace: &str, name: &str) -> Result<Option<Secret>> {
        let doing = Doing { verb: "get", resource: "secrets", namespace: Some(namespace), name };
        let api = self.api::<Secret>(namespace);
        self.call(&doing, api.get_opt(name)).await
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

    /// A merge patch, guarded by the resourceVersion in it; the answer holds metadata only.
    pub(crate) async fn patch_account(&self, namespace: &str, name: &str, patch: &Value) -> Result<()> {
        let doing = Doing { verb: "patch", resource: "serviceaccounts", namespace: Some(namespace), name };
        let api = self.api::<ServiceAccount>(namespace);
        let params = PatchParams { field_manager: Some(self.manager.clone()), ..PatchParams::default() };
        self.call(&doing, api.patch_metadata(name, &params, &Patch::Merge(patch))).await.map(drop)
    }

    /// The metadata of every Secret of this name in the cluster; `None`: we may not list.
    pub(crate) async fn list_secret_metadata(&self, name: &str) -> Result<Option<Vec<ObjectMeta>>> {
        let api = &Api::<Secret>::all(self.client.clone());
        let page = |params: ListParams| async move {
            let page = api.list_metadata(&params).await?;
            let items = page.items.into_iter().map(|it| reduce_metadata(it.metadata)).collect();
            Ok((items, page.metadata.continue_))
        };
        self.list("secrets", name, page).await
    }

    /// Every ServiceAccount of this name in the cluster; `None`: we may not list.
    pub(crate) async fn list_accounts(&self, name: &str) -> Result<Option<Vec<ServiceAccount>>> {
        let api = &Api::<ServiceAccount>::all(self.client.clone());
        let page = |params: ListParams| async move {
            let page = api.list(&params).await?;
            Ok((page.items.into_iter().map(reduce_account).collect(), page.metadata.continue_))
        };
        self.list("serviceaccounts", name, page).await
    }

    async fn list<T, F>(
        &self,
        resource: &'static str,
        name: &str,
        page: impl Fn(ListParams) -> F,
    ) -> Result<Option<Vec<T>>>
    where
        F: Future<Output = kube::Result<(Vec<T>, Option<String>)>>,
    {
        let doing = Doing { verb: "list", resource, namespace: None, name };
        let mut all = vec![];
        let mut params = ListParams::default().fields(&format!("metadata.name={name}")).limit(PAGE);
        loop {
            let (items, next) = match limited(&doing, page(params.clone())).await {
                Ok(page) => page,
                Err(error) if error.kind() == ErrorKind::Denied => return Ok(None),
                Err(error) => return Err(error),
            };
            all.extend(items);
            match next.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(Some(all)),
            }
        }
    }

    fn api<K>(&self, namespace: &str) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = NamespaceResourceScope> + DeserializeOwned,
    {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// One call. A refusal may mean that the namespace is gone, and with it the RoleBinding: that is asked for.
    async fn call<T>(&self, doing: &Doing<'_>, call: impl Future<Output = kube::Result<T>>) -> Result<T> {
        match limited(doing, call).await {
            Err(error) if error.kind() == ErrorKind::Denied => {
                Err(self.missing_namespace(doing).await.unwrap_or(error))
            }
            other => other,
        }
    }

    async fn missing_namespace(&self, doing: &Doing<'_>) -> Option<Error> {
        let name = doing.namespace?;
        let asking = Doing { verb: "get", resource: "namespaces", namespace: None, name };
        let api = Api::<Namespace>::all(self.client.clone());
        let found: Option<PartialObjectMeta<Namespace>> = limited(&asking, api.get_metadata_opt(name)).await.ok()?;
        match found {
            None => Some(gone(doing, "does not exist")),
            Some(it) if it.metadata.deletion_timestamp.is_some() => Some(gone(doing, "is being deleted")),
            Some(_) => None,
        }
    }
}

/// Of the annotations only ours: `last-applied-configuration` holds the token of whoever uses `kubectl apply`.
fn reduce_metadata(mut metadata: ObjectMeta) -> ObjectMeta {
    metadata.annotations.iter_mut().for_each(|it| it.retain(|name, _| name.starts_with("regcred.dev/")));
    metadata
}

/// What links need: its two lists and its version.
fn reduce_account(mut account: ServiceAccount) -> ServiceAccount {
    (account.metadata.annotations, account.metadata.labels, account.metadata.managed_fields) = (None, None, None);
    account
}

/// The client logs answers that it cannot read, and answers hold Secrets: nobody listens while it works.
async fn limited<T>(doing: &Doing<'_>, call: impl Future<Output = kube::Result<T>>) -> Result<T> {
    let late = |_| {
        let message = format!("could not {}", doing.describe());
        Error::new(ErrorKind::Unreachable, message).with_cause("the API server did not answer within 10 s")
    };
    let answer = timeout(DEADLINE, call.with_subscriber(NoSubscriber::default())).await.map_err(late)?;
    answer.map_err(|error| translate(&error, doing))
}
