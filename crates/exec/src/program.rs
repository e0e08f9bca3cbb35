//! The program that a provider runs: its file, its arguments and its environment.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use regcred_core::{Error, Result};

use crate::{Variables, codes};

/// The variables of every program. Many programs do not find their files without them.
const ALWAYS: [&str; 2] = ["PATH", "HOME"];

/// A program with its arguments and its whole environment. It has no `Debug`, because both may be secret.
pub(crate) struct Program {
    pub(crate) path: PathBuf,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: BTreeMap<String, OsString>,
}

impl Program {
    /// Creates a program whose environment has `PATH`, `HOME`, the inherited variables and these values. Fails if the
    /// file is not installed or not executable, and for text that no program can get.
    pub(crate) fn new(
        path: PathBuf,
        arguments: Vec<String>,
        inherited: &[String],
        values: BTreeMap<String, String>,
        variables: &Variables,
    ) -> Result<Self> {
        let refused = |what: &'static str| move |reason: String| setting(what).with_cause(reason);
        check_path(&path).map_err(refused("the command"))?;
        check_texts(&arguments).map_err(refused("the arguments"))?;
        inherited.iter().chain(values.keys()).try_for_each(|it| check_name(it)).map_err(refused("the variables"))?;
        check_texts(values.values()).map_err(refused("the variables"))?;
        check_file(&path)?;
        let names = ALWAYS.into_iter().chain(inherited.iter().map(String::as_str));
        let mut environment = BTreeMap::new();
        environment.extend(names.filter_map(|name| Some((name.to_owned(), variables.get(name)?))));
        environment.extend(values.into_iter().map(|(name, value)| (name, value.into())));
        Ok(Self { path, arguments, environment })
    }
}

/// Returns an error about a setting that cannot be used.
pub(crate) fn setting(what: &str) -> Error {
    Error::new(&codes::SETTING, format!("cannot use {what} of the credential program"))
}

/// Fails with the reason for a path that depends on the folder of the process or on `PATH`.
pub(crate) fn check_path(path: &Path) -> Result<(), String> {
    if path.is_absolute() {
        return Ok(());
    }
    Err(format!("{} is not an absolute path, such as /plugins/docker-credential-gcloud", path.display()))
}

/// Fails with the reason for text that is not the name of a variable.
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.contains('=') || name.chars().any(char::is_control) {
        return Err(format!("{name:?} is not the name of a variable"));
    }
    Ok(())
}

/// Fails with the reason for text that cannot be passed to a program. The reason does not quote it, because it may be
/// secret.
pub(crate) fn check_texts<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    if texts.into_iter().any(|it| it.contains('\0')) { Err("one contains a NUL character".into()) } else { Ok(()) }
}

fn check_file(path: &Path) -> Result<()> {
    let failed =
        |code, cause: String| Err(Error::new(code, format!("cannot run {}", path.display())).with_cause(cause));
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => failed(&codes::NOT_EXECUTABLE, "it is not a file".into()),
        Ok(file) if file.permissions().mode() & 0o111 == 0 => {
            failed(&codes::NOT_EXECUTABLE, "it lacks the execute permission".into())
        }
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            failed(&codes::NOT_INSTALLED, "it is not installed".into())
        }
        Err(error) => failed(&codes::NOT_EXECUTABLE, format!("its file cannot be read ({})", error.kind())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    fn program(path: impl Into<PathBuf>) -> Result<Program> {
        Program::new(path.into(), vec![], &[], BTreeMap::new(), &Variables::default())
    }

    #[test]
    fn a_file_that_cannot_run_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("helper");
        fs::write(&file, "").expect("it can be written");
        fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("it is ours");
        for (path, code) in [
            ("helper".into(), &codes::SETTING),
            ("./helper".into(), &codes::SETTING),
            ("/nonexistent/helper".into(), &codes::NOT_INSTALLED),
            (file.join("helper"), &codes::NOT_INSTALLED),
            (dir.path().into(), &codes::NOT_EXECUTABLE),
            (file.clone(), &codes::NOT_EXECUTABLE),
        ] {
            let error = program(&path).err().expect("it cannot run");
            assert_eq!(error.code(), code, "{error:?}");
        }
        fs::set_permissions(&file, Permissions::from_mode(0o755)).expect("it is ours");
        assert!(program(&file).is_ok());
    }

    #[test]
    fn the_environment_has_only_named_variables() {
        let given = [("PATH", "/bin"), ("HOME", "/home/me"), ("TOKEN", "t"), ("KEPT", "k"), ("CHANGED", "old")];
        let (variables, inherited) = (Variables::new(given), ["KEPT", "CHANGED", "UNSET"].map(str::to_owned));
        let values = BTreeMap::from([("CHANGED".to_owned(), "new".to_owned()), ("OWN".to_owned(), String::new())]);
        let program = Program::new("/bin/sh".into(), vec![], &inherited, values, &variables).expect("it can run");
        let expected = [("CHANGED", "new"), ("HOME", "/home/me"), ("KEPT", "k"), ("OWN", ""), ("PATH", "/bin")];
        let expected = expected.map(|(name, value)| (name.to_owned(), OsString::from(value)));
        assert_eq!(program.environment, BTreeMap::from(expected));
        assert!(!format!("{variables:?}").contains("/home/me"), "{variables:?}");
    }

    #[test]
    fn text_that_no_program_can_get_is_refused() {
        for name in ["", "A=B", "A\0", "A\n"] {
            check_name(name).expect_err(name);
        }
        let reason = check_texts(&["canary\0".to_owned()]).expect_err("refused");
        assert!(!reason.contains("canary"), "{reason}");
    }
}
