//! Finds what other tools maintain in a cluster: pull secrets with their writers and users, jobs that rotate them, and
//! AWS keys.

mod account;
mod found;
mod job;
mod keys;
mod pull_secret;
mod read;
mod script;
mod search;
mod tool;

pub use self::{
    found::{Address, Discovery, End, Job, Keys, Links, PullSecret, Search, Use},
    search::discover,
    tool::Tool,
};
