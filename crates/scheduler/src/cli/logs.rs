//! Logs of regcred on standard error, without the logs of libraries.
//!
//! A library may log a secret that it handles: an SDK logs whole answers, and kube logs URLs with passwords. An allow
//! list of targets therefore filters the events at every level.

use std::{
    env,
    io::{IsTerminal, stderr},
    sync::Arc,
};

use regcred_core::Clock;
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use super::{colour, flags::LogFormat, json_logs::JsonLines, stderr as voice, terminal};

/// The prefix of the log targets of our own crates.
const OURS: &str = "regcred";

/// The level and the format of the logs.
#[derive(Clone, Debug)]
pub(crate) struct Logs {
    pub(crate) format: LogFormat,
    /// The level if `RUST_LOG` is not set.
    pub(crate) level: &'static str,
    /// The level of a flag, which overrides `RUST_LOG`.
    pub(crate) asked: Option<&'static str>,
    pub(crate) no_color: bool,
}

/// Installs the only subscriber of the process.
///
/// `targets`: more crates whose events are printed. `clock`: gives the time of each JSON line.
pub(crate) fn install(logs: &Logs, targets: Vec<String>, clock: Arc<dyn Clock>) {
    let Logs { format, level, asked, no_color } = *logs;
    let set = env::var(EnvFilter::DEFAULT_ENV).ok().filter(|filter| !filter.is_empty() && asked.is_none());
    let wanted = set.as_deref().or(asked).unwrap_or(level);
    for foreign in foreign_targets(wanted, &targets) {
        voice::warning(&format!("RUST_LOG: regcred does not print what {foreign} logs, because it can hold secrets"));
    }
    let filter = EnvFilter::try_new(wanted);
    if filter.is_err() {
        voice::warning(&format!(
            "cannot read RUST_LOG, so the level is {level}: use a level such as debug, or pairs such as info,regcred_ecr=debug"
        ));
    }
    let filter = filter.unwrap_or_else(|_| EnvFilter::new(level));
    let colours = stderr().is_terminal() && colour::is_wanted(no_color);
    let writer = || {
        terminal::clear();
        stderr()
    };
    let builder = fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false);
    let allowed = filter_fn(move |metadata| is_allowed(metadata.target(), &targets));
    match format {
        LogFormat::Text => builder.with_ansi(colours).finish().with(allowed).init(),
        LogFormat::Json => builder.json().event_format(JsonLines(clock)).finish().with(allowed).init(),
    }
}

/// Whether events of this target are printed: those of our crates, and those of the crates in `more`.
fn is_allowed(target: &str, more: &[String]) -> bool {
    let name = target.split("::").next().unwrap_or_default();
    name == OURS
        || name.strip_prefix(OURS).is_some_and(|rest| rest.starts_with('_'))
        || more.iter().any(|it| it == name)
}

/// Returns the targets that a filter names but that are not printed.
fn foreign_targets<'a>(filter: &'a str, more: &[String]) -> Vec<&'a str> {
    let target = |directive: &'a str| {
        let name = directive.split(['=', '[']).next().unwrap_or_default().trim();
        let is_level =
            ["off", "error", "warn", "info", "debug", "trace"].iter().any(|it| it.eq_ignore_ascii_case(name));
        (!name.is_empty() && !is_level && name.parse::<u8>().is_err()).then_some(name)
    };
    filter.split(',').filter_map(target).filter(|name| !is_allowed(name, more)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_logs_of_own_and_named_crates_are_printed() {
        let more = ["quay".to_owned()];
        for allowed in ["regcred", "regcred::cli", "regcred_ecr::provider", "quay", "quay::client"] {
            assert!(is_allowed(allowed, &more), "{allowed}");
        }
        for denied in ["", "kube_client::client", "aws_config", "hyper", "log", "regcredx", "quay_sdk", "x::regcred"] {
            assert!(!is_allowed(denied, &more), "{denied}");
        }
    }

    #[test]
    fn libraries_in_a_log_filter_are_listed() {
        for (filter, foreign) in [
            ("debug", &[][..]),
            ("TRACE,regcred_ecr=warn,regcred[mint]=info", &[]),
            ("info,hyper=trace,kube_client::client=debug", &["hyper", "kube_client::client"]),
            ("aws_config", &["aws_config"]),
            ("3", &[]),
        ] {
            assert_eq!(foreign_targets(filter, &[]), foreign, "{filter}");
        }
    }
}
