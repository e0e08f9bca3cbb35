//! Selects the Secrets that are read in lists. Pure.

use std::collections::BTreeMap;

use regcred_core::SecretName;
use regcred_plan::SinkTarget;

/// A few lists are cheaper than four reads for each Secret if at least this number of Secrets have one name.
const ENOUGH: usize = 8;

/// Returns the names of the Secrets that a pass reads in lists, if RBAC allows lists.
pub fn listed<O>(targets: &[SinkTarget<O>]) -> impl Iterator<Item = SecretName> + use<O> {
    let mut alike = BTreeMap::<_, usize>::new();
    for target in targets {
        let count = if target.selection.is_some() { ENOUGH } else { target.namespaces.len() };
        *alike.entry(target.secret.name.clone()).or_default() += count;
    }
    alike.into_iter().filter(|(_, count)| *count >= ENOUGH).map(|(name, _)| name)
}
