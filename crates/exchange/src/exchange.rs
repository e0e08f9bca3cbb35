//! The data of a preset: its requests, and the meaning of their answers.

use std::{fmt, path::PathBuf, time::Duration};

use regcred_core::Registry;
use regcred_http::Url;

/// An exchange of an identity for a login. A [`Preset`](crate::Preset) fills it in from options. It contains no secret.
#[derive(Clone)]
pub struct Exchange {
    pub(crate) registries: Vec<Registry>,
    pub(crate) proof: Proof,
    /// The requests in order, at least one. The token of each answer proves the identity to the next request, and the
    /// last token is the password.
    pub(crate) hops: Vec<Hop>,
    pub(crate) user: User,
    pub(crate) end: End,
    pub(crate) longest_life: Option<Duration>,
    pub(crate) authorities: Option<PathBuf>,
}

/// The proof of the identity for the first request.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// None, because the metadata server knows the machine by its place in the network.
    Machine,
    File(ProofFile),
}

/// A file with a token or a secret.
#[derive(Clone, Debug)]
pub(crate) struct ProofFile {
    /// The option with the path.
    pub(crate) key: &'static str,
    pub(crate) path: PathBuf,
    /// The audience of a projected token. `None`: the file is not a token of the pod.
    pub(crate) audience: Option<String>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Hop {
    pub(crate) url: Url,
    pub(crate) headers: Vec<(&'static str, Part)>,
    pub(crate) body: Body,
    /// The field of the answer with the token.
    pub(crate) token: String,
}

/// The body of a request, which also selects its method.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// GET.
    None,
    /// POST.
    Form(Vec<(String, Part)>),
    /// POST.
    Json(Vec<(String, Part)>),
}

/// The value of a header or a field.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Text(String),
    /// A list with one text. Only JSON has it.
    List(&'static str),
    /// The token so far, or the secret of the file.
    Token,
    /// The token with the prefix `Bearer`.
    Bearer,
    /// This user and the token, for HTTP Basic authentication.
    Basic(String),
}

/// The user name of the login.
#[derive(Clone, Debug)]
pub(crate) enum User {
    Fixed(String),
    /// A field of the last answer.
    Field(String),
}

/// Where the end of the login is.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// A field of the last answer with seconds from now.
    Seconds(String),
    /// A field of the last answer with an RFC 3339 timestamp.
    Timestamp(String),
    /// The claim `exp` of the password, which is a JWT.
    Jwt,
    /// A stated lifetime.
    Life(Duration),
}

impl Hop {
    /// Creates a request whose answer has the token in this field.
    pub(crate) fn new(url: Url, body: Body, token: impl Into<String>) -> Self {
        Self { url, headers: vec![], body, token: token.into() }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: Part) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Part {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Converts a table of fields.
pub(crate) fn fields<const N: usize>(fields: [(&str, Part); N]) -> Vec<(String, Part)> {
    fields.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()
}

impl Exchange {
    /// Sends every request to another server, with unchanged paths.
    pub(crate) fn at(mut self, server: &Url) -> Self {
        self.hops.iter_mut().for_each(|hop| hop.url = hop.url.at(server));
        self
    }

    /// Also trusts the authorities in this file.
    pub(crate) fn trusting(self, authorities: Option<&PathBuf>) -> Self {
        Self { authorities: authorities.cloned(), ..self }
    }

    /// Returns a text that is equal for exchanges that mint the same credential, whichever registries they name.
    #[cfg_attr(not(feature = "plan"), expect(dead_code, reason = "only a plan compares exchanges"))]
    pub(crate) fn key(&self) -> String {
        let Self { registries: _, proof, hops, user, end, longest_life, authorities } = self;
        let urls = hops.iter().map(|hop| hop.url.whole()).collect::<Vec<_>>();
        format!("{urls:?} {proof:?} {hops:?} {user:?} {end:?} {longest_life:?} {authorities:?}")
    }

    /// Returns the hosts and ports of all requests, without duplicates.
    #[cfg_attr(not(feature = "plan"), expect(dead_code, reason = "only a plan lists them"))]
    pub(crate) fn servers(&self) -> Vec<String> {
        let mut servers = self.hops.iter().map(|hop| hop.url.host_and_port()).collect::<Vec<_>>();
        servers.sort();
        servers.dedup();
        servers
    }
}

/// Hides the texts of requests, because users may put a secret there.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls = self.hops.iter().map(|hop| &hop.url).collect::<Vec<_>>();
        f.debug_struct("Exchange").field("registries", &self.registries).field("urls", &urls).finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "plan"))]
mod tests {
    use crate::{Azure, Google, Preset};

    #[test]
    fn only_the_same_credential_has_the_same_key() {
        let key = |preset: &Google| preset.exchange().expect("valid").key();
        let google = |registry: &str, account: &str| {
            key(&Google { service_account: Some(account.into()), ..Google::instance(registry) })
        };
        assert_eq!(google("gcr.io", "a@acme"), google("eu.gcr.io", "a@acme"));
        assert_ne!(google("gcr.io", "a@acme"), google("gcr.io", "b@acme"));
        let azure = |tenant: &str| {
            let azure = Azure::application("acme.azurecr.io", tenant, "client");
            Azure { token_file: Some("/t".into()), ..azure }.exchange().expect("valid").key()
        };
        assert_ne!(azure("a"), azure("b"));
    }
}
