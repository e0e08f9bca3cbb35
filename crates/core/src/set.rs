//! The credentials for one target, by provider.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::SystemTime,
};

use crate::{Error, Login, ProviderName, RegistryCredential, Result, Validity, codes};

/// The credentials for one target, by provider, and the providers that failed. The target keeps its entries of failed
/// providers.
#[derive(Clone, Debug, Default)]
pub struct CredentialSet {
    credentials: BTreeMap<ProviderName, Arc<RegistryCredential>>,
    failed: BTreeSet<ProviderName>,
    latest_ends: BTreeMap<ProviderName, SystemTime>,
}

impl CredentialSet {
    /// Creates an empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the credential of a provider. Returns [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) if another provider
    /// already has a login for one of its registries.
    pub fn insert(&mut self, provider: ProviderName, credential: Arc<RegistryCredential>) -> Result<()> {
        for registry in credential.registries() {
            let rival = self.logins().find(|(name, login)| *name != &provider && login.registries().contains(registry));
            if let Some((rival, _)) = rival {
                let message = format!("cannot use the login of {provider} for {registry}");
                let cause = format!("{rival} has one too, and a Secret can hold only one");
                return Err(Error::new(&codes::ANOTHER_PROVIDER, message).with_cause(cause));
            }
        }
        self.failed.remove(&provider);
        self.credentials.insert(provider, credential);
        Ok(())
    }

    /// Records that a provider failed to return a credential.
    pub fn insert_failed(&mut self, provider: ProviderName) {
        self.credentials.remove(&provider);
        self.failed.insert(provider);
    }

    /// Sets the latest time at which a credential of this provider can end.
    pub fn limit(&mut self, provider: ProviderName, latest_end: SystemTime) {
        self.latest_ends.insert(provider, latest_end);
    }

    /// Returns whether the stored entry of a provider ends later than its credential in this set. Such an entry stays.
    ///
    /// Returns `false` if the stored end is later than the [limit](Self::limit) of the provider, because the provider
    /// cannot have issued it. Also returns `false` if another account minted the stored entry.
    pub fn is_outlived_by(&self, provider: &ProviderName, stored: &Validity) -> bool {
        let believed = match (self.latest_ends.get(provider), stored.expires_at()) {
            (None, _) => true,
            (Some(latest), Some(end)) => end <= *latest,
            (Some(_), None) => false,
        };
        let stays = |new: Validity| {
            let is_of_another = matches!((stored.issuer(), new.issuer()), (Some(old), Some(new)) if old != new);
            stored.outlives(&new) && !is_of_another
        };
        believed && self.get(provider).is_some_and(|new| stays(new.validity()))
    }

    /// Returns whether the set contains no credential.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }

    /// Returns the credential of one provider. `None`: there is none.
    pub fn get(&self, provider: &ProviderName) -> Option<&Arc<RegistryCredential>> {
        self.credentials.get(provider)
    }

    /// Returns the credentials by provider, in the order of the provider names.
    pub fn iter(&self) -> impl Iterator<Item = (&ProviderName, &Arc<RegistryCredential>)> {
        self.credentials.iter()
    }

    /// Returns all logins, each with its provider.
    pub fn logins(&self) -> impl Iterator<Item = (&ProviderName, &Login)> {
        self.iter().flat_map(|(name, credential)| credential.logins().iter().map(move |login| (name, login)))
    }

    /// Returns the providers that failed. Their entries in the target must stay unchanged.
    pub fn failed(&self) -> &BTreeSet<ProviderName> {
        &self.failed
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::ErrorKind;

    use super::*;
    use crate::{Issuer, Registry};

    fn credential(registry: &str) -> Arc<RegistryCredential> {
        let login = Login::new(vec![Registry::new(registry).expect("valid")], "AWS", "x".into()).expect("valid");
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        Arc::new(RegistryCredential::new(vec![login], validity).expect("valid"))
    }

    #[test]
    fn each_registry_has_only_one_provider() {
        let (one, two) = (ProviderName::new("one").expect("valid"), ProviderName::new("two").expect("valid"));
        let mut set = CredentialSet::new();
        set.insert(one.clone(), credential("r.example")).expect("first");
        set.insert(one.clone(), credential("r.example")).expect("a provider may replace its own");
        let error = set.insert(two.clone(), credential("r.example")).expect_err("taken");
        assert_eq!((error.kind(), set.logins().count()), (ErrorKind::Invalid, 1));
        set.insert_failed(one.clone());
        assert!(set.is_empty() && set.failed().contains(&one) && !set.failed().contains(&two));
    }

    #[test]
    fn a_stored_login_with_a_later_expiry_is_kept_unless_the_expiry_is_impossible() {
        let (one, at) =
            (ProviderName::new("one").expect("valid"), |hours| SystemTime::UNIX_EPOCH + Duration::from_hours(hours));
        let ends = |hours: Option<u64>| Validity::new(SystemTime::UNIX_EPOCH, hours.map(at)).expect("valid");
        let login = Login::new(vec![Registry::new("r.example").expect("valid")], "AWS", "x".into()).expect("valid");
        let credential = RegistryCredential::new(vec![login], ends(Some(12))).expect("valid");
        let mut set = CredentialSet::new();
        set.insert(one.clone(), Arc::new(credential)).expect("first");
        assert!([Some(13), Some(99), None].iter().all(|end| set.is_outlived_by(&one, &ends(*end))));
        assert!(!set.is_outlived_by(&one, &ends(Some(12))) && !set.is_outlived_by(&one, &ends(Some(1))));
        let of = |account: &str| ends(Some(13)).with_issuer(Some(Issuer::of(account)));
        assert!(set.is_outlived_by(&one, &of("1")), "only one of both is known");
        let mut known = CredentialSet::new();
        let login = Login::new(vec![Registry::new("r.example").expect("valid")], "AWS", "x".into()).expect("valid");
        let validity = ends(Some(12)).with_issuer(Some(Issuer::of("1")));
        known
            .insert(one.clone(), Arc::new(RegistryCredential::new(vec![login], validity).expect("valid")))
            .expect("first");
        assert!(known.is_outlived_by(&one, &of("1")) && !known.is_outlived_by(&one, &of("2")));
        set.limit(one.clone(), at(13));
        assert!(set.is_outlived_by(&one, &ends(Some(13))));
        assert!([Some(14), Some(99), None].iter().all(|end| !set.is_outlived_by(&one, &ends(*end))));
        set.insert_failed(one.clone());
        assert!(!set.is_outlived_by(&one, &ends(Some(13))), "there is nothing to compare it with");
    }
}
