//! The state of a target if some readers of its Secret do not get a login.

use regcred_core::Error;
use regcred_dockerconfig::Unread;

use crate::codes;

/// Returns the reason to wait. Some reader gets each login, so waiting is acceptable.
pub(crate) fn waiting(unread: &Unread) -> Option<String> {
    (!unread.is_useless).then(|| unread.text.clone())
}

/// Returns the failure of a target that no reader can use.
pub(crate) fn failure(unread: &Unread) -> Option<Error> {
    let failure = || Error::new(&codes::NOT_READ, "cannot provide a login to any reader").with_cause(&unread.text);
    unread.is_useless.then(failure)
}
