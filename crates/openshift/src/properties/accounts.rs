//! A ServiceAccount on an API server, and other programs that write it.

use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

pub(super) const LINKED: &str = "ecr-secret";
pub(super) const UNLINKED: &str = "old-secret";
pub(super) const LISTS: [&str; 2] = ["imagePullSecrets", "secrets"];

/// A server that refuses a guarded patch if the object has changed since it was read.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) account: Value,
    version: u64,
}

impl Server {
    pub(super) fn read(&self) -> Value {
        let mut account = self.account.clone();
        account["metadata"]["resourceVersion"] = json!(self.version.to_string());
        account
    }

    /// Applies a merge patch. Returns whether it was accepted.
    pub(super) fn patch(&mut self, mut patch: Value) -> bool {
        let guard = patch["metadata"].as_object_mut().and_then(|it| it.remove("resourceVersion"));
        let version = json!(self.version.to_string());
        let is_taken = guard.is_none_or(|guard| guard == version);
        if is_taken {
            json_patch::merge(&mut self.account, &patch);
            self.version += 1;
        }
        is_taken
    }
}

/// The edits of another program in one of [`LISTS`], to entries with a name prefix of its own.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Add(usize, Index),
    Remove(usize, Index),
    Reorder(usize),
}

impl Edit {
    /// Returns a patch as another careful client sends it.
    pub(super) fn patch(&self, account: &Value, own: &str) -> Value {
        let (Self::Add(list, _) | Self::Remove(list, _) | Self::Reorder(list)) = self;
        let mut entries = entries(account, LISTS[*list]).to_vec();
        let is_own = |place: &usize| entries[*place]["name"].as_str().is_some_and(|name| name.starts_with(own));
        let places = (0..entries.len()).filter(is_own).collect::<Vec<_>>();
        match self {
            Self::Add(_, place) => {
                let entry = json!({ "name": format!("{own}new") });
                entries.insert(place.index(entries.len() + 1), entry);
            }
            Self::Remove(_, which) if !places.is_empty() => drop(entries.remove(*which.get(&places))),
            Self::Remove(..) => {}
            Self::Reorder(_) => places.windows(2).for_each(|pair| entries.swap(pair[0], pair[1])),
        }
        json!({ "metadata": account["metadata"], LISTS[*list]: entries })
    }
}

pub(super) fn entries<'a>(account: &'a Value, list: &str) -> &'a [Value] {
    account[list].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Returns an account without the entries of that name.
pub(super) fn without(account: &Value, name: &str) -> Value {
    let mut account = account.clone();
    for list in LISTS {
        account[list] = entries(&account, list).iter().filter(|entry| entry["name"] != name).cloned().collect();
    }
    account
}

/// Servers with entries of other programs, many of them duplicates, and sometimes with ours.
pub(super) fn server() -> impl Strategy<Value = Server> {
    let lists = [prop::option::weighted(0.8, list(false)), prop::option::weighted(0.8, list(true))];
    lists.prop_map(|lists| {
        let mut account = json!({ "metadata": { "name": "builder", "labels": { "app": "x" } } });
        for (name, list) in LISTS.into_iter().zip(lists) {
            if let Some(list) = list {
                account[name] = list;
            }
        }
        Server { account, version: 1 }
    })
}

/// Lists of references. References to other kinds of objects have more fields than a name, or no name.
fn list(has_more: bool) -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        1 => Just(LINKED.to_owned()),
        1 => Just(UNLINKED.to_owned()),
        8 => "[a-c]-[0-9]",
        4 => "builder-dockercfg-[a-z]{1,2}",
    ];
    let entry = (name, 0..6_u8).prop_map(move |(name, more)| match more {
        0 if has_more => json!({ "kind": "Secret", "name": name, "namespace": "team-a" }),
        1 if has_more => json!({ "uid": name }),
        _ => json!({ "name": name }),
    });
    let length = prop_oneof![9 => 0..10_usize, 1 => 100..200_usize];
    length.prop_flat_map(move |length| vec(entry.clone(), length)).prop_map(Value::Array)
}

pub(super) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        (0..2_usize, any::<Index>()).prop_map(|(list, place)| Edit::Add(list, place)),
        (0..2_usize, any::<Index>()).prop_map(|(list, which)| Edit::Remove(list, which)),
        (0..2_usize).prop_map(Edit::Reorder),
    ];
    vec(edit, 0..5)
}
