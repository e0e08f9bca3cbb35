//! `regcred check --template`: checks whether OpenShift would create projects from a template.

use std::{io, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use regcred_core::{Error, ErrorKind, read_text, read_text_file};
use regcred_manifests::expand;
use regcred_openshift::{Cluster, Connection, check};
use serde_json::{Value, json};

use super::{
    exit::{EXIT_INVALID, EXIT_UNREACHABLE},
    failure::Failure,
    flags::Output,
    manifests::identity::offered,
    output::{Document, print},
    session::{self, announce},
};

use crate::codes;

/// Checks the template in a file. If there is a connection, the cluster checks it too.
pub(crate) fn run(file: &Path, cluster: Option<&Connection>, output: Output) -> Result<ExitCode> {
    let is_stdin = file == Path::new("-");
    let text = if is_stdin { read_text(io::stdin()).map_err(anyhow::Error::from) } else { Ok(read_text_file(file)?) };
    let text = text.context("cannot read standard input")?;
    let name = file.display();
    let template = regcred_manifests::read(&text)
        .map_err(|why| Error::new(&codes::TEMPLATE, format!("cannot read {name}")).with_cause(why))?;
    let (mut errors, warnings) = regcred_manifests::check(&template, offered());
    let mut code = 0;
    if let Some(connection) = cluster.filter(|_| errors.is_empty()) {
        let (refused, unreachable) = session::wait(ask(connection, &template))??;
        code = if unreachable { EXIT_UNREACHABLE } else { 0 };
        errors.extend(refused);
    }
    if !errors.is_empty() && code == 0 {
        code = EXIT_INVALID;
    }
    let file = if is_stdin { "standard input".to_owned() } else { name.to_string() };
    print(output, &Judged { file, errors, warnings, code, by_cluster: cluster.is_some() })?;
    Ok(ExitCode::from(code))
}

/// The errors and warnings of a template.
struct Judged {
    file: String,
    errors: Vec<String>,
    warnings: Vec<String>,
    code: u8,
    /// Whether the cluster was asked too.
    by_cluster: bool,
}

impl Document for Judged {
    fn table(&self, _: bool) -> String {
        let Self { file: _, errors, warnings, code, by_cluster } = self;
        let lines = errors.iter().map(|it| format!("error: {it}\n"));
        let lines = lines.chain(warnings.iter().map(|it| format!("warning: {it}\n"))).collect::<String>();
        let last = match (code, by_cluster) {
            (0, true) => JUDGED,
            (0, false) => GOOD,
            _ => "Do not switch to this template: users could not request projects.\n",
        };
        lines + last
    }

    fn json(&self) -> Value {
        let error = |text: &String| {
            let (path, message) = placed(text);
            Failure::in_file(&self.file, path, &codes::TEMPLATE, message).json()
        };
        json!({
            "errors": self.errors.iter().map(error).collect::<Vec<_>>(),
            "warnings": self.warnings,
            "exit_code": self.code,
        })
    }
}

/// Splits the path of an object, such as `objects[1]`, from a message that begins with it.
fn placed(text: &str) -> (Option<&str>, &str) {
    let end = text.strip_prefix("objects[").and_then(|rest| rest.find(']')).map(|at| at + "objects[]".len());
    match end.map(|end| text.split_at(end)) {
        Some((path, message)) => (Some(path), message.trim_start_matches([',', ':', ' '])),
        None => (None, text),
    }
}

const GOOD: &str = "No errors were found: each new project gets the objects of this template. Add --online to let the cluster check it too.\n";
const JUDGED: &str =
    "No errors were found, and the cluster would create the objects of this template in each new project.\n";

/// The APIs of a cluster in which users request projects from a template.
const OPENSHIFT: [&str; 2] = ["project.openshift.io/v1", "template.openshift.io/v1"];

/// Returns the errors of the objects that the cluster would refuse, and whether the cluster is unreachable.
///
/// The dry run uses the namespace of the connection, because the project does not exist.
async fn ask(connection: &Connection, template: &Value) -> Result<(Vec<String>, bool)> {
    let cluster = Cluster::connect(connection).await?;
    announce(&cluster, None);
    let parameters = template["parameters"].as_array().into_iter().flatten();
    // A parameter with its own value keeps it.
    let sample = |it: &Value| {
        let name = it["name"].as_str().filter(|_| it["value"].as_str().unwrap_or_default().is_empty())?;
        Some((name.to_owned(), cluster.default_namespace().to_owned()))
    };
    let expanded = expand(template, &parameters.filter_map(sample).collect())
        .map_err(|why| Error::new(&codes::TEMPLATE, "cannot expand the template").with_cause(why))?;
    let (mut refused, mut unreachable) = (vec![], false);
    for api in OPENSHIFT {
        match check::serves(&cluster, api).await {
            Ok(true) => {}
            Ok(false) => {
                refused.push(format!(
                    "{} cannot check the template: it is not OpenShift, because it does not serve {api}: choose another context with --context",
                    cluster.server()
                ));
                break;
            }
            Err(error) => {
                unreachable |= error.kind() == ErrorKind::Unreachable;
                refused.push(error.chain());
                break;
            }
        }
    }
    for (place, object) in expanded.objects.iter().enumerate().filter(|(_, it)| it["kind"] != "Project") {
        if let Err(error) = check::would_make(&cluster, object).await {
            unreachable |= error.kind() == ErrorKind::Unreachable;
            refused.push(format!("objects[{place}]: {}", error.chain()));
        }
    }
    Ok((refused, unreachable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_an_object_is_split_from_its_message() {
        for (text, path, message) in [
            ("objects[1], RoleBinding admin: it is odd", Some("objects[1]"), "RoleBinding admin: it is odd"),
            ("objects[12]: 403: no", Some("objects[12]"), "403: no"),
            ("objects: none", None, "objects: none"),
            ("the parameter X is missing", None, "the parameter X is missing"),
        ] {
            assert_eq!(placed(text), (path, message));
        }
    }
}
