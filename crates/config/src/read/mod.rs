//! Reads a map of values into the model. Each reader is a function that reports all problems of its part at once.

pub(crate) mod config;
mod entries;
mod fields;
mod namespaces;
mod schedule;
mod secret;
mod target;
mod wants;
