//! Access rules. Everything is allowed except what a test denies.

use super::failure::Failure;

/// The denied requests.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    verb: String,
    resource: String,
    namespace: Option<String>,
    name: Option<String>,
}

impl Rules {
    /// Denies a verb on a resource. `namespace: None` covers all namespaces and cluster-wide requests. `name: None`
    /// covers all names and requests without a name.
    pub(super) fn deny(&mut self, verb: &str, resource: &str, namespace: Option<&str>, name: Option<&str>) {
        let (verb, resource) = (verb.to_owned(), resource.to_owned());
        let (namespace, name) = (namespace.map(str::to_owned), name.map(str::to_owned));
        self.0.push(Rule { verb, resource, namespace, name });
    }

    pub(super) fn allows(&self, verb: &str, resource: &str, namespace: Option<&str>, name: Option<&str>) -> bool {
        !self.0.iter().any(|rule| {
            let here = rule.namespace.is_none() || rule.namespace.as_deref() == namespace;
            let this = rule.name.is_none() || rule.name.as_deref() == name;
            here && this && rule.verb == verb && rule.resource == resource
        })
    }

    /// Returns whether the request is allowed in every namespace and cluster-wide.
    pub(super) fn allows_everywhere(&self, verb: &str, resource: &str, name: Option<&str>) -> bool {
        !self.0.iter().any(|rule| {
            let this = rule.name.is_none() || rule.name.as_deref() == name;
            this && rule.verb == verb && rule.resource == resource
        })
    }

    pub(super) fn check(
        &self,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<(), Failure> {
        if self.allows(verb, resource, namespace, name) {
            return Ok(());
        }
        Err(Failure::forbidden(verb, resource, namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_one_namespace_does_not_apply_elsewhere_or_cluster_wide() {
        let mut rules = Rules::default();
        rules.deny("list", "secrets", Some("team-a"), None);
        let allows = |rules: &Rules, verb, namespace| rules.allows(verb, "secrets", namespace, None);
        assert!(!allows(&rules, "list", Some("team-a")));
        assert!(allows(&rules, "list", Some("team-b")) && allows(&rules, "list", None));
        assert!(allows(&rules, "get", Some("team-a")));
        rules.deny("list", "secrets", None, None);
        assert!(!allows(&rules, "list", Some("team-b")) && !allows(&rules, "list", None));
        rules.deny("get", "secrets", Some("team-a"), None);
        assert!(!rules.allows_everywhere("get", "secrets", None) && rules.allows_everywhere("patch", "secrets", None));
    }

    #[test]
    fn a_rule_for_one_name_does_not_apply_to_other_names_or_to_lists() {
        let mut rules = Rules::default();
        rules.deny("patch", "secrets", None, Some("ecr"));
        for (namespace, name, allowed) in [
            (Some("team-a"), Some("ecr"), false),
            (None, Some("ecr"), false),
            (Some("team-a"), Some("other"), true),
            (Some("team-a"), None, true),
        ] {
            assert_eq!(rules.allows("patch", "secrets", namespace, name), allowed, "{namespace:?} {name:?}");
        }
    }

    #[test]
    fn a_refusal_is_worded_as_in_kubernetes() {
        let mut rules = Rules::default();
        rules.deny("patch", "secrets", None, None);
        let message = |namespace, name| {
            let failure = rules.check("patch", "secrets", namespace, name).expect_err("it is denied");
            failure.to_json()["message"].as_str().expect("text").to_owned()
        };
        assert_eq!(
            message(Some("team-a"), Some("ecr-secret")),
            "secrets \"ecr-secret\" is forbidden: User \"fake\" cannot patch resource \"secrets\" in API group \"\" \
             in the namespace \"team-a\""
        );
        assert_eq!(
            message(None, None),
            "secrets is forbidden: User \"fake\" cannot patch resource \"secrets\" in API group \"\" at the cluster \
             scope"
        );
    }
}
