//! Which ServiceAccounts use the Secret, and how their lists are edited.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LocalObjectReference, ObjectReference, ServiceAccount};
use serde_json::{Value, json};

/// That a ServiceAccount uses the Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    account: String,
    pull: bool,
    mount: bool,
    expected: bool,
}

impl Link {
    /// To pull the images of its pods: in `imagePullSecrets`.
    pub fn pull(account: impl Into<String>) -> Self {
        Self { account: account.into(), pull: true, mount: false, expected: true }
    }

    /// To push in builds, and in its pods as a volume: in `secrets`.
    pub fn mount(account: impl Into<String>) -> Self {
        Self { pull: false, ..Self::pull_and_mount(account) }
    }

    /// To pull and to push in builds: in `imagePullSecrets` and in `secrets`. Which of the two a build looks into for its
    /// push changed between OpenShift 4.14 and 4.16.
    pub fn pull_and_mount(account: impl Into<String>) -> Self {
        Self { mount: true, ..Self::pull(account) }
    }

    /// Only where the ServiceAccount exists: nobody waits for it.
    #[must_use]
    pub fn where_it_exists(self) -> Self {
        Self { expected: false, ..self }
    }

    /// `default` to pull; `builder` and `pipeline`, where they exist, to pull and to push.
    pub fn defaults() -> Vec<Self> {
        [Self::pull("default")].into_iter().chain(Self::builders()).collect()
    }

    /// `builder` and `pipeline`, where they exist, to pull and to push.
    pub fn builders() -> Vec<Self> {
        ["builder", "pipeline"].map(|account| Self::pull_and_mount(account).where_it_exists()).into()
    }

    /// Whose it is.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Whether `imagePullSecrets` names the Secret.
    pub fn is_pull(&self) -> bool {
        self.pull
    }

    /// Whether `secrets` names the Secret.
    pub fn is_mount(&self) -> bool {
        self.mount
    }

    pub(crate) fn is_expected(&self) -> bool {
        self.expected
    }

    /// Whether the account uses the Secret already.
    pub(crate) fn holds(&self, account: &ServiceAccount, secret: &str) -> bool {
        (!self.pull || pulls(account, secret)) && (!self.mount || mounts(account, secret))
    }

    /// How an account uses the Secret; `None`: not at all.
    pub(crate) fn uses(account: &ServiceAccount, secret: &str) -> Option<&'static str> {
        in_words(pulls(account, secret), mounts(account, secret))
    }

    /// The same once it is linked.
    pub(crate) fn will_use(&self, account: &ServiceAccount, secret: &str) -> Option<&'static str> {
        in_words(self.pull || pulls(account, secret), self.mount || mounts(account, secret))
    }

    /// A merge patch with the complete lists, to which the Secret is added at the end, guarded by what was read; `None` if it
    /// is in them already.
    pub(crate) fn patch(&self, account: &ServiceAccount, secret: &str) -> Option<Value> {
        if self.holds(account, secret) {
            return None;
        }
        let mut patch = guarded(account);
        if self.pull && !pulls(account, secret) {
            let mut list = account.image_pull_secrets.clone().unwrap_or_default();
            list.push(LocalObjectReference { name: secret.into() });
            patch["imagePullSecrets"] = json!(list);
        }
        if self.mount && !mounts(account, secret) {
            let mut list = account.secrets.clone().unwrap_or_default();
            list.push(ObjectReference { name: Some(secret.into()), ..ObjectReference::default() });
            patch["secrets"] = json!(list);
        }
        Some(patch)
    }
}

/// The lists of a ServiceAccount that a Secret is to be taken out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lists {
    pull: bool,
    mount: bool,
}

impl Lists {
    pub(crate) const BOTH: Self = Self { pull: true, mount: true };
}

/// A merge patch that takes the Secret out of these lists; `None` if it is in none of them.
pub(crate) fn unlink(account: &ServiceAccount, secret: &str, lists: Lists) -> Option<Value> {
    let (pull, mount) = (lists.pull && pulls(account, secret), lists.mount && mounts(account, secret));
    if !pull && !mount {
        return None;
    }
    let mut patch = guarded(account);
    if pull {
        let others = account.image_pull_secrets.iter().flatten().filter(|it| it.name != secret);
        patch["imagePullSecrets"] = json!(others.collect::<Vec<_>>());
    }
    if mount {
        let others = account.secrets.iter().flatten().filter(|it| it.name.as_deref() != Some(secret));
        patch["secrets"] = json!(others.collect::<Vec<_>>());
    }
    Some(patch)
}

/// The value of `regcred.dev/links`: for each ServiceAccount, the lists that name the Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded(BTreeMap<String, Lists>);

/// Number of accounts in a record. regcred writes no longer ones.
const MOST: usize = 32;
/// Of a ServiceAccount.
const LONGEST_NAME: usize = 253;

impl Recorded {
    /// Returns the record of these links.
    pub(crate) fn of(links: &[Link]) -> Self {
        Self(links.iter().map(|link| (link.account.clone(), Lists { pull: link.pull, mount: link.mount })).collect())
    }

    /// Parses the annotation; `None` if regcred would not write it so.
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

