//! The rules for every provider, sink and source, as suites that panic with the broken rule.
//!
//! Run them on a fake for speed, and on the real system for certainty. They use only the ports. [`provider`] takes a
//! [`ProviderUnderTest`], which includes a provider with invalid responses. [`sink`] takes a [`SinkUnderTest`], which
//! can read the stored content and create foreign content. [`source`] takes a [`SourceUnderTest`], which can add and
//! remove targets.

mod dropped;
mod provider;
mod sink;
mod source;

pub use dropped::after_polls;
pub use provider::{ProviderUnderTest, provider};
pub use sink::{SinkUnderTest, sink};
pub use source::{SourceUnderTest, source};
