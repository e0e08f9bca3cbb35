//! Every preset against the fake server.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use regcred_core::{RegistryProvider, SystemClock};
use regcred_exchange::{Azure, ExchangeProvider, Expiry, Google, Jfrog, Oidc, Preset, Quay};
use regcred_http::HttpClient;
use regcred_testkit::FakeExchange;
use tempfile::TempDir;

/// A text that every secret contains.
pub(crate) const CANARY: &str = "canary";
const POOL: &str = "projects/1/locations/global/workloadIdentityPools/pool/providers/cluster";

/// A fake server, and the file with the identity that it accepts.
pub(crate) struct Setup {
    pub(crate) fake: FakeExchange,
    folder: TempDir,
    client: HttpClient,
}

impl Setup {
    pub(crate) async fn start() -> Self {
        let fake = FakeExchange::start().await;
        let folder = tempfile::tempdir().expect("a folder");
        let subject = format!("{CANARY}-subject");
        fake.accept(&subject);
        fs::write(folder.path().join("token"), subject + "\n").expect("it can be written");
        let client = HttpClient::builder().with_variables(|_| None).build().expect("valid");
        Self { fake, folder, client }
    }

    /// Sets the time limit of a request.
    pub(crate) fn within(self, deadline: Duration) -> Self {
        let client = HttpClient::builder().with_variables(|_| None).with_deadline(deadline).build().expect("valid");
        Self { client, ..self }
    }

    pub(crate) fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn provider(&self, preset: &impl Preset, url: &str) -> Arc<dyn RegistryProvider> {
        let builder = ExchangeProvider::builder(preset).expect("the options of the test");
        let builder = builder.with_client(self.client.clone()).with_clock(Arc::new(SystemClock));
        Arc::new(builder.with_endpoint(url).expect("loopback").build().expect("it is whole"))
    }
}

/// A preset with one kind of identity.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Creates the provider with this server.
    pub(crate) make: fn(&Setup, &str) -> Arc<dyn RegistryProvider>,
    /// Each request that it sends.
    pub(crate) calls: &'static [&'static str],
    pub(crate) registry: &'static str,
    pub(crate) user: &'static str,
    /// Whether the end comes from a JWT.
    pub(crate) has_jwt: bool,
}

const STS: &str = "POST /v1/token";
const IMPERSONATE: &str = "POST /v1/projects/-/serviceAccounts/puller@acme.iam.gserviceaccount.com:generateAccessToken";
const GOOGLE_METADATA: &str = "GET /computeMetadata/v1/instance/service-accounts/default/token";
const ENTRA: &str = "POST /72f988bf-0000/oauth2/v2.0/token";
const ACR: &str = "POST /oauth2/exchange";
const GAR: &str = "europe-docker.pkg.dev";
const ZEROS: &str = "00000000-0000-0000-0000-000000000000";

fn application() -> Azure {
    Azure::application("acme.azurecr.io", "72f988bf-0000", "client-0000")
}

/// Every preset, with each kind of identity.
pub(crate) const CASES: [Case; 10] = [
    Case {
        name: "google, federated",
        make: |it, url| it.provider(&Google::federated(GAR, POOL, it.token_file()), url),
        calls: &[STS],
        registry: GAR,
        user: "oauth2accesstoken",
        has_jwt: false,
    },
    Case {
        name: "google, service account",
        make: |it, url| {
            let account = Some("puller@acme.iam.gserviceaccount.com".into());
            it.provider(&Google { service_account: account, ..Google::federated(GAR, POOL, it.token_file()) }, url)
        },
        calls: &[STS, IMPERSONATE],
        registry: GAR,
        user: "oauth2accesstoken",
        has_jwt: false,
    },
    Case {
        name: "google, instance",
        make: |it, url| it.provider(&Google::instance(GAR), url),
        calls: &[GOOGLE_METADATA],
        registry: GAR,
        user: "oauth2accesstoken",
        has_jwt: false,
    },
    Case {
        name: "azure, workload identity",
        make: |it, url| it.provider(&Azure { token_file: Some(it.token_file()), ..application() }, url),
        calls: &[ENTRA, ACR],
        registry: "acme.azurecr.io",
        user: ZEROS,
        has_jwt: true,
    },
    Case {
        name: "azure, client secret",
        make: |it, url| it.provider(&Azure { client_secret_file: Some(it.token_file()), ..application() }, url),
        calls: &[ENTRA, ACR],
        registry: "acme.azurecr.io",
        user: ZEROS,
        has_jwt: true,
    },
    Case {
        name: "azure, instance",
        make: |it, url| it.provider(&Azure::instance("acme.azurecr.cn"), url),
        calls: &["GET /metadata/identity/oauth2/token", ACR],
        registry: "acme.azurecr.cn",
        user: ZEROS,
        has_jwt: true,
    },
    Case {
        name: "quay",
        make: |it, url| it.provider(&Quay::new("quay.io", "acme+puller", it.token_file()), url),
        calls: &["GET /oauth2/federation/robot/token"],
        registry: "quay.io",
        user: "acme+puller",
        has_jwt: true,
    },
    Case {
        name: "jfrog",
        make: |it, url| it.provider(&Jfrog::new("acme.jfrog.io", "cluster", it.token_file()), url),
        calls: &["POST /access/api/v1/oidc/token"],
        registry: "acme.jfrog.io",
        user: "robot",
        has_jwt: false,
    },
    Case {
        name: "oidc, seconds",
        make: |it, url| it.provider(&Oidc { username: None, username_field: Some("login".into()), ..oidc(it) }, url),
        calls: &["POST /oidc/token"],
        registry: "registry.example",
        user: "robot",
        has_jwt: false,
    },
    Case {
        name: "oidc, JWT",
        make: |it, url| it.provider(&Oidc { expiry: Expiry::Jwt, ..oidc(it) }, url),
        calls: &["POST /oidc/token"],
        registry: "registry.example",
        user: "puller",
        has_jwt: true,
    },
];

fn oidc(setup: &Setup) -> Oidc {
    Oidc::new("https://id.example/oidc/token", "registry.example", "puller", setup.token_file())
}
