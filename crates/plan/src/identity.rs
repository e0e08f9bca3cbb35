//! The identity of the pod that runs a plan, and its policies, over all types of providers.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::{Problem, Problems};

use crate::{ChosenIdentity, Plan, PlannedProvider, PodIdentity, PodSite, Policies};

/// Returns what a pod needs for the chosen identity, or every problem at once.
///
/// Problems are those of the types, an identity that no type of the plan knows, and providers that need different
/// tokens.
pub fn pod_identity(plan: &Plan, chosen: &ChosenIdentity, site: &PodSite) -> Result<PodIdentity, Problems> {
    let (mut all, mut problems) = (PodIdentity::default(), unknown(plan, chosen));
    for providers in by_type(plan).into_values() {
        match PlannedProvider::pod_identity(&providers, &own(&providers, chosen), site) {
            Ok(identity) => all.extend(identity),
            Err(wrong) => problems.extend(Vec::from(wrong)),
        }
    }
    let mut audiences = BTreeMap::<_, BTreeSet<_>>::new();
    for (file, audience) in plan.planned_providers().values().flat_map(|it| &it.plan().tokens) {
        audiences.entry(file).or_default().insert(audience.as_str());
    }
    audiences.retain(|file, _| !all.tokens.contains_key(*file));
    for (file, audiences) in audiences {
        if audiences.len() > 1 {
            let (file, list) = (file.display(), audiences.iter().copied().collect::<Vec<_>>().join(", "));
            let message = format!("providers: the token {file} has one audience, and the config has several: {list}");
            problems.push(Problem::everywhere(message));
        }
        all.tokens.extend(audiences.first().map(|audience| (file.clone(), (*audience).to_owned())));
    }
    Problems::check(problems)?;
    Ok(all)
}

/// Returns the policies that the providers of a plan need, or every problem at once.
///
/// If all policies belong to one type, they are its own document. Otherwise the document has a key for each type.
///
/// Problems are those of the types, an identity that no type of the plan knows, and a plan without policies.
pub fn policies(plan: &Plan, chosen: &ChosenIdentity, site: &PodSite) -> Result<Policies, Problems> {
    let (mut made, mut problems) = (vec![], unknown(plan, chosen));
    for (kind, providers) in by_type(plan) {
        match PlannedProvider::policies(&providers, &own(&providers, chosen), site) {
            Some(Ok(policies)) => made.push((kind, policies)),
            Some(Err(wrong)) => problems.extend(Vec::from(wrong)),
            None => {}
        }
    }
    if made.is_empty() && problems.is_empty() {
        problems.push(Problem::everywhere("providers: no type in the config has policies"));
    }
    Problems::check(problems)?;
    let notes = made.iter().flat_map(|(_, policies)| policies.notes.clone()).collect();
    let document = match made.as_slice() {
        [(_, only)] => only.document.clone(),
        several => several.iter().map(|(kind, policies)| ((*kind).to_owned(), policies.document.clone())).collect(),
    };
    Ok(Policies { document, notes })
}

fn by_type(plan: &Plan) -> BTreeMap<&'static str, Vec<PlannedProvider>> {
    let mut by_type = BTreeMap::<_, Vec<_>>::new();
    for provider in plan.planned_providers().values() {
        by_type.entry(provider.kind()).or_default().push(provider.clone());
    }
    by_type
}

/// Returns the chosen identity if it is one of this type.
fn own(providers: &[PlannedProvider], chosen: &ChosenIdentity) -> ChosenIdentity {
    let is_own = |name| providers.first().is_some_and(|it| it.identities().has(name));
    match chosen.name() {
        Some(name) if !is_own(name) => ChosenIdentity::default(),
        _ => chosen.clone(),
    }
}

fn unknown(plan: &Plan, chosen: &ChosenIdentity) -> Vec<Problem> {
    let is_known = |name: &str| plan.planned_providers().values().any(|it| it.identities().has(name));
    let unknown = chosen.name().filter(|name| !is_known(name));
    let problem =
        unknown.map(|name| Problem::everywhere(format!("--identity {name}: no provider of the config supports it")));
    problem.into_iter().collect()
}
