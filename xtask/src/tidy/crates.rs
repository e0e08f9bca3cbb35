//! The allowed and forbidden dependencies of each crate of the workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use anyhow::Result;
use serde_json::Value;

use super::workspace::Workspace;
use crate::process::root;

/// A crate of the workspace, its allowed dependencies in the workspace, and its forbidden dependencies.
struct Rule {
    package: &'static str,
    uses: &'static [&'static str],
    never: &'static [&'static str],
}

const RUNTIMES: &[&str] = &["async-std", "smol", "tracing", "serde", "serde_json"];
const PURE: &[&str] = &["tokio", "async-trait", "kube", "hyper", "reqwest"];
const VENDORS: &[&str] = &["kube", "k8s-openapi", "aws-config", "aws-sdk-ecr", "aws-sdk-sts"];

/// The table of ARCHITECTURE.md.
const RULES: &[Rule] = &[
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
    Rule {
        package: "regcred-plan",
        uses: &["regcred-config", "regcred-core"],
        never: &["tokio", "kube", "k8s-openapi", "aws-config", "aws-sdk-ecr"],
    },
    Rule {
        package: "regcred-ecr",
        uses: &["regcred-config", "regcred-core", "regcred-plan"],
        never: &["kube", "k8s-openapi", "figment"],
    },
    Rule {
        package: "regcred-exec",
        uses: &["regcred-config", "regcred-core", "regcred-plan"],
        never: &["kube", "k8s-openapi", "aws-config", "aws-sdk-ecr", "aws-sdk-sts", "figment"],
    },
    Rule {
        package: "regcred-file",
        uses: &["regcred-config", "regcred-core", "regcred-dockerconfig", "regcred-plan"],
        never: VENDORS,
    },
    Rule {
        package: "regcred-http",
        uses: &["regcred-core"],
        never: &["kube", "k8s-openapi", "aws-config", "aws-sdk-ecr", "figment"],
    },
    Rule {
        package: "regcred-exchange",
        uses: &["regcred-config", "regcred-core", "regcred-http", "regcred-plan"],
        never: &["kube", "k8s-openapi", "aws-config", "aws-sdk-ecr", "figment", "hyper", "hyper-util"],
    },
    Rule {
        package: "regcred-verify",
        uses: &["regcred-config", "regcred-core", "regcred-http", "regcred-plan"],
        never: &["kube", "k8s-openapi", "figment", "aws-config", "aws-sdk-ecr"],
    },
    Rule {
        package: "regcred-openshift",
        uses: &["regcred-config", "regcred-core", "regcred-dockerconfig", "regcred-plan"],
        never: &["aws-config", "aws-sdk-ecr", "figment"],
    },
    Rule {
        package: "regcred",
        uses: &[
            "regcred-config",
            "regcred-core",
            "regcred-dockerconfig",
            "regcred-ecr",
            "regcred-engine",
            "regcred-exchange",
            "regcred-exec",
            "regcred-file",
            "regcred-http",
            "regcred-openshift",
            "regcred-plan",
            "regcred-verify",
        ],
        never: &["axum", "clap", "tracing-subscriber"],
    },
    Rule {
        package: "regcred-scheduler",
        uses: &[
            "regcred",
            "regcred-config",
            "regcred-core",
            "regcred-engine",
            "regcred-manifests",
            "regcred-migrate",
            "regcred-openshift",
            "regcred-plan",
        ],
        never: &[],
    },
    Rule {
        package: "regcred-manifests",
        uses: &["regcred-config", "regcred-core", "regcred-plan"],
        never: &["k8s-openapi", "kube", "aws-config", "aws-sdk-ecr", "tokio"],
    },
    Rule {
        package: "regcred-migrate",
        uses: &[
            "regcred-config",
            "regcred-core",
            "regcred-dockerconfig",
            "regcred-ecr",
            "regcred-exchange",
            "regcred-openshift",
        ],
        never: &["tokio", "kube", "aws-config", "aws-sdk-ecr", "figment"],
    },
    Rule { package: "regcred-testkit", uses: &[], never: VENDORS },
    Rule { package: "xtask", uses: &[], never: &["tokio", "kube", "k8s-openapi", "aws-config", "aws-sdk-ecr"] },
    Rule {
        package: "regcred-example-embedded-engine",
        uses: &["regcred"],
        never: &["kube", "k8s-openapi", "aws-config", "aws-sdk-ecr"],
    },
    Rule { package: "regcred-example-file-login", uses: &["regcred", "regcred-scheduler"], never: &[] },
    Rule { package: "regcred-example-operator", uses: &["regcred"], never: &[] },
    Rule { package: "regcred-example-pull-image", uses: &["regcred-core", "regcred-ecr"], never: &[] },
    Rule { package: "regcred-tests", uses: &["regcred-core", "regcred-ecr", "regcred-openshift"], never: &[] },
];

/// Returns the edges that the table lacks or forbids, and those that no manifest has any more.
pub(super) fn edges(workspace: &Workspace) -> Result<Vec<String>> {
    let uses = workspace.members().map(|(name, member)| (name, dependencies(member))).collect::<BTreeMap<_, _>>();
    let mut problems = differences(&uses, RULES);
    problems.extend(untrue_rows(&uses, &fs::read_to_string(root().join("ARCHITECTURE.md"))?));
    Ok(problems)
}

