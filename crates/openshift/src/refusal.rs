//! The reasons for not writing a Secret, each with the fix.

use regcred_core::{
    Code, Refusal,
    codes::{FOREIGN, OTHER_INSTANCE, UNREADABLE},
};

use crate::codes;

/// The type of a Secret that regcred writes.
pub(crate) const DOCKER_CONFIG: &str = "kubernetes.io/dockerconfigjson";

const NAME_ANOTHER: &str = "name another Secret in the config, or delete this one";

fn refusal(code: &'static Code, reason: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Refusal {
    Refusal::new(reason, found, remedy).with_code(code)
}

pub(crate) fn foreign(words: &str) -> Refusal {
    let remedy = "name another Secret in the config, or stop the other writer and take this one over with `regcred once --adopt`";
    refusal(&FOREIGN, "foreign", words, remedy)
}

pub(crate) fn other_instance(instance: &str) -> Refusal {
    let instance = instance.chars().take(63).collect::<String>();
    let found = format!("it belongs to regcred's instance {instance:?}");
    let remedy = format!(
        "name another Secret in one of the two configs; if this instance replaces that one, stop that one and set \
         `previous_instance: {instance}` in the config"
    );
    refusal(&OTHER_INSTANCE, "other-instance", found, remedy)
}

pub(crate) fn wrong_type(found: Option<&str>) -> Refusal {
    let found = match found.map(|it| it.chars().take(128).collect::<String>()) {
        Some(found) => format!("it is of type {found:?}, and a Secret's type cannot change"),
        None => "it is of another type, and a Secret's type cannot change".into(),
    };
    refusal(
        &codes::WRONG_TYPE,
        "wrong-type",
        found,
        format!("regcred writes only the type {DOCKER_CONFIG}: {NAME_ANOTHER}"),
    )
}

/// Returns the refusal of an object that cannot be decoded, or is beyond a limit.
pub(crate) fn unreadable_object(namespace: &str, name: &str, reason: &str) -> Refusal {
    refusal(
        &UNREADABLE,
        "unreadable",
        format!("{name} in namespace {namespace} cannot be used: {reason}"),
        "shorten or delete it",
    )
}

pub(crate) fn immutable() -> Refusal {
    refusal(&codes::IMMUTABLE, "immutable", "it is immutable, so its credential cannot be refreshed", NAME_ANOTHER)
}

/// Returns the refusal to adopt a Secret that another program would write again.
pub(crate) fn still_written(by: &str) -> Refusal {
    refusal(
        &FOREIGN,
        "foreign",
        format!("it is {by}, which would write it again"),
        "stop that writer first, then adopt the Secret",
    )
}

/// Returns the refusal to adopt a Secret with other logins, which would be lost.
pub(crate) fn holds_more(what: &str) -> Refusal {
    let found = format!("it holds {what}, which the config does not name, so an adoption would delete them");
    refusal(
        &codes::HOLDS_MORE,
        "holds-more",
        found,
        "merge into the Secret instead: `secret: { merge: true }` without `adopt`",
    )
}

/// Returns the refusal to merge into a Secret that does not exist.
pub(crate) fn absent() -> Refusal {
    refusal(
        &codes::ABSENT,
        "absent",
        "the Secret to merge into does not exist",
        "create it, set `merge: create`, or leave out `merge` so that regcred owns the Secret",
    )
}

/// Returns the refusal to merge into or adopt a Secret that cannot be read.
pub(crate) fn unreadable(how: &str) -> Refusal {
    refusal(&UNREADABLE, "unreadable", how, "correct it first: regcred must not lose any of its data")
}

/// Returns the refusal to remove entries, because regcred does not know which ones it wrote.
pub(crate) fn not_known(annotation: &str) -> Refusal {
    let found =
        format!("another program wrote its {annotation}, so regcred does not know which of its logins it wrote");
    refusal(&UNREADABLE, "unreadable", found, "remove the logins by hand, then the annotation")
}

/// Returns the refusal to remove a Secret that holds other data.
pub(crate) fn shared(with: &str) -> Refusal {
    refusal(
        &FOREIGN,
        "foreign",
        format!("{with} has its own data in it"),
        "move that data first, or delete the Secret by hand",
    )
}

/// Returns the refusal to merge into a Secret with too many keys for one registry.
pub(crate) fn too_many_keys(keys: usize, limit: usize) -> Refusal {
    let found = format!(
        "it has {keys} keys for parts or other spellings of one registry, and regcred refreshes at most {limit}"
    );
    refusal(
        &codes::TOO_LARGE,
        "too-large",
        found,
        "remove these keys: the key of the host serves all of its repositories",
    )
}

/// Returns the refusal to write a Secret that would be too large.
pub(crate) fn too_large(bytes: usize, limit: usize) -> Refusal {
    let found = format!("it would have {bytes} bytes, and {limit} are allowed");
    refusal(&codes::TOO_LARGE, "too-large", found, "spread the registries over several Secrets")
}
