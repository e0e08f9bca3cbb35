#![doc = include_str!("../README.md")]

mod adopt;
mod adoption;
mod alike;
mod comment;
mod config;
mod discover;
mod json;
mod provider;
mod report;
mod stop;
mod vendor;
mod yaml;

pub use adopt::adopt;
pub use adoption::{Adoption, Entry, Method, Token};
pub use config::config;
pub use discover::{Address, Discovery, End, Job, Keys, Links, PullSecret, Search, Tool, Use, discover};
pub use json::json;
pub use report::{Report, report};
pub use stop::Stop;
pub use vendor::{Source, Vendor, vendors};
