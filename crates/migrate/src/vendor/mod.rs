//! Recognizes the logins that regcred can renew: one file for each vendor. It does no IO.

mod aws;
mod azure;
mod google;
mod jfrog;
mod quay;
mod recognition;
mod source;

pub use self::{recognition::Vendor, source::Source};

/// Returns every vendor whose logins a config can take over.
pub fn vendors() -> Vec<Vendor> {
    vec![aws::ECR, aws::ECR_PUBLIC, google::GOOGLE, azure::AZURE, quay::QUAY, jfrog::JFROG]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JSON Web Token with `exp` 9.
    const JWT: &str = "e30.eyJleHAiOjl9.c2ln";

    fn source(host: &str, user: &str, password: &str) -> Option<Source> {
        let found = vendors().into_iter().filter_map(|it| (it.source)(host, Some(user), Some(password)));
        let found = found.collect::<Vec<_>>();
        assert!(found.len() < 2, "{host}: {found:?}");
        found.into_iter().next()
    }

    #[test]
    fn each_vendor_recognizes_its_own_logins_only() {
        let google = |host: &str| Some(Source::Google { registry: host.into() });
        let azure = |host: &str| Some(Source::Azure { host: host.into() });
        let quay = |host: &str| Some(Source::Quay { host: host.into(), username: "acme+puller".into() });
        let none_guid = "00000000-0000-0000-0000-000000000000";
        for (host, user, password, expected) in [
            ("public.ecr.aws", "AWS", "x", Some(Source::EcrPublic)),
            ("ecr-public.aws.com", "AWS", "x", Some(Source::EcrPublic)),
            ("public.ecr.aws.evil.example", "AWS", "x", None),
            ("europe-docker.pkg.dev", "oauth2accesstoken", "ya29.x", google("europe-docker.pkg.dev")),
            ("eu.gcr.io", "_dcgcloud_token", "ya29.x", google("eu.gcr.io")),
            ("eu.gcr.io", "_json_key", "{}", None),
            ("eu.gcr.io.evil.example", "oauth2accesstoken", "ya29.x", None),
            ("acme.azurecr.io", none_guid, JWT, azure("acme.azurecr.io")),
            ("acme.azurecr.cn", none_guid, JWT, azure("acme.azurecr.cn")),
            ("acme.azurecr.io", none_guid, "not a token", None),
            ("acme.azurecr.io", "service-principal", "secret", None),
            ("quay.io", "acme+puller", JWT, quay("quay.io")),
            ("quay.apps.example.com", "acme+puller", JWT, quay("quay.apps.example.com")),
            ("quay.io", "acme+puller", "ROBOTTOKEN", None),
            ("quay.io", "acme", JWT, None),
            ("registry.example.com", "acme+puller", JWT, None),
            ("acme.jfrog.io", "me", JWT, Some(Source::Jfrog { host: "acme.jfrog.io".into() })),
            ("acme.jfrog.io", "me", "password", None),
        ] {
            assert_eq!(source(host, user, password), expected, "{host} {user} {password}");
        }
        let ecr = source("123456789012.dkr-ecr-fips.us-east-1.on.aws", "anyone", "x");
        let (region, account) = ("us-east-1".to_owned(), "123456789012".to_owned());
        assert_eq!(ecr, Some(Source::Ecr { region, account, alias: Some("all") }), "the host is proof enough");
    }
}
