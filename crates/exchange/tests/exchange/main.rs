//! The presets over HTTP, and their place in a config.

mod anchors;
mod faults;
#[cfg(feature = "plan")]
mod plan;
mod presets;
mod wire;
