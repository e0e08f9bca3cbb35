//! Logins for images, from several providers.

use std::{cmp::Reverse, collections::BTreeSet, future::ready, sync::Arc};

use regcred_core::{Clock, Error, ImageName, Login, ProviderName, Registry, RegistryProvider, Result, Validity};
use tokio::task::JoinSet;

use crate::{Context, Handed, Minter, codes};

/// Returns the login for an image.
///
/// A keyring mints a login when it is needed, shares it among all callers, and renews it. While a provider is down, the
/// keyring returns a login that still works.
///
/// A login matches by the rules of the kubelet: the same host, the same port, and the longest path first. Unlike in the
/// kubelet, a path ends at a slash. `registry.example/team` does not match `registry.example/team-b/app`, which the
/// kubelet would try without success.
///
/// ```
/// # use std::sync::Arc;
/// # use regcred_core::{ProviderName, testing::{FakeProvider, TestClock}};
/// # use regcred_engine::Keyring;
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> Result<(), regcred_core::Error> {
/// let clock = Arc::new(TestClock::new());
/// let provider = Arc::new(FakeProvider::new(clock.clone(), "registry.example"));
/// let keyring = Keyring::builder(clock).with_provider(ProviderName::new("prod")?, provider).build()?;
/// let login = keyring.login_for("registry.example/team/app:1").await?;
/// assert_eq!(login.map(|login| login.username().to_owned()).as_deref(), Some("AWS"));
/// assert!(keyring.login_for("nginx").await?.is_none());
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Keyring {
    minters: Vec<Arc<Minter>>,
    context: Context,
}

/// Builds a [`Keyring`].
#[derive(Debug)]
pub struct KeyringBuilder {
    minters: Vec<Arc<Minter>>,
    context: Context,
}

/// The login that matches an image.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MatchedLogin {
    /// The provider of the login.
    pub provider: ProviderName,
    /// The registry that matches the image.
    pub registry: Registry,
    /// The login, for this registry only.
    pub login: Login,
    /// The validity of the login.
    pub validity: Validity,
}

impl Keyring {
    /// Returns a builder for a keyring without providers, on this clock.
    pub fn builder(clock: Arc<dyn Clock>) -> KeyringBuilder {
        KeyringBuilder { minters: vec![], context: Context::new(clock) }
    }

    /// Returns the login for an image such as `registry.example/team/app:1`. `None`: no provider has one.
    ///
    /// The keyring asks only the providers whose [scope](RegistryProvider::scope) allows the image. Returns
    /// [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if the image reference is not valid. Returns the error
    /// of a failed provider if its login may be the best match.
    pub async fn login_for(&self, image: &str) -> Result<Option<Login>> {
        Ok(self.matched(image).await?.map(|it| it.login))
    }

    /// Returns the same as [`Keyring::login_for`], with the provider, the matching registry and the validity.
    pub async fn matched(&self, image: &str) -> Result<Option<MatchedLogin>> {
        let image = ImageName::new(image)?;
        let mut asked = JoinSet::new();
        for (place, minter) in self.minters.iter().enumerate() {
            if minter.scope().may_open(image.as_str()) {
                let (minter, context, image) = (minter.clone(), self.context.clone(), image.clone());
                asked.spawn(async move { (place, ask(&minter, &context, &image).await) });
            }
        }
        let mut answers = asked.join_all().await;
        answers.sort_by_key(|(place, _)| *place);
        let (mut best, mut failed) = (None::<MatchedLogin>, vec![]);
        for (place, answer) in answers {
            match answer {
                Ok(found) => best = [best, found].into_iter().flatten().min_by_key(|it| Reverse(length(&it.registry))),
                Err(error) => failed.push((self.minters[place].scope().longest(image.as_str()), error)),
            }
        }
        // A failure counts if the failed provider has, or may have, the better login.
        let found = best.as_ref().map(|it| length(&it.registry));
        match failed.into_iter().find(|(longest, _)| found.is_none() || *longest > found) {
            Some((_, error)) => Err(error),
            None => Ok(best),
        }
    }
}

fn length(registry: &Registry) -> usize {
    registry.as_str().len()
}

/// Returns the best login of one provider. Mints if its credential is due, or if its source has changed.
async fn ask(minter: &Arc<Minter>, context: &Context, image: &ImageName) -> Result<Option<MatchedLogin>> {
    tokio::select! {
        biased;
        () = minter.changed() => minter.forget(),
        () = ready(()) => {}
    }
    let Handed { credential, .. } = minter.get(context).await?;
    let logins = credential.logins().iter().flat_map(|login| login.registries().iter().map(move |it| (it, login)));
    let best = logins.filter(|(registry, _)| registry.covers(image.as_str())).max_by_key(|(it, _)| length(it));
    let matched = |(registry, login): (&Registry, &Login)| -> Result<_> {
        let (provider, validity) = (minter.name().clone(), credential.validity());
        let login = login.for_registries(vec![registry.clone()])?;
        Ok(MatchedLogin { provider, registry: registry.clone(), login, validity })
    };
    best.map(matched).transpose()
}

impl KeyringBuilder {
    /// Adds a provider under a name. The provider that was added first wins between equal matches.
    #[must_use]
    pub fn with_provider(self, name: ProviderName, provider: Arc<dyn RegistryProvider>) -> Self {
        self.with_minter(Minter::new(name, provider))
    }

    /// Adds a provider whose [`Minter`] shares its credential with an engine or another keyring.
    #[must_use]
    pub fn with_minter(mut self, minter: impl Into<Arc<Minter>>) -> Self {
        self.minters.push(minter.into());
        self
    }

    /// Builds the keyring. Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if two providers share a
    /// name.
    pub fn build(self) -> Result<Keyring> {
        let mut names = BTreeSet::new();
        if let Some(twice) = self.minters.iter().find(|minter| !names.insert(minter.name())) {
            let cause = format!("two providers have the name {}", twice.name());
            return Err(Error::new(&codes::WIRING, "cannot build the keyring").with_cause(cause));
        }
        Ok(Keyring { minters: self.minters, context: self.context })
    }
}
