#![doc = include_str!("../README.md")]

pub mod codes;
mod config;
mod copy;
mod document;
mod entry;
mod field;
mod hidden;
mod key;
mod keyring;
mod last_copy;
mod meaning;
mod object;
mod printable;
mod reader;
pub mod record;
mod text;
mod unread;

pub use config::DockerConfig;
pub use copy::{CopiedDocument, issuer, logins};
pub use document::DockerConfigFormat;
pub use hidden::{Hidden, hidden};
pub use key::key;
pub use last_copy::LastCopy;
pub use meaning::Meaning;
pub use printable::{bare, shown};
pub use reader::{Cause, Reader, Taken, taken};
pub use unread::{Unread, unread};
