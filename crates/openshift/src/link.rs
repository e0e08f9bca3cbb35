//! The ServiceAccounts that use the Secret, and the edits of their lists.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, ObjectReference, ServiceAccount};
use serde_json::{Value, json};

/// A ServiceAccount that uses the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    account: String,
    lists: Lists,
    expected: bool,
}

impl Link {
    /// Pulls the images of its pods: in `imagePullSecrets`.
    pub fn pull(account: impl Into<String>) -> Self {
        Self { account: account.into(), lists: Lists { pull: true, mount: false }, expected: true }
    }

    /// Pushes in builds, and mounts the Secret in pods: in `secrets`.
    pub fn mount(account: impl Into<String>) -> Self {
        Self { lists: Lists { pull: false, mount: true }, ..Self::pull(account) }
    }

    /// Pulls, and pushes in builds: in both lists. The list that a build reads for its push changed between OpenShift
    /// 4.14 and 4.16.
    pub fn pull_and_mount(account: impl Into<String>) -> Self {
        Self { lists: Lists::BOTH, ..Self::pull(account) }
    }

    /// Links the ServiceAccount only if it exists. No target waits for it.
    #[must_use]
    pub fn where_it_exists(self) -> Self {
        Self { expected: false, ..self }
    }

    /// Returns `default` to pull, and `builder` and `pipeline`, if they exist, to pull and to push.
    pub fn defaults() -> Vec<Self> {
        [Self::pull("default")].into_iter().chain(Self::builders()).collect()
    }

    /// Returns `builder` and `pipeline`, if they exist, to pull and to push.
    pub fn builders() -> Vec<Self> {
        ["builder", "pipeline"].map(|account| Self::pull_and_mount(account).where_it_exists()).into()
    }

    /// Returns the name of the ServiceAccount.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Returns whether `imagePullSecrets` names the Secret.
    pub fn is_pull(&self) -> bool {
        self.lists.pull
    }

    /// Returns whether `secrets` names the Secret.
    pub fn is_mount(&self) -> bool {
        self.lists.mount
    }

    pub(crate) fn is_expected(&self) -> bool {
        self.expected
    }

    /// Returns whether the account uses the Secret already.
    pub(crate) fn holds(&self, account: &ServiceAccount, secret: &str) -> bool {
        self.lists.without(Lists::naming(account, secret)).is_empty()
    }

    /// Returns the lists that name the Secret once the account is linked.
    pub(crate) fn lists_once_linked(&self, account: &ServiceAccount, secret: &str) -> Lists {
        self.lists.and(Lists::naming(account, secret))
    }

    /// Returns a guarded merge patch with complete lists that end in the Secret. `None`: nothing is left to do.
    pub(crate) fn patch(&self, account: &ServiceAccount, secret: &str) -> Option<Value> {
        edit(account, secret, self.lists.without(Lists::naming(account, secret)), true)
    }
}

/// Returns a guarded merge patch that removes the Secret from these lists. `None`: nothing is left to do.
pub(crate) fn unlink(account: &ServiceAccount, secret: &str, lists: Lists) -> Option<Value> {
    let named = Lists::naming(account, secret);
    edit(account, secret, Lists { pull: lists.pull && named.pull, mount: lists.mount && named.mount }, false)
}

fn edit(account: &ServiceAccount, secret: &str, lists: Lists, is_linked: bool) -> Option<Value> {
    if lists.is_empty() {
        return None;
    }
    let mut patch = json!({ "metadata": { "resourceVersion": account.metadata.resource_version } });
    if lists.pull {
        let others = account.image_pull_secrets.iter().flatten().filter(|it| it.name != secret).cloned();
        let own = is_linked.then(|| LocalObjectReference { name: secret.into() });
        patch["imagePullSecrets"] = json!(others.chain(own).collect::<Vec<_>>());
    }
    if lists.mount {
        let others = account.secrets.iter().flatten().filter(|it| it.name.as_deref() != Some(secret)).cloned();
        let own = is_linked.then(|| ObjectReference { name: Some(secret.into()), ..ObjectReference::default() });
        patch["secrets"] = json!(others.chain(own).collect::<Vec<_>>());
    }
    Some(patch)
}

