//! The identity that a pod gets for the providers of one type, and the policies that the identity needs.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use regcred_core::Namespace;
use serde_json::Value;

/// The folder with tokens of the pod's ServiceAccount. `regcred manifests` mounts a token there for each
/// [`ProviderPlan::with_token`](crate::ProviderPlan::with_token).
pub const POD_TOKENS: &str = "/var/run/secrets/regcred";

/// The usual file of a token.
pub const POD_TOKEN: &str = "/var/run/secrets/regcred/token";

/// The identities of `manifests --identity` that a type of provider knows, and their flags and variables. Default:
/// none.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Identities {
    /// The name and the help of each identity.
    pub names: Vec<(&'static str, &'static str)>,
    /// The flags that describe them.
    pub flags: Vec<IdentityFlag>,
    /// The variables of the container that they set, each with the flag that sets it.
    pub variables: Vec<(&'static str, &'static str)>,
    /// The variables that hold a secret, each with the flag to use instead of a value.
    pub secret_variables: Vec<(&'static str, &'static str)>,
    /// The folders of the pod that they use. Nothing else can be mounted there.
    pub folders: Vec<&'static str>,
    /// Text that each long-lived key contains, and the name of such a key.
    pub key_marks: Vec<(&'static str, &'static str)>,
}

/// A flag of `regcred manifests` that describes an identity.
#[derive(Clone)]
#[non_exhaustive]
pub struct IdentityFlag {
    /// Its name without dashes.
    pub name: &'static str,
    /// The placeholder of its value in the help.
    pub value_name: &'static str,
    /// Its help.
    pub help: &'static str,
    /// The identities that require it.
    pub required_by: &'static [&'static str],
    /// The identities that accept it.
    pub identities: &'static [&'static str],
    /// The identities that accept it with `--mode iam`.
    pub policy_identities: &'static [&'static str],
    parse: fn(&str) -> Result<String, String>,
}

/// The identity that the user chose for the pod. Default: none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChosenIdentity {
    name: Option<String>,
    flags: BTreeMap<String, String>,
}

/// The namespace and the ServiceAccount of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PodSite {
    /// The namespace of the pod.
    pub namespace: Namespace,
    /// The ServiceAccount that it runs as.
    pub account: String,
}

/// The needs of a pod for its identity. It holds no secret. Default: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PodIdentity {
    /// The variables of the container.
    pub variables: Vec<(String, String)>,
    /// The files of existing Secrets.
    pub secrets: Vec<SecretFile>,
    /// The tokens in [`POD_TOKENS`]: the file of each, and its audience. A file of the identity replaces that of a provider.
    pub tokens: BTreeMap<PathBuf, String>,
    /// The annotations of the ServiceAccount.
    pub annotations: BTreeMap<String, String>,
    /// The hosts that the pod reaches without a proxy.
    pub without_proxy: Vec<String>,
    /// The keys below `identity` in the values of the chart.
    pub values: BTreeMap<String, String>,
    /// Notes on the user's remaining steps.
    pub notes: Vec<String>,
}

/// A file of an existing Secret in the namespace of the pod.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretFile {
    /// The name of the volume.
    pub volume: String,
    /// The name of the Secret.
    pub secret: String,
    /// The key of the Secret, and the name of the file.
    pub key: String,
    /// The folder of the file in the pod.
    pub folder: String,
}

/// The policies that providers of one type need in their service.
#[derive(Clone, Debug)]
pub struct Policies {
    /// The policies, in the form that the type documents.
    pub document: Value,
    /// Commands and warnings.
    pub notes: Vec<String>,
}

impl Identities {
    /// Adds an identity.
    #[must_use]
    pub fn with(mut self, name: &'static str, help: &'static str) -> Self {
        self.names.push((name, help));
        self
    }

    /// Adds a flag.
    #[must_use]
    pub fn with_flag(mut self, flag: IdentityFlag) -> Self {
        self.flags.push(flag);
        self
    }

    /// Adds a variable of the container that `flag` sets, such as `--identity`. The user cannot set it too.
    #[must_use]
    pub fn with_variable(mut self, variable: &'static str, flag: &'static str) -> Self {
        self.variables.push((variable, flag));
        self
    }

    /// Adds a variable that holds a secret. The user cannot set its value in a pod, and uses `flag` instead.
    #[must_use]
    pub fn with_secret_variable(mut self, variable: &'static str, flag: &'static str) -> Self {
        self.secret_variables.push((variable, flag));
        self
    }

    /// Adds a folder of the pod.
    #[must_use]
    pub fn with_folder(mut self, folder: &'static str) -> Self {
        self.folders.push(folder);
        self
    }

