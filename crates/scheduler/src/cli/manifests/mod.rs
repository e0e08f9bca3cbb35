//! `regcred manifests`: prints the objects that run a config in a cluster, with the rights that it needs.

mod args;
pub(crate) mod identity;
mod values;

use std::{env, process::ExitCode};

use anyhow::Result;
use regcred_core::Error;
use regcred_manifests::Manifests;
use regcred_plan::{Plan, Policies, Types};
use serde_json::{Value, json};

pub(crate) use self::args::Args;
use self::args::ModeName;
use super::{
    flags::Output,
    output::{Document, print},
    stderr,
};
use crate::codes;

pub(crate) fn run(args: &Args, types: &Types, output: Output) -> Result<ExitCode> {
    let set = env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    if let Some(name) = set.into_iter().find(|name| name.starts_with("REGCRED__")) {
        let cause = format!("{name} is set here and would not be in the cluster\n  fix: set it in the config file");
        return Err(Error::new(&codes::USAGE, "cannot print the manifests").with_cause(cause).into());
    }
    args.check()?;
    let config = args.config.load(types)?;
    stderr::config_warnings(&config);
    let plan = Plan::new(&config, types)?;
    let install = args.install()?;
    if args.mode == ModeName::Iam {
        let Policies { document, notes } = regcred_manifests::policies(&plan, &install)?;
        print(output, &Iam(document))?;
        for note in &notes {
            stderr::note(note);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.mode == ModeName::Values {
        let Manifests { objects, notes } = regcred_manifests::values(&plan, &install, &command_line())?;
        print(output, &Values(objects.into_iter().next().unwrap_or_default()))?;
        for note in &notes {
            stderr::note(note);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let made = match args.mode {
        ModeName::Template => regcred_manifests::project_template(&plan, &install, &args.label)?,
        ModeName::FirstRun => regcred_manifests::first_run(&plan, &install)?,
        ModeName::Dashboard => regcred_manifests::dashboard(&plan, &install),
        _ => regcred_manifests::manifests(&plan, &install)?,
    };
    let Manifests { objects, notes } = made;
    print(output, &Objects(objects))?;
    for note in &notes {
        stderr::note(note);
    }
    Ok(ExitCode::SUCCESS)
}

/// The objects, in the order in which they are applied.
struct Objects(Vec<Value>);

impl Document for Objects {
    fn table(&self, _: bool) -> String {
        regcred_manifests::yaml(&head(), &self.0)
    }

    fn json(&self) -> Value {
        json!({ "apiVersion": "v1", "kind": "List", "items": self.0 })
    }

    /// Returns the names as kubectl writes them, such as `cronjob.batch/regcred`.
    fn names(&self) -> Vec<String> {
        let name = |object: &Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let kind = text(&object["kind"]).to_ascii_lowercase();
            let version = text(&object["apiVersion"]);
            let group = version.split_once('/').map(|(group, _)| format!(".{group}")).unwrap_or_default();
            format!("{kind}{group}/{}", text(&object["metadata"]["name"]))
        };
        self.0.iter().map(name).collect()
    }
}

/// The roles and users of `--mode iam`.
struct Iam(Value);

impl Document for Iam {
    fn table(&self, _: bool) -> String {
        format!("{:#}\n", self.0)
    }

    fn json(&self) -> Value {
        self.0.clone()
    }
}

/// The values of `--mode values`.
struct Values(Value);

impl Document for Values {
    fn table(&self, _: bool) -> String {
        let advice =
            "After you change the config, run the command again. `generated` fits only this config and these settings.";
        regcred_manifests::yaml(&[head(), vec![advice.into()]].concat(), std::slice::from_ref(&self.0))
    }

    fn json(&self) -> Value {
        self.0.clone()
    }
}

/// Returns the header comment, which names the command that made the output.
fn head() -> Vec<String> {
    vec![format!("Made by `{}`.", command_line())]
}

/// Returns the command line of this process, quoted for a shell.
fn command_line() -> String {
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let args = without_globals(words).into_iter().map(|arg| {
        // The comment must stay on one line for every YAML reader, so each kind of line break is replaced.
        let is_break = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
        let arg = arg.replace(is_break, "?");
        let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=,@%+".contains(it);
        if !arg.is_empty() && arg.chars().all(plain) { arg } else { format!("'{}'", arg.replace('\'', r"'\''")) }
    });
    format!("regcred {}", args.collect::<Vec<_>>().join(" "))
}

/// Returns the words of a command line without the global flags. Global flags do not change the objects.
fn without_globals(words: Vec<String>) -> Vec<String> {
    let mut kept = vec![];
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        let (name, value) = word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        match name {
            "--output" | "--log-format" => {
                if value.is_none() {
                    words.next();
                }
            }
            "--quiet" | "--verbose" | "--no-color" | "--no-colour" => {}
            _ if word.len() > 1 && word.starts_with('-') && !word.starts_with("--") => {
                let rest = word[1..].trim_start_matches(['q', 'v']);
                if rest == "o" {
                    words.next();
                } else if !rest.is_empty() && !rest.starts_with('o') {
                    kept.push(format!("-{rest}"));
                }
            }
            _ => kept.push(word),
        }
    }
    kept
}