/// Some of the two lists of a ServiceAccount that can name a Secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pull: bool,
    mount: bool,
}

impl Lists {
    pub(crate) const BOTH: Self = Self { pull: true, mount: true };

    /// Returns the lists that name the Secret.
    pub(crate) fn naming(account: &ServiceAccount, secret: &str) -> Self {
        let pull = account.image_pull_secrets.iter().flatten().any(|it| it.name == secret);
        let mount = account.secrets.iter().flatten().any(|it| it.name.as_deref() == Some(secret));
        Self { pull, mount }
    }

    fn and(self, more: Self) -> Self {
        Self { pull: self.pull || more.pull, mount: self.mount || more.mount }
    }

    fn without(self, others: Self) -> Self {
        Self { pull: self.pull && !others.pull, mount: self.mount && !others.mount }
    }

    fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn names(self) -> Vec<&'static str> {
        [(self.pull, "pull"), (self.mount, "mount")].into_iter().filter_map(|(is, name)| is.then_some(name)).collect()
    }

    /// Describes how an account with these lists uses the Secret, such as "default (pull)". `None`: it does not.
    pub(crate) fn user(self, account: &str) -> Option<String> {
        (!self.is_empty()).then(|| format!("{account} ({})", self.names().join(", ")))
    }
}

/// The value of `regcred.dev/links`: for each ServiceAccount, the lists that name the Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded(BTreeMap<String, Lists>);

/// Maximum number of accounts in a record. regcred never writes a longer one.
const MOST: usize = 32;
/// The limit of the name of a ServiceAccount.
const LONGEST_NAME: usize = 253;

impl Recorded {
    pub(crate) fn of(links: &[Link]) -> Self {
        Self(links.iter().map(|link| (link.account.clone(), link.lists)).collect())
    }

