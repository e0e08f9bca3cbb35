//! JFrog Artifactory in the cloud.

use std::time::Duration;

use regcred_exchange::jwt_expires_at;

use super::{recognition::Vendor, source::Source};

pub(super) const JFROG: Vendor = Vendor {
    source: |host, _, password| {
        let is_token = password.and_then(jwt_expires_at).is_some();
        (is_token && host.ends_with(".jfrog.io")).then(|| Source::Jfrog { host: host.into() })
    },
    user: None,
    ends: jwt_expires_at,
    life: Duration::from_hours(1),
};
