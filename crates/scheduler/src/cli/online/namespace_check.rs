//! Checks of each namespace: whether it exists, and the rights of regcred in it.

use std::collections::{BTreeMap, BTreeSet};

use regcred_core::{Error, Namespace, Result};
use regcred_openshift::{Cluster, Presence, Right, check};
use regcred_plan::Demand;

/// The most namespaces that are checked. A server on a small machine checks nine rights in each of them within 15
/// seconds.
const MOST: usize = 2_000;
/// The number of namespaces that are checked together. When the time limit ends, only their answers are lost.
const TOGETHER: usize = 16;

/// A namespace with a target.
#[derive(Debug)]
pub(crate) struct CheckedNamespace {
    pub(crate) namespace: Namespace,
    /// Whether only a selection chooses the namespace. False if the config names it.
    pub(crate) chosen: bool,
    /// Whether the namespace is in the list of the cluster's namespaces.
    listed: bool,
    /// The rights that all targets in the namespace need, without duplicates.
    pub(crate) needed: Vec<Right>,
    /// `None` if the namespace was not checked.
    pub(crate) seen: Option<Answers>,
}

/// The answers about a namespace.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) presence: Result<Presence>,
    pub(crate) missing: Vec<Right>,
    /// The reason why the answers are incomplete. `None` if they are complete.
    pub(crate) unknown: Option<Error>,
}

impl Answers {
    fn of(presence: Result<Presence>) -> Self {
        Self { presence, missing: vec![], unknown: None }
    }

    /// Whether a Secret can be created in the namespace, as far as the answers show.
    pub(crate) fn lives(&self) -> bool {
        !matches!(self.presence, Ok(Presence::Absent | Presence::Going))
    }
}

/// Returns the rights that a demand needs in one namespace.
pub(crate) fn rights(demand: &Demand) -> impl Iterator<Item = Right> {
    demand.rights().map(|(verb, resource, name)| Right::new(verb, resource, name))
}

/// Returns the named namespaces, then the namespaces that the demands select.
///
/// `listed`: the namespaces that are known to exist.
pub(crate) fn checked_namespaces(
    demands: &[Demand],
    chosen: &[Vec<Namespace>],
    listed: &BTreeSet<Namespace>,
) -> Vec<CheckedNamespace> {
    let named = demands.iter().flat_map(|demand| &demand.namespaces).collect::<BTreeSet<_>>();
    let mut places = BTreeMap::<(bool, &Namespace), Vec<Right>>::new();
    for (demand, chosen) in demands.iter().zip(chosen) {
        for namespace in demand.namespaces.iter().chain(chosen) {
            let needed = places.entry((!named.contains(namespace), namespace)).or_default();
            let more = rights(demand).filter(|right| !needed.contains(right)).collect::<Vec<_>>();
            needed.extend(more);
        }
    }
    let place = |((chosen, namespace), needed): ((bool, &Namespace), Vec<Right>)| CheckedNamespace {
        namespace: namespace.clone(),
        chosen,
        listed: listed.contains(namespace),
        needed,
        seen: None,
    };
    places.into_iter().map(place).collect()
}

/// Checks the namespaces in groups, each namespace completely or not at all.
///
/// Does not check again what is known: rights that are held `everywhere`, and the existence of listed namespaces.
pub(crate) async fn check_namespaces(cluster: &Cluster, everywhere: &BTreeSet<Right>, places: &mut [CheckedNamespace]) {
    let mut asked = vec![];
    for place in places {
        if place.listed && place.needed.iter().all(|right| everywhere.contains(right)) {
            place.seen = Some(Answers::of(Ok(Presence::Here)));
        } else {
            asked.push(place);
        }
    }
    asked.truncate(MOST);
    for together in asked.chunks_mut(TOGETHER) {
        let mut seen = presence(cluster, together).await;
        missing(cluster, everywhere, together, &mut seen).await;
        for (place, seen) in together.iter_mut().zip(seen) {
            place.seen = Some(seen);
        }
    }
}

async fn presence(cluster: &Cluster, places: &[&mut CheckedNamespace]) -> Vec<Answers> {
    let names = places.iter().filter(|it| !it.listed).map(|it| it.namespace.as_str()).collect::<Vec<_>>();
    let mut answers = check::namespaces(cluster, &names).await.into_iter();
    let answer = |place: &&mut CheckedNamespace| if place.listed { None } else { answers.next() };
    places.iter().map(answer).map(|answer| Answers::of(answer.unwrap_or(Ok(Presence::Here)))).collect()
}

async fn missing(
    cluster: &Cluster,
    everywhere: &BTreeSet<Right>,
    places: &[&mut CheckedNamespace],
    seen: &mut [Answers],
) {
    let mut questions = vec![];
    for (number, place) in places.iter().enumerate().filter(|(number, _)| seen[*number].lives()) {
        let open = place.needed.iter().filter(|right| !everywhere.contains(right));
        questions.extend(open.map(|right| (number, Some(place.namespace.as_str()), right)));
    }
    let wanted = questions.iter().map(|(_, namespace, right)| (*namespace, *right)).collect::<Vec<_>>();
    for ((number, _, right), answer) in questions.iter().zip(check::may(cluster, &wanted).await) {
        match answer {
            Ok(true) => {}
            Ok(false) => seen[*number].missing.push((*right).clone()),
            Err(error) => drop(seen[*number].unknown.get_or_insert(error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::SecretName;

    use super::*;

    fn demand(secret: &str, namespaces: &[&str]) -> Demand {
        let namespaces = namespaces.iter().map(|it| Namespace::new(*it).expect("valid")).collect();
        Demand::new(SecretName::new(secret).expect("valid"), false, vec!["default".into()], namespaces)
    }

    #[test]
    fn named_namespaces_are_checked_before_selected_ones_with_each_right_once() {
        let demands = [demand("one", &["z"]), demand("two", &["z", "c"])];
        let chosen = ["a", "z"].map(|it| Namespace::new(it).expect("valid"));
        let places = checked_namespaces(&demands, &[chosen.to_vec(), vec![]], &chosen.into());
        let told = places.iter().map(|it| (it.namespace.as_str(), it.chosen, it.listed, it.needed.len()));
        assert_eq!(
            told.collect::<Vec<_>>(),
            [("c", false, false, 4), ("z", false, true, 6), ("a", true, true, 4)],
            "of z both Secrets, and the account they share"
        );
    }
}
