//! A type of provider.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use regcred_config::{Access, Origin, Problem, Problems, Spec, TypeGrammar, codes::COMBINATION};
use regcred_core::{Code, ProviderName, RegistryProvider, Result, Scope, async_trait};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;

use super::identity::{ChosenIdentity, Identities, PodIdentity, PodSite, Policies};
use crate::finding::Finding;

/// A type of provider that entries of `providers:` can name.
///
/// The built-in types implement this trait too. No other code knows their options. The methods provide the input for
/// the JSON schema, conflict checks, `plan`, `manifests`, and shared mints.
///
/// ```
/// use std::sync::Arc;
/// use regcred_config::{Origin, Problem, Problems};
/// use regcred_core::{Registry, RegistryProvider, Scope, async_trait};
/// use regcred_plan::{ProviderPlan, ProviderType, Types};
/// # use regcred_core::{SystemClock, testing::FakeProvider};
///
/// #[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct Options {
///     /// Host of the registry.
///     host: String,
/// }
///
/// struct Robot;
///
/// #[async_trait]
/// impl ProviderType for Robot {
///     const NAME: &'static str = "robot";
///     type Options = Options;
///
///     fn plan(&self, options: &Options, at: &Origin) -> Result<ProviderPlan, Problems> {
///         let registry = Registry::new(&options.host).map_err(|error| Problem::below(at, "host", error))?;
///         Ok(ProviderPlan::new(Scope::Exact(vec![registry])))
///     }
///
///     async fn make(&self, options: Options) -> regcred_core::Result<Arc<dyn RegistryProvider>> {
/// #       let clock = Arc::new(SystemClock);
/// #       let robot = FakeProvider::new(clock, &options.host);
///         Ok(Arc::new(robot))
///     }
/// }
///
/// let types = Types::default().with_provider(Robot)?;
/// # Ok::<(), regcred_core::Error>(())
/// ```
#[async_trait]
pub trait ProviderType: Send + Sync + 'static {
    /// The value of `type:`.
    const NAME: &'static str;

    /// The options of an entry. Their doc comments are the descriptions in the JSON schema. Use
    /// `#[serde(deny_unknown_fields)]`, so that regcred reports a misspelt option with its file and line.
    type Options: DeserializeOwned + JsonSchema + Clone + Send + Sync + 'static;

    /// Reads the options of an entry. Override it to report problems beyond those of form, or to read a variant, which
    /// [`Spec::kind`] names. Default: [`Spec::options`].
    fn read(&self, entry: &Spec) -> Result<Self::Options, Problems> {
        entry.options()
    }

    /// Returns what an entry needs, or every problem of its options at once. It makes no request. Default: an unknown
    /// scope and no needs.
    ///
    /// `at` is the place of the entry. Use [`Problem::below`] to name an option.
    fn plan(&self, options: &Self::Options, at: &Origin) -> Result<ProviderPlan, Problems> {
        let _ = (options, at);
        Ok(ProviderPlan::default())
    }

    /// Creates a provider. regcred calls it for the first credential. If it fails, that mint fails, and the next mint
    /// calls it again.
    async fn make(&self, options: Self::Options) -> Result<Arc<dyn RegistryProvider>>;

    /// Returns the keys of its options, hints for misspelt ones, and the keys with which an entry of `targets:` can use
    /// it directly. Default: only the keys of its options.
    fn grammar(&self) -> TypeGrammar {
        TypeGrammar::new::<Self::Options>(Self::NAME)
    }

    /// Returns the variants of the type: further names in a config, each with options of its own. Default: none.
    fn variants(&self) -> Vec<Variant> {
        vec![]
    }

    /// Returns the provider of an entry of `targets:` that has a key of [`TypeGrammar::with_target_keys`], or every
    /// problem of these keys at once. Default: a problem, because the type adds no such keys.
    fn inline(&self, keys: &Spec) -> Result<Inline<Self::Options>, Problems> {
        let message = format!("type {} must be an entry of `providers:`", Self::NAME);
        Err(Problem::at(keys.origin().clone(), message).with_code(&COMBINATION).into())
    }

    /// Returns the schema of these keys, with alternatives as a `oneOf` of `required`. `None`, the default: there are
    /// no such keys.
    fn inline_schema(&self, generator: &mut SchemaGenerator) -> Option<Schema> {
        let _ = generator;
        None
    }

    /// Checks the identity and a credential of each entry for `check --online`. It drops each credential. `None`, the
    /// default: regcred creates each provider and asks it for a credential.
    ///
    /// All entries of this type come in one call, so that each caller is looked up only once.
    async fn probe(&self, entries: Vec<Probe<Self::Options>>) -> Option<Vec<Finding>> {
        let _ = entries;
        None
    }

    /// Returns the identities of `manifests --identity` that this type knows. Default: none.
    fn identities(&self) -> Identities {
        Identities::default()
    }

    /// Returns what a pod needs for these entries, or every problem at once. It makes no request. Default: nothing.
    ///
    /// `chosen` is one of [`ProviderType::identities`], or none.
    fn pod_identity(
        &self,
        entries: &[Probe<Self::Options>],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Result<PodIdentity, Problems> {
        let _ = (entries, chosen, site);
        Ok(PodIdentity::default())
    }

    /// Returns the policies that these entries need in their service, for `manifests --mode iam`, or every problem at
    /// once. It makes no request. `None`, the default: this type has no policies.
    fn policies(
        &self,
        entries: &[Probe<Self::Options>],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Option<Result<Policies, Problems>> {
        let _ = (entries, chosen, site);
        None
    }

    /// Returns the codes of its failures, for `regcred explain`. Default: none.
    fn codes(&self) -> &'static [&'static Code] {
        &[]
    }

    /// Reads the environment and files again, for providers that are created afterwards. regcred calls it before it
    /// applies a new config.
    fn reload(&self) {}

    /// Returns the display name of the service behind this type. Default: the name of the type.
    fn service(&self) -> &'static str {
        Self::NAME
    }

    /// Returns the current time of that service, from its latest answer. `None`, the default: it is not known.
    fn server_time(&self) -> Option<std::time::SystemTime> {
        None
    }
}

