//! The lists, page by page. What arrives is reduced at once.

use std::{collections::HashSet, time::Duration};

use k8s_openapi::{
    NamespaceResourceScope,
    api::core::v1::{Secret, ServiceAccount},
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
};
use regcred_core::{Error, ErrorKind, Namespace, Result};
use tokio::time::sleep;

use super::{
    Address, Job, Keys, Vendor,
    account::Account,
    job, keys,
    pull_secret::{self, DOCKER_CFG, Reduced},
};
use crate::{
    error::{Doing, is_absent, translate},
    refusal::DOCKER_CONFIG,
    store::{PAGE, unheard},
};

/// Of one list: nobody else repeats it.
const TRIES: u32 = 3;
/// Between them, unless the server asks for another.
const PAUSE: Duration = Duration::from_secs(1);
/// Where CronJobs have been served: the second until Kubernetes 1.24.
const CRON_JOBS: [&str; 2] = ["v1", "v1beta1"];
/// Where OpenShift has the template of new projects.
const TEMPLATES: &str = "openshift-config";
/// What a Secret is that says no type.
const OPAQUE: &str = "Opaque";

/// Where nothing could be listed, and why.
pub(super) type Unlisted = (Option<String>, Error);
/// What was read, unless nothing could be, and what could not.
type Read<T> = (Option<Vec<T>>, Vec<Unlisted>);
/// One page, and where the next one begins.
type Page<T> = kube::Result<(Vec<T>, Option<String>)>;

/// Reads in the whole cluster, or in some namespaces of it.
pub(super) struct Reader {
    client: Client,
    /// `None`: the whole cluster.
    scopes: Vec<Option<String>>,
}

impl Reader {
    pub(super) fn new(client: Client, namespaces: &[Namespace]) -> Self {
        let mut scopes = namespaces.iter().map(|it| Some(it.to_string())).collect::<Vec<_>>();
        if scopes.is_empty() {
            scopes.push(None);
        }
        scopes.sort();
        scopes.dedup();
        Self { client, scopes }
    }

    pub(super) async fn pull_secrets(&self, vendor: &Vendor) -> Read<Reduced> {
        let read = async |scope: Option<&str>| {
            let api = &self.api::<Secret>(scope);
            let mut all = vec![];
            for kind in [DOCKER_CONFIG, DOCKER_CFG] {
                let page = |params: ListParams| async move {
                    let page = api.list(&params.fields(&format!("type={kind}"))).await?;
                    let reduced = page.items.into_iter().filter_map(|it| pull_secret::reduce(it, vendor));
                    Ok((reduced.collect(), page.metadata.continue_))
                };
                all.extend(pages(&listing("secrets", scope), page).await?);
            }
            Ok(all)
        };
        self.everywhere(read).await
    }

    /// In namespaces with Secrets that were found, and of those alone.
    pub(super) async fn accounts(&self, used: &HashSet<Address>) -> Read<Account> {
        let namespaces = &used.iter().map(|it| it.namespace.as_str()).collect::<HashSet<_>>();
        let read = async |scope: Option<&str>| {
            let api = &self.api::<ServiceAccount>(scope);
            let page = |params: ListParams| async move {
                let page = api.list(&params).await?;
                let reduced = page.items.iter().filter_map(|it| Account::reduce(it, namespaces, used));
                Ok((reduced.collect(), page.metadata.continue_))
            };
            pages(&listing("serviceaccounts", scope), page).await
        };
        self.everywhere(read).await
    }

    /// Of an API server that has no `CronJobs`, none.
    pub(super) async fn jobs(&self) -> Read<Job> {
        let read = async |scope: Option<&str>| {
            for version in CRON_JOBS {
                let api = &self.cron_jobs(scope, version);
                let page = |params: ListParams| async move {
                    let page = api.list(&params).await?;
                    Ok((page.items.iter().filter_map(job::reduce).collect(), page.metadata.continue_))
                };
                if let Some(jobs) = pages_if_any(&listing("cronjobs", scope), page).await? {
                    return Ok(jobs);
                }
            }
            Ok(vec![])
        };
        self.everywhere(read).await
    }