    /// Parses the annotation. `None`: regcred does not write such a value.
    pub(crate) fn read(annotation: &str) -> Option<Self> {
        let wire = serde_json::from_str::<BTreeMap<String, Vec<String>>>(annotation).ok()?;
        let is_name = |name: &String| {
            let known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
            (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(known)
        };
        if wire.len() > MOST || !wire.keys().all(is_name) {
            return None;
        }
        let lists = |lists: Vec<String>| {
            let has = |name: &str| lists.iter().any(|list| list == name);
            Lists { pull: has("pull"), mount: has("mount") }
        };
        Some(Self(wire.into_iter().map(|(account, names)| (account, lists(names))).collect()))
    }

    /// Returns the value of the annotation.
    pub(crate) fn write(&self) -> String {
        let wire = self.0.iter().map(|(account, lists)| (account, lists.names())).collect::<BTreeMap<_, _>>();
        serde_json::to_string(&wire).expect("text serialises")
    }

    /// Returns each account, and how it uses the Secret.
    pub(crate) fn users(&self) -> Vec<String> {
        self.0.iter().filter_map(|(account, lists)| lists.user(account)).collect()
    }

    /// Adds an account.
    pub(crate) fn add(&mut self, account: &str, lists: Lists) {
        let known = self.0.entry(account.to_owned()).or_default();
        *known = known.and(lists);
    }

    pub(crate) fn into_accounts(self) -> impl Iterator<Item = String> {
        self.0.into_keys()
    }

    /// Returns the recorded accounts and lists that the links do not contain. First those that regcred may write, then
    /// the accounts that it may not. A tenant may have added the latter.
    pub(crate) fn dropped(&self, links: &[Link]) -> (Vec<(&str, Lists)>, Vec<&str>) {
        let (mut writable, mut strange) = (vec![], vec![]);
        for (account, lists) in &self.0 {
            let wanted = links.iter().filter(|link| link.account == *account);
            let lists = wanted.fold(*lists, |left, link| left.without(link.lists));
            match lists.is_empty() {
                true => {}
                false if is_writable(account, links) => writable.push((account.as_str(), lists)),
                false => strange.push(account.as_str()),
            }
        }
        (writable, strange)
    }
}

/// Returns whether the permissions of an installation cover an account: those of the config, and the three default
/// ones.
pub(crate) fn is_writable(account: &str, links: &[Link]) -> bool {
    links.iter().chain(&Link::defaults()).any(|link| link.account == account)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(lists: &Value) -> ServiceAccount {
        let mut object =
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "resourceVersion": "5" } });
        for (name, list) in lists.as_object().expect("a map") {
            object[name] = list.clone();
        }
        serde_json::from_value(object).expect("a ServiceAccount")
    }

    #[test]
    fn a_link_adds_its_name_at_the_end_of_the_lists_that_lack_it() {
        let (link, other) = (Link::pull_and_mount("builder"), json!({ "name": "builder-dockercfg-x" }));
        let bare = account(&json!({}));
        let guard = json!({ "resourceVersion": "5" });
        let ours = json!({ "name": "ecr-secret" });
        assert_eq!(
            link.patch(&bare, "ecr-secret"),
            Some(json!({ "metadata": guard, "imagePullSecrets": [ours], "secrets": [ours] }))
        );
        let half = account(&json!({ "imagePullSecrets": [other, ours], "secrets": [other, other] }));
        assert!(!link.holds(&half, "ecr-secret") && Link::pull("builder").holds(&half, "ecr-secret"));
        assert_eq!(
            link.patch(&half, "ecr-secret"),
            Some(json!({ "metadata": guard, "secrets": [other, other, ours] }))
        );
        assert_eq!(Link::pull("builder").patch(&half, "ecr-secret"), None);
    }

    #[test]
    fn unlinking_removes_every_entry_of_the_secret_and_nothing_else() {
        let (ours, other) = (json!({ "name": "ecr-secret" }), json!({ "name": "x" }));
        let linked = account(&json!({ "imagePullSecrets": [ours, other, ours], "secrets": [other] }));
        let patch = unlink(&linked, "ecr-secret", Lists::BOTH).expect("it is linked");
        assert_eq!(patch, json!({ "metadata": { "resourceVersion": "5" }, "imagePullSecrets": [other] }));
        assert_eq!(unlink(&account(&json!({})), "ecr-secret", Lists::BOTH), None);
        assert_eq!(unlink(&linked, "ecr-secret", Lists { pull: false, mount: true }), None, "it is not in that list");
    }

    #[test]
    fn the_links_annotation_records_accounts_and_lists() {
        let recorded = Recorded::of(&Link::defaults());
        assert_eq!(Recorded::read(&recorded.write()), Some(recorded.clone()));
        assert_eq!(recorded.clone().into_accounts().collect::<Vec<_>>(), ["builder", "default", "pipeline"]);
        assert_eq!(Recorded::read("nonsense"), None);
        let (mount, both) = (Lists { pull: false, mount: true }, Lists::BOTH);
        let fewer = [Link::pull("default"), Link::pull("builder"), Link::mount("robot")];
        let undoable = |recorded: &Recorded, links: &[Link]| {
            recorded
                .dropped(links)
                .0
                .into_iter()
                .map(|(account, lists)| (account.to_owned(), lists))
                .collect::<Vec<_>>()
        };
        assert_eq!(undoable(&recorded, &fewer), [("builder".to_owned(), mount), ("pipeline".to_owned(), both)]);
        assert_eq!(undoable(&recorded, &Link::defaults()), []);
        let mut more = recorded;
        more.add("robot", both);
        more.add("stranger", mount);
        assert_eq!(undoable(&more, &fewer)[2..], [("robot".to_owned(), Lists { pull: true, mount: false })]);
        assert_eq!((more.dropped(&fewer).1, more.dropped(&[]).1), (vec!["stranger"], vec!["robot", "stranger"]));
    }
}
