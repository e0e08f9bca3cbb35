//! What is to stand at one target, by provider.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{Error, ErrorKind, Login, ProviderName, RegistryCredential, Result};

/// The credentials for one target, by provider, and the providers that could give none: what stands there for those stays.
#[derive(Clone, Debug, Default)]
pub struct CredentialSet {
    credentials: BTreeMap<ProviderName, Arc<RegistryCredential>>,
    failed: BTreeSet<ProviderName>,
}

impl CredentialSet {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what a provider minted. [`ErrorKind::Invalid`] if a registry is there already from another provider.
    pub fn insert(&mut self, provider: ProviderName, credential: Arc<RegistryCredential>) -> Result<()> {
        for registry in credential.registries() {
            let rival = self.logins().find(|(name, login)| *name != &provider && login.registries().contains(registry));
            if let Some((rival, _)) = rival {
                let message = format!("both {rival} and {provider} have a login for {registry}; one Secret holds one");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        self.failed.remove(&provider);
        self.credentials.insert(provider, credential);
        Ok(())
    }

    /// Notes that a provider has none to give at present.
    pub fn insert_failed(&mut self, provider: ProviderName) {
        self.credentials.remove(&provider);
        self.failed.insert(provider);
    }

    /// Whether no provider gave any.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_empty()
    }

    /// The credential of one provider.
    pub fn get(&self, provider: &ProviderName) -> Option<&Arc<RegistryCredential>> {
        self.credentials.get(provider)
    }

    /// By provider, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&ProviderName, &Arc<RegistryCredential>)> {
        self.credentials.iter()
    }

    /// All logins, each with its provider.
    pub fn logins(&self) -> impl Iterator<Item = (&ProviderName, &Login)> {
        self.iter().flat_map(|(name, credential)| credential.logins().iter().map(move |login| (name, login)))
    }

    /// The providers whose entries must stay as they stand.
    pub fn failed(&self) -> &BTreeSet<ProviderName> {
        &self.failed
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{Registry, Validity};

    fn credential(registry: &str) -> Arc<RegistryCredential> {
        let login = Login::new(vec![Registry::new(registry).expect("valid")], "AWS", "x".into()).expect("valid");
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        Arc::new(RegistryCredential::new(vec![login], validity).expect("valid"))
    }

    #[test]
    fn one_registry_has_one_provider() {
        let (one, two) = (ProviderName::new("one").expect("valid"), ProviderName::new("two").expect("valid"));
        let mut set = CredentialSet::new();
        set.insert(one.clone(), credential("r.example")).expect("first");
        set.insert(one.clone(), credential("r.example")).expect("a provider may replace its own");
        let error = set.insert(two.clone(), credential("r.example")).expect_err("taken");
        assert_eq!((error.kind(), set.logins().count()), (ErrorKind::Invalid, 1));
        set.insert_failed(one.clone());
        assert!(set.is_empty() && set.failed().contains(&one) && !set.failed().contains(&two));
    }
}
