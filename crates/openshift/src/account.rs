//! Edits the lists of ServiceAccounts. Other programs edit them at the same time.

use std::time::Duration;

use k8s_openapi::api::core::v1::ServiceAccount;
use regcred_core::{ErrorKind, Result, Target};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    link::{self, Link, Lists},
    snapshot::Accounts,
    writer::SecretWriter,
};

/// Maximum number of attempts at one edit. The ServiceAccount is read again between them, as in OpenShift's own
/// controllers.
const TRIES: u32 = 5;
/// The base of the pause between attempts. It is multiplied by the number of the attempt and a random part, so that two
/// writers do not collide again.
const PAUSE: Duration = Duration::from_millis(50);

/// Links an account. Returns whether a write was necessary.
pub(crate) async fn link(writer: &SecretWriter, target: &Target, link: &Link, accounts: &Accounts) -> Result<bool> {
    let read = accounts.of(link).cloned().unwrap_or(Ok(None))?;
    let edit = |account: &ServiceAccount| link.patch(account, target.name());
    edit_account(writer, target.group(), link.account(), read, edit).await
}

pub(crate) async fn unlink(writer: &SecretWriter, target: &Target, account: &str, lists: Lists) -> Result<bool> {
    let namespace = target.group();
    let read = writer.store.account(namespace, account).await?;
    edit_account(writer, namespace, account, read, |account| link::unlink(account, target.name(), lists)).await
}

/// Edits an account by a guarded patch. Reads it again after a conflict. Returns whether a write was necessary. `edit`
/// returns `None` if nothing is left to do.
async fn edit_account(
    writer: &SecretWriter,
    namespace: &str,
    name: &str,
    mut read: Option<ServiceAccount>,
    edit: impl Fn(&ServiceAccount) -> Option<Value>,
) -> Result<bool> {
    for attempt in 1..=TRIES {
        let Some(patch) = read.as_ref().and_then(&edit) else { return Ok(false) };
        match writer.store.patch_account(namespace, name, &writer.manager, &patch).await {
            Err(error) if error.kind() == ErrorKind::Conflict && attempt < TRIES => {
                sleep(PAUSE.mul_f64(f64::from(attempt) * fastrand::f64())).await;
                read = writer.store.account(namespace, name).await?;
            }
            other => return other.map(|()| true),
        }
    }
    Ok(false)
}