/// A further name of a type of provider, with options of its own.
///
/// [`ProviderType::read`] converts these options. Everything else is that of the type, such as identities, policies and
/// checks. So an entry of the type and an entry of a variant share one identity.
#[derive(Clone)]
pub struct Variant {
    pub(crate) name: &'static str,
    pub(crate) grammar: TypeGrammar,
    pub(crate) schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Variant {
    /// Creates a variant with this name and these options.
    pub fn new<O: DeserializeOwned + JsonSchema>(name: &'static str) -> Self {
        Self { name, grammar: TypeGrammar::new::<O>(name), schema: O::json_schema }
    }

    /// Sets the grammar of its options. Default: only their keys.
    #[must_use]
    pub fn with_grammar(self, grammar: TypeGrammar) -> Self {
        Self { grammar, ..self }
    }
}

impl fmt::Debug for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variant").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The needs of an entry of `providers:` and the registries that it opens, as far as its options show.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct ProviderPlan {
    /// The registries that its credentials open. Default: [`Scope::Unknown`].
    ///
    /// Two providers of one Secret must not open the same registry. If the scope is [`Scope::Exact`] and there is a
    /// [`mint`](ProviderPlan::with_mint), regcred keys the shared credential by these registries.
    pub scope: Scope,
    pub(crate) unnamed: Option<Unnamed>,
    pub(crate) mint: Option<String>,
    pub(crate) identity: Option<String>,
    /// Whether its logins also push. Default: they pull.
    pub access: Access,
    pub(crate) auth_bytes: Option<usize>,
    /// The longest lifetime of a credential. `None`: it is not known.
    pub longest_life: Option<Duration>,
    /// The files that its options name.
    pub files: Vec<NeededFile>,
    /// The audience of the token at [`POD_TOKEN`](crate::POD_TOKEN). `None`: it needs no token there.
    pub token_audience: Option<String>,
    /// The hosts and ports that the pod connects to.
    pub egress: Vec<String>,
}

/// A registry that only the provider's answer names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unnamed {
    pub(crate) key: String,
    pub(crate) description: String,
}

/// A file that an option names.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeededFile {
    /// The option, such as `token_file`.
    pub key: String,
    /// The file in the pod.
    pub path: PathBuf,
}

/// The provider of a target that names registries instead of a provider.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Inline<O> {
    /// Its name in reports and in the annotations of Secrets. It is equal for equal registries in every process.
    pub name: ProviderName,
    /// Its options.
    pub options: O,
    /// Its needs and the registries that it opens.
    pub plan: ProviderPlan,
    /// Warnings about keys that are valid.
    pub warnings: Vec<Problem>,
}

/// An entry, in calls that pass all entries of a type at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Probe<O> {
    /// The name of the entry, or of the inline provider.
    pub name: String,
    /// Whether it is the provider of a target that names registries instead of a provider.
    pub is_inline: bool,
    /// Its options.
    pub options: O,
    /// Its needs and the registries that it opens.
    pub plan: ProviderPlan,
}

impl<O> Probe<O> {
    pub(crate) fn new(name: String, is_inline: bool, options: O, plan: ProviderPlan) -> Self {
        Self { name, is_inline, options, plan }
    }
}

impl ProviderPlan {
    /// Creates the plan of a provider that opens these registries, shares no mint and has no needs.
    pub fn new(scope: Scope) -> Self {
        Self { scope, ..Self::default() }
    }

