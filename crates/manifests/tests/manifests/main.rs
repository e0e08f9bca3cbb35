//! The objects as their readers take them.

mod guard;
mod iam;
mod identity;
mod leftover;
mod values;

use regcred::{BuiltIn, Plan, Types, config::Config};

/// The plan of a valid config.
pub(crate) fn plan(yaml: &str) -> Plan {
    let types = BuiltIn::default().add_to(Types::default()).expect("they have different names");
    Plan::new(&Config::from_yaml(yaml).expect("its form is valid"), &types).expect("it is valid")
}
