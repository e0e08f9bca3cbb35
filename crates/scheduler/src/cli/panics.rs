//! The message of a panic.

use std::panic;

use regcred_core::codes::BUG;

use super::stderr;

/// Installs a hook that prints a panic only with text from the source code.
///
/// The full message may quote a secret.
pub(crate) fn install() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        stderr::error(&BUG, &describe(info.payload().downcast_ref::<&'static str>().copied(), &place));
    }));
}

/// Returns the report of a panic.
///
/// `literal`: the message, if it is a literal of the source code without formatted values.
fn describe(literal: Option<&str>, place: &str) -> String {
    let what = literal.unwrap_or("its text is not shown, because it may contain a secret");
    format!("a bug in regcred, please report it: panic at {place}: {what}")
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    fn told(panics: fn()) -> String {
        let payload = catch_unwind(panics).expect_err("it panics");
        describe(payload.downcast_ref::<&'static str>().copied(), "here:1")
    }

    #[test]
    fn a_formatted_panic_message_is_not_printed() {
        let fixed = told(|| panic!("a broken invariant"));
        assert!(fixed.ends_with("panic at here:1: a broken invariant"), "{fixed}");
        let formatted = [
            told(|| panic!("the token was {}", std::hint::black_box("canary"))),
            told(|| assert_eq!(std::hint::black_box("canary"), "another")),
        ];
        assert!(formatted.iter().all(|it| !it.contains("canary") && it.contains("not shown")), "{formatted:?}");
    }
}
