#![doc = include_str!("../README.md")]

mod answer;
pub mod codes;
mod docker;
mod duration;
mod fault;
mod jwt;
#[cfg(feature = "plan")]
mod kind;
mod kubelet;
mod life;
mod process;
mod program;
mod protocol;
mod provider;
mod variables;

#[cfg(feature = "plan")]
pub use kind::{ExecOptions, ExecType};
pub use life::Life;
pub use protocol::Protocol;
pub use provider::{ExecProvider, ExecProviderBuilder};
pub use variables::Variables;
