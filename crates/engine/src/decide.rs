//! The decision about one target, as a pure function that every mode uses.

use std::fmt;

use regcred_core::{Observed, ProviderName, Refusal, Validity};

/// The decision about one target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The target does not exist: mint and write it.
    Create,
    /// A credential is missing or due: mint and write it.
    Refresh,
    /// Every credential is fresh, but the target differs for these reasons: write it again.
    Repair(Vec<String>),
    /// Only work beside the target is left, for these reasons: do it. Nothing is minted.
    Link(Vec<String>),
    /// This other owner has the target, and the sink is configured to adopt it: mint and write it.
    Adopt(String),
    /// Everything is up to date.
    Leave,
    /// regcred must not write the target: neither mint nor write.
    Refuse(Refusal),
}

impl Step {
    /// Returns the name in lower case, as in logs and reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Refresh => "refresh",
            Self::Repair(_) => "repair",
            Self::Link(_) => "link",
            Self::Adopt(_) => "adopt",
            Self::Leave => "leave",
            Self::Refuse(_) => "refuse",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Decides from the observation, the configured providers, whether a refresh is forced, and a test for freshness.
pub fn decide(seen: &Observed, providers: &[ProviderName], force: bool, fresh: impl Fn(&Validity) -> bool) -> Step {
    if !seen.exists {
        return Step::Create;
    }
    if let Some(refusal) = &seen.refusal {
        return Step::Refuse(refusal.clone());
    }
    if let Some(owner) = &seen.adopted_from {
        return Step::Adopt(owner.clone());
    }
    if force || !providers.iter().all(|name| seen.validity.get(name).is_some_and(&fresh)) {
        return Step::Refresh;
    }
    let unwanted = seen.validity.keys().filter(|name| !providers.contains(name));
    let unwanted = unwanted.map(|name| format!("{name} is no longer needed"));
    let touched = seen.drift.iter().cloned().chain(unwanted).collect::<Vec<_>>();
    match (touched.is_empty(), seen.undone.is_empty()) {
        (true, true) => Step::Leave,
        (true, false) => Step::Link(seen.undone.clone()),
        (false, _) => Step::Repair(touched.into_iter().chain(seen.undone.iter().cloned()).collect()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use regcred_core::testing::provider_name;

    use super::*;

    fn observed(providers: &[&str]) -> Observed {
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        Observed::ours(providers.iter().map(|name| (provider_name(name), validity)).collect())
    }

    fn step(seen: &Observed, force: bool, fresh: bool) -> Step {
        decide(seen, &[provider_name("one"), provider_name("two")], force, |_| fresh)
    }

    #[test]
    fn every_row_of_the_decision_table_gives_its_step() {
        let both = observed(&["one", "two"]);
        let edited = both.clone().with_drift(["its data was edited".into()]);
        let undone = both.clone().with_undone(["builder is not linked".into()]);
        let more = observed(&["one", "three", "two"]);
        assert_eq!(step(&Observed::absent(), false, true), Step::Create);
        assert_eq!(step(&both, false, true), Step::Leave);
        assert_eq!(step(&both, true, true), Step::Refresh);
        assert_eq!(step(&both, false, false), Step::Refresh);
        assert_eq!(step(&observed(&["one"]), false, true), Step::Refresh);
        assert_eq!(step(&edited, false, true), Step::Repair(vec!["its data was edited".into()]));
        assert_eq!(step(&edited, false, false), Step::Refresh);
        assert_eq!(step(&undone, false, true), Step::Link(vec!["builder is not linked".into()]));
        let worse = undone.with_drift(["its data was edited".into()]);
        let reasons = ["its data was edited", "builder is not linked"].map(str::to_owned).to_vec();
        assert_eq!(step(&worse, false, true), Step::Repair(reasons));
        assert_eq!(step(&more, false, true), Step::Repair(vec!["three is no longer needed".into()]));
        let refusal = Refusal::new("foreign", "it is helm's", "choose another name");
        let (foreign, adopted) = (Observed::refused(refusal.clone()), Observed::adopted_from("helm"));
        for force in [true, false] {
            assert_eq!(step(&foreign, force, false), Step::Refuse(refusal.clone()));
            assert_eq!(step(&adopted, force, true), Step::Adopt("helm".into()));
        }
    }
}
