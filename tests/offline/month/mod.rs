//! Months of a daemon, simulated in seconds. Its targets always hold a valid token, through all kinds of failures.

mod changes;
mod clocks;
mod ledger;
mod lives;
mod outages;
mod passwords;
mod quiet;
