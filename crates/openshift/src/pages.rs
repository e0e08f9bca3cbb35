//! Lists, page by page. All lists of the API server use this module.

use std::time::Duration;

use kube::{
    Client, Resource,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    core::Request,
};
use regcred_core::{Error, ErrorKind, Result};
use tokio::time::sleep;

use crate::{
    call::{PAGE, with_timeout},
    codes,
    error::{RequestContext, is_absent, translate},
    rights,
    stream::{self, Piece},
};

/// Number of attempts at one list that the engine does not retry.
const TRIES: u32 = 3;
/// The time between two attempts, unless the server asks for another pause.
const PAUSE: Duration = Duration::from_secs(1);
/// Versions of CronJobs. Kubernetes served the second one until 1.24.
pub(crate) const CRON_JOBS: [&str; 2] = ["v1", "v1beta1"];

/// One page of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// The start of the next page. `None`: this is the last.
    pub(crate) next: Option<String>,
    /// The version of the cluster.
    pub(crate) version: String,
    /// Size of its objects in bytes of JSON.
    pub(crate) size: usize,
}

/// Objects of one kind, in a namespace or in the whole cluster. Each is reduced as it arrives.
pub(crate) struct List<'a> {
    client: &'a Client,
    context: RequestContext<'a>,
    url: String,
    params: ListParams,
    is_metadata: bool,
}

impl<'a> List<'a> {
    /// Creates a list of a namespace or, without one, of the whole cluster. `resource`: the name of the kind in
    /// requests.
    pub(crate) fn of<K: Resource<DynamicType = ()>>(
        client: &'a Client,
        resource: &'static str,
        namespace: Option<&'a str>,
    ) -> Self {
        Self::at(client, resource, namespace, K::url_path(&(), namespace))
    }

    /// Creates a list of a kind that this crate has no type for.
    pub(crate) fn of_kind(
        client: &'a Client,
        kind: &GroupVersionKind,
        resource: &'static str,
        namespace: Option<&'a str>,
    ) -> Self {
        let url = DynamicObject::url_path(&ApiResource::from_gvk(kind), namespace);
        Self::at(client, resource, namespace, url)
    }

    pub(crate) fn at(client: &'a Client, resource: &'static str, namespace: Option<&'a str>, url: String) -> Self {
        let context = RequestContext::listing(resource, namespace);
        Self { client, context, url, params: ListParams::default(), is_metadata: false }
    }

    /// Lists metadata only.
    pub(crate) fn metadata(self) -> Self {
        Self { is_metadata: true, ..self }
    }

    /// Lists only objects of this name.
    pub(crate) fn named(self, name: &'a str) -> Self {
        let context = RequestContext { name, ..self.context };
        Self { context, ..self }.fields(&format!("metadata.name={name}"))
    }

    /// Lists only objects that a field selector accepts.
    pub(crate) fn fields(self, selector: &str) -> Self {
        Self { params: self.params.fields(selector), ..self }
    }

    /// Lists only objects that a label selector accepts.
    pub(crate) fn labels(self, selector: &str) -> Self {
        Self { params: self.params.labels(selector), ..self }
    }

    /// Fails if RBAC does not allow the list.
    pub(crate) async fn check(&self) -> Result<()> {
        rights::check(self.client, &self.context).await
    }

