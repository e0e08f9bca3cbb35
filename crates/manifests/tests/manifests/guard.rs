//! What the guard lets pass, and the attacks that it stops.

use std::collections::BTreeMap;

use proptest::prelude::*;
use regcred_config::Config;
use regcred_manifests::{Install, manifests};
use regcred_testkit::policy::{Request, judge};
use serde_json::{Value, json};

const USER: &str = "system:serviceaccount:regcred:regcred";

const CONFIG: &str = "
providers:
  pull: { type: ecr, region: eu-west-1, accounts: ['123456789012'] }
targets:
- namespaces: { include: [ci, 'app-*'], exclude: ['app-legacy-*'], selector: 'tier in (build, run)' }
  providers: [pull]
  secret: { name: ecr-pull }
- namespace: argocd
  providers: [pull]
  secret: { name: registries, merge: true }
  service_accounts: [{ name: argocd }]
";

fn policy(yaml: &str, suffix: &str) -> Value {
    let config = Config::from_yaml(yaml).expect("valid");
    let install = Install { profiles: true, ..Install::default() };
    let made = manifests(&config, &install).expect("they can be made");
    let policies = made.objects.into_iter().filter(|it| it["kind"] == "ValidatingAdmissionPolicy");
    let mut named = policies.filter(|it| it["metadata"]["name"] == format!("regcred-{suffix}"));
    named.next().expect("a policy")
}

fn secret(name: &str) -> Value {
    let labels = json!({ "app.kubernetes.io/managed-by": "regcred", "regcred.dev/instance": "default" });
    json!({ "metadata": { "name": name, "labels": labels }, "type": "kubernetes.io/dockerconfigjson", "data": {} })
}

fn account(pull: &[&str], mount: &[&str]) -> Value {
    let named = |names: &[&str]| names.iter().map(|name| json!({ "name": name })).collect::<Vec<_>>();
    json!({ "metadata": { "name": "default" }, "imagePullSecrets": named(pull), "secrets": named(mount) })
}

fn write(operation: &'static str, namespace: &str, object: Value) -> Request {
    let request = Request::new(USER, operation, "secrets", namespace).labelled("tier", "run").object(object.clone());
    if operation == "UPDATE" { request.over(object) } else { request }
}

fn link(namespace: &str, before: Value, after: Value) -> Request {
    Request::new(USER, "UPDATE", "serviceaccounts", namespace).labelled("tier", "run").object(after).over(before)
}

#[track_caller]
fn passes(request: &Request) {
    assert_eq!(judge(&policy(CONFIG, "guard"), request), Ok(()), "{request:#?}");
}

#[track_caller]
fn refused(request: &Request, why: &str) {
    let answer = judge(&policy(CONFIG, "guard"), request);
    assert_eq!(answer, Err(why.to_owned()), "{request:#?}");
}

const TYPE: &str = "regcred writes Secrets of type kubernetes.io/dockerconfigjson alone";
const PLACE: &str = "regcred's config has no such Secret in this namespace";
const LISTS: &str = "of a ServiceAccount regcred changes its lists of Secrets alone";
const OTHERS: &str = "of a ServiceAccount's lists regcred leaves every entry of others";
const LINK: &str = "regcred's config links no such Secret in this namespace, and none twice";

#[test]
fn what_the_config_asks_for_passes() {
    for operation in ["CREATE", "UPDATE"] {
        passes(&write(operation, "app-a", secret("ecr-pull")));
        passes(&write(operation, "ci", secret("ecr-pull")));
        passes(&write(operation, "argocd", secret("registries")));
    }
    let theirs = &["default-dockercfg-x"];
    passes(&link("app-a", account(theirs, theirs), account(&["default-dockercfg-x", "ecr-pull"], theirs)));
    passes(&link("app-a", account(&[], &[]), account(&["ecr-pull"], &["ecr-pull"])));
    let bare = json!({ "metadata": { "name": "default" } });
    passes(&link("app-a", bare, account(&["ecr-pull"], &[])));
}

