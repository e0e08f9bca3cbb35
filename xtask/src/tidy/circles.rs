//! Files that import each other in a circle.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::imports::Graph;

/// Returns the groups of files in which each file reaches every other, the largest first.
pub(super) fn circles(graph: &Graph) -> Vec<BTreeSet<&Path>> {
    let mut open = graph.keys().map(PathBuf::as_path).collect::<BTreeSet<_>>();
    let mut circles = vec![];
    while let Some(file) = open.pop_first() {
        let reached = reached(graph, file);
        let circle =
            reached.iter().copied().filter(|it| self::reached(graph, it).contains(file)).collect::<BTreeSet<_>>();
        open.retain(|it| !circle.contains(it));
        if !circle.is_empty() {
            circles.push(circle);
        }
    }
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// Returns the files that a file uses, directly or through other files.
fn reached<'a>(graph: &'a Graph, file: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![file];
    while let Some(file) = waiting.pop() {
        for used in graph.get(file).into_iter().flat_map(|used| used.keys()) {
            if reached.insert(used.as_path()) {
                waiting.push(used);
            }
        }
    }
    reached
}

/// Names the files of a circle, and one import for each of its edges.
pub(super) fn describe(graph: &Graph, circle: &BTreeSet<&Path>) -> String {
    let edges = circle.iter().flat_map(|from| {
        let used = graph.get(*from).into_iter().flatten().filter(|(to, _)| circle.contains(to.as_path()));
        used.map(|(to, line)| format!("\n  {} uses {}, {line}", from.display(), to.display()))
    });
    format!("{} files import each other in a circle:{}", circle.len(), edges.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{
        super::{imports, modules::Modules},
        *,
    };

    type Files<'a> = &'a [(&'a str, &'a str)];

    /// Returns the imports in a crate of these files. The first file is the root.
    fn graph(files: Files<'_>) -> Graph {
        let text = |path: &Path| files.iter().find(|(name, _)| path == *name).map(|(_, text)| (*text).to_owned());
        let modules = Modules::read(Path::new(files[0].0), &text).expect("the files are valid");
        let mut graph = Graph::new();
        imports::edges(&modules, &mut graph);
        graph
    }

    fn circles_of(files: Files<'_>) -> Vec<Vec<String>> {
        let name = |path: &&Path| path.display().to_string();
        circles(&graph(files)).iter().map(|circle| circle.iter().map(name).collect()).collect()
    }

    #[test]
    fn circles_are_found_for_every_form_of_path() {
        const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b;");
        let cases: &[(&str, Files<'_>)] = &[
            ("use", &[ROOT, ("a.rs", "use crate::b::B; pub struct A;"), ("b.rs", "use crate::a::A; pub struct B;")]),
            ("super", &[ROOT, ("a.rs", "use super::b::B; pub struct A;"), ("b.rs", "use super::a::A; pub struct B;")]),
            (
                "group",
                &[
                    ROOT,
                    ("a.rs", "use crate::{b::{self, B}}; pub struct A;"),
                    ("b.rs", "use super::a::A as C; pub struct B;"),
                ],
            ),
            (
                "path in code",
                &[ROOT, ("a.rs", "pub fn a() { crate::b::b() }"), ("b.rs", "pub fn b() { super::a::a() }")],
            ),
            (
                "module",
                &[ROOT, ("a.rs", "use crate::b; pub fn a() { b::b() }"), ("b.rs", "use crate::a::a; pub fn b() {}")],
            ),
            (
                "module in a function",
                &[ROOT, ("a.rs", "pub fn a() { use crate::b; b::b() }"), ("b.rs", "use crate::a::a; pub fn b() {}")],
            ),
            ("glob", &[ROOT, ("a.rs", "use crate::b::*; pub struct A;"), ("b.rs", "use crate::a::A; pub struct B;")]),
            (
                "macro",
                &[
                    ROOT,
                    ("a.rs", "pub fn a() { println!(\"{}\", [crate::b::B]) }"),
                    ("b.rs", "use crate::a::a; pub struct B;"),
                ],
            ),
            (
                "module in a macro",
                &[
                    ROOT,
                    ("a.rs", "use crate::b; pub fn a() { println!(\"{}\", x.y, b::b()) }"),
                    ("b.rs", "use crate::a::a; pub fn b() {}"),
                ],
            ),
            (
                "text",
                &[
                    ROOT,
                    ("a.rs", "#[derive(D)] pub struct A { #[serde(with = \"crate::b::b\")] c: u8 }"),
                    ("b.rs", "use crate::a::A; pub fn b() {}"),
                ],
            ),
            (
                "type",
                &[
                    ROOT,
                    ("a.rs", "pub struct A { b: Option<crate::b::B> }"),
                    ("b.rs", "use crate::a::A; pub struct B;"),
                ],
            ),
            (
                "variant",
                &[ROOT, ("a.rs", "use crate::b::B::C; pub struct A;"), ("b.rs", "use crate::a::A; pub enum B { C }")],
            ),
            (
                "inline module",
                &[
                    ROOT,
                    ("a.rs", "pub mod c { use super::super::b::B; pub struct A; }"),
                    ("b.rs", "use crate::a::c::A; pub struct B;"),
                ],
            ),
            (
                "re-export",
                &[
                    ("lib.rs", "mod a; mod b; pub use a::A; pub(crate) use b::B as D;"),
                    ("a.rs", "use crate::D; pub struct A;"),
                    ("b.rs", "use crate::A; pub struct B;"),
                ],
            ),
            (
                "glob of re-exports",
                &[
                    ("lib.rs", "mod a; mod b; pub use a::A; pub use b::*;"),
                    ("a.rs", "use super::*; pub struct A { b: B }"),
                    ("b.rs", "use crate::A; pub struct B;"),
                ],
            ),
            (
                "cfg of a feature",
                &[
                    ROOT,
                    ("a.rs", "#[cfg(any(test, unix))] use crate::b::B; pub struct A;"),
                    ("b.rs", "use crate::a::A; pub struct B;"),
                ],
            ),
        ];
        for (what, files) in cases {
            assert_eq!(circles_of(files), [["a.rs", "b.rs"]], "{what}");
        }
    }

    #[test]
    fn imports_in_one_direction_are_not_a_circle() {
        const ROOT: (&str, &str) = ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;");
        let cases: &[(&str, Files<'_>)] = &[
            ("one way", &[ROOT, ("a.rs", "use crate::B; pub struct A;"), ("b.rs", "pub struct B;")]),
            (
                "test module",
                &[
                    ROOT,
                    ("a.rs", "use crate::B; pub struct A;"),
                    ("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::A; }"),
                ],
            ),
            (
                "test function",
                &[
                    ROOT,
                    ("a.rs", "use crate::B; pub struct A;"),
                    ("b.rs", "pub struct B; impl B { #[cfg(test)] fn a() { crate::A } }"),
                ],
            ),
            (
                "test import",
                &[
                    ROOT,
                    ("a.rs", "use crate::B; pub struct A;"),
                    ("b.rs", "pub struct B; #[cfg(all(test, unix))] use crate::A;"),
                ],
            ),
            ("test file", &[("lib.rs", "mod a; #[cfg(test)] mod b;"), ("a.rs", "pub struct A;")]),
            (
                "table of contents",
                &[
                    ("lib.rs", "mod a;"),
                    ("a/mod.rs", "mod b; mod c; pub use b::B;"),
                    ("a/b.rs", "use super::c::C; pub struct B;"),
                    ("a/c.rs", "pub struct C;"),
                ],
            ),
            (
                "other crate",
                &[
                    ROOT,
                    ("a.rs", "use crate::B; pub struct A;"),
                    ("b.rs", "use ::a::A; pub struct B; fn b() { c.a::<A>() }"),
                ],
            ),
            ("own name", &[ROOT, ("a.rs", "use a::A; pub struct A;"), ("b.rs", "pub use b::B;")]),
        ];
        for (what, files) in cases {
            assert_eq!(circles_of(files), [[""; 0]; 0], "{what}");
        }
    }

    #[test]
    fn a_circle_can_have_more_than_two_files() {
        let circles = circles_of(&[
            ("lib.rs", "mod a; mod b; mod c; mod d;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "use crate::c::C; pub struct B;"),
            ("c.rs", "use crate::a::A; pub struct C;"),
            ("d.rs", "use crate::a::A;"),
        ]);
        assert_eq!(circles, [["a.rs", "b.rs", "c.rs"]]);
    }

    #[test]
    fn a_parent_with_code_is_in_the_circle_of_its_children() {
        let circles = circles_of(&[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; pub use b::B; pub struct A;"),
            ("a/b.rs", "use super::A; pub struct B;"),
        ]);
        assert_eq!(circles, [["a/b.rs", "a/mod.rs"]]);
    }

    #[test]
    fn a_path_attribute_names_the_file_of_a_module() {
        let circles = circles_of(&[
            ("tests/a/main.rs", "#[path = \"../b/mod.rs\"] mod b; mod d; pub struct A;"),
            ("tests/b/mod.rs", "mod c; pub use c::C;"),
            ("tests/b/c.rs", "use crate::d::D; pub struct C;"),
            ("tests/a/d.rs", "use crate::b::C; pub struct D;"),
        ]);
        assert_eq!(circles, [["tests/a/d.rs", "tests/b/c.rs"]]);
    }

    #[test]
    fn a_circle_is_described_with_one_import_for_each_edge() {
        let graph = graph(&[
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "use crate::b::B;\nuse crate::b::C;\npub struct A;"),
            ("b.rs", "pub struct B;\npub struct C(crate::a::A);"),
        ]);
        assert_eq!(
            describe(&graph, &circles(&graph)[0]),
            "2 files import each other in a circle:\n  a.rs uses b.rs, line 1: crate::b::B\n  b.rs uses a.rs, line 2: crate::a::A"
        );
    }
}
