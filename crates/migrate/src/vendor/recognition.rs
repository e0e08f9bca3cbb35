//! How to recognize the logins of a vendor.

use std::time::{Duration, SystemTime};

use super::source::Source;

/// How to recognize the logins of one vendor. The functions receive passwords and must not store them.
#[derive(Clone, Copy, Debug)]
pub struct Vendor {
    /// Returns the source of a login, or `None` if the login is not one that this vendor issues for a limited time.
    ///
    /// Arguments: the host of the key, without scheme, port and path, the user name, and the password.
    pub source: fn(&str, Option<&str>, Option<&str>) -> Option<Source>,
    /// The user name that every login of the vendor should have. Default: any.
    pub user: Option<&'static str>,
    /// When a password expires, or `None` if the password does not contain the expiry.
    pub ends: fn(&str) -> Option<SystemTime>,
    /// The lifetime of a password that does not contain its expiry.
    pub life: Duration,
}
