//! Credentials. An invalid one cannot be constructed.

use std::collections::BTreeSet;

use crate::{Error, Login, Registry, Result, Validity, codes};

/// The result of one mint: usually one login, or several if the source knows several registries.
#[derive(Clone, Debug)]
pub struct RegistryCredential {
    logins: Vec<Login>,
    validity: Validity,
}

impl RegistryCredential {
    /// Creates a credential. Returns [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if there is no login or if a
    /// registry occurs twice.
    pub fn new(logins: Vec<Login>, validity: Validity) -> Result<Self> {
        if logins.is_empty() {
            return Err(unusable("it has no login"));
        }
        let mut seen = BTreeSet::new();
        for registry in logins.iter().flat_map(Login::registries) {
            if !seen.insert(registry) {
                return Err(unusable(&format!("it has two logins for {registry}")));
            }
        }
        Ok(Self { logins, validity })
    }

    /// Returns the logins, in the provider's order.
    pub fn logins(&self) -> &[Login] {
        &self.logins
    }

    /// Returns the period in which the credential works.
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Returns every registry that the credential opens.
    pub fn registries(&self) -> impl Iterator<Item = &Registry> {
        self.logins.iter().flat_map(Login::registries)
    }

    /// Returns the same login and validity for other registries, because one token often opens more registries than it
    /// names. Returns [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the credential has several logins,
    /// because the choice between them is ambiguous.
    pub fn for_registries(&self, registries: Vec<Registry>) -> Result<Self> {
        let [login] = self.logins.as_slice() else {
            return Err(unusable("it has several logins, and only a single one can be for other registries"));
        };
        Self::new(vec![login.for_registries(registries)?], self.validity)
    }
}

fn unusable(reason: &str) -> Error {
    Error::new(&codes::CREDENTIAL, "cannot use the credential").with_cause(reason)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn login(registry: &str) -> Login {
        Login::new(vec![Registry::new(registry).expect("valid")], "AWS", "canary".into()).expect("valid")
    }

    #[test]
    fn no_debug_output_shows_the_password() {
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        let credential = RegistryCredential::new(vec![login("r.example")], validity).expect("valid");
        let shown = format!("{credential:?}");
        assert!(shown.contains("r.example") && shown.contains("AWS") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_credential_holds_each_registry_once() {
        let validity = Validity::new(SystemTime::UNIX_EPOCH, None).expect("valid");
        RegistryCredential::new(vec![], validity).expect_err("no login");
        RegistryCredential::new(vec![login("r.example"), login("r.example")], validity).expect_err("twice");
    }
}
