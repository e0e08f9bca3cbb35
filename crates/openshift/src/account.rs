//! Editing the lists of `ServiceAccounts`, of which others write some entries at the same time.

use std::time::Duration;

use k8s_openapi::api::core::v1::ServiceAccount;
use regcred_core::{ErrorKind, Result, Target};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    link::{self, Link, Lists},
    look::Accounts,
    writer::SecretWriter,
};

/// A ServiceAccount that others write at this moment is read again so often; each of OpenShift's own writers does it too.
const TRIES: u32 = 5;
/// Times a random part and the number of the try: writers that met once do not meet again.
const PAUSE: Duration = Duration::from_millis(50);

/// Whether anything had to be written.
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

/// Edits an account by a guarded patch, and whether it had to; reads it again if somebody else was faster. `edit` returns
/// none where nothing is left to do, as there is for an account that does not exist.
async fn edit_account(
    writer: &SecretWriter,
    namespace: &str,
    name: &str,
    mut read: Option<ServiceAccount>,
    edit: impl Fn(&ServiceAccount) -> Option<Value>,
) -> Result<bool> {
    for attempt in 1..=TRIES {
        let Some(patch) = read.as_ref().and_then(&edit) else { return Ok(false) };
        match writer.store.patch_account(namespace, name, &patch).await {
            Err(error) if error.kind() == ErrorKind::Conflict && attempt < TRIES => {
                sleep(PAUSE.mul_f64(f64::from(attempt) * fastrand::f64())).await;
                read = writer.store.account(namespace, name).await?;
            }
            other => return other.map(|()| true),
        }
    }
    Ok(false)
}
