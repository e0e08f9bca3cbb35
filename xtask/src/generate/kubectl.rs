//! Generates the page that compares regcred with kubectl, from the table that the tests use for both programs.

use std::{collections::BTreeMap, fmt::Write, fs};

use anyhow::Result;
use serde::Deserialize;

use crate::process::root;

const TABLE: &str = "tests/kubectl/cases.yaml";
const PROSE: &str = include_str!("kubectl.md");

/// A row of the table, with the columns that the page shows.
#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    cluster: Option<String>,
    user: Option<String>,
    context: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    flag: Option<String>,
    kubectl: String,
    regcred: Option<String>,
    why: Option<String>,
}

/// Returns the whole page.
pub(super) fn page() -> Result<String> {
    let cases = serde_saphyr::from_str::<Vec<Case>>(&fs::read_to_string(root().join(TABLE))?)?;
    let differing = cases.iter().filter(|case| case.regcred.is_some()).count();
    let (mut rows, mut differences) = (String::new(), String::new());
    for case in &cases {
        let regcred = case.regcred.as_deref().map_or("the same", outcome);
        writeln!(
            rows,
            "| {} | {} | {} | {regcred} |",
            cell(&case.name.replace('<', "\\<")),
            cell(&input(case)),
            cell(outcome(&case.kubectl))
        )?;
        if let Some(why) = &case.why {
            writeln!(differences, "| {} | {} |", cell(&case.name.replace('<', "\\<")), cell(why))?;
        }
    }
    let page =
        PROSE.replace("{{ count }}", &cases.len().to_string()).replace("{{ differing }}", &differing.to_string());
    Ok(page.replace("{{ differences }}\n", &differences).replace("{{ rows }}\n", &rows))
}

fn outcome(text: &str) -> &str {
    if text == "nothing" { "no request" } else { text }
}

fn input(case: &Case) -> String {
    let entries = [("cluster", &case.cluster), ("user", &case.user), ("context", &case.context)];
    let entries = entries.into_iter().filter_map(|(key, text)| Some(format!("`{key}: {}`", text.as_ref()?)));
    let variables = case.env.iter().map(|(name, value)| format!("`{name}={value}`"));
    let flag = case.flag.iter().map(|context| format!("`--context {context}`"));
    entries.chain(variables).chain(flag).collect::<Vec<_>>().join("<br>")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