    /// Adds a registry that only the provider's answer names, such as that of the caller's own account. Two providers
    /// of one Secret conflict if their keys are equal. `description` completes the sentence "it has a login for …".
    #[must_use]
    pub fn with_unnamed(self, key: impl Into<String>, description: impl Into<String>) -> Self {
        Self { unnamed: Some(Unnamed { key: key.into(), description: description.into() }), ..self }
    }

    /// Shares one mint among all entries of this type with an equal key. Include everything that the credential depends
    /// on in the key. No output shows it. Default: no sharing.
    #[must_use]
    pub fn with_mint(self, key: impl Into<String>) -> Self {
        Self { mint: Some(key.into()), ..self }
    }

    /// Sets the options that decide which credential is minted, as text. Default: all options.
    ///
    /// Its digest is in the annotations of Secrets, which tenants can read. So the text must not contain a secret.
    /// Another digest means another credential.
    #[must_use]
    pub fn with_identity(self, text: impl Into<String>) -> Self {
        Self { identity: Some(text.into()), ..self }
    }

    /// Sets whether its logins also push. A Secret that pushes is linked only to the ServiceAccounts of builds.
    /// Default: pull.
    #[must_use]
    pub fn with_access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Sets the approximate size of the `auth` of one login in bytes, for `plan`. Default: unknown.
    #[must_use]
    pub fn with_auth_bytes(self, bytes: usize) -> Self {
        Self { auth_bytes: Some(bytes), ..self }
    }

    /// Sets the longest lifetime of a credential. A schedule with longer pauses is refused. Default: unknown.
    #[must_use]
    pub fn with_longest_life(self, life: Duration) -> Self {
        Self { longest_life: Some(life), ..self }
    }

    /// Adds a file that the option `key` names, such as a token. `manifests` refuses a pod that mounts nothing there.
    #[must_use]
    pub fn with_file(mut self, key: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.push(NeededFile { key: key.into(), path: path.into() });
        self
    }

    /// Mounts a token of the pod's ServiceAccount for this audience at [`POD_TOKEN`](crate::POD_TOKEN). All providers
    /// of a config need the same audience. Default: none.
    #[must_use]
    pub fn with_token_audience(self, audience: impl Into<String>) -> Self {
        Self { token_audience: Some(audience.into()), ..self }
    }

    /// Adds a host and port that the pod connects to, such as `quay.io:443`.
    #[must_use]
    pub fn with_egress(mut self, host: impl Into<String>) -> Self {
        self.egress.push(host.into());
        self
    }
}

/// A login in the comparison of providers for conflicts.
pub(crate) struct PlannedLogin {
    /// Equal for logins of the same registry.
    pub(crate) key: String,
    pub(crate) description: String,
}

impl ProviderPlan {
    /// Returns its logins, as far as they are known before a mint.
    pub(crate) fn logins(&self) -> Vec<PlannedLogin> {
        let exact: &[_] = if let Scope::Exact(registries) = &self.scope { registries } else { &[] };
        let exact = exact.iter().map(|it| PlannedLogin { key: it.to_string(), description: it.to_string() });
        let unnamed = self.unnamed.iter();
        let unnamed = unnamed.map(|it| PlannedLogin { key: it.key.clone(), description: it.description.clone() });
        exact.chain(unnamed).collect()
    }

    /// Returns the length of each registry and the approximate size of its `auth`, in bytes. `None`: it is not known.
    pub(crate) fn login_bytes(&self) -> Option<Vec<(usize, usize)>> {
        let auth = self.auth_bytes?;
        let registries = match &self.scope {
            Scope::Exact(registries) => registries.iter().map(|it| it.as_str().len()).collect::<Vec<_>>(),
            // A wildcard is replaced by a label of about this length.
            Scope::Matching(patterns) => {
                patterns.iter().map(|it| it.to_string().replace('*', WILDCARD).len()).collect()
            }
            _ => return None,
        };
        Some(registries.into_iter().map(|registry| (registry, auth)).collect())
    }
}

/// A text about as long as the value of a wildcard, such as an account number.
const WILDCARD: &str = "000000000000";

/// Hides the key of the mint, which may contain an external id.
impl fmt::Debug for ProviderPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderPlan")
            .field("scope", &self.scope)
            .field("access", &self.access)
            .field("longest_life", &self.longest_life)
            .field("files", &self.files)
            .field("egress", &self.egress)
            .finish_non_exhaustive()
    }
}

impl<O> Inline<O> {
    /// Creates an inline provider with this name.
    pub fn new(name: ProviderName, options: O, plan: ProviderPlan) -> Self {
        Self { name, options, plan, warnings: vec![] }
    }

    /// Adds warnings about valid keys.
    #[must_use]
    pub fn with_warnings(self, warnings: Vec<Problem>) -> Self {
        Self { warnings, ..self }
    }
}
