//! The progress line at the end of standard error.

use std::{
    io::{Write, stderr},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

const CLEAR: &str = "\r\x1b[2K";

/// Whether the progress line is the last output on standard error. Every other output clears it first.
static DRAWN: AtomicBool = AtomicBool::new(false);

/// Replaces the line. If standard error is closed, the line is lost and the pass continues.
pub(crate) fn replace(line: &str) {
    let mut stderr = stderr().lock();
    DRAWN.store(true, Relaxed);
    write!(stderr, "{CLEAR}{line}").and_then(|()| stderr.flush()).ok();
}

/// Clears the line before other output on standard error.
pub(crate) fn clear() {
    if DRAWN.swap(false, Relaxed) {
        let mut stderr = stderr().lock();
        write!(stderr, "{CLEAR}").and_then(|()| stderr.flush()).ok();
    }
}
