//! Which file uses which, within one crate.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Arm, Attribute, Field, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Stmt,
    visit::{self, Visit},
};

use super::{
    modules::{Modules, is_test},
    names::{self, Found},
    uses::{self, Import},
};

/// The files that each file uses, with the line and the path of one use.
pub(super) type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, String>>;

/// Adds the edges of one target to the graph of its crate.
pub(super) fn edges(modules: &Modules, graph: &mut Graph) {
    for (id, module) in modules.0.iter().enumerate().filter(|(_, module)| !module.is_table_of_contents()) {
        let mut visitor = Visitor { modules, module: id, graph };
        module.items.iter().for_each(|item| visitor.visit_item(item));
    }
}

struct Visitor<'a> {
    modules: &'a Modules,
    module: usize,
    graph: &'a mut Graph,
}

impl Visitor<'_> {
    /// Naming a module alone uses none of its items.
    fn path(&mut self, path: &[String], line: usize) {
        if let Some(Found::Item(file)) = names::find(self.modules, self.module, path) {
            self.edge(file, path, line);
        }
    }

    fn import(&mut self, Import { path, glob, line, .. }: &Import) {
        match names::find(self.modules, self.module, path) {
            Some(Found::Item(file)) => self.edge(file, path, *line),
            Some(Found::Module(id)) if *glob && !self.modules.0[id].is_table_of_contents() => {
                self.edge(&self.modules.0[id].file, path, *line);
            }
            _ => {}
        }
    }

    fn edge(&mut self, to: &Path, path: &[String], line: usize) {
        let from = &self.modules.0[self.module].file;
        if from != to {
            let use_of = || format!("line {line}: {}", path.join("::"));
            self.graph.entry(from.clone()).or_default().entry(to.to_owned()).or_insert_with(use_of);
        }
    }

    /// Looks for paths in the tokens of a macro, which no parser knows.
    fn tokens(&mut self, tokens: &TokenStream) {
        let mut path = Vec::new();
        let (mut line, mut colons, mut is_member) = (0, 0, false);
        for token in tokens.clone() {
            match &token {
                TokenTree::Ident(name) => {
                    if colons < 2 {
                        self.path(&path, line);
                        path.clear();
                        line = name.span().start().line;
                    }
                    if !is_member && (colons < 2 || !path.is_empty()) {
                        path.push(name.to_string());
                    }
                    (colons, is_member) = (0, false);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                _ => {
                    self.path(&path, line);
                    path.clear();
                    colons = 0;
                    is_member = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
                    if let TokenTree::Group(group) = &token {
                        self.tokens(&group.stream());
                    }
                }
            }
        }
        self.path(&path, line);
    }
}

impl<'a> Visit<'a> for Visitor<'_> {
    fn visit_path(&mut self, path: &'a syn::Path) {
        if path.leading_colon.is_none() {
            let names = path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>();
            let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
            self.path(&names, line);
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        if !is_test(&item.attrs) {
            for import in &uses::of_use(item) {
                self.import(import);
            }
        }
    }

    fn visit_macro(&mut self, item: &'a Macro) {
        self.tokens(&item.tokens);
        visit::visit_macro(self, item);
    }

    /// Tools such as serde take paths as text: `#[serde(with = "crate::text")]`.
    fn visit_attribute(&mut self, attribute: &'a Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(&list.tokens);
            for token in list.tokens.clone() {
                let TokenTree::Literal(literal) = token else { continue };
                let text = literal.to_string();
                let path = text.trim_matches('"').split("::").map(str::to_owned).collect::<Vec<_>>();
                if path.len() > 1 {
                    self.path(&path, literal.span().start().line);
                }
            }
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_item_mod(&mut self, _: &'a ItemMod) {}

    fn visit_item(&mut self, item: &'a Item) {
        if !matches!(item, Item::Fn(item) if is_test(&item.attrs)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'a ImplItem) {
        if !matches!(item, ImplItem::Fn(item) if is_test(&item.attrs)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'a Field) {
        if !is_test(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_arm(&mut self, arm: &'a Arm) {
        if !is_test(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_stmt(&mut self, statement: &'a Stmt) {
        if !matches!(statement, Stmt::Local(local) if is_test(&local.attrs)) {
            visit::visit_stmt(self, statement);
        }
    }
}
