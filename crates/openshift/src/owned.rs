//! Creates, updates and restores a Secret of this installation, or takes it over from another owner.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::Patch;
use regcred_core::{CredentialSet, Error, ErrorKind, Result, Target, Written};

use crate::{
    account::unlink,
    adopt, codes,
    decode::Stored,
    fields::{DATA, entries, may_be_immutable, value},
    link::{Lists, Recorded, is_writable},
    ownership::{Owned, Ownership, Version},
    record::{Record, TARGET},
    refusal,
    secret::{self, Desired},
    settings::Foreign,
    snapshot::SecretState,
    template::SecretTemplate,
    writer::SecretWriter,
};

/// Finds the state of a Secret. Metadata is enough for a Secret of our own, unless another program may have written it
/// as our field manager. For any other Secret, and for one that may be immutable, the type and `immutable` are read
/// too.
pub(crate) async fn find(
    writer: &SecretWriter,
    target: &Target,
    metadata: Option<ObjectMeta>,
    is_doubtful: bool,
) -> Result<SecretState> {
    let Some(metadata) = metadata else { return Ok(SecretState::Absent) };
    match writer.ownership(&metadata, target) {
        Ownership::Owned(owned) if !may_be_immutable(&metadata) && !is_doubtful => Ok(SecretState::Owned(owned)),
        Ownership::OtherInstance(instance) if !writer.was(&instance) => {
            Ok(SecretState::Refused(refusal::other_instance(&instance)))
        }
        Ownership::Owned(_) | Ownership::Foreign(_) | Ownership::OtherInstance(_) => {
            let stored = writer.store.secret(target).await?;
            Ok(stored.map_or(SecretState::Absent, |stored| judge(writer, target, &stored)))
        }
    }
}

fn judge(writer: &SecretWriter, target: &Target, stored: &Stored) -> SecretState {
    if let Some(refusal) = stored.unfit() {
        return SecretState::Refused(refusal);
    }
    let (owner, obstacle) = match writer.ownership(&stored.metadata, target) {
        Ownership::Owned(owned) => return SecretState::Owned(secret::compared(owned, stored)),
        Ownership::OtherInstance(instance) if !writer.was(&instance) => {
            return SecretState::Refused(refusal::other_instance(&instance));
        }
        // A copy of a Secret of the previous instance names another target.
        Ownership::OtherInstance(instance)
            if value(stored.metadata.annotations.as_ref(), TARGET) != Some(&target.address.to_string()) =>
        {
            let owner = format!("it is a copy of a Secret of instance {instance:?}");
            return SecretState::Refused(refusal::foreign(&owner));
        }
        Ownership::OtherInstance(instance) => (
            format!("it is of regcred's instance {instance:?}, which this one was before"),
            adopt::writer(&stored.metadata, &writer.own_managers()),
        ),
        Ownership::Foreign(owner) if writer.settings.foreign == Foreign::Adopt => {
            (owner, adopt::obstacle(stored, &writer.own_managers(), writer.settings.expected.as_deref()))
        }
        Ownership::Foreign(owner) => return SecretState::Refused(refusal::foreign(&owner)),
    };
    obstacle.map_or(SecretState::Adoptable(owner), SecretState::Refused)
}

/// Creates or updates the Secret. Returns its metadata after a write.
pub(crate) async fn write(
    writer: &SecretWriter,
    target: &Target,
    owned: Option<&Owned>,
    links: &Recorded,
    set: &CredentialSet,
) -> Result<(Written, Option<ObjectMeta>)> {
    if owned.is_some_and(|owned| is_left(owned, set)) {
        return Ok((Written::Unchanged, None));
    }
    let data = match owned {
        Some(owned) if secret::needs_data(owned, set) => {
            let stored = writer.store.secret(target).await?;
            let same = stored.filter(|it| it.metadata.resource_version == owned.version.resource_version);
            Some(secret::data(&same.ok_or_else(|| meanwhile(target))?, owned)?)
        }
        _ => None,
    };
    let template = owned.map_or(&writer.settings.template, |owned| &owned.template);
    let desired = desired(writer, target, template, links, owned.map(|owned| &owned.version));
    let force = owned.is_some_and(|owned| owned.is_claimed || !owned.drift.is_empty());
    let object = desired.object(owned, data.as_ref(), set)?;
    let after = writer.store.patch_secret(target, &writer.manager, &Patch::Apply(object), force).await?;
    let written = match owned {
        None => Written::Created,
        Some(owned) if owned.version.resource_version == after.resource_version => Written::Unchanged,
        Some(_) => Written::Updated,
    };
    Ok((written, Some(after)))
}

