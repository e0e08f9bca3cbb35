//! The variables that programs may inherit.

use std::{collections::BTreeMap, env, ffi::OsString, fmt};

/// The variables that programs may inherit: those of the process, or those that your program gives.
///
/// A program sees only `PATH`, `HOME` and the variables that the provider names.
#[derive(Clone, Default)]
pub struct Variables(Option<BTreeMap<String, OsString>>);

impl Variables {
    /// Returns the variables of the process.
    pub fn process() -> Self {
        Self(None)
    }

    /// Creates variables that are independent of the process, such as those of a tenant.
    pub fn new(variables: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>) -> Self {
        Self(Some(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect()))
    }

    /// Returns the value of a variable. `None`: it is not set.
    pub(crate) fn get(&self, name: &str) -> Option<OsString> {
        match &self.0 {
            None => env::var_os(name),
            Some(given) => given.get(name).cloned(),
        }
    }
}

/// Hides the values, which may be secret.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Variables(process)"),
            Some(given) => f.debug_tuple("Variables").field(&given.keys().collect::<Vec<_>>()).finish(),
        }
    }
}
