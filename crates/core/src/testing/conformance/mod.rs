//! What every provider and every sink must do, as suites that panic with the broken rule.
//!
//! Run them on a fake for speed and on the real thing for truth: they speak to the ports alone. [`provider`] takes a
//! [`ProviderUnderTest`], whose other side can be misled; [`sink`] takes a [`SinkUnderTest`], which can look at what is
//! really stored and plant what is foreign.

mod dropped;
mod provider;
mod sink;

pub use dropped::after_polls;
pub use provider::{ProviderUnderTest, provider};
pub use sink::{SinkUnderTest, sink};