#[test]
fn a_token_secret_is_made_nowhere() {
    let mut token = secret("ecr-pull");
    token["type"] = "kubernetes.io/service-account-token".into();
    token["metadata"]["annotations"] =
        json!({ "kubernetes.io/service-account.name": "clusterrole-aggregation-controller" });
    refused(&write("CREATE", "kube-system", token.clone()), TYPE);
    refused(&write("CREATE", "app-a", token.clone()), TYPE);
    refused(&write("CREATE", "ci", token), TYPE);
}

#[test]
fn nothing_is_written_where_nothing_is_chosen() {
    for namespace in ["kube-system", "openshift-config", "default", "regcred", "app-legacy-a", "other", "my-app-a"] {
        refused(&write("CREATE", namespace, secret("ecr-pull")), PLACE);
    }
    refused(&write("CREATE", "app-a", secret("ecr-pull")).labelled("tier", "test"), PLACE);
    refused(&write("CREATE", "app-a", secret("registries")), PLACE);
    refused(&write("UPDATE", "argocd", secret("ecr-pull")), PLACE);
    refused(&write("UPDATE", "app-a", secret("another")), PLACE);
}

#[test]
fn of_a_secret_nothing_changes_but_its_logins() {
    let over = |old: &Value, edit: &dyn Fn(&mut Value)| {
        let mut new = old.clone();
        edit(&mut new);
        Request::new(USER, "UPDATE", "secrets", "app-a").labelled("tier", "run").object(new).over(old.clone())
    };
    let mut old = secret("ecr-pull");
    old["data"] = json!({ ".dockerconfigjson": "e30=", "tls.ca": "eA==" });
    old["metadata"]["labels"]["team"] = "a".into();
    passes(&over(&old, &|it| it["data"][".dockerconfigjson"] = "e30K".into()));
    let data = "of a Secret's data regcred writes .dockerconfigjson alone";
    refused(&over(&old, &|it| it["data"]["tls.ca"] = "eQ==".into()), data);
    refused(&over(&old, &|it| it["data"]["url"] = "eQ==".into()), data);
    refused(&over(&old, &|it| it["data"] = json!({ ".dockerconfigjson": "e30=" })), data);
    let labels = "regcred sets no labels but its own and those of its config";
    refused(
        &over(&old, &|it| it["metadata"]["labels"]["argocd.argoproj.io/secret-type"] = "repo-creds".into()),
        labels,
    );
    refused(&over(&old, &|it| it["metadata"]["labels"]["team"] = "b".into()), labels);
    refused(&over(&old, &|it| it["immutable"] = true.into()), "regcred makes no Secret immutable");
    let marks = "of a Secret regcred changes neither finalizers nor owners";
    refused(&over(&old, &|it| it["metadata"]["finalizers"] = json!(["a.b/c"])), marks);
    let mut made = secret("ecr-pull");
    made["metadata"]["ownerReferences"] = json!([{ "name": "x", "blockOwnerDeletion": true }]);
    refused(&write("CREATE", "app-a", made), marks);
    let mut labelled = secret("ecr-pull");
    labelled["metadata"]["labels"]["argocd.argoproj.io/secret-type"] = "repository".into();
    refused(&write("CREATE", "app-a", labelled), labels);
    let mut bare = secret("ecr-pull");
    bare["metadata"] = json!({ "name": "ecr-pull" });
    passes(&write("CREATE", "app-a", bare));
}

#[test]
fn labels_of_the_config_may_be_set() {
    let yaml = "targets: [{ namespace: a, region: eu-west-1, secret: { labels: { example.com/team: x } } }]";
    let mut labelled = secret("ecr-secret");
    labelled["metadata"]["labels"]["example.com/team"] = "x".into();
    assert_eq!(judge(&policy(yaml, "guard"), &write("CREATE", "a", labelled)), Ok(()));
}