/// Takes over a Secret by two writes. After the first one, only the owner of the fields has changed. If the second one
/// fails, the next reconcile starts again.
pub(crate) async fn adopt(
    writer: &SecretWriter,
    target: &Target,
    seen: Option<&Version>,
    set: &CredentialSet,
) -> Result<Written> {
    let stored = read_same(writer, target, seen).await?;
    match judge(writer, target, &stored) {
        SecretState::Adoptable(_) => {}
        SecretState::Refused(refusal) => return Err(refusal.into()),
        SecretState::Absent | SecretState::Owned(_) | SecretState::Merged(_) => return Err(meanwhile(target)),
    }
    if !set.failed().is_empty() {
        let cause = "a provider failed, so regcred does not know which of its logins are for registries of the config";
        return Err(Error::new(&codes::ADOPTION_WAITS, format!("cannot adopt {target}")).with_cause(cause));
    }
    // Under its previous name, this installation wrote every login itself. So no login of another owner is lost.
    let was_owned = matches!(writer.ownership(&stored.metadata, target), Ownership::OtherInstance(_));
    if let Some(refusal) = adopt::excess(&stored, set).filter(|_| !was_owned) {
        return Err(refusal.into());
    }
    let patch = adopt::patch(&stored.metadata, &writer.own_managers(), &writer.settings.template);
    let after = writer.store.patch_secret(target, &writer.manager, &Patch::Json(patch), false).await?;
    let (template, _) = writer.settings.template.yielding(&after, &writer.manager);
    let (links, over) = (Recorded::of(&writer.settings.links), Version::of(&after));
    let object = desired(writer, target, &template, &links, Some(&over)).object(None, None, set)?;
    writer.store.patch_secret(target, &writer.manager, &Patch::Apply(object), false).await?;
    Ok(Written::Updated)
}

fn desired<'a>(
    writer: &'a SecretWriter,
    target: &'a Target,
    template: &'a SecretTemplate,
    links: &'a Recorded,
    over: Option<&'a Version>,
) -> Desired<'a> {
    Desired { target, instance: writer.settings.instance.as_str(), template, links, over }
}

pub(crate) async fn remove_owned(writer: &SecretWriter, target: &Target) -> Result<()> {
    let Some(metadata) = writer.store.secret_metadata(target).await? else { return Ok(()) };
    let owned = match writer.ownership(&metadata, target) {
        Ownership::Foreign(owner) => return Err(refusal::foreign(&owner).into()),
        Ownership::OtherInstance(instance) => return Err(refusal::other_instance(&instance).into()),
        Ownership::Owned(owned) => owned,
    };
    if let Some(other) = shares(&metadata, &writer.manager) {
        return Err(refusal::shared(&other).into());
    }
    // regcred does not trust an annotation that another program wrote.
    let linked = owned.linked.into_iter().chain([Recorded::of(&writer.settings.links)]);
    let accounts = linked.flat_map(Recorded::into_accounts).collect::<BTreeSet<_>>();
    for account in accounts {
        match unlink(writer, target, &account, Lists::BOTH).await {
            Err(error) if error.kind() == ErrorKind::Denied && !is_writable(&account, &writer.settings.links) => {}
            unlinked => drop(unlinked?),
        }
    }
    writer.store.delete_secret(target, &metadata).await
}

/// Returns whether the Secret itself needs no change.
fn is_left(owned: &Owned, set: &CredentialSet) -> bool {
    let stays = |record: &Record| set.failed().contains(&record.provider);
    set.is_empty() && owned.is_whole() && owned.records.as_ref().is_some_and(|records| records.values().all(stays))
}

/// Returns another manager that has data in a Secret under any key but ours.
pub(crate) fn shares(metadata: &ObjectMeta, us: &str) -> Option<String> {
    let has_more = |entry: &&ManagedFieldsEntry| {
        let data = entry.fields_v1.as_ref().and_then(|fields| fields.0[DATA[0]].as_object());
        data.is_some_and(|keys| keys.keys().any(|key| key.starts_with("f:") && key != DATA[1]))
    };
    let mut others = entries(metadata).filter(|entry| entry.manager.as_deref() != Some(us)).filter(has_more);
    others.next().map(|entry| entry.manager.clone().unwrap_or_else(|| "another manager".into()))
}

/// Reads a Secret with its data. Fails if it has changed since it was seen.
pub(crate) async fn read_same(writer: &SecretWriter, target: &Target, seen: Option<&Version>) -> Result<Stored> {
    let stored = writer.store.secret(target).await?;
    let is_same = |it: &Stored| seen.is_none_or(|seen| *seen == Version::of(&it.metadata));
    stored.filter(is_same).ok_or_else(|| meanwhile(target))
}

fn meanwhile(target: &Target) -> Error {
    Error::new(&codes::CONFLICT, format!("cannot change {target}")).with_cause("another writer changed it meanwhile")
}
