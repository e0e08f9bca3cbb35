//! A Secret of our own: made, kept, repaired, or taken over from whoever made it.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use regcred_core::{CredentialSet, Error, ErrorKind, Result, Target, Written};

use crate::{
    account::unlink,
    adopt,
    decode::Stored,
    fields::{DATA, entries, may_be_immutable, value},
    link::{Lists, Recorded, is_writable},
    look::Found,
    ownership::{Ours, Standing, Version},
    record::{Record, TARGET},
    refusal,
    secret::{self, Desired},
    writer::{Foreign, SecretWriter},
};

/// Metadata is enough for one of ours, unless another program may have written it as our field manager. Of any other, and of one that
/// may be immutable, type and mark are read too.
pub(crate) async fn find(
    writer: &SecretWriter,
    target: &Target,
    metadata: Option<ObjectMeta>,
    is_doubtful: bool,
) -> Result<Found> {
    let Some(metadata) = metadata else { return Ok(Found::Nothing) };
    match writer.standing(&metadata, target) {
        Standing::Ours(ours) if !may_be_immutable(&metadata) && !is_doubtful => return Ok(Found::Ours(ours)),
        Standing::Instance(instance) if !writer.was(&instance) => {
            return Ok(Found::Refused(refusal::other_instance(&instance)));
        }
        Standing::Ours(_) | Standing::Theirs(_) | Standing::Instance(_) => {}
    }
    let stored = writer.store.secret(target.group(), target.name()).await?;
    Ok(stored.map_or(Found::Nothing, |stored| judge(writer, target, &stored)))
}

fn judge(writer: &SecretWriter, target: &Target, stored: &Stored) -> Found {
    if let Some(refusal) = stored.unfit() {
        return Found::Refused(refusal);
    }
    match (writer.standing(&stored.metadata, target), writer.foreign()) {
        (Standing::Ours(ours), _) => Found::Ours(secret::compared(ours, stored)),
        (Standing::Instance(instance), _) if writer.was(&instance) => judge_previous(writer, target, stored, &instance),
        (Standing::Instance(instance), _) => Found::Refused(refusal::other_instance(&instance)),
        (Standing::Theirs(owner), Foreign::Adopt) => {
            let obstacle = adopt::obstacle(stored, &writer.own_managers(), writer.expected());
            obstacle.map_or(Found::Adoptable(owner), Found::Refused)
        }
        (Standing::Theirs(owner), _) => Found::Refused(refusal::foreign(&owner)),
    }
}

/// A Secret of the instance that this one was before. A copy of one names another target.
fn judge_previous(writer: &SecretWriter, target: &Target, stored: &Stored, instance: &str) -> Found {
    if value(stored.metadata.annotations.as_ref(), TARGET) != Some(&target.address.to_string()) {
        return Found::Refused(refusal::foreign(&format!("it is a copy of a Secret of instance {instance:?}")));
    }
    let owner = format!("it is of regcred's instance {instance:?}, which this one was before");
    adopt::writer(&stored.metadata, &writer.own_managers()).map_or(Found::Adoptable(owner), Found::Refused)
}

/// Makes it, or writes ours again; and as what it stands there then, if it was written.
pub(crate) async fn write(
    writer: &SecretWriter,
    target: &Target,
    ours: Option<&Ours>,
    links: &Recorded,
    set: &CredentialSet,
) -> Result<(Written, Option<ObjectMeta>)> {
    if ours.is_some_and(|ours| is_left(ours, set)) {
        return Ok((Written::Unchanged, None));
    }
    let data = match ours {
        Some(ours) if secret::needs_data(ours, set) => {
            let stored = writer.store.secret(target.group(), target.name()).await?;
            let same = stored.filter(|it| it.metadata.resource_version == ours.version.resource_version);
            Some(secret::data(&same.ok_or_else(|| meanwhile(target))?, ours)?)
        }
        _ => None,
    };
    let form = ours.map_or(writer.form(), |ours| &ours.form);
    let desired = Desired { target, instance: writer.instance(), form, links, over: ours.map(|ours| &ours.version) };
    let force = ours.is_some_and(|ours| ours.is_claimed || !ours.drift.is_empty());
    let object = desired.object(ours, data.as_ref(), set)?;
    let after = writer.store.apply_secret(target.group(), target.name(), &object, force).await?;
    let written = match ours {
        None => Written::Created,
        Some(ours) if ours.version.resource_version == after.resource_version => Written::Unchanged,
        Some(_) => Written::Updated,
    };
    Ok((written, Some(after)))
}

