//! What the compiler does not check: edges between crates, licences, duplicates, features.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use anyhow::{Result, bail};
use serde_json::Value;

use crate::process::{cargo, read, root};

/// A crate of the workspace, what it may use of the others, and what it must never use at all.
struct Rule {
    package: &'static str,
    uses: &'static [&'static str],
    never: &'static [&'static str],
}

const RUNTIMES: &[&str] = &["async-std", "smol", "tracing", "serde", "serde_json"];
const PURE: &[&str] = &["tokio", "async-trait", "kube", "hyper", "reqwest"];
const VENDORS: &[&str] = &["kube", "k8s-openapi", "aws-config", "aws-sdk-ecr", "aws-sdk-sts"];

/// The table of ARCHITECTURE.md.
const RULES: [Rule; 15] = [
    Rule { package: "regcred-core", uses: &[], never: RUNTIMES },
    Rule {
        package: "regcred-engine",
        uses: &["regcred-core"],
        never: &["serde", "serde_json", "figment", "kube", "aws-config"],
    },
    Rule { package: "regcred-dockerconfig", uses: &["regcred-core"], never: PURE },
    Rule {
        package: "regcred-config",
        uses: &["regcred-core"],
        never: &["tokio", "kube", "k8s-openapi", "aws-config", "aws-sdk-ecr"],
    },
    Rule { package: "regcred-ecr", uses: &["regcred-core"], never: &["kube", "k8s-openapi", "figment"] },
    Rule {
        package: "regcred-openshift",
        uses: &["regcred-core", "regcred-dockerconfig"],
        never: &["aws-config", "aws-sdk-ecr", "figment"],
    },
    Rule {
        package: "regcred",
        uses: &[
            "regcred-config",
            "regcred-core",
            "regcred-ecr",
            "regcred-engine",
            "regcred-manifests",
            "regcred-migrate",
            "regcred-openshift",
        ],
        never: &[],
    },
    Rule {
        package: "regcred-manifests",
        uses: &["regcred-config", "regcred-core"],
        never: &["k8s-openapi", "kube", "aws-config", "aws-sdk-ecr", "tokio"],
    },
    Rule {
        package: "regcred-migrate",
        uses: &["regcred-config", "regcred-core", "regcred-dockerconfig", "regcred-ecr", "regcred-openshift"],
        never: &["tokio", "kube", "aws-config", "aws-sdk-ecr", "figment"],
    },
    Rule { package: "regcred-testkit", uses: &[], never: VENDORS },
    Rule { package: "xtask", uses: &[], never: &["tokio", "kube", "k8s-openapi", "aws-config", "aws-sdk-ecr"] },
    Rule {
        package: "regcred-example-embedded-engine",
        uses: &["regcred-core", "regcred-engine"],
        never: &["serde", "serde_json", "figment", "kube", "aws-config"],
    },
    Rule { package: "regcred-example-file-login", uses: &["regcred", "regcred-core"], never: &[] },
    Rule { package: "regcred-example-pull-image", uses: &["regcred-core", "regcred-ecr"], never: &[] },
    Rule { package: "regcred-tests", uses: &["regcred-core", "regcred-ecr", "regcred-openshift"], never: &[] },
];

/// Who takes one adapter gets nothing of the other, not even through somebody else.
const APART: [(&str, &[&str]); 3] = [
    ("regcred-ecr", &["kube", "k8s-openapi"]),
    ("regcred-openshift", &["aws-config", "aws-sdk-ecr"]),
    ("regcred-example-pull-image", &["kube", "k8s-openapi"]),
];

/// Sessions of `aws login` are signed with p256.
const LOGIN: &str = "p256 and its crates are a version behind those of TLS and SigV4";
/// Known to be there twice, each with the reason.
const DUPLICATES: [(&str, &str); 12] = [
    ("base64", "k8s-openapi is a version behind"),
    ("block-buffer", LOGIN),
    ("const-oid", LOGIN),
    ("cpufeatures", LOGIN),
    ("crypto-common", LOGIN),
    ("digest", LOGIN),
    ("getrandom", LOGIN),
    ("hmac", LOGIN),
    ("rand", LOGIN),
    ("rand_core", LOGIN),
    ("sha2", LOGIN),
    ("syn", "runs at build time only; half of the macros have moved on"),
];

const LICENCES: [&str; 14] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Not in any build: an unmaintained YAML, second TLS stacks.
const BANNED: [&str; 6] = ["serde_yaml", "serde_yml", "unsafe-libyaml", "openssl-sys", "native-tls", "ring"];

