#![doc = include_str!("../README.md")]

mod config;
mod fields;

pub use config::DockerConfig;
