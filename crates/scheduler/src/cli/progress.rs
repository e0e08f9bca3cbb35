//! The progress of a pass, as one line at a terminal.

use std::{
    io::{IsTerminal, stderr},
    sync::Mutex,
    time::Duration,
};

use regcred_engine::{Event, State};
use tokio::time::Instant;

use super::{
    stderr::is_for_people,
    terminal::{clear, replace},
};

/// The interval between two updates of the line. A person does not read faster.
const EVERY: Duration = Duration::from_millis(100);

/// Counts the targets of a pass.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The number of targets that the config names. Selected targets are not counted.
    named: usize,
    chooses: bool,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    looked_at: usize,
    written: usize,
    failed: usize,
    drawn: Option<Instant>,
}

impl Progress {
    /// Returns `None` if standard error is not a terminal, or not for people.
    pub(crate) fn at_a_terminal(named: usize, chooses: bool) -> Option<Self> {
        let seen =
            stderr().is_terminal() && is_for_people() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        seen.then(|| Self { named, chooses, counts: Mutex::default() })
    }

    /// Counts one event, and redraws the line.
    pub(crate) fn follow(&self, event: &Event<'_>) {
        let mut counts = self.counts.lock().expect("nothing panics while it holds the lock");
        match event {
            Event::Reconciled { outcome, .. } => {
                counts.looked_at += 1;
                counts.written += usize::from(outcome.written.is_some());
                counts.failed += usize::from(outcome.state() == State::Failed);
            }
            Event::PassEnded { .. } => return clear(),
            _ => return,
        }
        if counts.drawn.is_none_or(|at| at.elapsed() >= EVERY) {
            counts.drawn = Some(Instant::now());
            replace(&counts.line(self.named, self.chooses));
        }
    }
}

impl Counts {
    fn line(&self, named: usize, chooses: bool) -> String {
        let Self { looked_at, written, failed, .. } = self;
        let of = if chooses { String::new() } else { format!(" of {named}") };
        format!("{looked_at}{of} observed, {written} written, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_shows_the_total_if_it_is_known() {
        let counts = Counts { looked_at: 7, written: 3, failed: 1, drawn: None };
        assert_eq!(counts.line(9, false), "7 of 9 observed, 3 written, 1 failed");
        assert_eq!(counts.line(2, true), "7 observed, 3 written, 1 failed");
    }
}
