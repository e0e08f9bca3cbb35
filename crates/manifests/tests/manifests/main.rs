//! Tests the objects as Kubernetes, OpenShift and AWS read them.

mod guard;
mod iam;
mod identity;
mod leftover;
mod values;

use regcred::{BuiltIn, Plan, Types, plan::from_yaml};

pub(crate) fn types() -> Types {
    BuiltIn::default().add_to(Types::default()).expect("they have different names")
}

/// Returns the plan of a valid config.
pub(crate) fn plan(yaml: &str) -> Plan {
    let types = types();
    let config = from_yaml(yaml, &types).expect("it is valid");
    Plan::new(&config, &types).expect("it is valid")
}
