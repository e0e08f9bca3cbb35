//! Is the address of a target that of a Secret?

use regcred_core::{Namespace, Result, SecretName, Target};

/// Refuses a target whose group is not a namespace, or whose name is not the name of a Secret.
pub(crate) fn check(target: &Target) -> Result<()> {
    Namespace::new(target.group())?;
    SecretName::new(target.name())?;
    Ok(())
}