    /// The value of the annotation.
    pub(crate) fn write(&self) -> String {
        let names = |lists: &Lists| {
            let names = [(lists.pull, "pull"), (lists.mount, "mount")];
            names.into_iter().filter_map(|(is, name)| is.then_some(name)).collect::<Vec<_>>()
        };
        let wire = self.0.iter().map(|(account, lists)| (account, names(lists))).collect::<BTreeMap<_, _>>();
        serde_json::to_string(&wire).expect("text serialises")
    }

    /// Each account, and how it uses the Secret, such as "default (pull)".
    pub(crate) fn users(&self) -> Vec<String> {
        let user =
            |(account, lists): (&String, &Lists)| Some(format!("{account} ({})", in_words(lists.pull, lists.mount)?));
        self.0.iter().filter_map(user).collect()
    }

    /// Adds accounts and lists.
    pub(crate) fn and(mut self, more: impl IntoIterator<Item = (String, Lists)>) -> Self {
        for (account, lists) in more {
            let known = self.0.entry(account).or_insert(Lists { pull: false, mount: false });
            *known = Lists { pull: known.pull || lists.pull, mount: known.mount || lists.mount };
        }
        self
    }

    /// The accounts.
    pub(crate) fn into_accounts(self) -> impl Iterator<Item = String> {
        self.0.into_keys()
    }

    /// Returns the accounts and lists of the record that the links lack.
    fn left(&self, links: &[Link]) -> impl Iterator<Item = (&String, Lists)> {
        let wanted = |account: &str, list: fn(&Link) -> bool| links.iter().any(|it| it.account == account && list(it));
        let left = self.0.iter().map(move |(account, lists)| {
            let pull = lists.pull && !wanted(account, |link| link.pull);
            let mount = lists.mount && !wanted(account, |link| link.mount);
            (account, Lists { pull, mount })
        });
        left.filter(|(_, lists)| lists.pull || lists.mount)
    }

    /// Returns the dropped links of accounts that regcred may write.
    pub(crate) fn undoable(&self, links: &[Link]) -> Vec<(String, Lists)> {
        let own = self.left(links).filter(|(account, _)| is_writable(account, links));
        own.map(|(account, lists)| (account.clone(), lists)).collect()
    }

    /// Returns the other accounts of the record. regcred has no rights to write these, and a tenant may have added them.
    pub(crate) fn strange(&self, links: &[Link]) -> Vec<&str> {
        let strange = self.left(links).filter(|(account, _)| !is_writable(account, links));
        strange.map(|(account, _)| account.as_str()).collect()
    }
}

/// Whether the rights of an installation cover an account: those of the config, and the usual three.
pub(crate) fn is_writable(account: &str, links: &[Link]) -> bool {
    links.iter().chain(&Link::defaults()).any(|link| link.account == account)
}

fn in_words(pull: bool, mount: bool) -> Option<&'static str> {
    match (pull, mount) {
        (true, true) => Some("pull, mount"),
        (true, false) => Some("pull"),
        (false, true) => Some("mount"),
        (false, false) => None,
    }
}

fn guarded(account: &ServiceAccount) -> Value {
    json!({ "metadata": { "resourceVersion": account.metadata.resource_version } })
}

fn pulls(account: &ServiceAccount, secret: &str) -> bool {
    account.image_pull_secrets.iter().flatten().any(|it| it.name == secret)
}

fn mounts(account: &ServiceAccount, secret: &str) -> bool {
    account.secrets.iter().flatten().any(|it| it.name.as_deref() == Some(secret))
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
    fn unlinking_takes_out_every_mention_and_nothing_else() {
        let (ours, other) = (json!({ "name": "ecr-secret" }), json!({ "name": "x" }));
        let linked = account(&json!({ "imagePullSecrets": [ours, other, ours], "secrets": [other] }));
        let patch = unlink(&linked, "ecr-secret", Lists::BOTH).expect("it is linked");
        assert_eq!(patch, json!({ "metadata": { "resourceVersion": "5" }, "imagePullSecrets": [other] }));
        assert_eq!(unlink(&account(&json!({})), "ecr-secret", Lists::BOTH), None);
        assert_eq!(unlink(&linked, "ecr-secret", Lists { pull: false, mount: true }), None, "it is not in that list");
    }

    #[test]
    fn the_annotation_names_accounts_and_lists() {
        let recorded = Recorded::of(&Link::defaults());
        assert_eq!(Recorded::read(&recorded.write()), Some(recorded.clone()));
        assert_eq!(recorded.clone().into_accounts().collect::<Vec<_>>(), ["builder", "default", "pipeline"]);
        assert_eq!(Recorded::read("nonsense"), None);
        let (mount, both) = (Lists { pull: false, mount: true }, Lists::BOTH);
        let fewer = [Link::pull("default"), Link::pull("builder"), Link::mount("robot")];
        let undoable = recorded.undoable(&fewer);
        assert_eq!(undoable, [("builder".to_owned(), mount), ("pipeline".to_owned(), both)]);
        assert_eq!(recorded.undoable(&Link::defaults()), []);
        let more = recorded.and([("robot".to_owned(), both), ("stranger".to_owned(), mount)]);
        assert_eq!(more.undoable(&fewer)[2..], [("robot".to_owned(), Lists { pull: true, mount: false })]);
        assert_eq!((more.strange(&fewer), more.strange(&[])), (vec!["stranger"], vec!["robot", "stranger"]));
    }
}
