//! Searches a cluster.

use std::collections::HashSet;

use regcred_core::{Namespace, Result};
use regcred_openshift::{Cluster, Presence, check};

use super::{
    account,
    found::{Discovery, Search},
    pull_secret,
    read::{Reader, Unlisted},
};

/// Searches a cluster for registry logins and the tools that maintain them.
///
/// Secrets with the type of a pull secret are read in full, and reduced as they arrive. Of other Secrets only the
/// metadata is read.
///
/// Fails only if no namespace allows listing pull secrets. Any other failed list is reported in the result, and the
/// search continues.
pub async fn discover(cluster: &Cluster, search: &Search) -> Result<Discovery> {
    let reader = Reader::new(cluster, &search.namespaces);
    let mut found = Discovery { is_whole: search.namespaces.is_empty(), ..Discovery::default() };
    let (read, mut failed) = reader.pull_secrets(&search.vendors).await;
    if read.is_none()
        && let Some((_, error)) = failed.first()
    {
        return Err(error.clone());
    }
    for it in read.into_iter().flatten() {
        match it {
            pull_secret::Reduced::Found(secret) => found.secrets.push(*secret),
            pull_secret::Reduced::Unreadable(at) => found.unreadable.push(at),
        }
    }
    if !found.secrets.is_empty() {
        let used = found.secrets.iter().map(|it| it.at.clone()).collect::<HashSet<_>>();
        let (accounts, unlisted) = reader.accounts(&used).await;
        failed.extend(unlisted);
        if let Some(accounts) = accounts {
            account::link(&mut found.secrets, &accounts);
        }
    }
    let (jobs, unlisted) = reader.jobs().await;
    let with_logins = found.secrets.iter().map(|it| it.at.namespace.clone()).collect::<HashSet<_>>();
    found.jobs = reader.writers(jobs.unwrap_or_default(), &with_logins).await;
    failed.extend(unlisted);
    let (templates, unlisted) = reader.templates().await;
    found.templates = templates.unwrap_or_default();
    failed.extend(unlisted);
    let (keys, unlisted) = reader.keys().await;
    found.keys = keys.unwrap_or_default();
    failed.extend(unlisted);
    found.nothing_in = nothing_in(cluster, search, &found, &failed).await;
    let mut told = HashSet::new(); // one missing permission can fail two lists
    found.unlisted = failed.into_iter().map(|(_, error)| error).filter(|error| told.insert(error.chain())).collect();
    found.secrets.sort_by(|one, other| one.at.cmp(&other.at));
    found.unreadable.sort();
    found.jobs.sort_by(|one, other| one.at.cmp(&other.at));
    found.templates.sort();
    found.keys.sort_by(|one, other| one.at.cmp(&other.at));
    Ok(found)
}

/// Returns the namespaces of the search that were searched without any finding.
async fn nothing_in(
    cluster: &Cluster,
    search: &Search,
    found: &Discovery,
    failed: &[Unlisted],
) -> Vec<(Namespace, Presence)> {
    let places = found.secrets.iter().map(|it| &it.at).chain(&found.unreadable);
    let places = places.chain(found.jobs.iter().map(|it| &it.at)).chain(found.keys.iter().map(|it| &it.at));
    let mut known = places.map(|it| it.namespace.as_str()).collect::<HashSet<_>>();
    known.extend(failed.iter().filter_map(|(scope, _)| scope.as_deref()));
    let nothing = search.namespaces.iter().filter(|it| known.insert(it.as_str())).collect::<Vec<_>>();
    let there = check::namespaces(cluster, &nothing.iter().map(|it| it.as_str()).collect::<Vec<_>>()).await;
    let there = there.into_iter().map(|it| it.unwrap_or(Presence::Unknown));
    nothing.into_iter().cloned().zip(there).collect()
}
