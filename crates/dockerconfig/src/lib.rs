#![doc = include_str!("../README.md")]

mod config;
mod entry;
mod keyring;
mod meaning;
mod object;
mod reader;
mod text;

pub use config::DockerConfig;
pub use meaning::Meaning;
pub use reader::{Cause, Hidden, Reader, Taken, hidden, taken};
