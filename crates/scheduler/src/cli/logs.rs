//! Logs, on standard error.

use std::{
    env,
    io::{IsTerminal, stderr},
};

use tracing_subscriber::{EnvFilter, fmt};

use super::{args::LogFormat, output::tell, progress};

/// Without `RUST_LOG`.
const LEVEL: &str = "info";

/// Installs the one subscriber of the process.
pub(crate) fn install(format: LogFormat) {
    let wanted = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty());
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(LEVEL));
    if let Err(error) = &filter {
        tell(&format!("warning: RUST_LOG is not understood, and taken as {LEVEL}: {error}\n"));
    }
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(LEVEL));
    let colours = stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|it| it.is_empty());
    let writer = || {
        progress::clear();
        stderr()
    };
    let builder = fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false);
    match format {
        LogFormat::Text => builder.with_ansi(colours).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
}
