//! Azure Container Registry.

use regcred_exchange::{Azure, Preset, jwt_expires_at};

use super::{recognition::Vendor, source::Source};

/// Logins with a refresh token. A login of a service principal has another user name, and does not expire.
pub(super) const AZURE: Vendor = Vendor {
    source: |host, user, password| {
        let is_token = user == Some(Azure::USER) && password.and_then(jwt_expires_at).is_some();
        let is_owned = || Azure::instance(host).exchange().is_ok();
        (is_token && is_owned()).then(|| Source::Azure { host: host.into() })
    },
    user: None,
    ends: jwt_expires_at,
    life: Azure::LIFE,
};
