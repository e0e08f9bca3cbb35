//! The provider: the same steps for every preset.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use jiff::Timestamp;
use regcred_core::{
    Clock, Error, ExposeSecret, Login, RegistryCredential, RegistryProvider, Result, Scope, SystemClock, Validity,
};
use regcred_http::{Answer, HttpClient, Url};

use crate::{
    OptionError, Preset, codes,
    exchange::{End, Exchange, User},
    expiry::{self, Times},
    grant::{Grant, unusable},
    hop, jwt, proof,
};

/// Mints logins by an exchange of the identity. Each call sends one or two requests.
#[derive(Debug)]
pub struct ExchangeProvider {
    exchange: Exchange,
    client: HttpClient,
    clock: Arc<dyn Clock>,
}

/// Builds an [`ExchangeProvider`].
#[derive(Debug)]
pub struct ExchangeProviderBuilder {
    exchange: Exchange,
    client: Option<HttpClient>,
    clock: Arc<dyn Clock>,
}

impl ExchangeProviderBuilder {
    /// Sets the HTTPS client. Default: a client with the environment of the process and the `ca_file` of the options.
    #[must_use]
    pub fn with_client(self, client: HttpClient) -> Self {
        Self { client: Some(client), ..self }
    }

    /// Sets the clock that ends are compared with. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Sends all requests to a server on loopback, for tests. Paths stay unchanged.
    ///
    /// Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for another server.
    pub fn with_endpoint(self, url: &str) -> Result<Self> {
        let url = Url::new(url)?;
        if !url.is_loopback() {
            let error = Error::new(&codes::FOREIGN, format!("cannot use the endpoint {}", url.host_and_port()));
            return Err(error.with_cause("it is not on loopback"));
        }
        Ok(Self { exchange: self.exchange.at(&url), ..self })
    }

    /// Creates the provider. Reads the files of authorities unless a client was given. Sends no request.
    pub fn build(self) -> Result<ExchangeProvider> {
        let Self { exchange, client, clock } = self;
        let client = match client {
            Some(client) => client,
            None => HttpClient::builder().with_authorities(exchange.authorities.as_deref()).build()?,
        };
        Ok(ExchangeProvider { exchange, client, clock })
    }
}

impl ExchangeProvider {
    /// Returns a builder for the options of a preset, or the first option that cannot be used.
    pub fn builder(preset: &impl Preset) -> Result<ExchangeProviderBuilder, OptionError> {
        Ok(ExchangeProviderBuilder { exchange: preset.exchange()?, client: None, clock: Arc::new(SystemClock) })
    }

    fn login(&self, url: &Url, grant: &Grant, password: &str) -> Result<Login> {
        let user = match &self.exchange.user {
            User::Fixed(user) => user,
            User::Field(field) => grant.text(field)?,
        };
        Login::new(self.exchange.registries.clone(), user, password.into())
            .map_err(|error| unusable(url, &error.to_string()))
    }

    fn validity(&self, url: &Url, now: SystemTime, answer: &Answer, grant: &Grant, password: &str) -> Result<Validity> {
        let unreadable = |cause: &str| {
            let message = format!("cannot read the end of the token of {}", url.host_and_port());
            Error::new(&codes::EXPIRY, message).with_cause(cause)
        };
        let after = |life: Duration| now.checked_add(life).ok_or_else(|| unreadable("it is too far in the future"));
        let (issued_at, expires_at) = match &self.exchange.end {
            End::Seconds(field) => (None, after(Duration::from_secs(grant.seconds(field)?))?),
            End::Life(life) => (None, after(*life)?),
            End::Timestamp(field) => {
                let time = grant.text(field)?.parse::<Timestamp>();
                let time = time.map_err(|_| unreadable(&format!("`{field}` is not an RFC 3339 timestamp")))?;
                (None, SystemTime::from(time))
            }
            End::Jwt => {
                let dates = jwt::dates(password).ok_or_else(|| unreadable("it is not a JWT with an `exp`"))?;
                (dates.issued_at, dates.expires_at)
            }
        };
        let times = Times { now, server: answer.date(), issued_at, expires_at };
        expiry::validity(url, times, self.exchange.longest_life)
    }
}

#[async_trait]
impl RegistryProvider for ExchangeProvider {
    async fn credential(&self) -> Result<RegistryCredential> {
        // The life counts from here, because the service issues the token before its answer arrives.
        let now = self.clock.now();
        let mut token = proof::read(&self.exchange.proof).await?;
        let mut last = None;
        for hop in &self.exchange.hops {
            let answer = hop::send(hop, &self.client, &token).await?;
            let grant = Grant::parse(&hop.url, &answer)?;
            token = grant.token(&hop.token)?;
            last = Some((&hop.url, answer, grant));
        }
        let (url, answer, grant) = last.expect("each preset has a request");
        let login = self.login(url, &grant, token.expose_secret())?;
        let validity = self.validity(url, now, &answer, &grant, token.expose_secret())?;
        RegistryCredential::new(vec![login], validity)
    }

    fn scope(&self) -> Scope {
        Scope::Exact(self.exchange.registries.clone())
    }

    fn longest_life(&self) -> Option<Duration> {
        self.exchange.longest_life
    }
}
