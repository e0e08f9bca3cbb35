//! The paths that production code names: in code, in imports, in macros and in attributes.

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Arm, Attribute, Field, ImplItem, Item, ItemMod, ItemUse, Macro, Meta, Stmt,
    visit::{self, Visit},
};

use super::{
    modules::is_test,
    uses::{self, Import},
};

/// A path as written in the source.
#[derive(Debug)]
pub(super) struct Mention {
    pub(super) path: Vec<String>,
    pub(super) line: usize,
    /// Whether the path is only imported, which does not use it yet.
    pub(super) import: bool,
    /// Whether an import takes everything below the path.
    pub(super) glob: bool,
}

/// Returns the paths in these items, without those of child modules and of tests.
pub(super) fn of(items: &[Item]) -> Vec<Mention> {
    let mut finder = Finder::default();
    for item in items {
        finder.visit_item(item);
    }
    finder.0
}

#[derive(Default)]
struct Finder(Vec<Mention>);

impl Finder {
    fn path(&mut self, path: &[String], line: usize) {
        if !path.is_empty() {
            self.0.push(Mention { path: path.to_vec(), line, import: false, glob: false });
        }
    }

    /// Looks for paths in the tokens of a macro, which the parser does not interpret.
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

impl<'a> Visit<'a> for Finder {
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
                let Import { path, line, glob, .. } = import;
                self.0.push(Mention { path: path.clone(), line: *line, import: true, glob: *glob });
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
