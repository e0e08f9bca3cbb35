//! The logins of a target: by the names of providers, or by keys that a type of provider understands.

use figment::value::Dict;
use regcred_core::ProviderName;

use super::fields::Fields;
use crate::{
    Spec, Wants, codes,
    grammar::{Grammar, TypeGrammar},
    value::shown::{not_text, shown, sort},
};

/// The logins of an entry, and the keys of types next to a fault, which the types check too.
pub(crate) struct Read {
    /// `None`: a problem was reported.
    pub(crate) wants: Option<Wants>,
    pub(crate) doubtful: Vec<Spec>,
}

/// Reads the logins that an entry asks for.
pub(crate) fn wants(fields: &mut Fields<'_>, grammar: &Grammar) -> Read {
    let types = grammar.inline().map(|kind| (kind, keys_of(fields, kind))).collect::<Vec<_>>();
    let used = types.iter().filter(|(_, keys)| !keys.is_empty()).collect::<Vec<_>>();
    if fields.has("providers") {
        let providers = provider_names(fields);
        let said = used.iter().flat_map(|(kind, keys)| keys.iter().map(move |it| (*kind, it)));
        let mut doubtful = vec![];
        for (kind, (key, value)) in said {
            fields.report(key, &codes::COMBINATION, "`providers` already selects the logins: leave one of the two out");
            // Each key is checked alone, so that none is missing.
            let alone = Dict::from([(key.clone(), value.clone())]);
            doubtful.push(spec(fields, kind, alone, kind.target.unwrap_or_default()));
        }
        let wants = providers.filter(|_| doubtful.is_empty()).map(Wants::Providers);
        return Read { wants, doubtful };
    }
    let (first, others) = match used.as_slice() {
        [] if fields.is_misspelt("providers") => return Read { wants: None, doubtful: vec![] },
        // The misspelt key of another type shows which type was meant.
        [] if types.iter().skip(1).any(|(kind, _)| is_misspelt(fields, kind)) => {
            return Read { wants: None, doubtful: vec![] };
        }
        [] => (types.first(), &[][..]),
        [first, others @ ..] => (Some(*first), others),
    };
    let Some((kind, keys)) = first else {
        fields.missing("providers", "it is missing: name entries of `providers:`");
        return Read { wants: None, doubtful: vec![] };
    };
    for (other, keys) in others {
        for key in keys.keys() {
            let message = format!(
                "it is a key of type {}, beside keys of type {}: leave one of the two out",
                other.name, kind.name
            );
            fields.problem(key, message);
        }
    }
    let misspelt = fields.misspelt().to_vec();
    let spec = spec(fields, kind, keys.clone(), &misspelt);
    if others.is_empty() {
        Read { wants: Some(Wants::Inline(spec)), doubtful: vec![] }
    } else {
        Read { wants: None, doubtful: vec![spec] }
    }
}

/// Returns whether a key of a type is present under a wrong name.
fn is_misspelt(fields: &Fields<'_>, kind: &TypeGrammar) -> bool {
    kind.target.unwrap_or_default().iter().any(|key| fields.is_misspelt(key))
}

/// Returns the keys of an entry that a type of provider understands.
fn keys_of(fields: &Fields<'_>, kind: &TypeGrammar) -> Dict {
    let known = kind.target.unwrap_or_default();
    let own = fields.dict().iter().filter(|(key, _)| known.contains(&key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn spec(fields: &Fields<'_>, kind: &TypeGrammar, options: Dict, misspelt: &[&'static str]) -> Spec {
    Spec::of_target(kind.name, kind.hints, options, fields.origin().clone()).with_misspelt(misspelt.to_vec())
}

fn provider_names(fields: &mut Fields<'_>) -> Option<Vec<ProviderName>> {
    let before = fields.problems.len();
    let names = fields.list("providers", "names from `providers:` above, such as [pull]")?;
    let mut providers = vec![];
    for (key, name) in names {
        match name.as_str().map(ProviderName::new) {
            Some(Ok(name)) if providers.contains(&name) => {
                fields.report(&key, &codes::DUPLICATE, format!("{name} is a duplicate"));
            }
            Some(Ok(name)) => providers.push(name),
            Some(Err(error)) => fields.problem(&key, error.to_string()),
            None => fields.report(&key, &codes::TYPE, format!("{} {}", shown(name), not_text(&key, sort(name)))),
        }
    }
    (fields.problems.len() == before).then_some(providers)
}
