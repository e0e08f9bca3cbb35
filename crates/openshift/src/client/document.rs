//! One kubeconfig: YAML or JSON text, read into values in which an empty string is absent.

use std::{
    collections::BTreeMap,
    fmt,
    path::{MAIN_SEPARATOR, Path, PathBuf},
};

use regcred_core::SecretString;
use serde_json::{Map, Value};
use serde_saphyr::options::DuplicateKeyPolicy;

/// The extension of a cluster that an exec plug-in gets.
const EXEC_EXTENSION: &str = "client.authentication.k8s.io/exec";
/// How a plug-in may use a terminal. It never gets one here.
const MODES: [&str; 3] = ["Never", "IfAvailable", "Always"];

/// The entries of one kubeconfig, or of several that are merged.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) contexts: BTreeMap<String, Context>,
    pub(super) current_context: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    pub(super) cluster: Option<String>,
    pub(super) user: Option<String>,
    pub(super) namespace: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Cluster {
    pub(super) server: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) is_insecure: bool,
    pub(super) authority: Material,
    pub(super) proxy_url: Option<String>,
    /// The extension for exec plug-ins.
    pub(super) extension: Option<Value>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct User {
    pub(super) token: Option<SecretString>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) username: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) certificate: Material,
    pub(super) key: Material,
    pub(super) impersonate: Impersonate,
    pub(super) auth_provider: Option<AuthProvider>,
    pub(super) exec: Option<Exec>,
}

/// Something in PEM: base64 in the kubeconfig, or a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Material {
    pub(super) data: Option<SecretString>,
    pub(super) file: Option<PathBuf>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Impersonate {
    pub(super) user: Option<String>,
    pub(super) uid: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) extra: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug)]
pub(super) struct AuthProvider {
    pub(super) name: String,
    pub(super) id_token: Option<SecretString>,
}

/// A program that prints a credential. Its arguments may hold secrets.
#[derive(Clone, Default)]
pub(super) struct Exec {
    pub(super) api_version: Option<String>,
    pub(super) command: Option<String>,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, SecretString)>,
    pub(super) install_hint: Option<String>,
    pub(super) wants_cluster: bool,
}

impl Document {
    /// Reads a kubeconfig. Relative paths are those of `folder`. An error names the field and quotes nothing of the text.
    pub(super) fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        // The parser's own words quote lines of the file, and those hold tokens and keys.
        let options = serde_saphyr::options! { with_snippet: false, duplicate_keys: DuplicateKeyPolicy::LastWins };
        let documents = serde_saphyr::from_multiple_with_options::<Value>(text, options);
        let documents = documents.map_err(|error| match error.location() {
            Some(at) => format!("it is not YAML at line {}: `kubectl config view` shows more", at.line()),
            None => "it is not YAML: `kubectl config view` shows more".to_owned(),
        })?;
        let mut merged = Self::default();
        for document in documents.iter().filter(|it| !it.is_null()) {
            merged.add(Self::read(document, folder)?);
        }
        Ok(merged)
    }

    /// Adds the entries of a later kubeconfig. The first entry of a name wins as a whole.
    pub(super) fn add(&mut self, later: Self) {
        let Self { clusters, users, contexts, current_context } = later;
        merge(&mut self.clusters, clusters);
        merge(&mut self.users, users);
        merge(&mut self.contexts, contexts);
        self.current_context = self.current_context.take().or(current_context);
    }

    fn read(document: &Value, folder: &Path) -> Result<Self, String> {
        let fields = Fields::of(document, String::new()).map_err(|_| "it is not a kubeconfig".to_owned())?;
        for (key, expected) in [("kind", "Config"), ("apiVersion", "v1")] {
            if fields.text(key)?.is_some_and(|it| it != expected) {
                return Err(format!("its `{key}` is not {expected}"));
            }
        }
        Ok(Self {
            clusters: fields.entries("clusters", "cluster", |it| Cluster::read(it, folder))?,
            users: fields.entries("users", "user", |it| User::read(it, folder))?,
            contexts: fields.entries("contexts", "context", Context::read)?,
            current_context: fields.text("current-context")?,
        })
    }
}

fn merge<T>(first: &mut BTreeMap<String, T>, later: BTreeMap<String, T>) {
    for (name, entry) in later {
        first.entry(name).or_insert(entry);
    }
}

impl Context {
    fn read(fields: &Fields<'_>) -> Result<Self, String> {
        let text = |key| fields.text(key);
        Ok(Self { cluster: text("cluster")?, user: text("user")?, namespace: text("namespace")? })
    }
}

impl Cluster {
    fn read(fields: &Fields<'_>, folder: &Path) -> Result<Self, String> {
        let extensions = fields.list("extensions")?.iter().filter(|it| it["name"] == EXEC_EXTENSION);
        Ok(Self {
            server: fields.text("server")?,
            server_name: fields.text("tls-server-name")?,
            is_insecure: fields.flag("insecure-skip-tls-verify")?,
            authority: fields.material("certificate-authority", folder)?,
            proxy_url: fields.text("proxy-url")?,
            extension: extensions.map(|it| it["extension"].clone()).next(),
        })
    }

    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.authority.file.as_deref().into_iter()
    }
}

