#![doc = include_str!("../README.md")]

mod challenge;
pub mod codes;
mod login_scheme;
mod memory;
mod outcome;
mod probe;
mod proof;
mod token;
mod trial;
mod verified;
#[cfg(feature = "plan")]
mod verifier;

pub use verified::{Verified, VerifiedBuilder};
#[cfg(feature = "plan")]
pub use verifier::RegistryVerifier;
