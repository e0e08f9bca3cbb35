#![doc = include_str!("../README.md")]

mod adopt;
mod adoption;
mod alike;
mod comment;
mod config;
mod discover;
mod ecr;
mod json;
mod report;
mod stop;

pub use adopt::adopt;
pub use adoption::{Adoption, Entry, Method, Token};
pub use config::config;
pub use discover::{Address, Discovery, End, Job, Keys, Links, PullSecret, Search, Tool, Use, Vendor, discover};
pub use ecr::vendor;
pub use json::json;
pub use report::{Report, report};
pub use stop::Stop;
