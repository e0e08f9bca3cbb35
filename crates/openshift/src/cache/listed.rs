//! A list that is read page by page, when its objects are needed.

use std::{
    collections::{HashMap, HashSet},
    mem,
    time::Duration,
};

use regcred_core::{ErrorKind, Namespace, Result};
use tokio::time::Instant;

use crate::{call::PAGE, decode::ListItem, pages::Page};

/// A list is not used after this time. Servers continue a list for about as long.
pub(super) const FRESH: Duration = Duration::from_mins(5);

/// Number of objects in the first page of a list. The size of a page determines the next page, because a tenant can
/// make its object large.
const FIRST_PAGE: u32 = 100;
const SMALLEST_PAGE: u32 = 10;
/// Size of a page in bytes. After a larger page, the next one has fewer objects. After a page of less than a quarter,
/// it has more.
const LARGE_PAGE: usize = 4 * 1024 * 1024;
/// Maximum size of the kept objects of one list, in bytes of JSON. Ten thousand Secrets of regcred have this size.
/// Further objects are read one by one.
const LARGEST: usize = 32 * 1024 * 1024;

/// If more namespaces than this are read one by one within [`WITHIN`], they are due together. Then a new list is
/// cheaper.
const WAVE: usize = 32;
const WITHIN: Duration = Duration::from_secs(10);

/// Objects of one name, by namespace. Each namespace is answered once, because a second question follows a change.
///
/// An object is dropped after its answer. Callers ask in nearly the order of the server, so memory holds only a few
/// objects at a time.
pub(super) struct Listed<T> {
    began: Instant,
    /// Time of the latest answer.
    asked: Instant,
    at: At,
    page: u32,
    /// The objects, each with its size. `None`: the object must be read separately.
    there: HashMap<String, (Option<T>, usize)>,
    /// Size of all kept objects, in bytes of JSON.
    size: usize,
    /// The last namespace of the latest page, and whether the list is in order.
    passed: String,
    in_order: bool,
    answered: HashSet<Namespace>,
    /// The namespaces that were read one by one recently, and since when. A few of them, even often, do not justify a
    /// new list.
    alone: (Instant, HashSet<Namespace>),
}

/// How far a list has been read.
enum At {
    Start,
    Next(String),
    End,
    /// The list is too old.
    Over,
    /// RBAC does not allow it.
    Denied,
}

impl<T> Listed<T> {
    /// Returns the object in a namespace, or that it does not exist. `None`: the list has no answer, so the object is
    /// read separately. `touched`: time of the latest change there.
    pub(super) async fn ask<F>(
        &mut self,
        namespace: &Namespace,
        touched: Option<Instant>,
        page: impl Fn(u32, Option<String>) -> F,
    ) -> Result<Option<Option<T>>>
    where
        F: Future<Output = Result<Page<ListItem<T>>>>,
    {
        self.expire();
        if touched.is_some_and(|at| at >= self.began) {
            return Ok(None);
        }
        if self.answered.contains(namespace) || matches!(self.at, At::Over) {
            if !self.is_wave(namespace) {
                return Ok(None);
            }
            *self = Self::default();
        }
        loop {
            let next = match &self.at {
                At::Over | At::Denied => return Ok(None),
                At::End => break,
                _ if self.there.contains_key(namespace.as_str()) || self.has_passed(namespace) => break,
                At::Start => None,
                At::Next(token) => Some(token.clone()),
            };
            match page(self.page, next).await {
                Ok(page) => self.take(page),
                Err(error) if error.kind() == ErrorKind::Denied => self.end(At::Denied),
                // The list is not readable, but single objects may be.
                Err(error) if error.kind() == ErrorKind::Malformed => self.end(At::Over),
                // The server does not continue a list this old.
                Err(error) if error.kind() == ErrorKind::Conflict && matches!(self.at, At::Next(_)) => self.begin(),
                Err(error) => {
                    self.page = (self.page / 4).max(SMALLEST_PAGE); // the page may have been too large for one answer
                    return Err(error);
                }
            }
        }
        self.answered.insert(namespace.clone());
        self.asked = Instant::now();
        let Some((object, size)) = self.there.remove(namespace.as_str()) else { return Ok(Some(None)) };
        self.size -= size;
        Ok(object.map(Some))
    }

