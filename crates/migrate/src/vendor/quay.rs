//! Quay, on quay.io or on one's own host.

use std::time::Duration;

use regcred_exchange::{Preset, Quay, jwt_expires_at};

use super::{recognition::Vendor, source::Source};

/// Logins of a robot account with federation. The fixed token of a robot is no JSON Web Token, and does not expire.
pub(super) const QUAY: Vendor = Vendor {
    source: |host, user, password| {
        let is_quay = host == "quay.io" || host.starts_with("quay.");
        let (username, _) = user.zip(password.and_then(jwt_expires_at)).filter(|_| is_quay)?;
        let is_robot = Quay::new(host, username, "/").exchange().is_ok();
        is_robot.then(|| Source::Quay { host: host.into(), username: username.into() })
    },
    user: None,
    ends: jwt_expires_at,
    life: Duration::from_hours(1),
};
