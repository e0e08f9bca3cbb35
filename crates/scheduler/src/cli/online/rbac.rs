//! What to mend in the cluster: the rules and bindings that are missing.

use std::fmt::Write;

use regcred_openshift::Right;

/// As `regcred manifests` calls the ServiceAccount, unless the config has an instance of its own.
const ACCOUNT: &str = "regcred";

/// What one namespace lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing<'a> {
    pub(crate) rights: &'a [Right],
    /// Whether that is all that is needed there, for whatever is kept there: then nothing is bound.
    pub(crate) all: bool,
}

/// Rights that make one rule.
struct Rule<'a> {
    resource: &'a str,
    names: Vec<&'a str>,
    verbs: Vec<&'a str>,
}

/// As few rules as give these rights and no others.
fn rules(rights: &[Right]) -> Vec<Rule<'_>> {
    let mut objects = Vec::<Rule<'_>>::new();
    for Right { resource, name, verb } in rights {
        match objects.iter_mut().find(|it| (it.resource, it.names[0]) == (*resource, name)) {
            Some(object) => object.verbs.push(verb),
            None => objects.push(Rule { resource, names: vec![name], verbs: vec![verb] }),
        }
    }
    let mut rules = Vec::<Rule<'_>>::new();
    for object in objects {
        match rules.iter_mut().find(|it| it.resource == object.resource && it.verbs == object.verbs) {
            Some(rule) => rule.names.extend(object.names),
            None => rules.push(object),
        }
    }
    rules
}

/// On one line.
pub(crate) fn words(rights: &[Right]) -> String {
    let rule = |rule: Rule<'_>| format!("{} {} {}", rule.verbs.join(", "), rule.resource, rule.names.join(", "));
    rules(rights).into_iter().map(rule).collect::<Vec<_>>().join("; ")
}

/// The rules, as they stand in a role.
fn yaml(rights: &[Right]) -> String {
    let mut text = String::new();
    for Rule { resource, names, verbs } in rules(rights) {
        let (names, verbs) = (names.join(", "), verbs.join(", "));
        let _ = write!(
            text,
            "\n  - apiGroups: [\"\"]\n    resources: [{resource}]\n    resourceNames: [{names}]\n    verbs: [{verbs}]"
        );
    }
    text
}

/// The rules, and where nothing is bound the command that binds. `chosen`: whether there may be more such namespaces later.
/// `user`: who asks, if the server told.
pub(crate) fn fix(missing: &Missing<'_>, namespaces: &[&str], chosen: bool, user: Option<&str>) -> String {
    let (rules, role) = (yaml(missing.rights), format!("{}-target", account(user)));
    if !missing.all {
        return format!("add to the ClusterRole that is bound there, {role} as `regcred manifests` has it:{rules}");
    }
    let subject = subject(user);
    let bind = |namespace: &str| {
        format!("kubectl create rolebinding {role} --clusterrole={role} {subject} --namespace={namespace}")
    };
    let bind = for_each(namespaces, bind);
    let (untold, later) = (untold(user), if chosen { LATER } else { "" });
    format!(
        "bind the ClusterRole there that `regcred manifests` makes:\n  {bind}{untold}{later}\nthat ClusterRole has to hold:{rules}"
    )
}

/// A binding is for one namespace, and what chooses takes those of tomorrow too.
const LATER: &str = "\na namespace that is made later stays unbound: bind each as it is made, or bind cluster-wide behind a \
                     ValidatingAdmissionPolicy";

/// What lets namespaces be chosen. `user`: who asks, if the server told.
pub(crate) fn list_namespaces(user: Option<&str>) -> String {
    let name = "regcred-list-namespaces";
    format!(
        "let it list them, or name them in the config:\n  \
         kubectl create clusterrole {name} --verb=get,list,watch --resource=namespaces\n  \
         kubectl create clusterrolebinding {name} --clusterrole={name} {}{}",
        subject(user),
        untold(user)
    )
}