/// In two writes. After the first alone the Secret is as it was but for its owner, and this begins again.
pub(crate) async fn adopt(
    writer: &SecretWriter,
    target: &Target,
    seen: Option<&Version>,
    set: &CredentialSet,
) -> Result<Written> {
    let (namespace, name) = (target.group(), target.name());
    let stored = writer.store.secret(namespace, name).await?.filter(|it| is_still(it, seen));
    let stored = stored.ok_or_else(|| meanwhile(target))?;
    match judge(writer, target, &stored) {
        Found::Adoptable(_) => {}
        Found::Refused(refusal) => return Err(refusal.into()),
        Found::Nothing | Found::Ours(_) | Found::Merged(_) => return Err(meanwhile(target)),
    }
    if !set.failed().is_empty() {
        let message = format!("{target} is not adopted while a provider fails");
        let cause = "nobody can say yet which of its logins are for registries of the config";
        return Err(Error::new(ErrorKind::Unreachable, message).with_cause(cause));
    }
    // Under its previous name this installation wrote every login itself, so none of another owner is lost.
    let was_ours = matches!(writer.standing(&stored.metadata, target), Standing::Instance(_));
    if let Some(refusal) = adopt::excess(&stored, set).filter(|_| !was_ours) {
        return Err(refusal.into());
    }
    let patch = adopt::patch(&stored.metadata, &writer.own_managers(), writer.form());
    let after = writer.store.take_over_secret(namespace, name, &patch).await?;
    let (form, _) = writer.form().yielding(&after, writer.manager());
    let (links, over) = (Recorded::of(writer.links()), Version::of(&after));
    let desired = Desired { target, instance: writer.instance(), form: &form, links: &links, over: Some(&over) };
    writer.store.apply_secret(namespace, name, &desired.object(None, None, set)?, false).await?;
    Ok(Written::Updated)
}

pub(crate) async fn remove_own(writer: &SecretWriter, target: &Target) -> Result<()> {
    let (namespace, name) = (target.group(), target.name());
    let Some(metadata) = writer.store.secret_metadata(namespace, name).await? else { return Ok(()) };
    let ours = match writer.standing(&metadata, target) {
        Standing::Theirs(owner) => return Err(refusal::foreign(&owner).into()),
        Standing::Instance(instance) => return Err(refusal::other_instance(&instance).into()),
        Standing::Ours(ours) => ours,
    };
    if let Some(other) = shares(&metadata, writer.manager()) {
        return Err(refusal::shared(&other).into());
    }
    // What others wrote into the annotation is not followed.
    let linked = ours.linked.into_iter().chain([Recorded::of(writer.links())]);
    let accounts = linked.flat_map(Recorded::into_accounts).collect::<BTreeSet<_>>();
    for account in accounts {
        match unlink(writer, target, &account, Lists::BOTH).await {
            Err(error) if error.kind() == ErrorKind::Denied && !is_writable(&account, writer.links()) => {}
            unlinked => drop(unlinked?),
        }
    }
    writer.store.delete_secret(namespace, name, &metadata).await
}

/// Whether all of it stays as it stands: what is to be done is beside it.
fn is_left(ours: &Ours, set: &CredentialSet) -> bool {
    let stays = |record: &Record| set.failed().contains(&record.provider);
    set.is_empty() && ours.is_whole() && ours.records.as_ref().is_some_and(|records| records.values().all(stays))
}

/// Who else has data in a Secret, of whatever key but ours; `None`: nobody.
pub(crate) fn shares(metadata: &ObjectMeta, us: &str) -> Option<String> {
    let has_more = |entry: &&ManagedFieldsEntry| {
        let data = entry.fields_v1.as_ref().and_then(|fields| fields.0[DATA[0]].as_object());
        data.is_some_and(|keys| keys.keys().any(|key| key.starts_with("f:") && key != DATA[1]))
    };
    let mut others = entries(metadata).filter(|entry| entry.manager.as_deref() != Some(us)).filter(has_more);
    others.next().map(|entry| entry.manager.clone().unwrap_or_else(|| "somebody".into()))
}

/// Whether a Secret is in the state that was seen.
pub(crate) fn is_still(stored: &Stored, seen: Option<&Version>) -> bool {
    seen.is_none_or(|seen| *seen == Version::of(&stored.metadata))
}

pub(crate) fn meanwhile(target: &Target) -> Error {
    Error::new(ErrorKind::Conflict, format!("{target} was written meanwhile"))
}
