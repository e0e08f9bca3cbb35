//! The `Debug` form of every public type hides secrets. The lists below contain every public type.

use std::{
    collections::BTreeSet,
    fmt::{Debug, Write},
    fs,
    io::ErrorKind,
    sync::Arc,
    time::Duration,
};

use aws_credential_types::Credentials;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use regcred_core::{
    Address, Clock, CredentialSet, InstanceName, Login, Proxies, ProxyUrl, Registry, RegistryCredential,
    RegistryProvider, Result, SecretBytes, SecretName, SecretSink, StoreName, SystemClock, TargetSender, Validity,
    async_trait,
    document::{Contents, Document, DocumentFormat, DocumentSink, DocumentStore},
    testing::{FakeProvider, MemorySink, SinkExt, provider_name, target},
};
use regcred_dockerconfig::{CopiedDocument, DockerConfig, DockerConfigFormat, LastCopy, Reader, logins, taken};
use regcred_ecr::{EcrOptions, EcrProvider, EcrType, Environment, Identity, Region, Role, Transport};
use regcred_engine::{Context, Engine, Event, Keyring, Minter, Pass, Route};
use regcred_migrate::{Search, Source, Vendor, discover};
use regcred_openshift::{
    Cache, Cluster, Clusters, Connection, Lease, Link, OpenShiftSink, OpenShiftType, SecretProvider, SecretType,
    WatchedObjects, WatchedSource, Watches,
};
use regcred_testkit::FakeKube;
use serde_json::json;

const CANARY: &str = "cAnArY-0123456789";
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The types that the test prints.
const SHOWN: &[&str] = &[
    "Applied",
    "Builder",
    "Cause",
    "Cluster",
    "Clusters",
    "Connection",
    "Contents",
    "Context",
    "CopiedDocument",
    "CredentialSet",
    "DockerConfig",
    "Document",
    "DocumentSink",
    "EcrOptions",
    "EcrProvider",
    "EcrProviderBuilder",
    "EcrType",
    "Engine",
    "Entry",
    "Environment",
    "Error",
    "Event",
    "Failure",
    "TargetSender",
    "Handed",
    "Hidden",
    "Identity",
    "Keyring",
    "KeyringBuilder",
    "LastCopy",
    "Lease",
    "Login",
    "LoginSecret",
    "MatchedLogin",
    "Minter",
    "Observed",
    "OpenShiftSink",
    "OpenShiftSinkBuilder",
    "OpenShiftType",
    "Outcome",
    "Proxies",
    "ProxyUrl",
    "RegistryCredential",
    "Report",
    "Role",
    "Route",
    "SecretProvider",
    "SecretType",
    "TargetReceiver",
    "Taken",
    "Transport",
    "WatchedSource",
    "Watches",
];
/// Types that contain only names, dates and choices, and traits.
const HARMLESS: &[&str] = &[
    "Account",
    "AccountId",
    "Address",
    "Alias",
    "AliasName",
    "Cache",
    "Caller",
    "Clock",
    "Code",
    "Details",
    "DockerConfigFormat",
    "DocumentFormat",
    "DocumentStore",
    "ErrorKind",
    "EventRecord",
    "ExposeSecret",
    "Foreign",
    "IdentityName",
    "ImageName",
    "Installed",
    "InstalledKind",
    "InstanceName",
    "Issuer",
    "Link",
    "LoginFormat",
    "Meaning",
    "Namespace",
    "NamespaceList",
    "NamespaceSource",
    "OpenShiftOptions",
    "PUBLIC_HOSTS",
    "Pass",
    "Pattern",
    "Policies",
    "Presence",
    "ProviderName",
    "Prune",
    "Reader",
    "Refusal",
    "Region",
    "Registry",
    "RegistryHost",
    "RegistryProvider",
    "RepositoryName",
    "Result",
    "Revision",
    "Right",
    "RoleArn",
    "Schedule",
    "Scope",
    "SecretName",
    "SecretOptions",
    "SecretSink",
    "SecretString",
    "ServerInfo",
    "State",
    "Step",
    "StoreName",
    "SystemClock",
    "Target",
    "TargetEvent",
    "TargetSource",
    "Unread",
    "Validity",
    "WatchedObjects",
    "WebIdentity",
    "Written",
];

