//! Checks of AWS: the identity of regcred, and a token of each region.

use std::{collections::BTreeMap, sync::Arc};

use regcred_config::EcrOptions;
use regcred_core::{Clock, Error, ErrorKind, RegistryCredential, RegistryProvider, Result};
use regcred_ecr::{EcrProvider, RegistryHost, Transport};
use tokio::task::JoinSet;

use super::{
    clock::compare,
    finding::Finding,
    iam::{account, command_in, describe, identity_fix, principal_fix, token_fix},
    network::is_set,
};
use crate::{
    Types,
    cli::{administrator::may_push, output::rfc3339},
    provider::{Provider, Token},
    wire::Plan,
};

/// Asks each identity who it is and for one token of each region, and the providers of other types for a credential.
pub(crate) async fn ask(plan: &Plan, types: &Types, clock: &Arc<dyn Clock>, findings: &mut Vec<Finding>) {
    let mut asking = JoinSet::new();
    for provider in plan.providers.values() {
        let Provider::Other(spec) = provider else { continue };
        let (subject, kind) = (spec.name().to_string(), spec.kind().to_owned());
        let provider = types.provider(spec.clone());
        asking.spawn(async move {
            vec![match provider.credential().await {
                Ok(credential) => minted(subject, &[None], &credential),
                Err(error) => Finding::error("token", subject, &error)
                    .with_fix(format!("it is of type {kind}: mend what the message names")),
            }]
        });
    }
    let (identities, mut transport) = (identities(plan), None);
    if !identities.is_empty() {
        match Transport::new() {
            Ok(made) => {
                for identity in identities {
                    let way = Way { transport: made.clone(), clock: clock.clone() };
                    asking.spawn(identity.ask(way));
                }
                transport = Some(made);
            }
            Err(error) => {
                let fix = "mend the variable of the environment that the message names";
                findings.push(Finding::error("identity", "AWS", &error).with_fix(fix));
            }
        }
    }
    while let Some(asked) = asking.join_next().await {
        match asked {
            Ok(found) => findings.extend(found),
            Err(_) => findings.push(
                Finding::error("token", "a provider", &Error::new(ErrorKind::Bug, "it panicked")).with_fix("report it"),
            ),
        }
    }
    if let Some(theirs) = transport.and_then(|transport| transport.their_time()) {
        findings.push(compare("AWS", theirs, clock.now()));
    }
}

/// All tokens that one caller asks for.
struct Identity {
    /// The options that select the caller, and no others.
    options: EcrOptions,
    /// The tokens, each with the hosts of its logins.
    tokens: BTreeMap<Token, Vec<Host>>,
}

/// `None`: the host that ECR returns, for the caller's own account.
type Host = Option<RegistryHost>;

fn identities(plan: &Plan) -> Vec<Identity> {
    let mut identities = BTreeMap::<EcrOptions, BTreeMap<Token, Vec<Host>>>::new();
    for provider in plan.providers.values() {
        let Provider::Ecr(ecr) = provider else { continue };
        let options = EcrOptions {
            profile: ecr.token.options.profile.clone(),
            web_identity: ecr.token.options.web_identity.clone(),
            identity: ecr.token.options.identity,
            programs: ecr.token.options.programs.clone(),
            role_arn: ecr.token.options.role_arn.clone(),
            external_id: ecr.token.options.external_id.clone(),
            session_name: ecr.token.options.session_name.clone(),
            principal: ecr.token.options.principal.clone(),
            ..EcrOptions::in_region("")
        };
        let hosts = identities.entry(options).or_default().entry(ecr.token.clone()).or_default();
        match ecr.hosts.as_slice() {
            [] => hosts.push(None),
            named => hosts.extend(named.iter().cloned().map(Some)),
        }
    }
    identities.into_iter().map(|(options, tokens)| Identity { options, tokens }).collect()
}

impl Identity {
    async fn ask(self, way: Way) -> Vec<Finding> {
        let subject = describe(&self.options);
        let Some(first) = self.tokens.keys().next() else { return vec![] };
        let caller = self.caller(first, &way).await;
        let (identity, may_mint) = match &caller {
            Ok(Caller { arn, refused: None }) => {
                let who = format!("{arn} (account {})", account(arn));
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
                let base = self.base(first, &way).await;
                let fix = match command_in(&error.chain()) {
                    Some(command) => format!("`{command}`"),
                    None => identity_fix(&self.options, error.kind(), base.as_deref(), &first.region, is_set),
                };
                (Finding::error("identity", &subject, error).with_fix(fix), error.is_retryable())
            }
        };
        if !may_mint {
            let fix = format!("mend the identity first: {subject}");
            let untold = |token: &Token| {
                let message = "not asked for, as its identity failed";
                Finding::failed("token", in_region(token, &subject), message).with_fix(&fix)
            };
            return std::iter::once(identity).chain(self.tokens.keys().map(untold)).collect();
        }
        let arn = caller.as_ref().ok().map(|caller| caller.arn.as_str());
        let mut minted = vec![];
        for (token, hosts) in &self.tokens {
            minted.push(self.token(token, hosts, arn, &subject, &way).await);
        }
        // An unknown identity fails only a config with a principal, and then no token is minted.
        let identity =
            if minted.iter().all(Finding::is_ok) && caller.is_err() { identity.into_warning() } else { identity };
        std::iter::once(identity).chain(minted).collect()
    }

    async fn caller(&self, token: &Token, way: &Way) -> Result<Caller> {
        let provider = way.provider(token).await?;
        let arn = provider.caller().await?;
        let refused = provider.check_principal(&arn).err();
        Ok(Caller { arn, refused })
    }

    /// Returns the caller before it assumes its role.
    async fn base(&self, token: &Token, way: &Way) -> Option<String> {
        self.options.role_arn.as_ref()?;
        let (role_arn, external_id, session_name, principal) = (None, None, None, None);
        let options = EcrOptions { role_arn, external_id, session_name, principal, ..token.options.clone() };
        let base = Token { region: token.region.clone(), options };
        way.provider(&base).await.ok()?.caller().await.ok()
    }

    async fn token(&self, token: &Token, hosts: &[Host], caller: Option<&str>, subject: &str, way: &Way) -> Finding {
        let subject = in_region(token, subject);
        let minting = async { way.provider(token).await?.credential().await };
        match minting.await {
            Ok(credential) => minted(subject, hosts, &credential),
            Err(error) => {
                let fix = token_fix(&token.options, error.kind(), caller, &token.region, is_set);
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
    format!("{} by {identity}", token.region)
}

/// The connections to AWS, and the clock that signs requests.
#[derive(Clone)]
struct Way {
    transport: Transport,
    clock: Arc<dyn Clock>,
}

impl Way {
    async fn provider(&self, token: &Token) -> Result<EcrProvider> {
        let builder = token.provider().with_transport(self.transport.clone());
        builder.with_clock(self.clock.clone()).build().await
    }
}

/// Returns the finding about a credential: its registries and its end. The credential itself is dropped.
fn minted(subject: String, hosts: &[Host], credential: &RegistryCredential) -> Finding {
    let mut registries = hosts.iter().flatten().map(ToString::to_string).collect::<Vec<_>>();
    if hosts.contains(&None) {
        registries.extend(credential.registries().map(ToString::to_string));
    }
    registries.sort();
    registries.dedup();
    let until = match credential.validity().expires_at() {
        Some(end) => format!("until {}", rfc3339(end)),
        None => "without an end".into(),
    };
    Finding::ok("token", subject, format!("a token for {} {until}", registries.join(", ")))
}
