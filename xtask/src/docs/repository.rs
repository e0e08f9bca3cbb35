//! The files of the repository, and their addresses on the web.

use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::process::{read, root};

/// The folder of the pages.
pub(crate) const FOLDER: &str = "docs";

/// The repository on the web.
const ROOT: &str = "https://github.com/regcred/regcred";

/// All files that git tracks, or would track after `git add`.
#[derive(Debug)]
pub(super) struct Repository {
    files: BTreeSet<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl Repository {
    pub(super) fn read() -> Result<Self> {
        let args = ["ls-files", "--cached", "--others", "--exclude-standard"];
        let listed = read(Command::new("git").args(args).current_dir(root()))?;
        let exists = |file: &PathBuf| root().join(file).symlink_metadata().is_ok_and(|it| !it.is_symlink());
        Ok(listed.lines().map(PathBuf::from).filter(exists).collect())
    }

    /// Returns the files, relative to the folder of the workspace.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(PathBuf::as_path)
    }

    /// Returns whether a file or a folder has this path.
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.files.contains(path) || self.folders.contains(path)
    }

    /// Returns whether a file or a folder has this URL. URLs outside the repository count as valid.
    pub(super) fn serves(&self, url: &str) -> bool {
        let Some(rest) = url.strip_prefix(ROOT) else { return true };
        let path = ["/blob/main/", "/tree/main/", "/edit/main/"].iter().find_map(|it| rest.strip_prefix(it));
        path.is_none_or(|path| self.contains(Path::new(path.split('#').next().unwrap_or_default())))
    }
}

impl FromIterator<PathBuf> for Repository {
    fn from_iter<T: IntoIterator<Item = PathBuf>>(files: T) -> Self {
        let files = files.into_iter().collect::<BTreeSet<_>>();
        let folders = files.iter().flat_map(|file| file.ancestors().skip(1).map(Path::to_owned)).collect();
        Self { files, folders }
    }
}

/// Returns the path of a link in a file of this folder, relative to the workspace. `None`: it is outside the workspace.
pub(super) fn resolve(folder: &Path, link: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in folder.join(link).components() {
        match part {
            Component::ParentDir if !path.pop() => return None,
            Component::ParentDir | Component::CurDir => {}
            other => path.push(other),
        }
    }
    Some(path)
}

/// Returns the URL of a file or folder in the repository.
pub(crate) fn url(path: &Path) -> String {
    let kind = if root().join(path).is_dir() { "tree" } else { "blob" };
    format!("{ROOT}/{kind}/main/{}", path.display())
}
