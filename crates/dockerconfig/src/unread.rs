//! The readers of a document that do not get some logins, each with the fix.

use std::collections::BTreeSet;

use regcred_core::Registry;

use crate::{Cause, DockerConfig, Hidden, Reader, hidden, printable::shown};

/// The readers that do not get some logins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unread {
    /// The readers and the fix, without a secret.
    pub text: String,
    /// Whether no reader gets one of the logins.
    pub is_useless: bool,
}

/// Returns the readers that do not get the login of one of these registries because of such a cause. `None`: every reader
/// gets all of them.
pub fn unread<'a>(
    config: &DockerConfig,
    registries: impl IntoIterator<Item = &'a Registry>,
    is_obstacle: impl Fn(&Cause) -> bool,
) -> Option<Unread> {
    let (mut sentences, mut is_useless) = (vec![], false);
    for registry in registries {
        let mut hidden = hidden(config, registry);
        hidden.retain(|it| is_obstacle(&it.cause));
        let readers = hidden.iter().flat_map(|it| &it.readers).collect::<BTreeSet<_>>();
        is_useless |= readers.len() == Reader::ALL.len();
        for hidden in hidden {
            let sentence = sentence(&hidden, registry);
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
    }
    (!sentences.is_empty()).then(|| Unread { text: sentences.join("; "), is_useless })
}

fn sentence(Hidden { readers, cause, .. }: &Hidden, registry: &Registry) -> String {
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
        Cause::Field(name) => {
            format!("{readers} take the login for {registry} out of the field `{name}`: remove `{name}`")
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
    fn a_hidden_login_is_reported_with_readers_and_fix_but_no_secret() {
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
                format!(r#"{{"auths":{{{ours}}},"Auths":{{"r.example":{{"auth":"dTpjYW5hcnk="}}}}}}"#),
                Some(
                    "the kubelet, OpenShift's image import, Podman/Buildah/Skopeo, Docker take the login for r.example out of the field \
                     `Auths`: remove `Auths`",
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
            let unread = unread(&config, [&registry], |_| true);
            assert_eq!(unread.as_ref().map(|it| it.text.as_str()), expected, "{json}");
            let all = ["the kubelet", "OpenShift", "Podman", "Docker"];
            let is_useless = expected.is_some_and(|text| all.iter().all(|reader| text.contains(reader)));
            assert_eq!(unread.is_some_and(|it| it.is_useless), is_useless, "{json}");
        }
    }
}