#[test]
fn of_a_service_account_nothing_of_others_changes() {
    let before = account(&["theirs", "ecr-pull"], &["theirs"]);
    refused(&link("app-a", before.clone(), account(&["ecr-pull"], &["theirs"])), OTHERS);
    refused(&link("app-a", before.clone(), account(&["theirs", "ecr-pull"], &[])), OTHERS);
    refused(&link("app-a", before.clone(), account(&["theirs", "ecr-pull", "stolen"], &["theirs"])), OTHERS);
    refused(&link("app-a", account(&["a", "b"], &[]), account(&["b", "a"], &[])), OTHERS);
    for (field, value) in [
        ("annotations", json!({ "eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/admin" })),
        ("labels", json!({ "a": "b" })),
        ("finalizers", json!(["a/b"])),
        ("ownerReferences", json!([{ "name": "x" }])),
    ] {
        let mut after = before.clone();
        after["metadata"][field] = value;
        refused(&link("app-a", before.clone(), after.clone()), LISTS);
        refused(&link("app-a", after, before.clone()), LISTS);
    }
    let mut after = before.clone();
    after["automountServiceAccountToken"] = false.into();
    refused(&link("app-a", before, after), LISTS);
}

#[test]
fn a_link_is_added_where_it_is_asked_for_and_taken_away_anywhere() {
    refused(&link("other", account(&[], &[]), account(&["ecr-pull"], &[])), LINK);
    refused(&link("kube-system", account(&[], &[]), account(&[], &["ecr-pull"])), LINK);
    refused(&link("app-a", account(&[], &[]), account(&["registries"], &[])), LINK);
    passes(&link("other", account(&["theirs", "ecr-pull"], &["ecr-pull"]), account(&["theirs"], &[])));
    passes(&link("other", account(&["ecr-pull"], &[]), account(&["ecr-pull"], &[])));
    refused(&link("app-a", account(&[], &[]), account(&["ecr-pull", "ecr-pull"], &[])), LINK);
    passes(&link("app-a", account(&["ecr-pull", "ecr-pull"], &[]), account(&["ecr-pull", "ecr-pull"], &["ecr-pull"])));
}

#[test]
fn service_accounts_are_neither_made_nor_deleted() {
    let why = "regcred neither makes nor deletes ServiceAccounts";
    refused(&Request::new(USER, "CREATE", "serviceaccounts", "app-a").object(account(&[], &[])), why);
    refused(&Request::new(USER, "DELETE", "serviceaccounts", "app-a").over(account(&[], &[])), why);
}

#[test]
fn only_its_own_secrets_are_deleted() {
    let delete = |object: Value| Request::new(USER, "DELETE", "secrets", "gone-from-the-config").over(object);
    passes(&delete(secret("ecr-pull")));
    let why = "regcred deletes its own Secrets alone";
    let mut foreign = secret("ecr-pull");
    foreign["metadata"]["labels"]["regcred.dev/instance"] = "blue".into();
    refused(&delete(foreign.clone()), why);
    foreign["metadata"] = json!({ "name": "ecr-pull" });
    refused(&delete(foreign), why);
}

#[test]
fn nobody_else_is_judged() {
    let mut request = write("CREATE", "kube-system", secret("anything"));
    request.user = "system:serviceaccount:regcred:another".into();
    passes(&request);
}

#[test]
fn thousands_of_names_are_asked_about_in_expressions_that_a_server_compiles() {
    let names = (0..10_000).map(|number| format!("team-{number:04}-{}", "x".repeat(50))).collect::<Vec<_>>();
    let policy = policy(&format!("targets: [{{ namespaces: [{}], region: eu-west-1 }}]", names.join(", ")), "guard");
    for variable in policy["spec"]["variables"].as_array().expect("a list") {
        assert!(variable["expression"].as_str().expect("text").len() < 100_000, "{}", variable["name"]);
    }
    assert_eq!(judge(&policy, &write("CREATE", &names[9_999], secret("ecr-secret"))), Ok(()));
    assert_eq!(judge(&policy, &write("CREATE", "team-x", secret("ecr-secret"))), Err(PLACE.to_owned()));
}

