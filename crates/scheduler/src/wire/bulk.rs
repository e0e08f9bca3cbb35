//! Which Secrets are read in lists. Pure.

use std::collections::{HashMap, HashSet};

use regcred_core::{SecretName, StoreName};

use crate::{
    group::{Group, Places},
    plan::Plan,
};

/// The number of Secrets with one name from which a few lists cost less than four reads for each.
const BULK: usize = 8;

/// The Secrets of one name, of which there are so many that lists are cheaper.
pub(super) fn many(plan: &Plan) -> HashSet<(StoreName, SecretName)> {
    let mut alike = HashMap::<_, usize>::new();
    for Group { need, places, .. } in &plan.groups {
        let many = match places {
            Places::Named(namespaces) => namespaces.len(),
            Places::Selected(_) => BULK,
        };
        *alike.entry((need.store.clone(), need.secret.name.clone())).or_default() += many;
    }
    alike.into_iter().filter(|(_, count)| *count >= BULK).map(|(secrets, _)| secrets).collect()
}
