//! Finds kubeconfig files and merges them.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use regcred_core::{Result, read_file, read_text_file};

use super::{
    context::{self, Selected},
    document::Document,
    pod,
};
use crate::client::connection::{Connection, unusable};

/// The variable with a list of files, separated by colons.
const VARIABLE: &str = "KUBECONFIG";

/// Reads the kubeconfig that a connection names, and selects its context.
pub(crate) fn load(connection: &Connection) -> Result<Selected> {
    let context = connection.context.as_deref().filter(|it| !it.is_empty());
    // An empty path names no file, as in kubectl.
    if let Some(path) = connection.kubeconfig.as_ref().filter(|path| !path.as_os_str().is_empty()) {
        return select(&path.display().to_string(), read(path)?, context);
    }
    let list = env::var_os(VARIABLE).map(|list| env::split_paths(&list).collect::<Vec<_>>()).unwrap_or_default();
    let list = list.into_iter().filter(|path| !path.as_os_str().is_empty()).collect::<Vec<_>>();
    if list.is_empty() {
        let home = env::home_dir().ok_or_else(|| unusable("the kubeconfig", "there is no home folder".into()))?;
        let path = home.join(".kube/config");
        if !is_there(&path) {
            let reason = "it does not exist: name another with --kubeconfig or KUBECONFIG";
            return Err(unusable(&of(&path.display().to_string()), reason.into()));
        }
        return select(&path.display().to_string(), read(&path)?, context);
    }
    let names = list.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    // Missing files are skipped, as in kubectl.
    let found = list.iter().filter(|path| is_there(path)).collect::<Vec<_>>();
    if found.is_empty() {
        return Err(unusable(&of(&names), format!("{VARIABLE} names no file that exists")));
    }
    let mut merged = Document::default();
    for path in found {
        merged.add(read(path)?);
    }
    select(&names, merged, context)
}

fn select(names: &str, document: Document, context: Option<&str>) -> Result<Selected> {
    context::select(document, context).map_err(|reason| unusable(&of(names), reason))
}

fn of(names: &str) -> String {
    format!("the kubeconfig {names}")
}

/// Returns whether a file exists. A file without permission exists, and reading it fails with the reason.
fn is_there(path: &Path) -> bool {
    fs::metadata(path).map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |_| true)
}

fn read(path: &Path) -> Result<Document> {
    let failed = |reason| unusable(&of(&path.display().to_string()), reason);
    let folder = path.parent().map(PathBuf::from).unwrap_or_default();
    let document = Document::parse(&text(path)?, &folder).map_err(failed)?;
    if pod::is_pod() {
        pod::check(&document, &folder).map_err(failed)?;
    }
    Ok(document)
}

/// Reads a file as UTF-8, or as the UTF-16 that Windows PowerShell writes.
fn text(path: &Path) -> Result<String> {
    let error = match read_text_file(path) {
        Ok(text) => return Ok(text),
        Err(error) => error,
    };
    let bytes = read_file(path).unwrap_or_default();
    let decode = |number: fn([u8; 2]) -> u16| {
        let units = bytes[2..].chunks_exact(2).map(|it| number([it[0], it[1]])).collect::<Vec<_>>();
        String::from_utf16(&units).ok().filter(|_| bytes.len().is_multiple_of(2))
    };
    let decoded = match &*bytes {
        [0xff, 0xfe, ..] => decode(u16::from_le_bytes),
        [0xfe, 0xff, ..] => decode(u16::from_be_bytes),
        _ => None,
    };
    decoded.ok_or_else(|| unusable("the kubeconfig", error.chain()))
}

/// Returns the settings of one kubeconfig, from its text.
#[cfg(test)]
pub(crate) fn parsed(text: &str, folder: &Path, proxies: &regcred_core::Proxies) -> Result<super::Settings> {
    let failed = |reason| unusable("the kubeconfig", reason);
    let document = Document::parse(text, folder).map_err(failed)?;
    super::Settings::of(context::select(document, None).map_err(failed)?, proxies)
}
