//! Error messages for serde's errors.

use figment::{error::Kind, value::Value};
use regcred_core::Code;

use super::shown::{not_text, sort_of};
use crate::{
    codes,
    names::{
        nearest::meant,
        word::{MERGE, not_one_of},
    },
};

/// Returns the code and the message for a faulty value. The value can be a password, so only short words are quoted.
pub(crate) fn reason(steps: &[String], kind: &Kind, value: Option<&Value>) -> (&'static Code, String) {
    let code = if matches!(kind, Kind::InvalidType(..)) { &codes::TYPE } else { &codes::VALUE };
    (code, message(steps, kind, value))
}

fn message(steps: &[String], kind: &Kind, value: Option<&Value>) -> String {
    match kind {
        Kind::UnknownVariant(found, known) => {
            let hint = match meant(&found.to_lowercase(), known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None => format!("known values: {}", known.join(", ")),
            };
            format!("{found:?} is not known; {hint}")
        }
        Kind::InvalidType(found, expected) | Kind::InvalidValue(found, expected) => {
            let found = sort_of(found);
            let key = steps.iter().rev().find(|step| step.parse::<usize>().is_err()).map_or("", String::as_str);
            match expected.as_str() {
                "a string" | "path string" => format!("{found} {}", not_text(key, found)),
                "a boolean" => not_one_of("true or false", found, value.and_then(Value::as_str)),
                MERGE => not_one_of(MERGE, found, value.and_then(Value::as_str)),
                "a sequence" => format!("{found} is not a list: put it in brackets"),
                text if text.starts_with('u') && text[1..].parse::<u8>().is_ok() => {
                    format!("{found} is not an allowed whole number")
                }
                other => format!("{found} is not {other}"),
            }
        }
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    }
}