pub(crate) fn run() -> Result<()> {
    let metadata =
        serde_json::from_str::<Value>(&read(cargo().args(["metadata", "--format-version", "1", "--locked"]))?)?;
    let mut problems = vec![];
    edges(&metadata, &mut problems);
    apart(&mut problems)?;
    licences(&metadata, &mut problems);
    duplicates(&mut problems)?;
    banned(&mut problems)?;
    test_features(&mut problems)?;
    top_level(&mut problems)?;
    promises(&mut problems)?;
    if problems.is_empty() {
        println!("tidy");
        return Ok(());
    }
    bail!("{}", problems.join("\n"))
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata["packages"].as_array().into_iter().flatten()
}

fn members(metadata: &Value) -> BTreeMap<&str, &Value> {
    let ids = metadata["workspace_members"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<BTreeSet<_>>();
    let is_member = |it: &&Value| it["id"].as_str().is_some_and(|id| ids.contains(id));
    packages(metadata).filter(is_member).filter_map(|it| Some((it["name"].as_str()?, it))).collect()
}

fn edges(metadata: &Value, problems: &mut Vec<String>) {
    let members = members(metadata);
    for name in members.keys() {
        if !RULES.iter().any(|rule| rule.package == *name) {
            problems.push(format!("{name} is not in the table of edges (xtask/src/tidy.rs, ARCHITECTURE.md)"));
        }
    }
    for Rule { package, uses, never } in &RULES {
        let Some(member) = members.get(package) else {
            problems.push(format!("{package} is in the table of edges, but not in the workspace"));
            continue;
        };
        let dependencies = member["dependencies"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|it| it["kind"].is_null()).filter_map(|it| it["name"].as_str());
        for dependency in normal {
            if members.contains_key(dependency) && !uses.contains(&dependency) {
                problems.push(format!("{package} may not use {dependency}: a new edge is an architectural change"));
            }
            if never.contains(&dependency) {
                problems.push(format!("{package} must never use {dependency}"));
            }
        }
    }
    problems.extend(untrue_edges(&members, &architecture_page()));
}

fn architecture_page() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap_or_default()
}

/// The rows of ARCHITECTURE.md whose last column is not what the manifest of the crate says. Rows in prose, such as "anything", say less
/// and are not judged.
fn untrue_edges(members: &BTreeMap<&str, &Value>, page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| {
        let cells = line.strip_prefix('|')?.split('|').map(str::trim).collect::<Vec<_>>();
        let [_, package, _, uses, ..] = cells.as_slice() else { return None };
        Some((package.trim_matches('`'), *uses))
    });
    let mut problems = vec![];
    for (package, uses) in rows {
        let Some(member) = members.get(package) else { continue };
        let dependencies = member["dependencies"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|it| it["kind"].is_null()).filter_map(|it| it["name"].as_str());
        let own = normal.filter(|name| members.contains_key(name));
        let short = |name: &str| name.strip_prefix("regcred-").unwrap_or(name).to_owned();
        let own = own.map(short).collect::<BTreeSet<_>>();
        let named = uses.split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<BTreeSet<_>>();
        let named = if uses == "nothing" { BTreeSet::new() } else { named };
        let is_prose = named.iter().any(|name| name.contains(' ') || name == "anything");
        if !is_prose && named != own {
            let own = own.into_iter().collect::<Vec<_>>().join(", ");
            problems.push(format!("ARCHITECTURE.md: {package} uses {own}, and the table says {uses}"));
        }
    }
    problems
}

fn apart(problems: &mut Vec<String>) -> Result<()> {
    for (package, never) in APART {
        let tree = names(cargo().args(["tree", "--package", package, "--edges", "normal"]))?;
        problems.extend(never.iter().filter(|it| tree.contains(**it)).map(|it| format!("{package} brings {it} along")));
    }
    Ok(())
}

/// Every package that this `cargo tree` shows.
pub(crate) fn names(tree: &mut Command) -> Result<BTreeSet<String>> {
    let tree = read(tree.args(["--prefix", "none", "--format", "{p}"]))?;
    Ok(tree.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect())
}

