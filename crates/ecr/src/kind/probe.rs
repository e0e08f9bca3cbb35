//! The checks of `check --online`: the identity of regcred, and a token of each region.

use std::{collections::BTreeMap, sync::Arc};

use regcred_core::{Clock, Error, ErrorKind, RegistryProvider, Result, Scope};
use regcred_plan::{Finding, Probe};
use tokio::task::JoinSet;

use super::{
    fixes::{command_in, describe, identity_fix, principal_fix, token_fix},
    options::EcrOptions,
    token::Token,
};
use crate::{EcrProvider, Environment, Transport, administrator::may_push, arn};

/// Asks AWS for the caller of each identity, and for one token of each region. Each token is dropped.
pub(super) async fn probe(
    entries: Vec<Probe<EcrOptions>>,
    transport: Result<Transport>,
    clock: &Arc<dyn Clock>,
    environment: &Environment,
) -> Vec<Finding> {
    let transport = match transport {
        Ok(transport) => transport,
        Err(error) => {
            let fix = "fix the environment variable that the message names";
            return vec![Finding::error("identity", "AWS", &error).with_fix(fix)];
        }
    };
    let mut asking = JoinSet::new();
    for identity in identities(&entries) {
        asking.spawn(identity.ask(AwsConnection {
            transport: transport.clone(),
            clock: clock.clone(),
            environment: environment.clone(),
        }));
    }
    let mut findings = vec![];
    while let Some(asked) = asking.join_next().await {
        findings.extend(asked.unwrap_or_else(|_| {
            let error = Error::new(ErrorKind::Bug, "cannot check the provider").with_cause("the check panicked");
            vec![Finding::error("token", "a provider", &error).with_fix("report it")]
        }));
    }
    findings
}

/// All tokens that one caller requests.
struct Identity {
    /// The options that select the caller, and no others.
    options: EcrOptions,
    /// The tokens, each with the hosts of its logins.
    tokens: BTreeMap<Token, Vec<Host>>,
}

/// The host of a login. `None` is the host that ECR returns, for the caller's own account.
type Host = Option<String>;

fn identities(entries: &[Probe<EcrOptions>]) -> Vec<Identity> {
    let mut identities = BTreeMap::<EcrOptions, BTreeMap<Token, Vec<Host>>>::new();
    for entry in entries {
        let Ok(token) = Token::of(&entry.options) else { continue };
        let EcrOptions { profile, web_identity, identity, programs, role_arn, .. } = token.options.clone();
        let EcrOptions { external_id, session_name, principal, .. } = token.options.clone();
        let options = EcrOptions {
            profile,
            web_identity,
            identity,
            programs,
            role_arn,
            external_id,
            session_name,
            principal,
            ..EcrOptions::in_region("")
        };
        let hosts = identities.entry(options).or_default().entry(token).or_default();
        match &entry.plan.scope {
            Scope::Exact(registries) => hosts.extend(registries.iter().map(|it| Some(it.to_string()))),
            _ => hosts.push(None),
        }
    }
    identities.into_iter().map(|(options, tokens)| Identity { options, tokens }).collect()
}

impl Identity {
    async fn ask(self, connection: AwsConnection) -> Vec<Finding> {
        let subject = describe(&self.options);
        let Some(first) = self.tokens.keys().next() else { return vec![] };
        let caller = self.caller(first, &connection).await;
        let (identity, may_mint) = match &caller {
            Ok(Caller { arn, refused: None }) => {
                let who = format!("{arn} (account {})", arn::account(arn).unwrap_or_default());
                let finding = match may_push(arn) {
                    Some((why, fix)) => Finding::warning("identity", &subject, format!("{who} {why}")).with_fix(fix),
                    None => Finding::ok("identity", &subject, who),
                };
                (finding, true)
            }
            Ok(Caller { arn, refused: Some(error) }) => {
                let fix = principal_fix(arn, self.options.principal.as_deref().unwrap_or_default());
                (Finding::error("identity", &subject, error).with_fix(fix), false)
            }
            Err(error) => {
                let base = self.base(first, &connection).await;
                let fix = match command_in(&error.chain()) {
                    Some(command) => format!("`{command}`"),
                    None => identity_fix(&self.options, error.kind(), base.as_deref(), &first.region, |it| {
                        connection.is_set(it)
                    }),
                };
                (Finding::error("identity", &subject, error).with_fix(fix), error.is_retryable())
            }
        };
        if !may_mint {
            let fix = format!("fix the identity first: {subject}");
            let untold = |token: &Token| {
                let message = "not requested, because its identity failed";
                Finding::failed("token", in_region(token, &subject), message).with_fix(&fix)
            };
            return std::iter::once(identity).chain(self.tokens.keys().map(untold)).collect();
        }
        let arn = caller.as_ref().ok().map(|caller| caller.arn.as_str());
        let mut minted = vec![];
        for (token, hosts) in &self.tokens {
            minted.push(self.token(token, hosts, arn, &subject, &connection).await);
        }
        // An unknown caller is an error only with a configured principal, and then no token is minted.
        let identity =
            if minted.iter().all(Finding::is_ok) && caller.is_err() { identity.into_warning() } else { identity };
        std::iter::once(identity).chain(minted).collect()
    }

    async fn caller(&self, token: &Token, connection: &AwsConnection) -> Result<Caller> {
        let provider = connection.provider(token).await?;
        let arn = provider.caller().await?;
        let refused = provider.check_principal(&arn).err();
        Ok(Caller { arn, refused })
    }

    /// Returns the caller before it assumes its role.
    async fn base(&self, token: &Token, connection: &AwsConnection) -> Option<String> {
        self.options.role_arn.as_ref()?;
        let (role_arn, external_id, session_name, principal) = (None, None, None, None);
        let options = EcrOptions { role_arn, external_id, session_name, principal, ..token.options.clone() };
        let base = Token { region: token.region.clone(), options };
        connection.provider(&base).await.ok()?.caller().await.ok()
    }

    async fn token(
        &self,
        token: &Token,
        hosts: &[Host],
        caller: Option<&str>,
        subject: &str,
        connection: &AwsConnection,
    ) -> Finding {
        let subject = in_region(token, subject);
        let minting = async { connection.provider(token).await?.credential().await };
        match minting.await {
            Ok(credential) => {
                let mut registries = hosts.iter().flatten().cloned().collect::<Vec<_>>();
                if hosts.contains(&None) {
                    registries.extend(credential.registries().map(ToString::to_string));
                }
                Finding::minted(subject, &registries, &credential)
            }
            Err(error) => {
                let fix = token_fix(&token.options, error.kind(), caller, &token.region, |it| connection.is_set(it));
                Finding::error("token", subject, &error).with_fix(fix)
            }
        }
    }
}

/// The caller, and the error if it is not the principal of the config.
struct Caller {
    arn: String,
    refused: Option<Error>,
}

fn in_region(token: &Token, identity: &str) -> String {
    if token.options.is_public {
        return format!("ECR Public by {identity}");
    }
    format!("{} by {identity}", token.region)
}

/// The connections to AWS, the clock that signs requests, and the variables and files.
#[derive(Clone)]
struct AwsConnection {
    transport: Transport,
    clock: Arc<dyn Clock>,
    environment: Environment,
}

impl AwsConnection {
    fn is_set(&self, variable: &str) -> bool {
        self.environment.path(variable).is_some()
    }

    async fn provider(&self, token: &Token) -> Result<EcrProvider> {
        let builder = token.provider(&self.environment).with_transport(self.transport.clone());
        builder.with_clock(self.clock.clone()).build().await
    }
}
