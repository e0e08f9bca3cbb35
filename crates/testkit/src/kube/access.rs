//! Who may what: everybody everything, except what a test denies.

use super::failure::Failure;

/// What is denied.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    verb: String,
    resource: String,
    namespace: Option<String>,
}

impl Rules {
    pub(super) fn deny(&mut self, verb: &str, resource: &str, namespace: Option<&str>) {
        let (verb, resource, namespace) = (verb.to_owned(), resource.to_owned(), namespace.map(str::to_owned));
        self.0.push(Rule { verb, resource, namespace });
    }

    pub(super) fn allows(&self, verb: &str, resource: &str, namespace: Option<&str>) -> bool {
        !self.0.iter().any(|rule| {
            let here = rule.namespace.is_none() || rule.namespace.as_deref() == namespace;
            here && rule.verb == verb && rule.resource == resource
        })
    }

    pub(super) fn check(
        &self,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Result<(), Failure> {
        if self.allows(verb, resource, namespace) {
            return Ok(());
        }
        Err(Failure::forbidden(verb, resource, namespace, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_one_namespace_leaves_the_others_and_the_whole_cluster_alone() {
        let mut rules = Rules::default();
        rules.deny("list", "secrets", Some("team-a"));
        assert!(!rules.allows("list", "secrets", Some("team-a")));
        assert!(rules.allows("list", "secrets", Some("team-b")) && rules.allows("list", "secrets", None));
        assert!(rules.allows("get", "secrets", Some("team-a")));
        rules.deny("list", "secrets", None);
        assert!(!rules.allows("list", "secrets", Some("team-b")) && !rules.allows("list", "secrets", None));
    }

    #[test]
    fn a_refusal_is_worded_as_kubernetes_does() {
        let mut rules = Rules::default();
        rules.deny("patch", "secrets", None);
        let message = |namespace, name| {
            let failure = rules.check("patch", "secrets", namespace, name).expect_err("it is denied");
            failure.to_json()["message"].as_str().expect("text").to_owned()
        };
        assert_eq!(
            message(Some("team-a"), Some("ecr-secret")),
            "secrets \"ecr-secret\" is forbidden: User \"standin\" cannot patch resource \"secrets\" in API group \"\" \
             in the namespace \"team-a\""
        );
        assert_eq!(
            message(None, None),
            "secrets is forbidden: User \"standin\" cannot patch resource \"secrets\" in API group \"\" at the cluster \
             scope"
        );
    }
}