    fn take(&mut self, page: Page<ListItem<T>>) {
        match page.size {
            large if large > LARGE_PAGE => self.page = (self.page / 4).max(SMALLEST_PAGE),
            small if small < LARGE_PAGE / 4 => self.page = (self.page * 2).min(PAGE),
            _ => {}
        }
        for ListItem { namespace, object, size } in page.items {
            // The namespace of this object is not known. So the list cannot prove that another namespace has none.
            if namespace.is_empty() {
                return self.end(At::Over);
            }
            let key = key(&namespace);
            self.in_order &= self.passed < key;
            self.passed = key;
            if !self.answered.contains(namespace.as_str()) {
                let object = object.filter(|_| self.size + size <= LARGEST);
                let size = if object.is_some() { size } else { 0 };
                self.size += size;
                self.there.insert(namespace, (object, size));
            }
        }
        self.at = page.next.map_or(At::End, At::Next);
    }

    fn has_passed(&self, namespace: &Namespace) -> bool {
        self.in_order && key(namespace.as_str()) <= self.passed
    }

    /// Starts again, for the namespaces without an answer.
    fn begin(&mut self) {
        *self = Self { answered: mem::take(&mut self.answered), asked: self.asked, ..Self::default() };
    }

    /// Drops everything. The list no longer answers.
    fn end(&mut self, at: At) {
        *self = Self { at, began: self.began, ..Self::default() };
    }

    /// Drops the objects of a list without recent calls.
    pub(super) fn tidy(&mut self) {
        if self.asked.elapsed() > FRESH && !matches!(self.at, At::Denied) {
            self.end(At::Over);
        }
    }

    /// Counts a namespace that is read separately. Returns whether there are many.
    fn is_wave(&mut self, namespace: &Namespace) -> bool {
        let (since, namespaces) = &mut self.alone;
        if since.elapsed() > WITHIN {
            *since = Instant::now();
            namespaces.clear();
        }
        namespaces.insert(namespace.clone());
        namespaces.len() > WAVE && self.began.elapsed() > WITHIN
    }

    fn expire(&mut self) {
        if self.began.elapsed() > FRESH {
            match self.at {
                At::Start | At::Next(_) => self.begin(),
                At::End => self.end(At::Over),
                At::Over | At::Denied => {}
            }
        }
    }
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        let (there, answered, passed) = (HashMap::new(), HashSet::new(), String::new());
        let now = Instant::now();
        let alone = (now, HashSet::new());
        let (at, page, size) = (At::Start, FIRST_PAGE, 0);
        Self { began: now, asked: now, at, page, there, size, passed, in_order: true, answered, alone }
    }
}