impl User {
    fn read(fields: &Fields<'_>, folder: &Path) -> Result<Self, String> {
        let provider = fields.fields("auth-provider")?;
        let id_token = provider.as_ref().map(|it| it.fields("config")).transpose()?.flatten();
        Ok(Self {
            token: fields.secret("token")?,
            token_file: fields.path("tokenFile", folder)?,
            username: fields.text("username")?,
            password: fields.secret("password")?,
            certificate: fields.material("client-certificate", folder)?,
            key: fields.material("client-key", folder)?,
            impersonate: Impersonate {
                user: fields.text("as")?,
                uid: fields.text("as-uid")?,
                groups: fields.texts("as-groups")?,
                extra: fields.lists("as-user-extra")?,
            },
            auth_provider: match provider {
                Some(provider) => Some(AuthProvider {
                    name: provider.text("name")?.unwrap_or_default(),
                    id_token: id_token.map(|it| it.secret("id-token")).transpose()?.flatten(),
                }),
                None => None,
            },
            exec: fields.fields("exec")?.map(|it| Exec::read(&it, folder)).transpose()?,
        })
    }

    /// The files that it names.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.certificate.file, &self.key.file, &self.token_file].into_iter().flatten().map(PathBuf::as_path)
    }
}

impl fmt::Debug for Exec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exec").field("command", &self.command).finish_non_exhaustive()
    }
}

impl Exec {
    fn read(fields: &Fields<'_>, folder: &Path) -> Result<Self, String> {
        // A bare name is found by PATH.
        let absolute = |command: String| {
            let is_path = command.contains(MAIN_SEPARATOR);
            if is_path { folder.join(command).to_string_lossy().into_owned() } else { command }
        };
        let mut env = vec![];
        for (number, variable) in fields.list("env")?.iter().enumerate() {
            let variable = Fields::of(variable, format!("{}env[{number}].", fields.place))?;
            let name = variable.text("name")?;
            let name = name.ok_or_else(|| format!("`{}env[{number}]` has no name", fields.place))?;
            env.push((name, variable.secret("value")?.unwrap_or_default()));
        }
        let mode = fields.raw_text("interactiveMode")?;
        if mode.is_some_and(|mode| !MODES.contains(&mode)) {
            return Err(fields.not("interactiveMode", &format!("one of {}", MODES.join(", "))));
        }
        Ok(Self {
            api_version: fields.text("apiVersion")?,
            command: fields.text("command")?.map(absolute),
            args: fields.texts("args")?,
            env,
            install_hint: fields.text("installHint")?,
            wants_cluster: fields.flag("provideClusterInfo")?,
        })
    }
}

/// The fields of a map, with the place of the map for errors.
struct Fields<'a> {
    map: &'a Map<String, Value>,
    /// Empty, or a path that ends in a full stop.
    place: String,
}

impl<'a> Fields<'a> {
    fn of(value: &'a Value, place: String) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| format!("`{}` is not a map", place.trim_end_matches('.')))?;
        Ok(Self { map, place })
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|it| !it.is_null())
    }

    fn not(&self, key: &str, what: &str) -> String {
        format!("`{}{key}` is not {what}", self.place)
    }

    fn raw_text(&self, key: &str) -> Result<Option<&'a str>, String> {
        let text = |value: &'a Value| value.as_str().ok_or_else(|| self.not(key, "text: put it in quotes"));
        Ok(self.get(key).map(text).transpose()?.filter(|it| !it.is_empty()))
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        Ok(self.raw_text(key)?.map(str::to_owned))
    }

    fn secret(&self, key: &str) -> Result<Option<SecretString>, String> {
        Ok(self.raw_text(key)?.map(SecretString::from))
    }

    fn path(&self, key: &str, folder: &Path) -> Result<Option<PathBuf>, String> {
        Ok(self.raw_text(key)?.map(|file| folder.join(file)))
    }

    fn material(&self, key: &str, folder: &Path) -> Result<Material, String> {
        Ok(Material { data: self.secret(&format!("{key}-data"))?, file: self.path(key, folder)? })
    }

    fn flag(&self, key: &str) -> Result<bool, String> {
        let flag = |value: &Value| value.as_bool().ok_or_else(|| self.not(key, "true or false"));
        Ok(self.get(key).map(flag).transpose()?.unwrap_or_default())
    }

    fn list(&self, key: &str) -> Result<&'a [Value], String> {
        let list = |value: &'a Value| value.as_array().ok_or_else(|| self.not(key, "a list"));
        Ok(self.get(key).map(list).transpose()?.map(Vec::as_slice).unwrap_or_default())
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        let text = |value: &Value| match value {
            Value::Null => Ok(String::new()),
            value => value.as_str().map(str::to_owned).ok_or_else(|| self.not(key, "a list of text")),
        };
        self.list(key)?.iter().map(text).collect()
    }

    fn lists(&self, key: &str) -> Result<BTreeMap<String, Vec<String>>, String> {
        let Some(fields) = self.fields(key)? else { return Ok(BTreeMap::new()) };
        fields.map.keys().map(|name| Ok((name.clone(), fields.texts(name)?))).collect()
    }

    fn fields(&self, key: &str) -> Result<Option<Fields<'a>>, String> {
        self.get(key).map(|it| Fields::of(it, format!("{}{key}.", self.place))).transpose()
    }

    /// A list of names with a map each, such as `clusters`.
    fn entries<T: Default>(
        &self,
        key: &str,
        inner: &str,
        read: impl Fn(&Fields<'a>) -> Result<T, String>,
    ) -> Result<BTreeMap<String, T>, String> {
        let mut entries = BTreeMap::new();
        for (number, entry) in self.list(key)?.iter().enumerate() {
            let entry = Fields::of(entry, format!("{key}[{number}]."))?;
            let name = entry.text("name")?.unwrap_or_default();
            let value = entry.fields(inner)?.map(|it| read(&it)).transpose()?.unwrap_or_default();
            if entries.insert(name, value).is_some() {
                return Err(format!("`{key}[{number}]` has the name of an earlier entry"));
            }
        }
        Ok(entries)
    }
}
