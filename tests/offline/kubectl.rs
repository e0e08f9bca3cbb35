//! Kubeconfigs and proxies. regcred behaves like kubectl, or the table contains the reason.

use crate::table::{World, cases};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regcred_reads_a_kubeconfig_as_kubectl_does() {
    let (world, cases) = (World::new().await, cases());
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut wrong = vec![];
    for case in &cases {
        let (outcome, output) =
            world.outcome(case, env!("CARGO_BIN_EXE_greet"), &World::flag(case).into_iter().collect::<Vec<_>>());
        let told = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let expected = case.regcred.as_ref().unwrap_or(&case.kubectl);
        let says = case.says.as_deref().unwrap_or_default();
        if outcome != *expected || !told.contains(says) || told.contains("panicked") || told.contains("canary") {
            wrong.push(format!("{}: expected {expected:?} {says:?}, found {outcome:?}\n  {told}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}
