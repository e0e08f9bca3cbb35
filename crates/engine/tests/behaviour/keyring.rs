//! A keyring finds the login for an image.

use std::{sync::Arc, time::Duration};

use regcred_core::{
    Clock, ErrorKind, Login, Pattern, Registry, RegistryCredential, RegistryProvider, Result, Scope, Validity,
    testing::{FakeProvider, TestClock, provider_name},
};
use regcred_engine::{Keyring, KeyringBuilder};

use crate::fakes::unreachable;

/// A fake whose credential has these logins, each for one registry and with its key as the user name.
#[derive(Debug)]
struct Provider {
    fake: FakeProvider,
    clock: Arc<TestClock>,
    keys: Vec<&'static str>,
    scope: Scope,
}

impl Provider {
    fn new(clock: &Arc<TestClock>, keys: &[&'static str], scope: Scope) -> Arc<Self> {
        let fake = FakeProvider::new(clock.clone(), "r.example");
        Arc::new(Self { fake, clock: clock.clone(), keys: keys.to_vec(), scope })
    }

    fn exact(clock: &Arc<TestClock>, keys: &[&'static str]) -> Arc<Self> {
        Self::new(clock, keys, Scope::Exact(keys.iter().map(|key| registry(key)).collect()))
    }
}

#[regcred_core::async_trait]
impl RegistryProvider for Provider {
    async fn credential(&self) -> Result<RegistryCredential> {
        self.fake.credential().await?;
        let now = self.clock.now();
        let login = |key: &&str| Login::new(vec![registry(key)], key.replace(':', "+"), "p".into());
        let logins = self.keys.iter().map(login).collect::<Result<_>>()?;
        RegistryCredential::new(logins, Validity::new(now, Some(now + Duration::from_hours(12)))?)
    }

    fn scope(&self) -> Scope {
        self.scope.clone()
    }

    async fn changed(&self) {
        self.fake.changed().await;
    }
}

fn registry(key: &str) -> Registry {
    Registry::new(key).expect("valid")
}

fn builder(clock: &Arc<TestClock>, providers: &[&Arc<Provider>]) -> KeyringBuilder {
    let add = |keyring: KeyringBuilder, (place, it): (usize, &&Arc<Provider>)| {
        keyring.with_provider(provider_name(&format!("p{place}")), (*it).clone())
    };
    providers.iter().enumerate().fold(Keyring::builder(clock.clone()), add)
}

async fn user(keyring: &Keyring, image: &str) -> Option<String> {
    keyring.login_for(image).await.expect(image).map(|login| login.username().to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_longest_matching_path_wins_across_all_providers() {
    let clock = Arc::new(TestClock::new());
    let hosts = Provider::exact(&clock, &["r.example", "r.example:5000", "docker.io"]);
    let teams = Provider::new(&clock, &["r.example/team", "r.example/team/app"], Scope::Unknown);
    let keyring = builder(&clock, &[&hosts, &teams]).build().expect("it is whole");
    for (image, expected) in [
        ("r.example/other:1", Some("r.example")),
        ("r.example/team/other", Some("r.example/team")),
        ("r.example/team/app@sha256:0123", Some("r.example/team/app")),
        ("r.example/team/app/part", Some("r.example/team/app")),
        ("r.example/team-b/app", Some("r.example")),
        ("R.Example/team", Some("r.example/team")),
        ("r.example:5000/team/app", Some("r.example+5000")),
        ("r.example:443/team/app", None),
        ("nginx", Some("docker.io")),
        ("index.docker.io/team/app", Some("docker.io")),
        ("s.example/app", None),
        ("a.r.example/app", None),
    ] {
        assert_eq!(user(&keyring, image).await.as_deref(), expected, "{image}");
    }
    let matched = keyring.matched("r.example/team/app").await.expect("it works").expect("there is one");
    assert_eq!((matched.provider.as_str(), matched.registry.as_str()), ("p1", "r.example/team/app"));
    assert_eq!((matched.login.registries(), matched.validity.issued_at()), (&[matched.registry][..], clock.now()));
    assert_eq!((hosts.fake.calls(), teams.fake.calls()), (1, 1), "all share one credential of each provider");
}

#[tokio::test(start_paused = true)]
async fn only_a_provider_whose_scope_matches_the_image_is_called() {
    let clock = Arc::new(TestClock::new());
    let exact = Provider::exact(&clock, &["r.example"]);
    let pattern = Pattern::new("*.s.example").expect("valid");
    let matching = Provider::new(&clock, &["eu.s.example"], Scope::Matching(vec![pattern]));
    let keyring = builder(&clock, &[&exact, &matching]).build().expect("it is whole");
    assert_eq!(user(&keyring, "eu.s.example/app").await.as_deref(), Some("eu.s.example"));
    assert_eq!((exact.fake.calls(), matching.fake.calls()), (0, 1));
    assert_eq!(user(&keyring, "us.s.example/app").await, None, "the pattern allows it, and the credential does not");
    assert_eq!(user(&keyring, "nginx").await, None);
    assert_eq!((exact.fake.calls(), matching.fake.calls()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_failed_provider_is_an_error_only_if_it_may_have_the_better_login() {
    let clock = Arc::new(TestClock::new());
    let host = Provider::exact(&clock, &["r.example"]);
    let team = Provider::exact(&clock, &["r.example/team"]);
    let unknown = Provider::new(&clock, &[], Scope::Unknown);
    let keyring = builder(&clock, &[&unknown, &host, &team]).build().expect("it is whole");
    unknown.fake.fail_with(unreachable());
    team.fake.fail_with(unreachable());
    assert_eq!(user(&keyring, "r.example/app").await.as_deref(), Some("r.example"));
    let error = keyring.login_for("r.example/team/app").await.expect_err("its provider is down");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    let error = keyring.login_for("s.example/app").await.expect_err("the unknown one may have a login");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    for bad in ["", "docker://r.example/app", "r.example/App"] {
        assert_eq!(keyring.login_for(bad).await.expect_err(bad).kind(), ErrorKind::Invalid);
    }
}

#[tokio::test(start_paused = true)]
async fn a_login_is_returned_while_it_works_and_minted_again_when_due_or_changed() {
    let clock = Arc::new(TestClock::new());
    let provider = Provider::exact(&clock, &["r.example"]);
    let keyring = builder(&clock, &[&provider]).build().expect("it is whole");
    let issued =
        async || keyring.matched("r.example/app").await.map(|it| it.expect("there is one").validity.issued_at());
    let first = issued().await.expect("it works");
    tokio::time::advance(Duration::from_hours(7)).await;
    provider.fake.fail_with(unreachable());
    assert_eq!(issued().await.expect("the old one still works"), first);
    tokio::time::advance(Duration::from_hours(6)).await;
    issued().await.expect_err("it has expired");
    provider.fake.fail_with(None);
    tokio::time::advance(Duration::from_hours(1)).await;
    assert_eq!(issued().await.expect("it works"), clock.now());
    let calls = provider.fake.calls();
    provider.fake.change();
    issued().await.expect("it works");
    issued().await.expect("it works");
    assert_eq!(provider.fake.calls(), calls + 1);
}

#[tokio::test(start_paused = true)]
async fn two_providers_of_one_name_are_refused() {
    let clock = Arc::new(TestClock::new());
    let provider = Provider::exact(&clock, &["r.example"]);
    let twice = builder(&clock, &[&provider]).with_provider(provider_name("p0"), provider);
    assert_eq!(twice.build().expect_err("one name").kind(), ErrorKind::Invalid);
}