    /// Adds text that each long-lived key contains. `name` completes the sentence "it holds …".
    #[must_use]
    pub fn with_key_mark(mut self, text: &'static str, name: &'static str) -> Self {
        self.key_marks.push((text, name));
        self
    }

    /// Returns whether an identity has this name.
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|(known, _)| *known == name)
    }

    /// Adds the identities of another type.
    pub(crate) fn extend(&mut self, other: Self) {
        self.names.extend(other.names);
        self.flags.extend(other.flags);
        self.variables.extend(other.variables);
        self.secret_variables.extend(other.secret_variables);
        self.folders.extend(other.folders);
        self.key_marks.extend(other.key_marks);
    }

    /// Returns the name of an identity or of a flag that both have.
    pub(crate) fn shared(&self, other: &Self) -> Option<&'static str> {
        let flags = self.flags.iter().map(|it| it.name).filter(|name| other.flags.iter().any(|it| it.name == *name));
        self.names.iter().map(|(name, _)| *name).filter(|name| other.has(name)).chain(flags).next()
    }
}

impl IdentityFlag {
    /// Creates a flag of these identities. `parse` returns the value to use, or why the text is not valid.
    pub fn new(
        name: &'static str,
        value_name: &'static str,
        help: &'static str,
        identities: &'static [&'static str],
        parse: fn(&str) -> Result<String, String>,
    ) -> Self {
        Self { name, value_name, help, required_by: &[], identities, policy_identities: identities, parse }
    }

    /// Sets the identities that require it. Default: none.
    #[must_use]
    pub fn with_required_by(self, identities: &'static [&'static str]) -> Self {
        Self { required_by: identities, ..self }
    }

    /// Sets the identities that accept it with `--mode iam`. `none` means no identity. Default: the same as in other
    /// modes.
    #[must_use]
    pub fn with_policy_identities(self, identities: &'static [&'static str]) -> Self {
        Self { policy_identities: identities, ..self }
    }

    /// Returns the value to use, or why the text is not valid.
    pub fn parse(&self, text: &str) -> Result<String, String> {
        (self.parse)(text)
    }
}

impl ChosenIdentity {
    /// Creates the identity with this name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// Sets the value of a flag.
    #[must_use]
    pub fn with_flag(mut self, flag: impl Into<String>, value: impl Into<String>) -> Self {
        self.flags.insert(flag.into(), value.into());
        self
    }

    /// Returns the name of the identity. `None`: none was chosen.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the value of a flag. `None`: it was not given.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.get(name).map(String::as_str)
    }
}

impl PodSite {
    /// Creates the site of a pod in this namespace that runs as this ServiceAccount.
    pub fn new(namespace: Namespace, account: impl Into<String>) -> Self {
        Self { namespace, account: account.into() }
    }

    /// Returns the API server's name for the ServiceAccount, which is the subject of its tokens.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.account)
    }
}

impl PodIdentity {
    /// Adds a variable of the container.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Adds a file of a Secret.
    #[must_use]
    pub fn with_secret(mut self, file: SecretFile) -> Self {
        self.secrets.push(file);
        self
    }

    /// Mounts a token of the pod's ServiceAccount for this audience at [`POD_TOKEN`].
    #[must_use]
    pub fn with_token_audience(mut self, audience: impl Into<String>) -> Self {
        self.tokens.insert(POD_TOKEN.into(), audience.into());
        self
    }

    /// Adds an annotation of the ServiceAccount.
    #[must_use]
    pub fn with_annotation(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(key.into(), value.into());
        self
    }

    /// Adds a host that the pod reaches without a proxy.
    #[must_use]
    pub fn with_host_without_proxy(mut self, host: impl Into<String>) -> Self {
        self.without_proxy.push(host.into());
        self
    }

    /// Adds a key below `identity` in the values of the chart.
    #[must_use]
    pub fn with_value(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.values.insert(key.into(), value.into());
        self
    }

    /// Adds a note on a remaining step for the user.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds what another type needs.
    pub(crate) fn extend(&mut self, other: Self) {
        self.variables.extend(other.variables);
        self.secrets.extend(other.secrets);
        self.tokens.extend(other.tokens);
        self.annotations.extend(other.annotations);
        self.without_proxy.extend(other.without_proxy);
        self.values.extend(other.values);
        self.notes.extend(other.notes);
    }
}

impl SecretFile {
    /// Creates a file in a folder from a key of a Secret. `volume` is a unique volume name.
    pub fn new(
        volume: impl Into<String>,
        secret: impl Into<String>,
        key: impl Into<String>,
        folder: impl Into<String>,
    ) -> Self {
        Self { volume: volume.into(), secret: secret.into(), key: key.into(), folder: folder.into() }
    }
}

impl fmt::Debug for IdentityFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityFlag").field("name", &self.name).finish_non_exhaustive()
    }
}
