//! What is noted of a target that needs nothing more, and what that note is worth at the next look.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use regcred_core::{Observed, Target};

use crate::{
    fields::{DATA, has, may_be_immutable, updated},
    link::Recorded,
    look::{Accounts, Found, Look},
    ownership::{Ours, Standing},
    untouched::{Left, Rest, Untouched},
    writer::{Foreign, SecretWriter},
};

/// Whether a Secret is as this installation leaves one, by its metadata alone.
pub(crate) fn is_as_left(writer: &SecretWriter, metadata: &ObjectMeta, target: &Target) -> bool {
    match writer.foreign() {
        Foreign::Merge | Foreign::MergeOrCreate => {
            updated(metadata, writer.merge_manager()).is_some_and(|fields| has(fields, &DATA))
        }
        Foreign::Refuse | Foreign::Adopt => match writer.standing(metadata, target) {
            Standing::Ours(ours) => ours.is_whole() && ours.records.is_some() && !may_be_immutable(metadata),
            Standing::Theirs(_) | Standing::Instance(_) => false,
        },
    }
}

/// What was left and is untouched, as it would be read.
pub(crate) fn as_left(writer: &SecretWriter, untouched: &Untouched, target: &Target) -> Option<Look> {
    let Left { version, rest } = untouched.of(target)?;
    let ours = Ours {
        version: version.clone(),
        records: Some(rest.records.clone()),
        drift: vec![],
        undone: vec![],
        form: writer.form().clone().into(),
        theirs: vec![],
        is_claimed: false,
        linked: Some(Recorded::of(writer.links())),
        data_intact: true,
    };
    let accounts = Accounts::Linked(rest.used_by.clone());
    Some(Look { version: Some(version), writers: rest.writers.clone(), secret: Found::Ours(ours), accounts })
}

/// Notes what was read, if nothing is left to do there.
pub(crate) fn keep_found(untouched: &Untouched, target: &Target, look: &Look, observed: &Observed) {
    let Observed { undone, waiting_for: None, failure: None, details, .. } = observed else { return };
    if let (Found::Ours(ours), Accounts::Read(_)) = (&look.secret, &look.accounts)
        && undone.is_empty()
    {
        keep(untouched, target, ours, details.used_by.clone(), details.writers.clone());
    }
}

/// Notes what was written, after a look, and every link.
pub(crate) fn keep_written(
    writer: &SecretWriter,
    untouched: &Untouched,
    target: &Target,
    secret: &ObjectMeta,
    look: &Look,
) {
    if let Standing::Ours(ours) = writer.standing(secret, target) {
        let used_by = look.users_once_linked(writer.links(), target.name());
        keep(untouched, target, &ours, used_by, look.writers.clone());
    }
}

fn keep(untouched: &Untouched, target: &Target, secret: &Ours, used_by: Vec<String>, writers: Vec<String>) {
    let is_done = secret.is_whole() && secret.theirs.is_empty() && !secret.is_claimed;
    if let Some(records) = secret.records.clone().filter(|_| is_done) {
        untouched.keep(target, secret.version.clone(), Rest { records, used_by, writers });
    }
}
