//! Reads the values of options, for `#[serde(deserialize_with)]`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use regcred_config::{duration, path};
use regcred_core::Registry;
use serde::{Deserialize, Deserializer, de::Error};

use crate::{
    Life,
    program::{check_name, check_path, check_texts},
    provider::{check_registries, check_timeout},
};

/// The word for logins without an end.
const NEVER: &str = "never";

pub(super) fn command<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let command = path(deserializer)?;
    check_path(&command).map_err(D::Error::custom)?;
    Ok(command)
}

pub(super) fn arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let arguments = Vec::<String>::deserialize(deserializer)?;
    check_texts(&arguments).map_err(D::Error::custom)?;
    Ok(arguments)
}

pub(super) fn registries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Registry>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let registries = names.iter().map(Registry::new).collect::<Result<Vec<_>, _>>().map_err(D::Error::custom)?;
    check_registries(&registries).map_err(D::Error::custom)?;
    Ok(registries)
}

pub(super) fn life<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Life>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == NEVER {
        return Ok(Some(Life::never()));
    }
    let invalid = || D::Error::custom(format!("{text:?} is not a duration: write it as 50m, or {NEVER}"));
    Life::lasting(duration(&text).ok_or_else(invalid)?).map(Some).map_err(|error| D::Error::custom(error.chain()))
}

pub(super) fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let invalid = || D::Error::custom(format!("{text:?} is not a duration: write it as 20s"));
    let timeout = duration(&text).ok_or_else(invalid)?;
    check_timeout(timeout).map_err(D::Error::custom)?;
    Ok(timeout)
}

pub(super) fn environment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    let values = BTreeMap::<String, String>::deserialize(deserializer)?;
    values.keys().try_for_each(|it| check_name(it)).map_err(D::Error::custom)?;
    check_texts(values.values()).map_err(D::Error::custom)?;
    Ok(values)
}

pub(super) fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    names.iter().try_for_each(|it| check_name(it)).map_err(D::Error::custom)?;
    Ok(names)
}