/// What lets these namespaces be seen, and no others.
pub(crate) fn get_namespaces(namespaces: &[&str], user: Option<&str>) -> String {
    let right = |name: &&str| Right { resource: "namespaces", name: (*name).to_owned(), verb: "get" };
    let rights = namespaces.iter().map(right).collect::<Vec<_>>();
    let account = account(user);
    format!(
        "bind cluster-wide the ClusterRole {account}-namespaces that `regcred manifests` makes, which has to hold:{}",
        yaml(&rights)
    )
}

/// One line of shell, for however many namespaces.
pub(crate) fn for_each(namespaces: &[&str], command: impl Fn(&str) -> String) -> String {
    match namespaces {
        [one] => command(one),
        many => format!("for it in {}; do {}; done", many.join(" "), command("$it")),
    }
}

/// The ServiceAccount that asks, by which its roles are called too.
fn account(user: Option<&str>) -> &str {
    let account = user.and_then(|user| user.strip_prefix("system:serviceaccount:")?.split_once(':'));
    account.map_or(ACCOUNT, |(_, name)| name)
}

fn subject(user: Option<&str>) -> String {
    let Some(user) = user else { return format!("--serviceaccount={ACCOUNT}:{ACCOUNT}") };
    match user.strip_prefix("system:serviceaccount:") {
        Some(account) => format!("--serviceaccount={account}"),
        None if user.contains(char::is_control) => "--user='<who asks>'".into(),
        None => format!("--user='{}'", user.replace('\'', r"'\''")),
    }
}

/// What to say of a subject that nobody told.
fn untold(user: Option<&str>) -> &'static str {
    if user.is_none() { "\nthe server does not tell who asks: put in whom you run as" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights() -> Vec<Right> {
        let right = |resource, name: &str, verb| Right { resource, name: name.to_owned(), verb };
        let accounts =
            ["default", "builder"].map(|name| ["get", "patch"].map(|verb| right("serviceaccounts", name, verb)));
        let secret = ["create", "patch"].map(|verb| right("secrets", "ecr-secret", verb));
        secret.into_iter().chain(accounts.into_iter().flatten()).collect()
    }

    #[test]
    fn rights_are_told_in_as_few_rules_as_give_no_other_right() {
        assert_eq!(words(&rights()), "create, patch secrets ecr-secret; get, patch serviceaccounts default, builder");
    }

    #[test]
    fn where_something_is_bound_its_role_lacks_a_rule() {
        let missing = Missing { rights: &rights()[..2], all: false };
        assert_eq!(
            fix(&missing, &["a", "b"], true, None),
            "add to the ClusterRole that is bound there, regcred-target as `regcred manifests` has it:\n  - apiGroups: [\"\"]\n    \
             resources: [secrets]\n    resourceNames: [ecr-secret]\n    verbs: [create, patch]"
        );
    }

    #[test]
    fn where_nothing_is_bound_the_command_binds_whoever_asks() {
        let missing = Missing { rights: &rights(), all: true };
        let fix = |namespaces: &[&str], user| fix(&missing, namespaces, false, user);
        let command = |namespaces: &[&str], user| fix(namespaces, user).lines().nth(1).expect("a line").to_owned();
        assert_eq!(
            command(&["a"], Some("system:serviceaccount:ops:minter")),
            "  kubectl create rolebinding minter-target --clusterrole=minter-target --serviceaccount=ops:minter --namespace=a"
        );
        assert_eq!(
            command(&["a", "b"], None),
            "  for it in a b; do kubectl create rolebinding regcred-target --clusterrole=regcred-target \
             --serviceaccount=regcred:regcred --namespace=$it; done"
        );
        assert!(command(&["a"], Some("o'hara")).contains(r"--user='o'\''hara' "));
        assert!(command(&["a"], Some("\u{1b}[2J")).contains("--user='<who asks>' "));
    }

    #[test]
    fn where_the_server_does_not_tell_who_asks_that_is_said() {
        let missing = Missing { rights: &rights(), all: true };
        let untold = "the server does not tell who asks: put in whom you run as";
        for (text, told) in [
            (fix(&missing, &["a"], false, None), false),
            (fix(&missing, &["a"], false, Some("standin")), true),
            (list_namespaces(None), false),
            (list_namespaces(Some("standin")), true),
        ] {
            assert_eq!(text.contains(untold), !told, "{text}");
        }
    }
}
