//! What every provider, every sink and every source must do, as suites that panic with the broken rule.
//!
//! Run them on a fake for speed and on the real thing for truth: they speak to the ports alone. [`provider`] takes a
//! [`ProviderUnderTest`], whose other side can be misled; [`sink`] takes a [`SinkUnderTest`], which can look at what is
//! really stored and plant what is foreign. [`source`] takes a [`SourceUnderTest`], which can add and remove targets.

mod dropped;
mod provider;
mod sink;
mod source;

pub use dropped::after_polls;
pub use provider::{ProviderUnderTest, provider};
pub use sink::{SinkUnderTest, sink};
pub use source::{SourceUnderTest, source};
