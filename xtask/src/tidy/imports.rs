//! The imports between files of one crate.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    mentions::{self, Mention},
    modules::Modules,
    names::{self, Found},
};

/// The files that each file uses, with the line and the path of one use.
pub(super) type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// Adds the edges of one target to the graph of its crate.
///
/// Naming a module alone uses none of its items.
pub(super) fn edges(modules: &Modules, graph: &mut Graph) {
    for (id, module) in modules.0.iter().enumerate().filter(|(_, module)| !module.is_table_of_contents()) {
        for Mention { path, line, glob, .. } in mentions::of(&module.items) {
            let used = match names::find(modules, id, &path) {
                Some(Found::Item(file)) => file,
                Some(Found::Module(id)) if glob && !modules.0[id].is_table_of_contents() => &*modules.0[id].file,
                _ => continue,
            };
            if used != module.file {
                let use_of = || format!("line {line}: {}", path.join("::"));
                graph.entry(module.file.clone()).or_default().entry(used.to_owned()).or_insert_with(use_of);
            }
        }
    }
}
