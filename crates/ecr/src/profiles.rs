//! The shared configuration files of AWS, `~/.aws/config` and `~/.aws/credentials`.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use aws_runtime::env_config::{
    file::{EnvConfigFileKind, EnvConfigFiles},
    section::EnvConfigSections,
    source,
};
use aws_types::os_shim_internal::{Env, Fs};
use regcred_core::{Error, Result};
use tokio::task::spawn_blocking;

use crate::{codes, environment::Environment, names, quiet::quietly};

/// The two files. Each has the variable with its path, the default path in the home folder, and the SDK's kind of file.
const FILES: [(&str, &str, EnvConfigFileKind); 2] = [
    ("AWS_CONFIG_FILE", ".aws/config", EnvConfigFileKind::Config),
    ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", EnvConfigFileKind::Credentials),
];

/// The number of profiles that an error lists.
const SHOWN: usize = 5;

/// The profiles of both files.
#[derive(Debug)]
pub(crate) struct Profiles {
    /// The files in the order of [`FILES`]. A setting in the later file wins.
    files: Vec<File>,
}

struct File {
    kind: EnvConfigFileKind,
    path: PathBuf,
    text: String,
    sections: EnvConfigSections,
}

/// A setting of a profile, without whitespace around it, and the file that it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) value: &'a str,
    pub(crate) file: &'a Path,
}

impl Profiles {
    /// Reads both files. A missing file counts as empty, as for the AWS CLI.
    ///
    /// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if a file is not a regular UTF-8 file, is
    /// too large, or has an invalid line. The SDK would treat such a file as empty and use an unintended identity.
    pub(crate) async fn read(environment: &Environment) -> Result<Self> {
        let environment = environment.clone();
        let read = move || {
            let text = |path: &Path| environment.read_text(path).map(Option::unwrap_or_default);
            let texts = paths(&environment).into_iter().map(|(kind, path)| Ok((kind, text(&path)?, path)));
            texts.collect::<Result<Vec<_>>>()
        };
        Self::parse(spawn_blocking(read).await.expect("reading a file does not panic")?).await
    }

    /// Parses these texts, each with its kind and its path.
    pub(crate) async fn parse(texts: Vec<(EnvConfigFileKind, String, PathBuf)>) -> Result<Self> {
        let mut files = vec![];
        for (kind, text, path) in texts {
            let text = names::encoded(&text, matches!(kind, EnvConfigFileKind::Config));
            let sections = quietly(parse(kind, &path, &text)).await?;
            files.push(File { kind, path, text, sections });
        }
        Ok(Self { files })
    }

    /// Returns both files, so that the SDK reads the other settings from them.
    pub(crate) fn contents(&self) -> EnvConfigFiles {
        let empty = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, "");
        self.files.iter().fold(empty, |all, file| all.with_contents(file.kind, &file.text)).build()
    }

    pub(crate) fn has(&self, profile: &str) -> bool {
        let profile = names::identifier(profile);
        self.files.iter().any(|file| file.sections.get_profile(&profile).is_some())
    }

    /// Returns a setting of a profile, or `None` if it is empty or missing.
    pub(crate) fn get(&self, profile: &str, key: &str) -> Option<Setting<'_>> {
        let profile = names::identifier(profile);
        self.files.iter().rev().find_map(|file| {
            let value = file.sections.get_profile(&profile)?.get(key)?.trim();
            (!value.is_empty()).then_some(Setting { value, file: &file.path })
        })
    }

    /// Returns whether a profile has a setting without a value.
    pub(crate) fn is_blank(&self, profile: &str, key: &str) -> bool {
        let name = names::identifier(profile);
        let is_there = |file: &File| file.sections.get_profile(&name).is_some_and(|it| it.get(key).is_some());
        self.get(profile, key).is_none() && self.files.iter().any(is_there)
    }

    pub(crate) fn has_sso_session(&self, name: &str) -> bool {
        let name = names::identifier(name);
        self.files.iter().any(|file| file.sections.sso_session(&name).is_some())
    }

    /// Returns a setting of `[sso-session NAME]`, or `None` if it is empty or missing.
    pub(crate) fn sso_session(&self, name: &str, key: &str) -> Option<&str> {
        let name = names::identifier(name);
        self.files.iter().rev().find_map(|file| {
            let value = file.sections.sso_session(&name)?.get(key)?.trim();
            (!value.is_empty()).then_some(value)
        })
    }

    /// Describes where regcred looked for a profile that does not exist. It mentions `[profile NAME]`, the section form
    /// of the config file, which is easily forgotten.
    pub(crate) fn missing(&self, profile: &str) -> String {
        let paths = self.files.iter().map(|file| file.path.display().to_string()).collect::<Vec<_>>().join(" or ");
        let section = format!("[{profile}]");
        let config = self.files.iter().find(|file| matches!(file.kind, EnvConfigFileKind::Config));
        match config.filter(|file| file.text.lines().any(|line| line.trim() == section)) {
            Some(file) => format!("{} has {section}, and a config file needs [profile {profile}]", file.path.display()),
            None if self.files.is_empty() => "there is no home folder to look in".into(),
            None => format!("it is not in {paths}{}", self.listed()),
        }
    }

    /// Lists the names of the first profiles.
    fn listed(&self) -> String {
        let names = self.files.iter().flat_map(|file| file.sections.profiles().map(names::name));
        let names = names.collect::<BTreeSet<_>>();
        let shown = names.iter().take(SHOWN).map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
        match names.len() {
            0 => String::new(),
            1..=SHOWN => format!(", which have {shown}"),
            more => format!(", which have {shown} and {} more", more - SHOWN),
        }
    }
}

