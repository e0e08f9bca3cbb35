//! The file that defines the item of a path.

use std::{collections::BTreeSet, path::Path};

use super::modules::{Module, Modules, Name};

/// The item or module that a path names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// An item, in the file that defines it.
    Item(&'a Path),
    Module(usize),
}

/// Follows a path from a module, through re-exports, to the item or module. Returns `None` for other crates and for
/// locals.
pub(super) fn find<'a>(modules: &'a Modules, from: usize, path: &[String]) -> Option<Found<'a>> {
    Search { modules, open: BTreeSet::new() }.resolve(from, path)
}

/// A search, with the names in progress, so that imports of each other end.
struct Search<'a> {
    modules: &'a Modules,
    open: BTreeSet<(usize, String)>,
}

impl<'a> Search<'a> {
    fn resolve(&mut self, from: usize, path: &[String]) -> Option<Found<'a>> {
        match path {
            [first, rest @ ..] if first == "crate" => self.walk(0, rest),
            _ => self.walk(from, path),
        }
    }

    fn walk(&mut self, module: usize, path: &[String]) -> Option<Found<'a>> {
        match path {
            [] => Some(Found::Module(module)),
            [first, rest @ ..] if first == "self" => self.walk(module, rest),
            [first, rest @ ..] if first == "super" => self.walk(self.modules.0[module].parent?, rest),
            [name, rest @ ..] => self.look_up(module, name, rest),
        }
    }

    fn look_up(&mut self, module: usize, name: &str, rest: &[String]) -> Option<Found<'a>> {
        let key = (module, name.to_owned());
        if !self.open.insert(key.clone()) {
            return None;
        }
        let found = self.meanings(module, name, rest).or_else(|| self.through_globs(module, name, rest));
        self.open.remove(&key);
        found
    }

    /// Returns the meaning of a name. An item wins over a module of the same name. Paths below a module win over
    /// variants and associated items.
    fn meanings(&mut self, module: usize, name: &str, rest: &[String]) -> Option<Found<'a>> {
        let Module { file, names, .. } = &self.modules.0[module];
        let (items, others) = names.get(name)?.iter().partition::<Vec<_>, _>(|meaning| matches!(meaning, Name::Item));
        let found = others.into_iter().chain(items).filter_map(|meaning| match meaning {
            Name::Item => Some(Found::Item(file)),
            Name::Module(child) => self.walk(*child, rest),
            Name::Import(path) => match self.resolve(module, path)? {
                Found::Module(imported) => self.walk(imported, rest),
                item @ Found::Item(_) => Some(item),
            },
        });
        found.min_by_key(|found| matches!(found, Found::Module(_)))
    }

    fn through_globs(&mut self, module: usize, name: &str, rest: &[String]) -> Option<Found<'a>> {
        self.modules.0[module].globs.iter().find_map(|glob| match self.resolve(module, glob)? {
            Found::Module(imported) if imported != module => self.look_up(imported, name, rest),
            _ => None,
        })
    }
}
