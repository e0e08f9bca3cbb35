//! Compares the table of kubeconfigs with the real kubectl.

use std::{env, path::PathBuf};

use crate::table::{World, cases};

/// Returns the path of kubectl from `cargo xtask e2e`.
fn kubectl() -> PathBuf {
    let path = env::var_os("PATH").expect("there is a PATH");
    env::split_paths(&path).map(|folder| folder.join("kubectl")).find(|it| it.is_file()).expect("kubectl is in PATH")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_of_kubeconfigs_matches_kubectl() {
    let (world, program) = (World::new().await, kubectl().display().to_string());
    let mut wrong = vec![];
    for case in cases() {
        let mut args = vec!["get", "--raw", "/version"];
        args.extend(World::flag(&case).into_iter().flat_map(|context| ["--context", context]));
        let (outcome, output) = world.outcome(&case, &program, &args);
        if outcome != case.kubectl {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            wrong.push(format!("{}: the table says {:?}, kubectl {outcome:?}\n  {told}", case.name, case.kubectl));
        }
    }
    assert!(wrong.is_empty(), "{} rows are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
