//! Stress tests of a daemon: outages of the API server, and hostile tenants.

mod attacks;
mod half_open;
mod outages;
mod programs;
mod secrets;
mod tenants;

use anyhow::Result;
use clap::ValueEnum;

use self::programs::Programs;

/// One storm.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Part {
    /// Kill the API server again and again
    Outages,
    /// Let hostile tenants write the largest and strangest objects
    Tenants,
}

/// Runs one storm, or both.
pub(crate) fn run(part: Option<Part>, debug: bool) -> Result<()> {
    let programs = Programs::build(debug)?;
    for part in part.map_or_else(|| Part::value_variants().to_vec(), |part| vec![part]) {
        match part {
            Part::Outages => outages::run(&programs)?,
            Part::Tenants => tenants::run(&programs)?,
        }
    }
    Ok(())
}
