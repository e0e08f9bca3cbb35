//! Lists, page by page.

use std::time::Duration;

use kube::{Client, Resource, api::ListParams, core::Request};
use regcred_core::{ErrorKind, Result};
use tokio::time::sleep;

use crate::{
    call::{PAGE, unheard},
    error::{Doing, is_absent, translate},
    stream::{self, Piece},
};

/// Of one list.
const TRIES: u32 = 3;
/// Between them, unless the server asks for another.
const PAUSE: Duration = Duration::from_secs(1);
/// Where CronJobs have been served: the second until Kubernetes 1.24.
pub(crate) const CRON_JOBS: [&str; 2] = ["v1", "v1beta1"];

/// One page of a list.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next one begins; `None`: this is the last.
    pub(crate) next: Option<String>,
    /// The version of the cluster that it shows.
    pub(crate) version: String,
    /// How large its objects are as JSON, in bytes.
    pub(crate) size: usize,
}

/// A request as kube builds it.
pub(crate) type Asked = Result<http::Request<Vec<u8>>, kube::core::request::Error>;

/// Requests for objects of a kind, in a namespace or in the whole cluster.
pub(crate) fn at<K: Resource<DynamicType = ()>>(namespace: Option<&str>) -> Request {
    Request::new(K::url_path(&(), namespace))
}

/// Reads one page, and keeps of each object what is made of it at once.
pub(crate) async fn page<T>(client: &Client, request: Asked, reduce: impl Fn(Piece<'_>) -> T) -> kube::Result<Page<T>> {
    let (mut items, mut size) = (vec![], 0);
    let each = |piece: Piece<'_>| {
        size += piece.bytes.len();
        items.push(reduce(piece));
    };
    let end = stream::list(client, request.map_err(kube::Error::BuildRequest)?, each).await?;
    Ok(Page { items, next: Some(end.next).filter(|next| !next.is_empty()), version: end.resource_version, size })
}

/// The same, as the client has it.
pub(crate) type Answer<T> = kube::Result<(Vec<T>, Option<String>)>;

/// All pages of a list that the engine repeats, if it fails.
pub(crate) async fn all<T, F>(page: impl Fn(Option<String>) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<Page<T>>>,
{
    let (mut all, mut next) = (vec![], None);
    loop {
        let page = page(next).await?;
        all.extend(page.items);
        if page.next.is_none() {
            return Ok(all);
        }
        next = page.next;
    }
}

/// Of a resource, in a namespace or, without one, in the whole cluster.
pub(crate) fn listing<'a>(resource: &'static str, scope: Option<&'a str>) -> Doing<'a> {
    Doing { verb: "list", resource, namespace: scope, name: "" }
}

/// All pages of a list that nobody else repeats.
pub(crate) async fn pages<T, F>(doing: &Doing<'_>, page: impl Fn(ListParams) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Answer<T>>,
{
    let none =
        || doing.failed(ErrorKind::Malformed, "there is nothing (HTTP 404); is that the API server of a cluster?");
    pages_if_any(doing, page).await?.ok_or_else(none)
}

/// `None`: the server has no such objects. What fails for a moment is tried again, and a list that has grown too old to be
/// continued begins anew.
pub(crate) async fn pages_if_any<T, F>(doing: &Doing<'_>, page: impl Fn(ListParams) -> F) -> Result<Option<Vec<T>>>
where
    F: Future<Output = Answer<T>>,
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
