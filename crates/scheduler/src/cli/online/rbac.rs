//! Fixes for missing rights in the cluster: rules and bindings.

use std::fmt::Write;

use regcred_core::{InstanceName, Namespace};
use regcred_manifests::{Install, Names};
use regcred_openshift::Right;

/// The user that runs the checks, and the installation that it checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) instance: &'a InstanceName,
    /// `None` if the server does not name the user.
    pub(crate) user: Option<&'a str>,
}

impl Asker<'_> {
    /// Returns the names that `regcred manifests` gives to the objects of this installation.
    ///
    /// The installation is in the namespace of the ServiceAccount that runs the checks, or in the default one if a
    /// person runs them.
    fn names(self) -> Names {
        let account = self.user.and_then(|user| user.strip_prefix("system:serviceaccount:")?.split_once(':'));
        let namespace = account.and_then(|(namespace, _)| Namespace::new(namespace).ok());
        Names::new(self.instance, &namespace.unwrap_or_else(|| Install::default().namespace))
    }

    fn subject(self) -> String {
        let Some(user) = self.user else {
            let Names { name, .. } = self.names();
            return format!("--serviceaccount={}:{name}", Install::default().namespace);
        };
        match user.strip_prefix("system:serviceaccount:") {
            Some(account) => format!("--serviceaccount={account}"),
            None if user.contains(char::is_control) => "--user='<who asks>'".into(),
            None => format!("--user='{}'", user.replace('\'', r"'\''")),
        }
    }

    /// Returns a line to append if the server does not name the user, or else nothing.
    fn unnamed_user(self) -> &'static str {
        if self.user.is_none() { "\nthe server does not report your user: insert it in the command" } else { "" }
    }
}

/// The rights that one namespace lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Missing<'a> {
    pub(crate) rights: &'a [Right],
    /// Whether these are all the rights that the targets in the namespace need. If so, the role is not bound there.
    pub(crate) all: bool,
}

/// Rights that form one rule.
struct Rule<'a> {
    resource: &'a str,
    names: Vec<&'a str>,
    verbs: Vec<&'a str>,
}

