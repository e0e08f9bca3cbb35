//! The types of the presets for entries of `providers:`: one implementation for all.

use std::{
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex},
    time::Duration,
};

use regcred_config::{Origin, Problem, Problems, TypeGrammar, duration, keys};
use regcred_core::{Clock, Code, Error, RegistryProvider, Result, Scope, SystemClock};
use regcred_http::HttpClient;
use regcred_plan::{ProviderPlan, ProviderType, async_trait};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    ExchangeProvider, Preset, codes,
    exchange::{Exchange, Proof},
};

/// The type of a preset, such as `ExchangeType<Quay>` for `type: quay`. The options are those of the preset.
///
/// Entries with the same options share one credential, whichever registries they name.
pub struct ExchangeType<P> {
    clock: Arc<dyn Clock>,
    client: Mutex<Option<HttpClient>>,
    /// Whether the program gave the client. Then it is not recreated.
    is_given: bool,
    preset: PhantomData<fn() -> P>,
}

impl<P> Default for ExchangeType<P> {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock), client: Mutex::default(), is_given: false, preset: PhantomData }
    }
}

impl<P> ExchangeType<P> {
    /// Sets the clock that ends are compared with. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sets the HTTPS client of all entries. It replaces `ca_file`. Default: that of the environment.
    #[must_use]
    pub fn with_client(self, client: HttpClient) -> Self {
        Self { client: Mutex::new(Some(client)), is_given: true, ..self }
    }

    /// Returns the client that all entries without authorities of their own share.
    fn client(&self) -> Result<HttpClient> {
        let mut made = self.client.lock().expect("no holder of the lock panics");
        if let Some(client) = &*made {
            return Ok(client.clone());
        }
        let client = HttpClient::from_env()?;
        *made = Some(client.clone());
        Ok(client)
    }
}

#[async_trait]
impl<P: Preset + DeserializeOwned + JsonSchema> ProviderType for ExchangeType<P> {
    const NAME: &'static str = P::NAME;
    type Options = P;

    fn plan(&self, options: &P, at: &Origin) -> Result<ProviderPlan, Problems> {
        let exchange = options.exchange().map_err(|error| {
            let (key, error) = (error.key(), Error::from(error));
            Problem::below(at, key, error.chain()).with_code(error.code())
        })?;
        let plan = planned(&exchange);
        Ok(if P::SECRET.is_empty() { plan } else { plan.with_identity(identity(&exchange)) })
    }

    async fn make(&self, options: P) -> Result<Arc<dyn RegistryProvider>> {
        let exchange = options.exchange()?;
        let builder = ExchangeProvider::builder(&options)?.with_clock(Arc::clone(&self.clock));
        let is_shared = self.is_given || exchange.authorities.is_none();
        let builder = if is_shared { builder.with_client(self.client()?) } else { builder };
        Ok(Arc::new(builder.build()?))
    }

    fn grammar(&self) -> TypeGrammar {
        let grammar = TypeGrammar::new::<P>(Self::NAME).with_example(P::EXAMPLE);
        if P::SECRET.is_empty() { grammar.with_public(keys::<P>().unwrap_or_default()) } else { grammar }
    }

    fn codes(&self) -> &'static [&'static Code] {
        codes::CODES
    }

    fn reload(&self) {
        if !self.is_given {
            *self.client.lock().expect("no holder of the lock panics") = None;
        }
    }

    fn service(&self) -> &'static str {
        P::SERVICE
    }
}

/// Returns the options that decide which credential is minted, without those that may be secret.
fn identity(exchange: &Exchange) -> String {
    let proof = match &exchange.proof {
        Proof::Machine => None,
        Proof::File(file) => Some((&file.path, &file.audience)),
    };
    format!("{:?} {:?} {proof:?}", exchange.registries, exchange.servers())
}

/// Returns what an exchange needs and opens.
fn planned(exchange: &Exchange) -> ProviderPlan {
    let mut plan = ProviderPlan::new(Scope::Exact(exchange.registries.clone())).with_mint(exchange.key());
    for server in exchange.servers() {
        plan = plan.with_egress(server);
    }
    if let Some(life) = exchange.longest_life {
        plan = plan.with_longest_life(life);
    }
    if let Proof::File(file) = &exchange.proof {
        plan = plan.with_file(file.key, &file.path);
        if let Some(audience) = &file.audience {
            plan = plan.with_token(&file.path, audience);
        }
    }
    if let Some(authorities) = &exchange.authorities {
        plan = plan.with_file("ca_file", authorities);
    }
    plan
}

/// Reads an optional duration with its unit, such as `50m`.
pub(crate) fn maybe_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = duration(&text).filter(|it| !it.is_zero());
    read.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a duration such as 50m")))
}

impl<P> fmt::Debug for ExchangeType<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeType").field("client", &self.client).finish_non_exhaustive()
    }
}
