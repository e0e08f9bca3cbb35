//! One kubeconfig: YAML or JSON text, parsed into kube's own types. An empty string counts as absent.

use std::{
    collections::BTreeMap,
    path::{MAIN_SEPARATOR, Path},
};

use kube::config::{AuthInfo, Cluster};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use serde_saphyr::options::DuplicateKeyPolicy;

/// The extension of a cluster that is passed to an exec plug-in.
pub(super) const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";

/// The entries of one kubeconfig, or of several that are merged.
#[derive(Default)]
pub(super) struct Document {
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) users: BTreeMap<String, AuthInfo>,
    pub(super) contexts: BTreeMap<String, Context>,
    pub(super) current_context: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Context {
    pub(super) cluster: Option<String>,
    pub(super) user: Option<String>,
    pub(super) namespace: Option<String>,
}

/// The fields of a kubeconfig that regcred reads.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    kind: Option<String>,
    #[serde(rename = "apiVersion")]
    api_version: Option<String>,
    clusters: Vec<NamedCluster>,
    users: Vec<NamedUser>,
    contexts: Vec<NamedContext>,
    current_context: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedUser {
    name: String,
    user: AuthInfo,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedContext {
    name: String,
    context: Context,
}

impl Document {
    /// Parses a kubeconfig. Relative paths are relative to `folder`. An error names the field and quotes nothing of the
    /// text.
    pub(super) fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        // The parser's messages quote lines of the file, which contain tokens and keys.
        let options = serde_saphyr::options! { with_snippet: false, duplicate_keys: DuplicateKeyPolicy::LastWins };
        let documents = serde_saphyr::from_multiple_with_options::<Value>(text, options);
        let documents = documents.map_err(|error| match error.location() {
            Some(at) => format!("it is not YAML at line {}: `kubectl config view` shows more", at.line()),
            None => "it is not YAML: `kubectl config view` shows more".to_owned(),
        })?;
        let mut merged = Self::default();
        for document in documents.into_iter().filter(|it| !it.is_null()) {
            merged.add(Self::read(document, folder)?);
        }
        Ok(merged)
    }

    /// Adds the entries of a later kubeconfig. The first entry of a name wins as a whole.
    pub(super) fn add(&mut self, later: Self) {
        fn merge<T>(first: &mut BTreeMap<String, T>, later: BTreeMap<String, T>) {
            let earlier = std::mem::replace(first, later);
            first.extend(earlier);
        }
        merge(&mut self.clusters, later.clusters);
        merge(&mut self.users, later.users);
        merge(&mut self.contexts, later.contexts);
        self.current_context = self.current_context.take().or(later.current_context);
    }

    fn read(document: Value, folder: &Path) -> Result<Self, String> {
        if !document.is_object() {
            return Err("it is not a kubeconfig".into());
        }
        let mut file = typed::<File>(document)?;
        for (key, value, expected) in [("kind", &file.kind, "Config"), ("apiVersion", &file.api_version, "v1")] {
            if value.as_ref().is_some_and(|it| it != expected) {
                return Err(format!("its `{key}` is not {expected}"));
            }
        }
        for NamedCluster { cluster, .. } in &mut file.clusters {
            resolve(&mut cluster.certificate_authority, folder);
        }
        for (number, NamedUser { user, .. }) in file.users.iter_mut().enumerate() {
            for path in [&mut user.client_certificate, &mut user.client_key, &mut user.token_file] {
                resolve(path, folder);
            }
            let Some(exec) = &mut user.exec else { continue };
            // A bare name is looked up in PATH.
            if exec.command.as_ref().is_some_and(|command| command.contains(MAIN_SEPARATOR)) {
                resolve(&mut exec.command, folder);
            }
            if let Some(unnamed) = exec.env.iter().flatten().position(|variable| !variable.contains_key("name")) {
                return Err(format!("`users[{number}].user.exec.env[{unnamed}]` has no name"));
            }
        }
        Ok(Self {
            clusters: by_name("clusters", file.clusters.into_iter().map(|it| (it.name, it.cluster)))?,
            users: by_name("users", file.users.into_iter().map(|it| (it.name, it.user)))?,
            contexts: by_name("contexts", file.contexts.into_iter().map(|it| (it.name, it.context)))?,
            current_context: file.current_context,
        })
    }
}

fn resolve(path: &mut Option<String>, folder: &Path) {
    if let Some(path) = path {
        *path = folder.join(&path).to_string_lossy().into_owned();
    }
}

fn by_name<T>(key: &str, entries: impl Iterator<Item = (String, T)>) -> Result<BTreeMap<String, T>, String> {
    let mut named = BTreeMap::new();
    for (number, (name, entry)) in entries.enumerate() {
        if named.insert(name, entry).is_some() {
            return Err(format!("`{key}[{number}]` has the name of an earlier entry"));
        }
    }
    Ok(named)
}

/// Reads a value of a kubeconfig as Go does. An error names the field and quotes nothing.
pub(super) fn typed<T: DeserializeOwned>(mut value: Value) -> Result<T, String> {
    drop_empty(&mut value);
    serde_path_to_error::deserialize(value).map_err(|error| {
        // The message of serde ends in the expected type. Before that, it quotes the value, which may be a secret.
        let message = error.inner().to_string();
        let what = match message.rsplit_once(", expected ").map(|(_, expected)| expected) {
            Some("a string" | "string or map") => "text: put it in quotes".to_owned(),
            Some("a boolean") => "true or false".to_owned(),
            Some("a sequence") => "a list".to_owned(),
            Some(names) if names.starts_with("one of ") => names.replace('`', ""),
            Some(_) => "a map".to_owned(),
            None => "complete".to_owned(),
        };
        format!("`{}` is not {what}", error.path())
    })
}

/// Drops values that Go treats as absent: null and empty text in maps. In a list, null is empty text. Of all
/// extensions, only the one for exec plug-ins stays, unchanged.
fn drop_empty(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
            for (name, value) in fields {
                match value {
                    Value::Array(extensions) if name == "extensions" => {
                        extensions.retain(|it| it["name"] == EXEC_EXTENSION && it.get("extension").is_some());
                    }
                    value => drop_empty(value),
                }
            }
        }
        Value::Array(list) => {
            for value in list {
                if value.is_null() {
                    *value = "".into();
                }
                drop_empty(value);
            }
        }
        _ => {}
    }
}
