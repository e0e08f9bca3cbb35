//! The programs of a Kubernetes version.

use std::{env, ffi::OsString, iter, path::PathBuf, process::Command};

use anyhow::Result;
use clap::ValueEnum;

use crate::process::{read, root};

/// The API servers that the live tests run against.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
pub(crate) enum Version {
    /// The current version
    #[default]
    #[value(name = "1.37")]
    Current,
    /// The oldest supported version
    #[value(name = "1.20")]
    Oldest,
}

/// A folder with kube-apiserver and etcd. The folder of a current version also has kube-controller-manager and kubectl.
pub(crate) struct Assets(PathBuf);

impl Assets {
    /// Returns the folder in `KUBEBUILDER_ASSETS`. If that is unset, builds the version, unless it is in the cache.
    pub(crate) fn of(version: Version) -> Result<Self> {
        if let Some(assets) = env::var_os("KUBEBUILDER_ASSETS") {
            return Ok(Self(assets.into()));
        }
        let script = match version {
            Version::Current => "build-kube-apiserver.sh",
            Version::Oldest => "build-kube-apiserver-1.20.sh",
        };
        let folder = read(&mut Command::new(root().join("tests/envtest").join(script)))?;
        Ok(Self(folder.trim().into()))
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Returns the kubectl of this version, or the one in `PATH` if the folder has none.
    pub(crate) fn kubectl(&self) -> PathBuf {
        let own = self.program("kubectl");
        if own.exists() { own } else { "kubectl".into() }
    }

    /// Returns a `PATH` in which this folder comes first.
    pub(crate) fn path(&self) -> Result<OsString> {
        let path = env::var_os("PATH").unwrap_or_default();
        Ok(env::join_paths(iter::once(self.0.clone()).chain(env::split_paths(&path)))?)
    }
}
