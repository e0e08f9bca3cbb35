//! Generates the page of faults from the doc comments of the tests that show each fault.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::process::root;

/// A test must show each of these. Otherwise the page is not generated.
const CASES: [u32; 27] =
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27];
/// The search for leaks, which is the last case.
const LEAKS: u32 = 30;
const MARK: &str = "/// Case ";
const HEAD: &str = "<!-- Made by `cargo xtask generate` from the tests. -->

# Faults

Faults around regcred, and how regcred handles them. Each test crosses a real wire: the binary, the AWS SDK or the Kubernetes
client against a server, with the fault between them.

| case | what goes wrong | what regcred does | test |
|-----:|-----------------|-------------------|------|
";

/// One fault, from the doc comment of its test.
struct Case {
    fault: String,
    behaviour: String,
    test: String,
}

/// Returns the whole page.
pub(crate) fn page() -> Result<String> {
    let mut cases = BTreeMap::<u32, Vec<Case>>::new();
    let mut files = vec![];
    for folder in ["crates", "tests"] {
        collect(&root().join(folder), &mut files)?;
    }
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file)?;
        let place = file.strip_prefix(root())?.display().to_string();
        for (number, case) in read(&text, &place)? {
            cases.entry(number).or_default().push(case);
        }
    }
    let missing = CASES.iter().chain([&LEAKS]).filter(|number| !cases.contains_key(number)).collect::<Vec<_>>();
    ensure!(missing.is_empty(), "no test shows the cases {missing:?}: its documentation begins with `Case N:`");
    let mut page = String::from(HEAD);
    let rows = cases.into_iter().flat_map(|(number, cases)| cases.into_iter().map(move |case| (number, case)));
    for (number, Case { fault, behaviour, test }) in rows {
        writeln!(page, "| {number} | {fault} | {behaviour} | {test} |")?;
    }
    Ok(page)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn read(text: &str, place: &str) -> Result<Vec<(u32, Case)>> {
    let mut cases = vec![];
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(first) = line.strip_prefix(MARK) else { continue };
        let (number, fault) = first.split_once(": ").with_context(|| format!("{place}: {line:?} has no colon"))?;
        let (mut paragraphs, mut attributes, mut name) = (vec![fault.to_owned()], vec![], None);
        for line in lines.by_ref() {
            match line.strip_prefix("///").map(str::trim) {
                Some("") => paragraphs.push(String::new()),
                Some(more) => append(paragraphs.last_mut().expect("there is a first"), more),
                None if line.starts_with("#[") => attributes.push(line),
                None => {
                    name = line.split("fn ").nth(1).and_then(|it| it.split('(').next());
                    break;
                }
            }
        }
        let is_test =
            attributes.iter().any(|it| it.contains("test")) && !attributes.iter().any(|it| it.contains("ignore"));
        let name = name.filter(|_| is_test).with_context(|| format!("{place}: no test follows case {number}"))?;
        let [fault, behaviour] = paragraphs.as_slice() else {
            bail!("{place}: case {number} must have two paragraphs: the fault and the behaviour");
        };
        let shown_by = format!("`{name}` in `{place}`");
        cases.push((number.parse()?, Case { fault: cell(fault), behaviour: cell(behaviour), test: shown_by }));
    }
    Ok(cases)
}

fn append(paragraph: &mut String, more: &str) {
    if !paragraph.is_empty() {
        paragraph.push(' ');
    }
    paragraph.push_str(more);
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_from_the_doc_comment_of_its_test() {
        let text = "/// Case 7: a thing\n/// goes wrong.\n///\n/// It is | repaired.\n#[tokio::test]\nasync fn it_is_repaired() {\n";
        let cases = read(text, "here.rs").expect("it is whole");
        let [(7, case)] = cases.as_slice() else { panic!("one case") };
        assert_eq!((case.fault.as_str(), case.behaviour.as_str()), ("a thing goes wrong.", "It is \\| repaired."));
        assert_eq!(case.test, "`it_is_repaired` in `here.rs`");
        assert!(read("/// Case 7: a thing.\n#[test]\nfn a() {}\n", "here.rs").is_err(), "the behaviour is missing");
        assert!(read("/// Case 7: a thing.\n///\n/// It is repaired.\n", "here.rs").is_err(), "there is no test");
        assert!(
            read("/// Case 7: a thing.\n///\n/// It is repaired.\nfn a() {}\n", "here.rs").is_err(),
            "it is not a test"
        );
    }
}
