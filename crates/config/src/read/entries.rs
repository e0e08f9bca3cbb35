//! The entries of `providers:` and `sinks:`, and the names by which targets refer to them.

use figment::value::Value;

use super::fields::Fields;
use crate::{Origin, Problem, Spec, TargetEntry, TypeGrammar, Wants, codes, names::nearest::meant, value::shown::sort};

/// Reads one entry with a type at its place. Returns its valid parts, and every problem.
type Read = fn(&str, &Value, Origin, &[TypeGrammar]) -> (Option<Spec>, Vec<Problem>);

/// Reads a map of entries with a type. Also returns the names of entries that have a fault.
pub(crate) fn specs(
    fields: &mut Fields<'_>,
    key: &str,
    types: &[TypeGrammar],
    check: fn(&str) -> regcred_core::Result<()>,
    read: Read,
) -> (Vec<Spec>, Vec<String>) {
    let (mut specs, mut names) = (vec![], vec![]);
    let entries = match fields.get(key) {
        None => return (specs, names),
        Some(Value::Dict(_, entries)) => entries,
        Some(other) => {
            let message = format!("{} is not a map of names, each with a `type` and its options", sort(other));
            fields.report(key, &codes::TYPE, message);
            return (specs, names);
        }
    };
    for (name, entry) in entries {
        names.push(name.clone());
        let origin = fields.origin().join(key).join(name);
        if let Err(error) = check(name) {
            fields.problems.push(Problem::at(origin.clone(), error.to_string()));
        }
        let (spec, problems) = read(name, entry, origin, types);
        specs.extend(spec);
        fields.problems.extend(problems);
    }
    (specs, names)
}

/// Warns of providers and sinks that no target uses.
pub(crate) fn warn_unused(fields: &mut Fields<'_>, targets: &[TargetEntry], providers: &[Spec], sinks: &[Spec]) {
    if !fields.problems.is_empty() {
        return; // an entry with a fault may use it
    }
    let is_unwanted = |spec: &&Spec| {
        !targets.iter().any(|target| match &target.wants {
            Wants::Providers(names) => names.iter().any(|name| name.as_str() == spec.name()),
            Wants::Inline(_) => false,
        })
    };
    for spec in providers.iter().filter(is_unwanted) {
        fields.warnings.push(Problem::at(spec.origin().clone(), "no target uses it").with_code(&codes::UNUSED));
    }
    let is_unused = |spec: &&Spec| {
        let uses = |target: &TargetEntry| target.sink.as_ref().is_none_or(|sink| sink.as_str() == spec.name());
        !targets.iter().any(uses)
    };
    for spec in sinks.iter().filter(is_unused) {
        fields.warnings.push(Problem::at(spec.origin().clone(), "no target uses it").with_code(&codes::UNUSED));
    }
}

/// Reports each provider and sink that a target names and the config does not define.
pub(crate) fn refuse_unnamed(fields: &mut Fields<'_>, targets: &[TargetEntry], providers: &[String], sinks: &[String]) {
    for target in targets {
        if let Wants::Providers(names) = &target.wants
            && !fields.is_misspelt("providers")
        {
            for (place, name) in names.iter().enumerate() {
                if let Some(message) = unnamed("providers", name.as_str(), providers) {
                    fields.problems.push(
                        Problem::at(target.origin.join(&format!("providers[{place}]")), message)
                            .with_code(&codes::UNKNOWN_NAME),
                    );
                }
            }
        }
        match &target.sink {
            Some(name) => {
                if let Some(message) = unnamed("sinks", name.as_str(), sinks) {
                    fields
                        .problems
                        .push(Problem::at(target.origin.join("sink"), message).with_code(&codes::UNKNOWN_NAME));
                }
            }
            None if sinks.len() > 1 => {
                let message = format!("it is missing, and `sinks:` names several: {}", sinks.join(", "));
                fields.problems.push(Problem::at(target.origin.join("sink"), message).with_code(&codes::MISSING));
            }
            None => {}
        }
    }
}

/// Returns a message if a name is not defined. It suggests the nearest name.
fn unnamed(key: &str, name: &str, known: &[String]) -> Option<String> {
    if known.iter().any(|known| known == name) {
        return None;
    }
    let hint = match meant(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant}?"),
        None if known.is_empty() => "it names none".into(),
        None => format!("known names: {}", known.join(", ")),
    };
    Some(format!("`{key}:` does not name {name:?}; {hint}"))
}