/// Returns the fewest rules that grant exactly these rights.
fn rules(rights: &[Right]) -> Vec<Rule<'_>> {
    let mut objects = Vec::<Rule<'_>>::new();
    for Right { resource, name, verb, .. } in rights {
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

/// Returns the rules on one line.
pub(crate) fn words(rights: &[Right]) -> String {
    let rule = |rule: Rule<'_>| format!("{} {} {}", rule.verbs.join(", "), rule.resource, rule.names.join(", "));
    rules(rights).into_iter().map(rule).collect::<Vec<_>>().join("; ")
}

/// Returns the rules as YAML, in the form of a role.
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

/// Returns the missing rules. If no role is bound, also returns the command that binds it.
///
/// `chosen`: whether a selection chose the namespaces, so that more may come later.
pub(crate) fn fix(missing: &Missing<'_>, namespaces: &[&str], chosen: bool, asker: Asker<'_>) -> String {
    let (rules, role) = (yaml(missing.rights), asker.names().target_role);
    if !missing.all {
        return format!("add to the ClusterRole that is bound there, {role} as `regcred manifests` has it:{rules}");
    }
    let subject = asker.subject();
    let bind = |namespace: &str| {
        format!("kubectl create rolebinding {role} --clusterrole={role} {subject} --namespace={namespace}")
    };
    let bind = for_each(namespaces, bind);
    let (unnamed_user, later) = (asker.unnamed_user(), if chosen { LATER } else { "" });
    format!(
        "bind the ClusterRole of `regcred manifests` there:\n  {bind}{unnamed_user}{later}\nthat ClusterRole needs these rules:{rules}"
    )
}

/// A binding covers one namespace, but a selection also matches namespaces that are created later.
const LATER: &str = "\na namespace that is created later has no binding: bind each new one, or bind cluster-wide with a \
                     ValidatingAdmissionPolicy";

/// Returns the commands that grant a list of namespaces.
pub(crate) fn list_namespaces(asker: Asker<'_>) -> String {
    let name = format!("{}-list-namespaces", asker.names().name);
    format!(
        "let it list them, or name them in the config:\n  \
         kubectl create clusterrole {name} --verb=get,list,watch --resource=namespaces\n  \
         kubectl create clusterrolebinding {name} --clusterrole={name} {}{}",
        asker.subject(),
        asker.unnamed_user()
    )
}

/// Returns the fix that lets regcred read these namespaces, and no others.
pub(crate) fn get_namespaces(namespaces: &[&str], asker: Asker<'_>) -> String {
    let right = |name: &&str| Right::new("get", "namespaces", *name);
    let rights = namespaces.iter().map(right).collect::<Vec<_>>();
    format!(
        "bind cluster-wide the ClusterRole {} of `regcred manifests`, which needs these rules:{}",
        asker.names().namespaces_role,
        yaml(&rights)
    )
}

/// Returns one line of shell, for any number of namespaces.
pub(crate) fn for_each(namespaces: &[&str], command: impl Fn(&str) -> String) -> String {
    match namespaces {
        [one] => command(one),
        many => format!("for it in {}; do {}; done", many.join(" "), command("$it")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights() -> Vec<Right> {
        let right = |resource, name: &str, verb| Right::new(verb, resource, name);
        let accounts =
            ["default", "builder"].map(|name| ["get", "patch"].map(|verb| right("serviceaccounts", name, verb)));
        let secret = ["create", "patch"].map(|verb| right("secrets", "ecr-secret", verb));
        secret.into_iter().chain(accounts.into_iter().flatten()).collect()
    }

    #[test]
    fn rights_are_printed_in_the_fewest_rules_that_grant_nothing_else() {
        assert_eq!(words(&rights()), "create, patch secrets ecr-secret; get, patch serviceaccounts default, builder");
    }

    #[test]
    fn with_a_binding_the_fix_adds_a_rule_to_its_role() {
        let missing = Missing { rights: &rights()[..2], all: false };
        assert_eq!(
            fix(&missing, &["a", "b"], true, asker(&InstanceName::default(), None)),
            "add to the ClusterRole that is bound there, regcred-target as `regcred manifests` has it:\n  - apiGroups: [\"\"]\n    \
             resources: [secrets]\n    resourceNames: [ecr-secret]\n    verbs: [create, patch]"
        );
    }

    fn asker<'a>(instance: &'a InstanceName, user: Option<&'a str>) -> Asker<'a> {
        Asker { instance, user }
    }

    #[test]
    fn without_a_binding_the_fix_names_the_objects_of_this_installation() {
        let missing = Missing { rights: &rights(), all: true };
        let (default, blue) = (InstanceName::default(), InstanceName::new("blue").expect("a name"));
        let command = |instance: &InstanceName, namespaces: &[&str], user| {
            let text = fix(&missing, namespaces, false, asker(instance, user));
            text.lines().nth(1).expect("a line").trim().to_owned()
        };
        for (instance, user, role, subject) in [
            (&default, None, "regcred-target", "--serviceaccount=regcred:regcred"),
            (&default, Some("alice"), "regcred-target", "--user='alice'"),
            (&default, Some("o'hara"), "regcred-target", r"--user='o'\''hara'"),
            (&default, Some("\u{1b}[2J"), "regcred-target", "--user='<who asks>'"),
            (
                &default,
                Some("system:serviceaccount:regcred:regcred"),
                "regcred-target",
                "--serviceaccount=regcred:regcred",
            ),
            (
                &default,
                Some("system:serviceaccount:regcred:nobody"),
                "regcred-target",
                "--serviceaccount=regcred:nobody",
            ),
            (&default, Some("system:serviceaccount:ops:minter"), "regcred-target.ops", "--serviceaccount=ops:minter"),
            (&blue, None, "regcred-blue-target", "--serviceaccount=regcred:regcred-blue"),
            (&blue, Some("alice"), "regcred-blue-target", "--user='alice'"),
            (
                &blue,
                Some("system:serviceaccount:ops:regcred-blue"),
                "regcred-blue-target.ops",
                "--serviceaccount=ops:regcred-blue",
            ),
        ] {
            let wanted = format!("kubectl create rolebinding {role} --clusterrole={role} {subject} --namespace=a");
            assert_eq!(command(instance, &["a"], user), wanted);
        }
        assert_eq!(
            command(&default, &["a", "b"], None),
            "for it in a b; do kubectl create rolebinding regcred-target --clusterrole=regcred-target \
             --serviceaccount=regcred:regcred --namespace=$it; done"
        );
        let seen = get_namespaces(&["a"], asker(&blue, Some("system:serviceaccount:ops:regcred-blue")));
        assert!(seen.contains("the ClusterRole regcred-blue-namespaces.ops of `regcred manifests`"), "{seen}");
    }

    #[test]
    fn a_fix_explains_that_the_server_does_not_report_the_user() {
        let missing = Missing { rights: &rights(), all: true };
        let unnamed_user = "the server does not report your user: insert it in the command";
        let instance = InstanceName::default();
        for (user, told) in [(None, false), (Some("fake"), true)] {
            let asker = asker(&instance, user);
            for text in [fix(&missing, &["a"], false, asker), list_namespaces(asker)] {
                assert_eq!(text.contains(unnamed_user), !told, "{text}");
            }
        }
    }
}