/// Hides the text, because it contains keys.
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").field("path", &self.path).finish_non_exhaustive()
    }
}

fn paths(environment: &Environment) -> Vec<(EnvConfigFileKind, PathBuf)> {
    let home = environment.home();
    let path = |(variable, default, kind)| {
        let path = match environment.get_os(variable) {
            Some(path) => {
                let path = PathBuf::from(path);
                let below_home = path.strip_prefix("~").ok().map(Path::to_owned);
                below_home.and_then(|below| Some(home.as_ref()?.join(below))).unwrap_or(path)
            }
            None => home.as_ref()?.join(default),
        };
        Some((kind, path))
    };
    FILES.into_iter().filter_map(path).collect()
}

async fn parse(kind: EnvConfigFileKind, path: &Path, text: &str) -> Result<EnvConfigSections> {
    let failed =
        |cause: String| Error::new(&codes::PROFILE, format!("cannot read {}", path.display())).with_cause(cause);
    let files = EnvConfigFiles::builder().with_contents(kind, text).build();
    let source = source::load(&Env::real(), &Fs::real(), &files).await;
    let source = source.map_err(|_| failed("it is not a configuration file of AWS".into()))?;
    EnvConfigSections::parse(source).map_err(|error| {
        // The parser reports the line only in its message.
        let error = error.to_string();
        let line = error.split_once(" on line ").and_then(|(_, rest)| rest.split(':').next()?.parse::<usize>().ok());
        let line = line.map_or_else(|| "a line".into(), |line| format!("line {line}"));
        failed(format!("{line} is neither a section such as [default] nor a setting such as region = eu-west-1"))
    })
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    async fn parsed(kind: EnvConfigFileKind, text: &str) -> Result<EnvConfigSections> {
        parse(kind, Path::new("/aws/file"), text).await
    }

    #[test]
    fn an_absent_file_is_empty_and_a_file_that_is_not_text_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("credentials");
        let text = |path: &Path| Environment::process().read_text(path).map(Option::unwrap_or_default);
        assert_eq!(text(&path).expect("it is read as empty"), "");
        std::fs::write(&path, "\u{feff}# f\u{fc}r\n[default]\n").expect("it can be written");
        assert!(text(&path).expect("UTF-8 is text").starts_with("# f"), "a byte order mark is dropped");
        std::fs::write(&path, b"# f\xfcr\n[default]\naws_secret_access_key = canary\n").expect("it can be written");
        let error = text(&path).expect_err("Latin-1 is not UTF-8");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.chain(), format!("cannot read {}: it is not UTF-8 at byte 3", path.display()));
        text(dir.path()).expect_err("a folder is not a file");
    }

    #[tokio::test]
    async fn an_invalid_profile_line_is_reported_by_number_and_not_quoted() {
        let cases = [
            ("canary", 1),
            ("aws_secret_access_key = canary\n[default]\n", 1),
            ("[default\naws_secret_access_key = canary", 1),
            ("[default]\ncanary\n", 2),
            ("[default]\n\n# x\n= canary\n", 4),
            ("[default]\n  canary = x\n", 2),
            ("[default]\ns3 =\n  canary\n", 3),
            ("[default]\nregion = x\n[other\n", 3),
            ("export AWS_SECRET_ACCESS_KEY=canary\n", 1),
            ("Access key ID,Secret access key\nAKIA,canary\n", 1),
            ("{\"canary\": 1}\n", 1),
            ("  [default]\ncanary\n", 1),
        ];
        for (text, line) in cases {
            for kind in [EnvConfigFileKind::Config, EnvConfigFileKind::Credentials] {
                let error = parsed(kind, text).await.expect_err(text);
                let said = error.chain();
                assert!(error.kind() == ErrorKind::Invalid && !said.contains("canary"), "{said}");
                assert!(
                    said.starts_with(&format!("cannot read /aws/file: line {line} is neither")),
                    "{text:?}: {said}"
                );
            }
        }
    }
}
