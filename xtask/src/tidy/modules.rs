//! The modules of one target of a crate, with the names that each declares. Test code is omitted.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, Result};
use syn::{Attribute, Item, ItemMod, Meta, punctuated::Punctuated, token::Comma};

use super::uses::{self, Import};

/// The meaning of a name in a module.
pub(super) enum Name {
    /// An item that the file of the module defines.
    Item,
    /// A child module.
    Module(usize),
    /// An imported path.
    Import(Vec<String>),
}

/// A module, in a file of its own or inline.
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) parent: Option<usize>,
    /// Its items, without child modules and tests.
    pub(super) items: Vec<Item>,
    /// A name can have several meanings: a module and a function, or one per platform.
    pub(super) names: BTreeMap<String, Vec<Name>>,
    pub(super) globs: Vec<Vec<String>>,
}

impl Module {
    /// Returns whether it only declares modules and imports names. It has no code of its own.
    pub(super) fn is_table_of_contents(&self) -> bool {
        self.items.iter().all(|item| matches!(item, Item::Use(_) | Item::ExternCrate(_)))
    }

    fn import(&mut self, import: Import) {
        match import {
            Import { glob: true, path, .. } => self.globs.push(path),
            Import { name: Some(name), path, .. } => self.name(name, Name::Import(path)),
            Import { .. } => {}
        }
    }

    fn name(&mut self, name: String, meaning: Name) {
        self.names.entry(name).or_default().push(meaning);
    }
}

/// The modules of a target. The first is its root.
#[derive(Default)]
pub(super) struct Modules(pub(super) Vec<Module>);

impl Modules {
    /// Parses the root file of a target and every file that it declares.
    pub(super) fn read(root: &Path, text: &dyn Fn(&Path) -> Option<String>) -> Result<Self> {
        let mut modules = Self::default();
        let folder = root.parent().unwrap_or(Path::new(""));
        modules.file(root, folder, None, text)?;
        Ok(modules)
    }

    /// Adds the module of a file, whose child modules are in `folder`.
    fn file(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
        text: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<usize> {
        let source = text(file).with_context(|| format!("cannot read {}", file.display()))?;
        let parsed = syn::parse_file(&source).with_context(|| format!("cannot parse {}", file.display()))?;
        self.module(file, folder, parent, parsed.items, text)
    }

    fn module(
        &mut self,
        file: &Path,
        folder: &Path,
        parent: Option<usize>,
        items: Vec<Item>,
        text: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<usize> {
        let id = self.0.len();
        let (names, globs) = (BTreeMap::new(), vec![]);
        self.0.push(Module { file: file.to_owned(), parent, items: vec![], names, globs });
        for item in items.into_iter().filter(|item| !is_test(attributes(item))) {
            if let Item::Mod(child) = item {
                let name = child.ident.to_string();
                let child = self.child(child, file, folder, id, text)?;
                self.0[id].name(name, Name::Module(child));
                continue;
            }
            for import in uses::of_item(&item) {
                self.0[id].import(import);
            }
            if let Some(name) = defined(&item) {
                self.0[id].name(name, Name::Item);
            }
            self.0[id].items.push(item);
        }
        Ok(id)
    }

    fn child(
        &mut self,
        child: ItemMod,
        file: &Path,
        folder: &Path,
        parent: usize,
        text: &dyn Fn(&Path) -> Option<String>,
    ) -> Result<usize> {
        let name = child.ident.to_string();
        let own_folder = folder.join(&name);
        if let Some((_, items)) = child.content {
            return self.module(file, &own_folder, Some(parent), items, text);
        }
        if let Some(path) = child.attrs.iter().find_map(path_attribute) {
            let file = normal(&file.parent().unwrap_or(Path::new("")).join(path));
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            return self.file(&file, &folder, Some(parent), text);
        }
        let beside = folder.join(format!("{name}.rs"));
        let inside = own_folder.join("mod.rs");
        let file = if text(&beside).is_some() { beside } else { inside };
        self.file(&file, &own_folder, Some(parent), text)
    }
}

/// Returns the name that an item defines, if it can be imported.
fn defined(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Returns whether an item exists only in tests: `#[test]`, `#[tokio::test]`, `#[cfg(test)]`, `#[cfg(all(test,
/// unix))]`.
pub(super) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|it| match &it.meta {
        Meta::List(list) if list.path.is_ident("cfg") => list.parse_args::<Meta>().is_ok_and(|cfg| needs_test(&cfg)),
        meta => meta.path().segments.last().is_some_and(|last| last.ident == "test"),
    })
}

fn needs_test(cfg: &Meta) -> bool {
    let Meta::List(list) = cfg else { return cfg.path().is_ident("test") };
    let Ok(parts) = list.parse_args_with(Punctuated::<Meta, Comma>::parse_terminated) else { return false };
    let mut parts = parts.iter();
    (list.path.is_ident("all") && parts.clone().any(needs_test)) || (list.path.is_ident("any") && parts.all(needs_test))
}

/// Returns the file that `#[path = "…"]` names.
fn path_attribute(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(meta) = &attribute.meta else { return None };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(path), .. }) = &meta.value else { return None };
    meta.path.is_ident("path").then(|| path.value())
}

/// Returns the path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part == Component::ParentDir {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}