/// Returns the sort key. Servers sort by the path of an object: `a-b/secret` comes before `a/secret`.
fn key(namespace: &str) -> String {
    format!("{namespace}/")
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, time::Duration};

    use regcred_core::Error;

    use super::*;

    fn namespace(name: &str) -> Namespace {
        Namespace::new(name).expect("a name")
    }

    /// Returns a page with one object of 100 bytes in each of these namespaces.
    fn page_of<'a>(namespaces: impl IntoIterator<Item = &'a &'a str>, next: Option<&str>) -> Page<ListItem<String>> {
        let item = |it: &&str| ListItem { namespace: (*it).to_owned(), object: Some((*it).to_owned()), size: 100 };
        let items = namespaces.into_iter().map(item).collect::<Vec<_>>();
        Page { size: 100 * items.len(), items, next: next.map(str::to_owned), version: String::new() }
    }

    /// Returns the answers of a list to these questions in turn, each with the number of pages so far. A page holds two
    /// objects.
    async fn answers(all: &[&str], asked: &[&str]) -> Vec<(Option<bool>, usize)> {
        let (mut listed, pages, mut said) = (Listed::default(), RefCell::new(0), vec![]);
        for name in asked {
            let page = |_, next: Option<String>| {
                let from = next.map_or(0, |it| it.parse::<usize>().expect("a number"));
                *pages.borrow_mut() += 1;
                let next = (from + 2 < all.len()).then(|| (from + 2).to_string());
                std::future::ready(Ok(page_of(all[from..].iter().take(2), next.as_deref())))
            };
            let said_of = listed.ask(&namespace(name), None, page).await.expect("it works");
            said.push((said_of.map(|it| it.is_some()), *pages.borrow()));
        }
        said
    }

    #[tokio::test]
    async fn a_list_is_read_only_as_far_as_requested() {
        let all = ["a-b", "a", "b", "d", "e"];
        let (there, none, before) = (Some(true), Some(false), None);
        let asked = ["a", "a-b", "b", "c", "e", "b", "z"];
        let said = [(there, 1), (there, 1), (there, 2), (none, 2), (there, 3), (before, 3), (none, 3)];
        assert_eq!(answers(&all, &asked).await, said);
    }

    #[tokio::test(start_paused = true)]
    async fn an_object_changed_after_the_list_is_not_answered_and_causes_no_new_list() {
        let mut listed = Listed::default();
        let whole = |_, _| std::future::ready(Ok(page_of(&["a", "b"], None)));
        let before = Instant::now().checked_sub(Duration::from_secs(1)).expect("later than the beginning");
        assert!(listed.ask(&namespace("a"), Some(before), whole).await.expect("it works").is_some());
        tokio::time::advance(WITHIN * 2).await;
        for _ in 0..2 * WAVE {
            assert_eq!(listed.ask(&namespace("b"), Some(Instant::now()), whole).await.expect("it works"), None);
        }
        assert!(listed.alone.1.is_empty());
    }

    #[tokio::test]
    async fn an_unsorted_list_is_read_completely_before_an_object_counts_as_missing() {
        let all = ["b", "a", "e", "d", "c"];
        let said = answers(&all, &["b", "c", "aa"]).await;
        assert_eq!(said, [(Some(true), 1), (Some(true), 3), (Some(false), 3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_list_is_not_used_any_more() {
        let mut listed = Listed::default();
        let whole = |_, _| std::future::ready(Ok(page_of(&["a", "b"], None)));
        assert!(listed.ask(&namespace("a"), None, whole).await.expect("it works").is_some());
        tokio::time::advance(FRESH + Duration::from_secs(1)).await;
        assert_eq!(listed.ask(&namespace("b"), None, whole).await.expect("it works"), None);
        assert!(listed.there.is_empty() && listed.answered.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_unused_partial_list_is_dropped() {
        let mut listed = Listed::default();
        let first = |_, _| std::future::ready(Ok(page_of(&["a", "b"], Some("2"))));
        listed.ask(&namespace("a"), None, first).await.expect("it works");
        listed.tidy();
        assert_eq!(listed.there.len(), 1, "it may be asked again");
        tokio::time::advance(FRESH + Duration::from_secs(1)).await;
        listed.tidy();
        assert!(listed.there.is_empty() && listed.answered.is_empty());
        assert_eq!(listed.ask(&namespace("b"), None, first).await.expect("it works"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn many_repeated_reads_cause_a_new_list_and_a_few_do_not() {
        let names = (0..100).map(|number| format!("a-{number:03}")).collect::<Vec<_>>();
        let (mut listed, lists) = (Listed::default(), RefCell::new(0));
        let all = names.iter().map(String::as_str).collect::<Vec<_>>();
        let page = |_, _| {
            *lists.borrow_mut() += 1;
            std::future::ready(Ok(page_of(&all, None)))
        };
        for (pause, expected) in [(WITHIN, 100), (WITHIN, 100 - WAVE), (FRESH, 100 - WAVE), (FRESH, 100 - WAVE)] {
            let mut answered = 0;
            for name in &names {
                answered += usize::from(listed.ask(&namespace(name), None, page).await.expect("it works").is_some());
            }
            assert_eq!(answered, expected);
            tokio::time::advance(pause + Duration::from_secs(1)).await;
        }
        assert_eq!(*lists.borrow(), 4);
        for _ in 0..1000 {
            assert_eq!(listed.ask(&namespace(&names[0]), None, page).await.expect("it works"), None);
        }
        for name in &names {
            assert_eq!(listed.ask(&namespace(name), None, page).await.expect("it works"), None, "{name}");
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }

    #[tokio::test]
    async fn an_expired_list_starts_again_and_a_failure_is_reported_once() {
        let mut listed = Listed::default();
        let first = |_, _| std::future::ready(Ok(page_of(&["a"], Some("1"))));
        listed.ask(&namespace("a"), None, first).await.expect("it works");
        let down = |_, _| std::future::ready(Err(Error::new(ErrorKind::Unreachable, "no answer")));
        listed.ask(&namespace("b"), None, down).await.expect_err("it is reported");
        let anew = |_, next: Option<String>| {
            std::future::ready(match next {
                Some(_) => Err(Error::new(ErrorKind::Conflict, "too old")),
                None => Ok(page_of(&["a", "b"], None)),
            })
        };
        assert_eq!(listed.ask(&namespace("b"), None, anew).await.expect("it works"), Some(Some("b".into())));
        assert!(listed.there.is_empty(), "what was answered is not kept again");
    }

    #[tokio::test]
    async fn objects_that_are_too_large_to_cache_are_read_individually() {
        let sized = |namespace: &str, is_read: bool, size: usize| ListItem {
            namespace: namespace.to_owned(),
            object: is_read.then(|| namespace.to_owned()),
            size,
        };
        let mut listed = Listed::default();
        let page = |_, _| {
            let items =
                vec![sized("a", false, 1), sized("b", true, LARGEST - 1), sized("c", true, 2), sized("d", true, 1)];
            std::future::ready(Ok(Page { items, next: None, version: String::new(), size: 4 }))
        };
        let mut said = vec![];
        for name in ["a", "c", "d", "b", "e"] {
            said.push(listed.ask(&namespace(name), None, page).await.expect("it works"));
        }
        let there = |name: &str| Some(Some(name.to_owned()));
        assert_eq!(said, [None, None, there("d"), there("b"), Some(None)]);
        assert_eq!(listed.size, 0);
    }

    #[tokio::test]
    async fn page_sizes_follow_object_sizes_and_an_unreadable_list_is_not_retried() {
        let (mut listed, asked) = (Listed::default(), RefCell::new(vec![]));
        let sizes = [1, LARGE_PAGE / 4 - 1, LARGE_PAGE / 2, LARGE_PAGE + 1, LARGE_PAGE + 1, LARGE_PAGE + 1, 1];
        let page = |limit, _| {
            asked.borrow_mut().push(limit);
            let size = sizes.get(asked.borrow().len() - 1).copied();
            let error = Error::new(ErrorKind::Malformed, "it is not a list");
            let page = |size| Page { items: vec![], next: Some("more".into()), version: String::new(), size };
            std::future::ready(size.map(page).ok_or(error))
        };
        assert_eq!(listed.ask(&namespace("z"), None, page).await.expect("it is read alone"), None::<Option<String>>);
        assert_eq!(*asked.borrow(), [100, 200, 400, 400, 100, 25, 10, 20]);
        assert_eq!(listed.ask(&namespace("y"), None, page).await.expect("it is read alone"), None);
        assert_eq!(asked.borrow().len(), 8);
    }
}
