//! A preset sends a token only to hosts of its vendor, or to the host that the options name.

use regcred_core::{Error, ErrorKind};
use regcred_exchange::{Azure, ExchangeProvider, Google, Jfrog, Oidc, Preset, Quay};

const FILE: &str = "/var/run/secrets/regcred/token";
const POOL: &str = "projects/1/locations/global/workloadIdentityPools/pool/providers/cluster";
/// Hosts that look like those of a vendor, and texts that would change the host of a URL.
const FOREIGN: [&str; 20] = [
    "evil.example",
    "azurecr.io",
    "acme.azurecr.io.evil.example",
    "acmeazurecr.io",
    "acme.azurecr.io:8443",
    "acme.azurecr.io@evil.example",
    "evil.example/acme.azurecr.io",
    "evil.example#.azurecr.io",
    "evil.example?.azurecr.io",
    "evil.example\\.azurecr.io",
    "https://acme.azurecr.io",
    "docker.pkg.dev",
    "europe-docker.pkg.dev.evil.example",
    "evil.europe-docker.pkg.dev",
    "-docker.pkg.dev",
    "europe-docker.pkg.dev:8443",
    "gcr.io.evil.example",
    "evilgcr.io",
    "user@quay.io",
    "",
];

fn refusal(preset: &impl Preset) -> Option<Error> {
    ExchangeProvider::builder(preset).err().map(Error::from)
}

fn assert_refused(preset: &impl Preset, host: &str) {
    let error = refusal(preset).unwrap_or_else(|| panic!("{host:?} is accepted by {}", preset_name(preset)));
    assert_eq!(error.kind(), ErrorKind::Invalid, "{host}: {error:?}");
}

fn preset_name<P: Preset>(_: &P) -> &'static str {
    P::NAME
}

#[test]
fn vendors_have_only_their_own_hosts() {
    for host in FOREIGN {
        assert_refused(&Azure::instance(host), host);
        assert_refused(&Google::instance(host), host);
        assert_refused(&Google::federated(host, POOL, FILE), host);
        // A key of `auths` may have a scheme.
        if !host.starts_with("https://") {
            let registries = vec!["acme.azurecr.io".into(), host.into()];
            assert_refused(&Azure { registries, ..Azure::instance("acme.azurecr.io") }, host);
        }
    }
    for host in ["acme.azurecr.io", "acme.azurecr.cn", "acme.azurecr.us", "acme.azurecr.de", "acme.west.geo.azurecr.io"]
    {
        assert!(refusal(&Azure::instance(host)).is_none(), "{host}");
    }
    for host in ["europe-docker.pkg.dev", "us-central1-docker.pkg.dev/project/repo", "gcr.io", "eu.gcr.io"] {
        assert!(refusal(&Google::instance(host)).is_none(), "{host}");
    }
    let other = Azure { registries: vec!["other.azurecr.io".into()], ..Azure::instance("acme.azurecr.io") };
    assert_refused(&other, "other.azurecr.io");
    let cloud = Azure { registries: vec!["acme.azurecr.cn".into()], ..Azure::instance("acme.azurecr.io") };
    assert_refused(&cloud, "acme.azurecr.cn");
}

#[test]
fn a_configured_host_has_no_user_scheme_or_path() {
    for host in FOREIGN.iter().filter(|it| it.is_empty() || it.contains(['@', '/', '#', '?', '\\'])) {
        assert_refused(&Quay::new(host, "acme+puller", FILE), host);
        assert_refused(&Jfrog::new(host, "cluster", FILE), host);
        assert_refused(&Oidc::new(&format!("http://{host}"), "r.example", "puller", FILE), host);
    }
    assert!(refusal(&Quay::new("quay.example:8443", "acme+puller", FILE)).is_none(), "a configured port is used");
    assert_refused(&Oidc::new("https://user@id.example", "r.example", "puller", FILE), "a user");
    assert_refused(&Oidc::new("http://id.example", "r.example", "puller", FILE), "clear text");
}

#[test]
fn values_cannot_change_the_path_of_a_request() {
    for text in ["", "..", "a/b", "a?b", "a#b", "a%2fb", "a b", "a:b", "a\nb"] {
        let pool = POOL.replace("pool/", &format!("{text}/"));
        assert_refused(&Google::federated("gcr.io", &pool, FILE), text);
        let account = Google { service_account: Some(text.into()), ..Google::instance("gcr.io") };
        assert_refused(&account, text);
        let file = Some(FILE.into());
        let azure = |tenant, client| Azure {
            token_file: file.clone(),
            ..Azure::application("acme.azurecr.io", tenant, client)
        };
        assert_refused(&azure(text, "client"), text);
        assert_refused(&azure("tenant", text), text);
        assert_refused(&Azure { client_id: Some(text.into()), ..Azure::instance("acme.azurecr.io") }, text);
        if !["a:b", ".."].contains(&text) {
            assert_refused(&Quay::new("quay.io", text, FILE), text);
        }
    }
}

#[test]
fn only_loopback_replaces_the_servers_in_tests() {
    let builder = || ExchangeProvider::builder(&Quay::new("quay.io", "acme+puller", FILE)).expect("valid");
    assert!(builder().with_endpoint("http://127.0.0.1:1").is_ok());
    for url in ["https://evil.example", "http://evil.example", "https://quay.io", "http://127.0.0.1.evil.example"] {
        assert_eq!(builder().with_endpoint(url).expect_err(url).kind(), ErrorKind::Invalid);
    }
    for (endpoint, is_valid) in [
        ("https://gateway.example", true),
        ("http://127.0.0.1:1", true),
        ("http://gateway.example", false),
        ("https://user@gateway.example", false),
        ("https://gateway.example/path", false),
    ] {
        let quay = Quay { endpoint: Some(endpoint.into()), ..Quay::new("quay.io", "acme+puller", FILE) };
        assert_eq!(refusal(&quay).is_none(), is_valid, "{endpoint}");
    }
}