struct Shown(String);

impl Shown {
    fn show(&mut self, value: &dyn Debug) {
        let _ = write!(self.0, "{value:?}\n{value:#?}\n");
    }
}

fn credential() -> RegistryCredential {
    let registry = Registry::new("r.example").expect("valid");
    let login = Login::new(vec![registry], "AWS", CANARY.into()).expect("valid");
    let now = SystemClock.now();
    let validity = Validity::new(now, Some(now + Duration::from_hours(12))).expect("valid");
    RegistryCredential::new(vec![login], validity).expect("valid")
}

/// A store with one document that contains a secret.
#[derive(Debug)]
struct OneDocument;

#[async_trait]
impl DocumentStore for OneDocument {
    type Version = ();

    async fn load(&self, _: &Address) -> Result<Option<Document<()>>> {
        Ok(Some(Document::new(CANARY, ())))
    }

    async fn store(&self, _: &Address, _: SecretBytes, _: Option<&()>) -> Result<()> {
        Ok(())
    }

    async fn delete(&self, _: &Address, (): &()) -> Result<()> {
        Ok(())
    }
}

async fn show_documents(shown: &mut Shown, set: &CredentialSet) {
    let sink = DocumentSink::new(OneDocument, DockerConfigFormat);
    shown.show(&sink.observe(&target("team-a")).await.expect("it is read"));
    shown.show(&OneDocument.load(&target("team-a").address).await.expect("it is read"));
    let contents = Contents::new(InstanceName::default()).with(set).expect("one login for each registry");
    shown.show(&contents);
    shown.show(&(sink, DockerConfigFormat.write(None, &contents).expect("it is written")));
    let copied = CopiedDocument::BasicAuth { username: b"robot", password: CANARY.as_bytes() };
    let logins = logins(copied, &["r.example".parse().expect("a registry")]).expect("it is a login");
    let last = LastCopy::default();
    last.record(&RegistryCredential::new(logins, Validity::new(SystemClock.now(), None).expect("valid")));
    shown.show(&(copied, last));
}

async fn show_keyring(shown: &mut Shown) {
    let clock = Arc::new(SystemClock);
    let provider = Arc::new(FakeProvider::new(clock.clone(), "r.example"));
    let keyring = Keyring::builder(clock).with_provider(provider_name("fake"), provider);
    shown.show(&keyring);
    let keyring = keyring.build().expect("it is whole");
    shown.show(&keyring.matched("r.example/app").await.expect("it mints").expect("it matches"));
    shown.show(&keyring);
}

