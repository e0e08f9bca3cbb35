//! The lists of a ServiceAccount after concurrent writes.

use k8s_openapi::api::core::v1::ServiceAccount;
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, from_value, json};

use super::accounts::{Edit, LINKED, LISTS, Server, UNLINKED, edits, entries, server, without};
use crate::link::{Link, Lists, unlink};

/// A writer of the account, and the state that it read for its next write.
#[derive(Clone, Debug)]
struct Writer {
    task: Task,
    read: Option<Value>,
    is_done: bool,
}

#[derive(Clone, Debug)]
enum Task {
    Link(Link),
    Unlink,
    /// A program with this name prefix, and its remaining edits.
    Foreign(&'static str, Vec<Edit>),
}

impl Task {
    /// Returns the next write. `None`: nothing is left to do.
    fn patch(&self, account: &Value) -> Option<Value> {
        match self {
            Self::Link(link) => link.patch(&parsed(account), LINKED),
            Self::Unlink => unlink(&parsed(account), UNLINKED, Lists::BOTH),
            Self::Foreign(own, edits) => edits.last().map(|edit| edit.patch(account, own)),
        }
    }
}

impl Writer {
    fn new(task: Task) -> Self {
        Self { task, read: None, is_done: false }
    }

    /// Reads, or writes the patch of the state that it read. Reads again until nothing is left to do.
    fn step(&mut self, server: &mut Server) {
        let Some(read) = self.read.take() else {
            self.read = Some(server.read());
            return;
        };
        let Some(patch) = self.task.patch(&read) else {
            self.is_done = true;
            return;
        };
        let before = server.account.clone();
        let is_taken = server.patch(patch);
        match &mut self.task {
            Task::Link(_) => assert_eq!(without(&server.account, LINKED), without(&before, LINKED)),
            Task::Unlink => assert_eq!(without(&server.account, UNLINKED), without(&before, UNLINKED)),
            Task::Foreign(_, edits) => edits.truncate(edits.len() - usize::from(is_taken)),
        }
    }
}

fn parsed(account: &Value) -> ServiceAccount {
    from_value(account.clone()).expect("a ServiceAccount")
}

/// A link, and the lists that it concerns.
fn link() -> impl Strategy<Value = (Link, &'static [&'static str])> {
    prop_oneof![Just((Link::pull("builder"), &LISTS[..1])), Just((Link::pull_and_mount("builder"), &LISTS[..]))]
}

fn count(account: &Value, list: &str, name: &str) -> usize {
    entries(account, list).iter().filter(|entry| entry["name"] == name).count()
}

proptest! {
    #![proptest_config(super::config())]

    #[test]
    fn concurrent_writers_lose_no_entry_and_the_own_entry_exists_once(
        mut server in server(),
        (link, lists) in link(),
        others in (any::<bool>(), edits(), edits()),
        turns in vec(any::<Index>(), 0..40),
    ) {
        let before = server.account.clone();
        let (unlinks, one, other) = others;
        let mut writers = vec![Writer::new(Task::Link(link.clone())), Writer::new(Task::Foreign("a-", one))];
        writers.extend(unlinks.then(|| Writer::new(Task::Unlink)));
        writers.extend((!other.is_empty()).then(|| Writer::new(Task::Foreign("b-", other))));
        for turn in turns {
            let place = turn.index(writers.len());
            writers[place].step(&mut server);
        }
        for writer in &mut writers {
            (0..20).for_each(|_| writer.step(&mut server));
            prop_assert!(writer.is_done, "{:?}", writer);
        }
        let after = &server.account;
        for list in LISTS {
            let [had, has] = [&before, after].map(|account| count(account, list, LINKED));
            prop_assert_eq!(has, if lists.contains(&list) { had.max(1) } else { had }, "{}", after);
            let [had, has] = [&before, after].map(|account| count(account, list, UNLINKED));
            prop_assert_eq!(has, if unlinks { 0 } else { had }, "{}", after);
        }
    }

    #[test]
    fn a_link_patch_carries_the_version_and_appends_the_missing_name(
        server in server(),
        (link, lists) in link(),
    ) {
        let read = server.read();
        let lacking = lists.iter().filter(|list| count(&read, list, LINKED) == 0).collect::<Vec<_>>();
        prop_assert_eq!(link.holds(&parsed(&read), LINKED), lacking.is_empty());
        let mut expected = json!({ "metadata": { "resourceVersion": "1" } });
        for list in &lacking {
            let longer = entries(&read, list).iter().cloned().chain([json!({ "name": LINKED })]);
            expected[**list] = longer.collect();
        }
        let expected = (!lacking.is_empty()).then_some(expected);
        prop_assert_eq!(link.patch(&parsed(&read), LINKED), expected);
    }

    #[test]
    fn an_unlink_patch_carries_the_version_and_removes_the_name(server in server()) {
        let read = server.read();
        let rest = without(&read, UNLINKED);
        let holding = LISTS.into_iter().filter(|list| count(&read, list, UNLINKED) > 0).collect::<Vec<_>>();
        let mut expected = json!({ "metadata": { "resourceVersion": "1" } });
        for list in &holding {
            expected[*list] = rest[*list].clone();
        }
        let expected = (!holding.is_empty()).then_some(expected);
        prop_assert_eq!(unlink(&parsed(&read), UNLINKED, Lists::BOTH), expected);
    }
}