    /// Reads one page in one call. `next`: the start of the page.
    pub(crate) async fn page<T>(
        &self,
        limit: u32,
        next: Option<String>,
        read: impl Fn(Piece<'_>) -> T,
    ) -> Result<Page<T>> {
        self.ask(limit, next, read).await?.map_err(|error| translate(&error, &self.context))
    }

    /// Reads all pages. The engine retries the list after a failure.
    pub(crate) async fn all<T>(&self, read: impl Fn(Piece<'_>) -> Option<T>) -> Result<Vec<T>> {
        collect(&self.context, 1, |next| self.ask(PAGE, next, &read)).await.map_err(|(error, _)| error)
    }

    /// Reads all pages, and retries a page after a short failure.
    pub(crate) async fn all_retried<T>(&self, read: impl Fn(Piece<'_>) -> Option<T>) -> Result<Vec<T>> {
        let cause = "the server does not have this resource (HTTP 404)";
        self.all_if_served(read).await?.ok_or_else(|| self.context.failed(&codes::ANSWER, cause))
    }

    /// Reads all pages, and retries a page after a short failure. `None`: the server has no such objects.
    pub(crate) async fn all_if_served<T>(&self, read: impl Fn(Piece<'_>) -> Option<T>) -> Result<Option<Vec<T>>> {
        served(collect(&self.context, TRIES, |next| self.ask(PAGE, next, &read)).await)
    }

    async fn ask<T>(
        &self,
        limit: u32,
        next: Option<String>,
        read: impl Fn(Piece<'_>) -> T,
    ) -> Result<kube::Result<Page<T>>> {
        let params = ListParams { limit: Some(limit), continue_token: next, ..self.params.clone() };
        let request = Request::new(&self.url);
        let request = if self.is_metadata { request.list_metadata(&params) } else { request.list(&params) };
        let call = async {
            let (mut items, mut size) = (vec![], 0);
            let each = |piece: Piece<'_>| {
                size += piece.bytes.len();
                items.push(read(piece));
            };
            let end = stream::list(self.client, request.map_err(kube::Error::BuildRequest)?, each).await?;
            let next = Some(end.next).filter(|next| !next.is_empty());
            Ok(Page { items, next, version: end.resource_version, size })
        };
        with_timeout(&self.context, call).await
    }
}

/// Why a list failed, and whether the server has no such objects.
type Failure = (Error, bool);

fn served<T>(listed: Result<Vec<T>, Failure>) -> Result<Option<Vec<T>>> {
    match listed {
        Ok(all) => Ok(Some(all)),
        Err((_, true)) => Ok(None),
        Err((error, false)) => Err(error),
    }
}

/// Reads page after page. A page is retried after a short failure. A list that is too old to continue starts again.
async fn collect<T, F>(
    context: &RequestContext<'_>,
    tries: u32,
    page: impl Fn(Option<String>) -> F,
) -> Result<Vec<T>, Failure>
where
    F: Future<Output = Result<kube::Result<Page<Option<T>>>>>,
{
    let (mut all, mut next, mut attempt) = (vec![], None, 1);
    loop {
        let error = match page(next.clone()).await {
            Ok(Ok(page)) => {
                all.extend(page.items.into_iter().flatten());
                if page.next.is_none() {
                    return Ok(all);
                }
                next = page.next;
                continue;
            }
            Ok(Err(error)) if is_absent(&error) => return Err((translate(&error, context), true)),
            Ok(Err(error)) => translate(&error, context),
            Err(late) => late,
        };
        if !error.is_retryable() || attempt == tries {
            return Err((error, false));
        }
        attempt += 1;
        if error.kind() == ErrorKind::Conflict {
            (next, all) = (None, vec![]);
        }
        sleep(error.retry_after().unwrap_or(PAUSE)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::VecDeque};

    use kube::core::Status;

    use super::*;

    /// Lists with these answers. Returns the result, and the token of each request.
    async fn listed(answers: &[Result<(u8, Option<&str>), u16>]) -> (Result<Option<Vec<u8>>>, Vec<Option<String>>) {
        let (answers, asked) = (RefCell::new(answers.iter().collect::<VecDeque<_>>()), RefCell::new(vec![]));
        let page = |next: Option<String>| {
            asked.borrow_mut().push(next);
            let answer = answers.borrow_mut().pop_front().expect("it is asked no more often");
            let refused = |code: &u16| kube::Error::Api(Box::new(Status { code: *code, ..Status::default() }));
            let page = |(item, next): &(u8, Option<&str>)| {
                let (items, next) = (vec![Some(*item)], next.map(str::to_owned));
                Page { items, next, version: String::new(), size: 1 }
            };
            std::future::ready(Ok(answer.as_ref().map(page).map_err(refused)))
        };
        let listed = served(collect(&RequestContext::listing("secrets", None), TRIES, page).await);
        (listed, asked.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_list_starts_again_and_a_failed_page_is_retried() {
        let (first, last) = (Ok((1, Some("next"))), Ok((2, None)));
        let (all, asked) = listed(&[first, Err(410), first, last]).await;
        assert_eq!(all.expect("it is listed"), Some(vec![1, 2]));
        assert_eq!(asked, [None, Some("next".to_owned()), None, Some("next".to_owned())]);
        let (all, asked) = listed(&[first, Err(503), Err(429), last]).await;
        assert_eq!((all.expect("it is listed"), asked.len()), (Some(vec![1, 2]), 4));
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_keeps_failing_is_an_error_and_a_missing_resource_is_none() {
        assert_eq!(listed(&[Err(503), Err(503), Err(503)]).await.0.expect_err("thrice").kind(), ErrorKind::Unreachable);
        assert_eq!(listed(&[Err(403)]).await.0.expect_err("at once").kind(), ErrorKind::Denied);
        assert_eq!(listed(&[Err(404)]).await.0.expect("no error"), None);
    }
}