/// Prints the types of Amazon ECR.
async fn show_ecr(shown: &mut Shown) {
    let keys = Credentials::from_keys("AKIAIOSFODNN7EXAMPLE", CANARY, Some(CANARY.into()));
    let identity = Identity::given(keys).with_role(Role::new("arn:aws:iam::123456789012:role/pull"));
    shown.show(&identity);
    let transport = Transport::new().expect("it can be made");
    let variables = ["AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY"].map(|name| (name, CANARY));
    let environment = Environment::new(variables).with_files(|_| Ok(CANARY.into()));
    let of_tenant = EcrType::default().with_environment(environment.clone());
    shown.show(&(of_tenant.with_transport(transport.clone()), transport, &environment));
    let options = EcrOptions {
        external_id: Some(CANARY.into()),
        endpoint: Some(format!("https://user:{CANARY}@aws.example")),
        ..EcrOptions::in_region("eu-west-1")
    };
    shown.show(&options);
    let ecr = EcrProvider::builder(Region::new("eu-west-1").expect("valid")).with_identity(identity);
    shown.show(&ecr);
    let of_tenant = EcrProvider::builder(Region::new("eu-west-1").expect("valid"));
    let of_tenant = of_tenant.with_environment(environment.with_files(|_| Err(ErrorKind::NotFound.into())));
    shown.show(&of_tenant);
    let of_tenant = of_tenant.build().await.expect("it is whole");
    shown.show(&(&of_tenant, of_tenant.credential().await.expect_err("half of its keys is missing")));
    let ecr = ecr.with_endpoint("http://127.0.0.1:9").build().await.expect("it is whole");
    shown.show(&ecr);
    shown.show(&ecr.credential().await.expect_err("no server listens"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_public_type_shows_a_secret() {
    let mut shown = Shown(String::new());
    let credential = Arc::new(credential());
    let mut set = CredentialSet::new();
    set.insert(provider_name("one"), credential.clone()).expect("the first");
    shown.show(&credential);
    shown.show(&credential.logins()[0]);
    shown.show(credential.logins()[0].secret());
    shown.show(&set);
    shown.show(&TargetSender::channel(1));
    let mut config =
        DockerConfig::parse(format!(r#"{{"auths":{{"x":{{"auth":"{CANARY}"}}}},"{CANARY}":1}}"#).as_bytes())
            .expect("a Docker config");
    config.set(&Registry::new("r.example").expect("valid"), "AWS", &CANARY.into());
    shown.show(&config);
    let helper =
        format!(r#"{{"auths":{{"r.example":{{"auth":"{CANARY}"}}}},"credHelpers":{{"r.example":"{CANARY}"}}}}"#);
    let helper = DockerConfig::parse(helper.as_bytes()).expect("a Docker config");
    let hidden = regcred_dockerconfig::hidden(&helper, &Registry::new("r.example").expect("valid"));
    assert!(!hidden.is_empty(), "readers ask the helper");
    shown.show(&hidden);
    for reader in Reader::ALL {
        shown.show(&(taken(&helper, reader, "r.example/app"), taken(&config, reader, "r.example/app")));
    }
    shown.show(&DockerConfig::parse(format!("{{\"auths\":\"{CANARY}\"}}").as_bytes()).expect_err("none"));

    show_documents(&mut shown, &set).await;
    show_keyring(&mut shown).await;
    let (memory, clock) = (Arc::new(MemorySink::default()), Arc::new(SystemClock));
    shown.show(&memory.write(&target("team-a"), &set).await.expect("it is written"));
    shown.show(&memory.observe(&target("team-a")).await.expect("it is read"));
    shown.show(&memory);
    // This provider mints passwords that start with `canary`.
    let provider = Arc::new(FakeProvider::new(clock.clone(), "r.example"));
    let (minter, context) =
        (Arc::new(Minter::new(provider_name("fake"), provider.clone())), Context::new(clock.clone()));
    shown.show(&minter.get(&context).await.expect("it mints"));
    shown.show(&(&minter, &context, &provider));
    shown.show(&Event::Minted { provider: &provider_name("fake"), validity: credential.validity() });
    let route = Route::new("test", vec![provider_name("fake")], vec![target("team-b")], memory);
    let builder = Engine::builder(clock).with_minter(minter).with_route(route);
    shown.show(&builder);
    let engine = builder.build().expect("it is whole");
    shown.show(&engine.once(Pass::default()).await);
    shown.show(&engine);

    show_ecr(&mut shown).await;

    let kube = FakeKube::start().await;
    kube.add_namespace("team-a", &["default"]);
    let dir = tempfile::tempdir().expect("a folder");
    let kubeconfig = dir.path().join("kubeconfig");
    fs::write(&kubeconfig, kube.kubeconfig().replace("bearer-of-the-fake", CANARY)).expect("it can be written");
    let connection = Connection { kubeconfig: Some(kubeconfig), context: None };
    let cluster = Cluster::connect(&connection).await.expect("it is usable");
    shown.show(&(&connection, &cluster));
    let clusters = Clusters::default().with("cluster".parse().expect("a name"), cluster.clone());
    let (namespace, name) = ("team-a".parse().expect("a name"), "hub".parse().expect("a name"));
    shown.show(&SecretProvider::new(&cluster, namespace, name, Arc::new(SystemClock)));
    shown.show(&(SecretType::new(clusters.clone()), OpenShiftType::new(clusters)));
    let vendor = Vendor {
        source: |_, _, _| Some(Source::EcrPublic),
        user: None,
        ends: |_| None,
        life: Duration::from_hours(12),
    };
    let login = json!({ "auths": { "r.example": { "auth": STANDARD.encode(format!("AWS:{CANARY}")) } } });
    let login = json!({ ".dockerconfigjson": STANDARD.encode(login.to_string()) });
    let login = json!({ "type": "kubernetes.io/dockerconfigjson", "data": login });
    kube.put("secrets", "team-a", "pull", login, "x");
    let keys = json!({ "data": { "AWS_SECRET_ACCESS_KEY": STANDARD.encode(CANARY) } });
    kube.put("secrets", "team-a", "keys", keys, "x");
    let found =
        discover(&cluster, &Search { namespaces: vec![], vendors: vec![vendor] }).await.expect("it can be read");
    assert_eq!((found.secrets.len(), found.keys.len()), (1, 1));
    shown.show(&found);
    kube.remove("secrets", "team-a", "pull");
    shown.show(&Lease::start(&cluster, "team-a", "lease", "me", Arc::new(SystemClock)));
    shown.show(&sources(&cluster, target("team-a").store));
    let sink = OpenShiftSink::builder(cluster).with_links(Link::defaults()).with_instance(InstanceName::default());
    shown.show(&sink);
    let sink = sink.build();
    let mut there = target("team-a");
    there.store = "cluster".parse().expect("valid");
    shown.show(&sink.write(&there, &set).await.expect("it is written"));
    shown.show(&sink.observe(&there).await.expect("it is read"));
    shown.show(&sink);

    let proxy = format!("http://bob:{CANARY}@r.example:3128");
    shown.show(&Proxies::from_variables(|_| Some(proxy.clone())));
    shown.show(&ProxyUrl::parse(&proxy, "HTTPS_PROXY").expect("it is one"));

    let Shown(shown) = shown;
    assert!(shown.contains("r.example") && shown.contains("Given"), "something is shown: {shown}");
    for secret in [CANARY, "canary-1", &base64_of(CANARY), &STANDARD.encode(CANARY)[..20]] {
        assert!(!shown.contains(secret), "a secret is shown");
    }
}

/// Returns sources for the Secrets of named and of selected namespaces.
fn sources(cluster: &Cluster, store: StoreName) -> (WatchedSource, WatchedSource) {
    let (keeper, resync) = (OpenShiftSink::builder(cluster.clone()).build(), Duration::from_mins(5));
    let (secret, namespace) = ("ecr-secret".parse::<SecretName>().expect("valid"), "team-a".parse().expect("valid"));
    let watches = Watches::new(cluster, [secret.clone()], [], &Cache::new(cluster, [], []), resync);
    let named =
        WatchedSource::named(cluster, store.clone(), secret.clone(), [namespace], &keeper, resync, WatchedObjects::All);
    (named, WatchedSource::new(watches, store, secret, |_, _| true, &keeper))
}

fn base64_of(secret: &str) -> String {
    STANDARD.encode(format!("AWS:{secret}"))[8..].to_owned()
}

#[test]
fn every_public_type_is_checked_for_secrets() {
    let mut public = BTreeSet::new();
    let libraries = ["core", "dockerconfig", "ecr", "engine", "openshift"].map(|it| format!("{it}/src/lib.rs"));
    for file in libraries.into_iter().chain(["core/src/document/mod.rs".to_owned()]) {
        let text = fs::read_to_string(format!("{ROOT}/crates/{file}")).expect("it is there");
        let exported = text.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
        let names = exported.flat_map(|path| path.split([':', ',', '{', '}', ' ', '\n']));
        let types = names.filter(|name| name.starts_with(|it: char| it.is_ascii_uppercase()));
        public.extend(types.filter(|name| !name.starts_with("Mock")).map(str::to_owned));
    }
    let known = SHOWN.iter().chain(HARMLESS).map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(public, known, "each is in `SHOWN` or in `HARMLESS`");
}