    /// Only where the whole cluster is looked through; none on what is no OpenShift, and none where that may not be seen.
    pub(super) async fn templates(&self) -> Read<Address> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("template.openshift.io", "v1", "Template"));
        let api = &Api::<DynamicObject>::namespaced_with(self.client.clone(), TEMPLATES, &kind);
        let read = async |scope: Option<&str>| {
            if scope.is_some() {
                return Ok(vec![]);
            }
            let page = |params: ListParams| async move {
                let page = api.list(&params).await?;
                Ok((page.items.iter().filter_map(job::in_template).collect(), page.metadata.continue_))
            };
            match pages_if_any(&listing("templates", Some(TEMPLATES)), page).await {
                Err(error) if error.kind() != ErrorKind::Denied => Err(error),
                templates => Ok(templates.ok().flatten().unwrap_or_default()),
            }
        };
        self.everywhere(read).await
    }

    /// By metadata alone: who has written which value of a Secret is noted there, and so is the value's name.
    pub(super) async fn keys(&self) -> Read<Keys> {
        let read = async |scope: Option<&str>| {
            let api = &self.api::<Secret>(scope);
            let page = |params: ListParams| async move {
                let page = api.list_metadata(&params.fields(&format!("type={OPAQUE}"))).await?;
                let reduced = page.items.iter().filter_map(|it| keys::reduce(&it.metadata));
                Ok((reduced.collect(), page.metadata.continue_))
            };
            pages(&listing("secrets", scope), page).await
        };
        self.everywhere(read).await
    }

    /// What stops one namespace stops no other.
    async fn everywhere<T>(&self, read: impl AsyncFn(Option<&str>) -> Result<Vec<T>>) -> Read<T> {
        let (mut all, mut failed) = (None, vec![]);
        for scope in &self.scopes {
            match read(scope.as_deref()).await {
                Ok(items) => all.get_or_insert_with(Vec::new).extend(items),
                Err(error) => failed.push((scope.clone(), error)),
            }
        }
        (all, failed)
    }

    fn api<K>(&self, scope: Option<&str>) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match scope {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        }
    }

    fn cron_jobs(&self, scope: Option<&str>, version: &str) -> Api<DynamicObject> {
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("batch", version, "CronJob"));
        match scope {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &kind),
            None => Api::all_with(self.client.clone(), &kind),
        }
    }
}

fn listing<'a>(resource: &'static str, scope: Option<&'a str>) -> Doing<'a> {
    Doing { verb: "list", resource, namespace: scope, name: "" }
}

/// All pages of one list.
async fn pages<T, F>(doing: &Doing<'_>, page: impl Fn(ListParams) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Page<T>>,
{
    let none =
        || doing.failed(ErrorKind::Malformed, "there is nothing (HTTP 404); is that the API server of a cluster?");
    pages_if_any(doing, page).await?.ok_or_else(none)
}

/// `None`: the server has no such objects. What fails for a moment is tried again, and a list that has grown too old to be
/// continued begins anew.
async fn pages_if_any<T, F>(doing: &Doing<'_>, page: impl Fn(ListParams) -> F) -> Result<Option<Vec<T>>>
where
    F: Future<Output = Page<T>>,
{
    let first = ListParams::default().limit(PAGE);
    let (mut params, mut all, mut tries) = (first.clone(), vec![], 1);
    loop {
        let error = match unheard(doing, page(params.clone())).await {
            Ok(Ok((items, next))) => {
                all.extend(items);
                match next.filter(|token| !token.is_empty()) {
                    Some(token) => params = first.clone().continue_token(&token),
                    None => return Ok(Some(all)),
                }
                continue;
            }
            Ok(Err(error)) if is_absent(&error) => return Ok(None),
            Ok(Err(error)) => translate(&error, doing),
            Err(late) => late,
        };
        if !error.is_retryable() || tries == TRIES {
            return Err(error);
        }
        tries += 1;
        if error.kind() == ErrorKind::Conflict {
            (params, all) = (first.clone(), vec![]);
        }
        sleep(error.retry_after().unwrap_or(PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque};

    use kube::core::Status;

    use super::*;

    /// What a list comes to whose requests are answered so, and how each of them asked to go on.
    async fn listed(answers: &[Result<(u8, Option<&str>), u16>]) -> (Result<Option<Vec<u8>>>, Vec<Option<String>>) {
        let (answers, asked) = (RefCell::new(answers.iter().collect::<VecDeque<_>>()), RefCell::new(vec![]));
        let page = |params: ListParams| {
            asked.borrow_mut().push(params.continue_token);
            let answer = answers.borrow_mut().pop_front().expect("it is asked no more often");
            let refused = |code: &u16| kube::Error::Api(Box::new(Status { code: *code, ..Status::default() }));
            let answer = answer.as_ref().map(|(item, next)| (vec![*item], next.map(str::to_owned))).map_err(refused);
            std::future::ready(answer)
        };
        let listed = pages_if_any(&listing("secrets", None), page).await;
        (listed, asked.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_too_old_begins_anew_and_one_that_fails_for_a_moment_goes_on() {
        let (first, last) = (Ok((1, Some("next"))), Ok((2, None)));
        let (all, asked) = listed(&[first, Err(410), first, last]).await;
        assert_eq!(all.expect("it is listed"), Some(vec![1, 2]));
        assert_eq!(asked, [None, Some("next".to_owned()), None, Some("next".to_owned())]);
        let (all, asked) = listed(&[first, Err(503), Err(429), last]).await;
        assert_eq!((all.expect("it is listed"), asked.len()), (Some(vec![1, 2]), 4));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_pass_is_told_and_what_does_not_exist_is_none() {
        assert_eq!(listed(&[Err(503), Err(503), Err(503)]).await.0.expect_err("thrice").kind(), ErrorKind::Unreachable);
        assert_eq!(listed(&[Err(403)]).await.0.expect_err("at once").kind(), ErrorKind::Denied);
        assert_eq!(listed(&[Err(404)]).await.0.expect("no error"), None);
    }
}
