//! Which Secrets are read in lists. Pure.

use std::collections::BTreeMap;

use regcred_core::{SecretName, StoreName};

use crate::{
    group::{Group, Places},
    plan::Plan,
};

/// A few lists are cheaper than four reads each, from this number of Secrets of one name on.
const ENOUGH: usize = 8;

/// Names of the Secrets in a store of which there are so many that lists are cheaper.
pub(super) fn listed(plan: &Plan, store: &StoreName) -> impl Iterator<Item = SecretName> + use<> {
    let mut alike = BTreeMap::<_, usize>::new();
    for Group { need, places, .. } in plan.groups.iter().filter(|group| group.need.store == *store) {
        let count = match places {
            Places::Named(namespaces) => namespaces.len(),
            Places::Selected(_) => ENOUGH,
        };
        *alike.entry(need.secret.name.clone()).or_default() += count;
    }
    alike.into_iter().filter(|(_, count)| *count >= ENOUGH).map(|(name, _)| name)
}