/// Returns the names of the normal dependencies of a crate.
fn dependencies(member: &Value) -> BTreeSet<&str> {
    let dependencies = member["dependencies"].as_array().into_iter().flatten();
    dependencies.filter(|it| it["kind"].is_null()).filter_map(|it| it["name"].as_str()).collect()
}

fn differences(uses: &BTreeMap<&str, BTreeSet<&str>>, rules: &[Rule]) -> Vec<String> {
    let known = |name: &str| rules.iter().any(|rule| rule.package == name);
    let unknown = uses.keys().filter(|name| !known(name));
    let mut problems = unknown
        .map(|name| format!("{name} is not in the table of edges (xtask/src/tidy/crates.rs, ARCHITECTURE.md)"))
        .collect::<Vec<_>>();
    for Rule { package, uses: allowed, never } in rules {
        let Some(depends) = uses.get(package) else {
            problems.push(format!("{package} is in the table of edges, but not in the workspace"));
            continue;
        };
        let new = depends.iter().filter(|name| uses.contains_key(*name) && !allowed.contains(name));
        problems.extend(new.map(|name| format!("{package} may not use {name}: a new edge is an architectural change")));
        let stale = allowed.iter().filter(|name| !depends.contains(*name));
        problems.extend(stale.map(|name| format!("{package} uses no {name} any more: delete the edge from the table")));
        let forbidden = depends.iter().filter(|name| never.contains(name));
        problems.extend(forbidden.map(|name| format!("{package} must never use {name}")));
    }
    problems
}

/// Returns the rows of ARCHITECTURE.md whose last column differs from the manifest of the crate. A row in prose, such
/// as "anything", is skipped.
fn untrue_rows(uses: &BTreeMap<&str, BTreeSet<&str>>, page: &str) -> Vec<String> {
    let rows = page.lines().filter_map(|line| {
        let cells = line.strip_prefix('|')?.split('|').map(str::trim).collect::<Vec<_>>();
        let [_, package, _, row, ..] = cells.as_slice() else { return None };
        Some((package.trim_matches('`'), *row))
    });
    let mut problems = vec![];
    for (package, row) in rows {
        let Some(depends) = uses.get(package) else { continue };
        let short = |name: &&str| name.strip_prefix("regcred-").unwrap_or(name).to_owned();
        let own = depends.iter().filter(|name| uses.contains_key(*name)).map(short).collect::<BTreeSet<_>>();
        let named = row.split(", ").map(|name| name.trim_matches('`').to_owned()).collect::<BTreeSet<_>>();
        let named = if row == "nothing" { BTreeSet::new() } else { named };
        let is_prose = named.iter().any(|name| name.contains(' ') || name == "anything");
        if !is_prose && named != own {
            let own = own.into_iter().collect::<Vec<_>>().join(", ");
            problems.push(format!("ARCHITECTURE.md: {package} uses {own}, but the table names {row}"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Crates, each with its dependencies.
    type Crates<'a> = &'a [(&'a str, &'a [&'a str])];

    fn uses(crates: Crates<'_>) -> BTreeMap<&str, BTreeSet<&str>> {
        crates.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect()
    }

    #[test]
    fn table_and_manifests_name_the_same_edges() {
        const TABLE: [Rule; 2] = [
            Rule { package: "core", uses: &[], never: &["kube"] },
            Rule { package: "engine", uses: &["core"], never: &[] },
        ];
        let cases: &[(Crates<'_>, &[&str])] = &[
            (&[("core", &["tokio"]), ("engine", &["core", "tokio"])], &[]),
            (
                &[("core", &["engine"]), ("engine", &["core"])],
                &["core may not use engine: a new edge is an architectural change"],
            ),
            (&[("core", &[]), ("engine", &[])], &["engine uses no core any more: delete the edge from the table"]),
            (&[("core", &["kube"]), ("engine", &["core"])], &["core must never use kube"]),
            (&[("core", &[])], &["engine is in the table of edges, but not in the workspace"]),
            (
                &[("core", &[]), ("engine", &["core"]), ("new", &[])],
                &["new is not in the table of edges (xtask/src/tidy/crates.rs, ARCHITECTURE.md)"],
            ),
        ];
        for (crates, problems) in cases {
            assert_eq!(differences(&uses(crates), &TABLE), *problems, "{crates:?}");
        }
    }

    #[test]
    fn architecture_page_names_the_edges_of_the_manifests() {
        let uses = uses(&[("regcred-core", &[]), ("regcred-engine", &["regcred-core", "tokio"])]);
        let cases = [
            ("| `a` | `regcred-core` | values | nothing |", ""),
            ("| `b` | `regcred-engine` | the loop | core |", ""),
            ("| `b` | `regcred-engine` | the loop | anything |", ""),
            (
                "| `b` | `regcred-engine` | the loop | config, core |",
                "ARCHITECTURE.md: regcred-engine uses core, but the table names config, core",
            ),
        ];
        for (row, problem) in cases {
            assert_eq!(untrue_rows(&uses, row).concat(), problem, "{row}");
        }
    }
}
