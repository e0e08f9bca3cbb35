//! The provider that runs a credential program, and its builder.

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc, time::Duration};

use regcred_core::{
    Clock, Registry, RegistryCredential, RegistryProvider, Result, Scope, SystemClock, Validity, async_trait,
};
use tokio::time::{Instant, timeout_at};

use crate::{
    Life, Protocol, Variables,
    answer::Answer,
    codes,
    fault::Fault,
    life, process,
    program::{Program, setting},
};

/// Enough for a program that calls a service several times.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
/// The engine waits 30 seconds for a provider.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(25);
/// Dates have whole seconds, so a login with less time left is not usable.
const SOONEST_END: Duration = Duration::from_secs(1);

/// Mints logins with a credential program, which runs once for each registry.
///
/// The program has a clean environment, no standard error and no shell. Its process group is killed when it ends, when
/// the time is over and when the call is dropped. Nothing that it prints is shown.
pub struct ExecProvider {
    protocol: Protocol,
    program: Program,
    registries: Vec<Registry>,
    life: Option<Life>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl ExecProvider {
    /// Returns a builder for logins of these registries. `command` is the absolute path of the program.
    pub fn builder(protocol: Protocol, command: impl Into<PathBuf>, registries: Vec<Registry>) -> ExecProviderBuilder {
        ExecProviderBuilder {
            protocol,
            command: command.into(),
            registries,
            arguments: vec![],
            life: None,
            timeout: TIMEOUT,
            values: BTreeMap::new(),
            inherited: vec![],
            variables: Variables::process(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Runs the program for a registry.
    async fn answer(&self, registry: &Registry, deadline: Instant) -> Result<Answer, Fault> {
        let request = self.protocol.request(registry);
        let run = process::run(&self.program, self.protocol.arguments(), &request);
        let late = || format!("it did not end within {} s, so regcred killed it", self.timeout.as_secs_f64());
        let ended = timeout_at(deadline, run).await.map_err(|_| Fault::new(&codes::UNFINISHED, late()))??;
        self.protocol.answer(registry, &ended)
    }
}

#[async_trait]
impl RegistryProvider for ExecProvider {
    async fn credential(&self) -> Result<RegistryCredential> {
        let (start, deadline) = (self.clock.now(), Instant::now() + self.timeout);
        let (mut logins, mut first_end) = (vec![], None);
        // One after the other, because helpers lock their files and some need much memory.
        for registry in &self.registries {
            let failed = |fault: Fault| {
                fault.into_error(format!("cannot get a login for {registry} from {}", self.program.path.display()))
            };
            let answer = self.answer(registry, deadline).await.map_err(failed)?;
            let end = life::end(self.life, &answer, start).map_err(failed)?;
            if end.is_some_and(|end| end <= self.clock.now() + SOONEST_END) {
                return Err(failed(Fault::new(&codes::EXPIRED, "it printed a login that has ended or ends now")));
            }
            first_end = first_end.into_iter().chain(end).min();
            logins.push(answer.login);
        }
        RegistryCredential::new(logins, Validity::new(start, first_end)?)
    }

    fn scope(&self) -> Scope {
        Scope::Exact(self.registries.clone())
    }

    fn longest_life(&self) -> Option<Duration> {
        self.life.and_then(Life::duration)
    }
}

/// Hides the arguments and the environment, which may be secret.
impl fmt::Debug for ExecProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, program, registries, life, timeout, .. } = self;
        f.debug_struct("ExecProvider")
            .field("protocol", protocol)
            .field("command", &program.path)
            .field("registries", registries)
            .field("life", life)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}

/// Builds an [`ExecProvider`].
pub struct ExecProviderBuilder {
    protocol: Protocol,
    command: PathBuf,
    registries: Vec<Registry>,
    arguments: Vec<String>,
    life: Option<Life>,
    timeout: Duration,
    values: BTreeMap<String, String>,
    inherited: Vec<String>,
    variables: Variables,
    clock: Arc<dyn Clock>,
}

impl ExecProviderBuilder {
    /// Sets the arguments of the program. regcred adds `get` for a Docker credential helper. Default: none.
    #[must_use]
    pub fn with_args(self, args: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { arguments: args.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the life of the logins. Default: the `exp` of a password that is a JSON Web Token, or else the cache
    /// duration of a plug-in.
    #[must_use]
    pub fn with_life(self, life: Life) -> Self {
        Self { life: Some(life), ..self }
    }

    /// Sets the longest time for the logins of all registries together, at most 25 seconds. Default: 20 seconds.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sets the variables of the program, by name. They take precedence over inherited ones. Default: none.
    #[must_use]
    pub fn with_env(self, values: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        Self { values: values.into_iter().map(|(name, value)| (name.into(), value.into())).collect(), ..self }
    }

    /// Sets the names of the variables that the program inherits besides `PATH` and `HOME`. A variable that is not set
    /// is left out. Default: none.
    #[must_use]
    pub fn with_inherited(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { inherited: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Sets the variables that the program can inherit from. Default: those of the process.
    #[must_use]
    pub fn with_variables(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Sets the clock. Default: the clock of the machine.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Builds the provider, and checks the file of the program without running it.
    ///
    /// Returns [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a setting that cannot be used, and for a
    /// program that is not installed or not executable.
    pub fn build(self) -> Result<ExecProvider> {
        let Self { protocol, command, registries, arguments, life, timeout, values, inherited, variables, clock } =
            self;
        let refused = |what: &str, reason: String| setting(what).with_cause(reason);
        check_registries(&registries).map_err(|reason| refused("the registries", reason))?;
        check_timeout(timeout).map_err(|reason| refused("the timeout", reason))?;
        let program = Program::new(command, arguments, &inherited, values, &variables)?;
        Ok(ExecProvider { protocol, program, registries, life, timeout, clock })
    }
}

/// Fails for an empty list and for a registry that is there twice.
pub(crate) fn check_registries(registries: &[Registry]) -> Result<(), String> {
    if registries.is_empty() {
        return Err("the list is empty, so name at least one registry".into());
    }
    match registries.iter().enumerate().find(|(place, it)| registries[..*place].contains(it)) {
        Some((_, registry)) => Err(format!("duplicate registry {registry}")),
        None => Ok(()),
    }
}

/// Fails for a timeout outside its limits.
pub(crate) fn check_timeout(timeout: Duration) -> Result<(), String> {
    if !timeout.is_zero() && timeout <= LONGEST_TIMEOUT {
        return Ok(());
    }
    Err("it must be longer than 0s and at most 25s".into())
}

/// Hides the arguments and the values of variables, which may be secret.
impl fmt::Debug for ExecProviderBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, command, registries, life, timeout, .. } = self;
        f.debug_struct("ExecProviderBuilder")
            .field("protocol", protocol)
            .field("command", command)
            .field("registries", registries)
            .field("life", life)
            .field("timeout", timeout)
            .finish_non_exhaustive()
    }
}
