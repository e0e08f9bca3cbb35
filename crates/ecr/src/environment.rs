//! The variables and files of a provider. They come from the process, or from a program that embeds regcred.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use regcred_core::{Error, Result, codes::FILE, read_file, read_text};

use crate::codes;

/// The variables and files that a provider reads instead of those of the process.
///
/// It lets two tenants of one program have different identities. The identity comes from static keys, a profile with
/// keys or roles, or a web identity. A provider never falls back to the identity of the process. Sources that an
/// environment cannot provide, such as container credentials, fail with
/// [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid).
///
/// Each call of [`Environment::new`] creates a distinct environment. Providers share a token only if they share the
/// environment. Its `Debug` form shows the names of the variables, and no values.
#[derive(Clone)]
pub struct Environment(Option<Given>);

#[derive(Clone)]
struct Given {
    id: u64,
    variables: Arc<BTreeMap<String, String>>,
    /// `None`: the files of the machine.
    files: Option<Arc<Files>>,
}

type Files = dyn Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync;

impl Environment {
    /// Creates an environment with these variables and no others. Files are those of the machine. There is no home
    /// folder without `HOME`.
    pub fn new<K: Into<String>, V: Into<String>>(variables: impl IntoIterator<Item = (K, V)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self(Some(Given { id: next_id(), variables: Arc::new(variables), files: None }))
    }

    /// Reads files with this function: the shared configuration files, token files and CA bundles. Default: the files
    /// of the machine.
    ///
    /// The function is also called on threads of the async runtime. It must be as fast as a disk read, and must not
    /// wait for a task.
    ///
    /// Return [`io::ErrorKind::NotFound`] for a file that does not exist. For other errors, regcred shows only the
    /// kind.
    #[must_use]
    pub fn with_files(self, read: impl Fn(&Path) -> io::Result<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self(self.0.map(|given| Given { id: next_id(), files: Some(Arc::new(read)), ..given }))
    }

    /// Returns the environment of the process.
    pub(crate) fn process() -> Self {
        Self(None)
    }

    /// Returns the id of this environment within the process, or `None` for the environment of the process.
    #[cfg_attr(not(any(feature = "plan", test)), expect(dead_code, reason = "the type `ecr` of a config compares it"))]
    pub(crate) fn id(&self) -> Option<u64> {
        self.0.as_ref().map(|given| given.id)
    }

    /// Returns all variables that the program gave, or `None` for the environment of the process.
    pub(crate) fn given(&self) -> Option<&BTreeMap<String, String>> {
        self.0.as_ref().map(|given| &*given.variables)
    }

    pub(crate) fn get_os(&self, name: &str) -> Option<OsString> {
        match self.given() {
            Some(variables) => variables.get(name).map(OsString::from),
            None => env::var_os(name),
        }
    }

    /// Returns a variable as text, or `None` if it is not set or not UTF-8.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.get_os(name)?.into_string().ok()
    }

    /// Returns a variable as a path, or `None` if it is empty or not set.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        self.get_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    pub(crate) fn home(&self) -> Option<PathBuf> {
        if self.0.is_some() { self.path("HOME") } else { env::home_dir() }
    }

    /// Reads a file. Returns `None` if it does not exist. Blocks.
    pub(crate) fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.0.as_ref().and_then(|given| given.files.as_ref()) {
            None if path.try_exists().unwrap_or(true) => read_file(path).map(Some),
            None => Ok(None),
            Some(read) => match read(path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(unreadable(path, error.kind().to_string())),
            },
        }
    }

    /// Reads a UTF-8 file of at most 4 MiB. Returns `None` if it does not exist. Blocks.
    pub(crate) fn read_text(&self, path: &Path) -> Result<Option<String>> {
        let text = |bytes: Vec<u8>| read_text(bytes.as_slice()).map_err(|error| unreadable(path, error.to_string()));
        self.read(path)?.map(text).transpose()
    }

    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if a program gave the environment. `what`
    /// belongs to the process or to its machine.
    pub(crate) fn refuse(&self, what: &str) -> Result<()> {
        if self.0.is_none() {
            return Ok(());
        }
        let why = "it belongs to the process, and a program gives the environment of this provider";
        Err(Error::new(&codes::TENANT, format!("cannot use {what}")).with_cause(why))
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Relaxed)
}

fn unreadable(path: &Path, cause: String) -> Error {
    Error::new(&FILE, format!("cannot read {}", path.display())).with_cause(cause)
}

/// Hides the values, because they may be keys.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Process"),
            Some(Given { variables, files, .. }) => f
                .debug_struct("Environment")
                .field("variables", &variables.keys())
                .field("own_files", &files.is_some())
                .finish_non_exhaustive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    #[test]
    fn a_custom_environment_has_only_the_given_variables() {
        let environment = Environment::new([("AWS_PROFILE", "dev"), ("EMPTY", "")]);
        assert_eq!(environment.get("AWS_PROFILE").as_deref(), Some("dev"));
        for absent in ["PATH", "HOME", "EMPTY"] {
            assert!(environment.path(absent).is_none(), "{absent}");
        }
        assert!(environment.home().is_none(), "the home folder of the process is not that of a tenant");
        assert_eq!(Environment::new([("HOME", "/tenant")]).home(), Some(PathBuf::from("/tenant")));
    }

    #[test]
    fn files_are_read_through_the_given_function_and_its_errors_are_not_quoted() {
        let environment = Environment::new([("", ""); 0]).with_files(|path| match path.to_str() {
            Some("/text") => Ok(b"\xef\xbb\xbftext".to_vec()),
            Some("/binary") => Ok(vec![b'c', 0xff]),
            Some("/large") => Ok(vec![b'x'; 5 * 1024 * 1024]),
            Some("/secret") => Err(io::Error::other("canary")),
            _ => Err(io::ErrorKind::NotFound.into()),
        });
        let read = |path| environment.read_text(Path::new(path));
        assert_eq!(read("/text").expect("it is text").as_deref(), Some("text"));
        assert_eq!(read("/dev/null").expect("it is absent"), None, "the machine has this file, and the tenant has not");
        for (path, why) in [("/binary", "not UTF-8"), ("/large", "larger than 4 MiB"), ("/secret", "other error")] {
            let error = read(path).expect_err(path);
            assert!(error.kind() == ErrorKind::Invalid && error.chain().contains(why), "{error:?}");
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn only_clones_of_an_environment_share_its_id() {
        let new = || Environment::new([("A", "1")]);
        let one = new();
        assert_eq!(one.id(), one.clone().id());
        assert_ne!(one.id(), new().id());
        assert_ne!(one.id(), one.clone().with_files(|_| Ok(vec![])).id());
        assert_eq!(Environment::process().id(), None);
    }
}
