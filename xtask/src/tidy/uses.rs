//! The paths that `use` items import.

use syn::{
    Ident, Item, ItemMod, ItemUse, UseTree,
    visit::{Visit, visit_item},
};

/// One imported path of a `use` item.
#[derive(Debug)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// The name in the module that imports it. `None` for a glob, and for `as _`.
    pub(super) name: Option<String>,
    pub(super) glob: bool,
    pub(super) line: usize,
}

/// Returns the imports of a `use` item, and those inside the bodies of an item.
pub(super) fn of_item(item: &Item) -> Vec<Import> {
    let mut finder = Finder::default();
    visit_item(&mut finder, item);
    finder.0
}

/// Returns the imports of one `use` item. Imports of other crates, with a leading `::`, are omitted.
pub(super) fn of_use(item: &ItemUse) -> Vec<Import> {
    let mut imports = vec![];
    if item.leading_colon.is_none() {
        flatten(&item.tree, &[], &mut imports);
    }
    imports
}

#[derive(Default)]
struct Finder(Vec<Import>);

impl<'a> Visit<'a> for Finder {
    fn visit_item_use(&mut self, item: &'a ItemUse) {
        self.0.extend(of_use(item));
    }

    fn visit_item_mod(&mut self, _: &'a ItemMod) {}
}

fn flatten(tree: &UseTree, prefix: &[String], imports: &mut Vec<Import>) {
    let leaf = |last: &Ident, name: Option<String>| {
        let own = (last != "self").then(|| last.to_string());
        let path = prefix.iter().cloned().chain(own).collect::<Vec<_>>();
        Import { name: name.or_else(|| path.last().cloned()), path, glob: false, line: last.span().start().line }
    };
    match tree {
        UseTree::Path(path) => {
            let prefix = prefix.iter().cloned().chain([path.ident.to_string()]).collect::<Vec<_>>();
            flatten(&path.tree, &prefix, imports);
        }
        UseTree::Name(name) => imports.push(leaf(&name.ident, None)),
        UseTree::Rename(rename) if rename.rename == "_" => {
            imports.push(Import { name: None, ..leaf(&rename.ident, None) });
        }
        UseTree::Rename(rename) => imports.push(leaf(&rename.ident, Some(rename.rename.to_string()))),
        UseTree::Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            imports.push(Import { path: prefix.to_vec(), name: None, glob: true, line });
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, imports)),
    }
}