fn licences(metadata: &Value, problems: &mut Vec<String>) {
    for package in packages(metadata) {
        let licence = package["license"].as_str().unwrap_or_default().replace('/', " OR ").replace(['(', ')'], "");
        let allowed = |term: &str| LICENCES.contains(&term.trim());
        let one_of = licence.split(" OR ").any(|choice| choice.split(" AND ").all(allowed));
        let all_of = licence.split(" AND ").all(|part| part.split(" OR ").any(allowed));
        if !one_of && !all_of {
            problems.push(format!("{} has the licence {licence:?}, which is not in the list", package["name"]));
        }
    }
}

fn duplicates(problems: &mut Vec<String>) -> Result<()> {
    let tree = read(cargo().args([
        "tree",
        "--package",
        "regcred",
        "--edges",
        "normal",
        "--duplicates",
        "--depth",
        "0",
        "--prefix",
        "none",
    ]))?;
    let mut versions = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (name, version) in tree.lines().filter_map(|line| line.split_once(' ')) {
        versions.entry(name).or_default().insert(version.split(' ').next().unwrap_or_default());
    }
    for (name, versions) in versions.iter().filter(|(_, versions)| versions.len() > 1) {
        if !DUPLICATES.iter().any(|(known, _)| known == name) {
            problems.push(format!("{name} is in the binary as {versions:?}"));
        }
    }
    Ok(())
}

fn banned(problems: &mut Vec<String>) -> Result<()> {
    let names = names(cargo().args(["tree", "--workspace", "--edges", "normal,build"]))?;
    problems.extend(
        BANNED.iter().filter(|it| names.contains(**it)).map(|it| format!("{it} is in a build: see .deny.toml")),
    );
    Ok(())
}

/// What is for tests must not reach the binary.
fn test_features(problems: &mut Vec<String>) -> Result<()> {
    let tree = read(cargo().args(["tree", "--package", "regcred", "--edges", "normal,features", "--prefix", "none"]))?;
    for line in tree.lines().map(str::trim) {
        let test_only = line.starts_with("mockall ")
            || line.starts_with("regcred-core feature \"testing\"")
            || line.starts_with("regcred-core feature \"mock\"");
        if test_only {
            problems.push(format!("{line} is in the binary"));
        }
    }
    Ok(())
}

/// A stranger sees the architecture at the top level: nothing else is there.
fn top_level(problems: &mut Vec<String>) -> Result<()> {
    let known = [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "Cargo.lock",
        "Cargo.toml",
        "LICENSE",
        "README.md",
        "SECURITY.md",
        "config",
        "crates",
        "deploy",
        "examples",
        "tests",
        "xtask",
    ];
    let files = read(Command::new("git").args(["ls-files"]).current_dir(root()))?;
    let top = files.lines().filter_map(|path| path.split('/').next()).collect::<BTreeSet<_>>();
    let unknown = top.into_iter().filter(|name| !name.starts_with('.') && !known.contains(name));
    problems.extend(unknown.map(|name| format!("{name} does not belong at the top level")));
    Ok(())
}

/// Every test that SECURITY.md names for a promise exists in the file that it names.
fn promises(problems: &mut Vec<String>) -> Result<()> {
    let page = fs::read_to_string(root().join("SECURITY.md"))?;
    for (test, file) in named_tests(&page) {
        let text = fs::read_to_string(root().join(file)).unwrap_or_default();
        if !text.contains(&format!("fn {test}(")) {
            problems.push(format!("SECURITY.md: cannot find the test {test} in {file}"));
        }
    }
    Ok(())
}

/// The tests and their files in a table whose last cells are like "`one_test`, `another_test` in `a/file.rs`".
fn named_tests(page: &str) -> Vec<(&str, &str)> {
    let mut all = vec![];
    for cell in page.lines().filter_map(|line| line.strip_suffix(" |")?.rsplit(" | ").next()) {
        let mut waiting = vec![];
        for name in cell.split('`').skip(1).step_by(2) {
            if std::path::Path::new(name).extension().is_some_and(|it| it == "rs") {
                all.extend(waiting.drain(..).map(|test| (test, name)));
            } else {
                waiting.push(name);
            }
        }
        // Without a file it cannot be found.
        all.extend(waiting.into_iter().filter(|it| it.contains('_')).map(|test| (test, "")));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::named_tests;

    #[test]
    fn a_test_belongs_to_the_file_that_follows_it() {
        let page =
            "text with `code_of_ours`\n| promise | how | `one_a`, `two_b` in `a.rs`; `three_c` in `b.rs`; `four_d` |\n";
        assert_eq!(named_tests(page), [("one_a", "a.rs"), ("two_b", "a.rs"), ("three_c", "b.rs"), ("four_d", "")]);
    }
}
