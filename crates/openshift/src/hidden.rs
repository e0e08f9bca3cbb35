//! Names the readers of a Secret that do not get our logins, each with the fix.

use regcred_core::Registry;
use regcred_dockerconfig::{Cause, DockerConfig, Hidden, Reader};

use crate::refusal::shown;

/// `None`: every reader gets the login of each of these registries.
pub(crate) fn told<'a>(config: &DockerConfig, registries: impl IntoIterator<Item = &'a Registry>) -> Option<String> {
    let mut told = vec![];
    for registry in registries {
        for hidden in config.hidden(registry) {
            let sentence = sentence(&hidden, registry);
            if !told.contains(&sentence) {
                told.push(sentence);
            }
        }
    }
    (!told.is_empty()).then(|| told.join("; "))
}

fn sentence(Hidden { readers, cause }: &Hidden, registry: &Registry) -> String {
    let readers = readers.iter().map(Reader::to_string).collect::<Vec<_>>().join(", ");
    match cause {
        Cause::CredHelper(host) => {
            let host = shown([host.as_str()].into_iter()).unwrap_or_default();
            format!(
                "a credential helper replaces the login for {registry} in {readers}: remove {host} from `credHelpers`"
            )
        }
        Cause::CredsStore => {
            format!("a credential helper replaces the login for {registry} in {readers}: remove `credsStore`")
        }
        Cause::Key(key) => {
            let key = shown([key.as_str()].into_iter()).unwrap_or_default();
            format!("{readers} can take another login for {registry}: remove the key {key}")
        }
        Cause::Unreadable(keys) => {
            let (fields, keys) = keys.iter().partition::<Vec<&String>, _>(|it| Cause::FIELDS.contains(&it.as_str()));
            let fields = fields.iter().map(|it| format!("`{it}`"));
            let wrong = fields.chain(shown(keys.into_iter().map(String::as_str))).collect::<Vec<_>>().join(", ");
            format!("{readers} cannot use any login of it: correct or remove {wrong}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_names_the_readers_and_the_fix_and_nothing_secret() {
        let ours = r#""r.example":{"auth":"QVdTOm5ldw=="}"#;
        let cases = [
            (format!(r#"{{"auths":{{{ours}}}}}"#), None),
            (
                format!(r#"{{"auths":{{{ours}}},"credHelpers":{{"r.example":"canary"}}}}"#),
                Some(
                    "a credential helper replaces the login for r.example in Podman/Buildah/Skopeo, Docker: remove \"r.example\" from \
                     `credHelpers`",
                ),
            ),
            (
                format!(r#"{{"auths":{{{ours}}},"credsStore":"canary"}}"#),
                Some("a credential helper replaces the login for r.example in Docker: remove `credsStore`"),
            ),
            (
                format!(r#"{{"auths":{{{ours},"r.example/team":{{"auth":"dTpjYW5hcnk="}}}}}}"#),
                Some(
                    "OpenShift's image import, Podman/Buildah/Skopeo can take another login for r.example: \
                     remove the key \"r.example/team\"",
                ),
            ),
            (
                format!(r#"{{"auths":{{{ours},"quay.io":7,"canary@quay.io":8}},"credHelpers":7}}"#),
                Some(
                    "the kubelet, OpenShift's image import cannot use any login of it: correct or remove \"quay.io\", 1 more; \
                     Podman/Buildah/Skopeo, Docker cannot use any login of it: correct or remove `credHelpers`, \"quay.io\", 1 more",
                ),
            ),
        ];
        for (json, expected) in cases {
            let config = DockerConfig::parse(json.as_bytes()).expect("valid");
            let registry = Registry::new("r.example").expect("valid");
            assert_eq!(told(&config, [&registry]).as_deref(), expected, "{json}");
        }
    }
}
