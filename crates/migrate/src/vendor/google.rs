//! Google Artifact Registry and Container Registry.

use regcred_exchange::{Google, Preset};

use super::{recognition::Vendor, source::Source};

/// The user names of a login with an access token. A login with a key has another, and does not expire.
const USERS: [&str; 2] = ["oauth2accesstoken", "_dcgcloud_token"];

pub(super) const GOOGLE: Vendor = Vendor {
    source: |host, user, _| {
        let is_token = user.is_some_and(|user| USERS.contains(&user));
        let is_owned = || Google::instance(host).exchange().is_ok();
        (is_token && is_owned()).then(|| Source::Google { registry: host.into() })
    },
    user: None,
    // An access token is opaque.
    ends: |_| None,
    life: Google::LIFE,
};
