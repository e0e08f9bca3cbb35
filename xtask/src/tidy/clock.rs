//! Finds the files that read the machine's clock. Every other file of a crate takes a `Clock` or the time as an
//! argument.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    mentions::{self, Mention},
    modules::Modules,
};

/// The files that may read the machine's clock.
const READERS: &[&str] = &[
    "crates/core/src/clock.rs",
    // The defaults of the adapters, and of embedding programs.
    "crates/ecr/src/kind/mod.rs",
    "crates/ecr/src/provider.rs",
    "crates/exec/src/provider.rs",
    "crates/file/src/kind/provider.rs",
    "crates/exchange/src/kind.rs",
    "crates/exchange/src/provider.rs",
    "crates/openshift/src/cluster.rs",
    "crates/openshift/src/kind/secret.rs",
    "crates/regcred/src/built_in.rs",
    "crates/regcred/src/regcred.rs",
    // The entry point of the command line.
    "crates/scheduler/src/cli/mod.rs",
    // The fake servers have a clock of their own.
    "crates/testkit/src/bin/regcred-fake-servers/main.rs",
    "crates/testkit/src/now.rs",
];

/// Types whose `now` reads the machine's clock.
const TYPES: [&str; 6] = ["Local", "OffsetDateTime", "SystemTime", "Timestamp", "Utc", "Zoned"];

/// The files that read the machine's clock, with one place for each.
pub(super) type Reads = BTreeMap<PathBuf, String>;

/// Adds the files of one target that read the clock. Tests, examples and tools are exempt.
pub(super) fn find(modules: &Modules, reads: &mut Reads) {
    for module in modules.0.iter().filter(|module| is_library(&module.file)) {
        for Mention { path, line, .. } in mentions::of(&module.items).into_iter().filter(is_read) {
            reads.entry(module.file.clone()).or_insert_with(|| format!("{line} names {}", path.join("::")));
        }
    }
}

/// Returns the files that read the clock without permission, and those with permission that do not read it.
pub(super) fn problems(reads: &Reads) -> Vec<String> {
    let unlisted = reads.iter().filter(|(file, _)| !READERS.iter().any(|reader| *file == Path::new(reader)));
    let unlisted = unlisted
        .map(|(file, place)| format!("{}:{place}: take a `Clock` or the time as an argument instead", file.display()));
    let stale = READERS.iter().filter(|reader| !reads.contains_key(Path::new(reader)));
    let stale = stale.map(|reader| format!("{reader} does not read the clock: remove it from READERS in clock.rs"));
    unlisted.chain(stale).collect()
}

fn is_library(file: &Path) -> bool {
    file.starts_with("crates") && file.components().any(|part| part.as_os_str() == "src")
}

/// Returns whether code with this path reads the machine's clock. tokio's `Instant` follows a paused runtime, so it is
/// allowed.
fn is_read(mention: &Mention) -> bool {
    let names = mention.path.iter().map(String::as_str).collect::<Vec<_>>();
    match names[..] {
        ["std", "time", "Instant", ..] => true,
        [.., kind, "now"] if TYPES.contains(&kind) => true,
        _ => !mention.import && names.contains(&"SystemClock"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_reads_the_clock_is_found() {
        let cases = [
            ("fn a() { SystemTime::now(); }", true),
            ("fn a() { std::time::SystemTime::now(); }", true),
            ("fn a() { x.unwrap_or_else(Timestamp::now); }", true),
            ("fn a() { join!(b(jiff::Zoned::now())); }", true),
            ("use regcred_core::{Clock, SystemClock};\nfn a() { SystemClock.now(); }", true),
            ("fn a() -> regcred_core::SystemClock { b }", true),
            ("use std::time::{Duration, Instant};\nfn a() {}", true),
            ("use tokio::time::Instant;\nfn a() { Instant::now(); }", false),
            ("fn a(now: SystemTime) { b(now) }", false),
            ("fn a(clock: &dyn Clock) { clock.now(); }", false),
            ("fn a() {}\n#[cfg(test)]\nmod tests { fn a() { SystemTime::now(); } }", false),
            ("struct A;\nimpl A { #[cfg(test)] fn a() { SystemTime::now(); } }", false),
            ("pub use clock::SystemClock;\nfn a() {}", false),
        ];
        for (text, expected) in cases {
            let file = Path::new("crates/a/src/lib.rs");
            let text = |path: &Path| (path == file).then(|| text.to_owned());
            let (modules, mut reads) = (Modules::read(file, &text).expect("the file is valid"), Reads::new());
            find(&modules, &mut reads);
            assert_eq!(reads.contains_key(file), expected, "{:?}", text(file));
        }
    }

    #[test]
    fn only_listed_files_read_the_clock_and_each_of_them_does() {
        let listed = READERS.iter().map(|reader| (PathBuf::from(reader), String::new())).collect::<Reads>();
        assert_eq!(problems(&listed), Vec::<String>::new());
        let mut reads = listed;
        reads.remove(Path::new(READERS[0]));
        reads.insert("crates/a/src/b.rs".into(), "7 names SystemTime::now".into());
        let problems = problems(&reads);
        assert_eq!(
            problems[0],
            "crates/a/src/b.rs:7 names SystemTime::now: take a `Clock` or the time as an argument instead"
        );
        assert!(problems.len() == 2 && problems[1].starts_with(READERS[0]), "{problems:?}");
    }
}
