//! Months of a daemon, in seconds: what it keeps has a token that works, whatever happens around it.

mod changes;
mod clocks;
mod ledger;
mod outages;
mod quiet;
