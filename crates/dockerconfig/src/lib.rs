#![doc = include_str!("../README.md")]

mod config;
mod entry;
mod object;
mod text;

pub use config::DockerConfig;
