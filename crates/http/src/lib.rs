#![doc = include_str!("../README.md")]

mod answer;
mod client;
pub mod codes;
mod connect;
mod failure;
mod header;
mod trust;
mod url;

pub use answer::Answer;
pub use client::{HttpClient, HttpClientBuilder};
pub use header::basic;
pub use url::Url;
