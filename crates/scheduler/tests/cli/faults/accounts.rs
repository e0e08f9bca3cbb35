//! `ServiceAccounts` that do not exist yet, or that other writers change too.

use serde_json::{Value, json};

use super::ONE;
use crate::world::{World, of, run};

const JSON: &[&str] = &["--output", "json"];

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(|it| it["name"].as_str()).collect()
}

/// Case 21: a new project has no ServiceAccount `default` yet, and `builder` is never created.
///
/// regcred writes the Secret. The target waits for `default` but not for `builder`, and the exit code is 0. The next
/// pass links a ServiceAccount that was created in the meantime.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_created_later_is_linked_and_an_optional_one_is_not_awaited() {
    let world = World::new(&[]).await;
    world.kube.add_namespace("team-a", &[]);
    for _ in 0..2 {
        let (code, report, _) = run(&mut world.once(ONE, JSON));
        let (state, why) = of(&report, "team-a");
        assert_eq!((code, state.as_str()), (0, "waiting"), "{report:#}");
        assert_eq!(why, "ServiceAccount default does not exist");
    }
    world.kube.put("serviceaccounts", "team-a", "default", json!({}), "kube-controller-manager");
    let (code, report, _) = run(&mut world.once(ONE, JSON));
    assert_eq!((code, of(&report, "team-a").0.as_str(), world.mints()), (0, "fresh", 1), "{report:#}");
    assert_eq!(report["targets"][0]["step"], "link", "no token is minted for it: {report:#}");
    let account = world.kube.object("serviceaccounts", "team-a", "default").expect("it is there");
    assert_eq!(names(&account["imagePullSecrets"]), ["ecr-secret"]);
}

/// Case 23: the lists of a ServiceAccount have two hundred entries with duplicates, and only one list has regcred's
/// entry.
///
/// regcred appends its missing entry once. It does not drop, sort or deduplicate entries of other owners. A second pass
/// writes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_appended_to_long_lists_without_changing_foreign_entries() {
    let world = World::new(&["team-a"]).await;
    let theirs = (0..200).map(|number| json!({ "name": format!("s-{}", number % 150) })).collect::<Vec<_>>();
    let mut mounted = theirs.clone();
    mounted.insert(7, json!({ "name": "ecr-secret" }));
    let lists = json!({ "imagePullSecrets": theirs, "secrets": mounted });
    world.kube.put("serviceaccounts", "team-a", "builder", lists, "openshift");
    assert_eq!(run(&mut world.once(ONE, JSON)).0, 0);
    let account = world.kube.object("serviceaccounts", "team-a", "builder").expect("it is there");
    let expected = theirs.iter().chain([&json!({ "name": "ecr-secret" })]).cloned().collect::<Vec<_>>();
    assert_eq!(account["imagePullSecrets"], json!(expected));
    assert_eq!(account["secrets"], json!(mounted));
    world.kube.clear_requests();
    assert_eq!(run(&mut world.once(ONE, JSON)).0, 0);
    assert!(world.kube.requests().iter().all(|it| it.verb != "patch"));
}