#[test]
fn a_profile_is_set_by_whoever_may_use_it() {
    let policy = policy(CONFIG, "profiles");
    let namespace = |profile: Option<&str>| {
        let mut object = json!({ "metadata": { "name": "team-a" } });
        if let Some(profile) = profile {
            object["metadata"]["labels"] = json!({ "regcred.dev/profile": profile });
        }
        object
    };
    let request = |operation: &'static str, before: Option<&str>, after: Option<&str>, rights: &[&'static str]| {
        let request = Request::new(USER, operation, "namespaces", "").object(namespace(after));
        let request = if operation == "UPDATE" { request.over(namespace(before)) } else { request };
        judge(&policy, &Request { user: "alice".into(), rights: rights.to_vec(), ..request })
    };
    let may_pull = &["/regcred.dev/profiles/pull/use"];
    assert_eq!(request("CREATE", None, Some("pull"), may_pull), Ok(()));
    assert_eq!(request("UPDATE", None, Some("pull"), may_pull), Ok(()));
    assert!(request("CREATE", None, Some("push"), may_pull).is_err());
    assert!(request("UPDATE", Some("pull"), Some("push"), may_pull).is_err());
    assert_eq!(request("UPDATE", Some("push"), Some("push"), &[]), Ok(()), "it is as it was");
    assert_eq!(request("UPDATE", Some("push"), None, &[]), Ok(()), "to take it away takes no right");
    assert_eq!(request("CREATE", None, None, &[]), Ok(()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    /// The guard and the daemon have to agree on what is chosen: what one takes and the other does not is never written.
    #[test]
    fn the_guard_takes_what_the_config_takes(
        include in proptest::sample::subsequence(vec!["app-*", "*", "x?", "[a-c]*", "[!a]-*", "kube-*"], 1..4),
        exclude in proptest::sample::subsequence(vec!["app-b*", "*-x", "[0-9]*"], 0..3),
        selector in proptest::sample::subsequence(vec!["tier", "!legacy", "tier in (run, build)", "team!=b", "zone=''"], 0..4),
        namespaces in proptest::collection::vec("(app|kube|openshift|a|x|1)-?[a-x1]{0,2}", 12),
        labels in proptest::collection::btree_map("tier|legacy|team|zone", "run|build|b|", 0..4),
    ) {
        let selector = selector.iter().map(|it| if *it == "zone=''" { "zone=" } else { it }).collect::<Vec<_>>().join(",");
        let selector = if selector.is_empty() { String::new() } else { format!(", selector: '{selector}'") };
        let exclude = if exclude.is_empty() { String::new() } else { format!(", exclude: {exclude:?}") };
        let yaml = format!("targets: [{{ namespaces: {{ include: {include:?}{exclude}{selector} }}, region: eu-west-1 }}]");
        let config = Config::from_yaml(&yaml).expect("valid");
        let selection = config.targets()[0].namespaces.selection.clone().expect("it chooses");
        let policy = policy(&yaml, "guard");
        for namespace in namespaces.iter().filter(|it| !it.ends_with('-')) {
            let mut all = labels.clone();
            all.insert("kubernetes.io/metadata.name".into(), namespace.clone());
            let taken = selection.takes(namespace, &all.iter().map(|(key, value)| (key.clone(), value.clone())).collect::<BTreeMap<_, _>>());
            let request = Request { labels: json!(all), ..write("CREATE", namespace, secret("ecr-secret")) };
            prop_assert_eq!(judge(&policy, &request).is_ok(), taken, "{} {} {:?}", yaml, namespace, labels);
        }
    }
}
