//! Methods of a type outside the file that defines the type.

use std::collections::BTreeSet;

use syn::{Item, Type};

use super::{
    modules::Modules,
    names::{self, Found},
};

/// Returns the inherent `impl` blocks that are not in the file of their type.
pub(super) fn split(modules: &Modules) -> BTreeSet<String> {
    let mut split = BTreeSet::new();
    for (id, module) in modules.0.iter().enumerate() {
        for item in &module.items {
            let Item::Impl(item) = item else { continue };
            let (None, Type::Path(own)) = (&item.trait_, &*item.self_ty) else { continue };
            let path = own.path.segments.iter().map(|it| it.ident.to_string()).collect::<Vec<_>>();
            let Some(Found::Item(file)) = names::find(modules, id, &path) else { continue };
            if file != module.file {
                let line = item.impl_token.span.start().line;
                let (here, there) = (module.file.display(), file.display());
                split.insert(format!("{here}:{line} has methods of {}, which {there} defines", path.join("::")));
            }
        }
    }
    split
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn methods_are_in_the_file_of_their_type() {
        let cases = [
            ("same file", "pub struct A; impl A {}", "", ""),
            ("same file, inline module", "pub struct A; mod c { impl super::A {} }", "", ""),
            (
                "child",
                "mod b; pub struct A;",
                "impl super::A {}",
                "a/b.rs:1 has methods of super::A, which a.rs defines",
            ),
            (
                "imported",
                "mod b; pub struct A<T>(T);",
                "use crate::a::A;\nimpl<T> A<T> {}",
                "a/b.rs:2 has methods of A, which a.rs defines",
            ),
            ("trait", "mod b; pub struct A;", "use crate::a::A; impl From<A> for u8 {} impl Clone for A {}", ""),
            ("test", "mod b; pub struct A;", "#[cfg(test)] impl super::A {}", ""),
        ];
        for (what, parent, child, problem) in cases {
            let text = |path: &Path| {
                let text = match path.to_str()? {
                    "lib.rs" => "mod a;",
                    "a.rs" => parent,
                    "a/b.rs" => child,
                    _ => return None,
                };
                Some(text.to_owned())
            };
            let modules = Modules::read(Path::new("lib.rs"), &text).expect("the files are valid");
            assert_eq!(split(&modules).into_iter().collect::<Vec<_>>().concat(), problem, "{what}");
        }
    }
}
