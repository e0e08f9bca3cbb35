#![doc = include_str!("../README.md")]

mod config;
mod entry;
mod hidden;
mod key;
mod keyring;
mod meaning;
mod object;
mod reader;
mod text;

pub use config::DockerConfig;
pub use hidden::{Hidden, hidden};
pub use key::key;
pub use meaning::Meaning;
pub use reader::{Cause, Reader, Taken, taken};
