//! Tests the values of the chart.

use regcred_manifests::{Install, Mode, values};

use crate::plan;

#[test]
fn without_a_workload_there_are_no_values() {
    let plan = plan("targets: [{ namespace: a, region: eu-west-1 }]");
    let install = Install { mode: Mode::Elsewhere, ..Install::default() };
    let told = values(&plan, &install, "").expect_err("the chart runs something").to_string();
    assert!(told.contains("the chart runs a CronJob or a Deployment"), "{told}");
}
