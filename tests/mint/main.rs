//! Mints a credential as the identity in its argument. It mints once per input line and prints one line of JSON. If the
//! argument is a list of identities, it mints for all of them concurrently and prints a list.
//!
//! This is a separate process, because the SDK reads its identity from the environment.

use std::{
    env,
    error::Error,
    io::{self, BufRead},
    sync::Arc,
};

use regcred_core::{ErrorKind, RegistryCredential, RegistryProvider};
use regcred_ecr::{Alias, EcrProvider, Environment, Identity, Region, Role};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(io::stderr)
        .init();
    let wanted = serde_json::from_str::<Value>(&env::args().nth(1).ok_or("what is wanted is missing")?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        if let Some(wanted) = wanted.as_array() {
            return at_once(wanted).await;
        }
        let provider = match provider(&wanted).await {
            Ok(provider) => provider,
            Err(error) => {
                println!("{}", failed(error.kind(), &error.chain()));
                return Ok(());
            }
        };
        for line in io::stdin().lock().lines() {
            line?;
            println!("{}", mint(&provider).await);
        }
        Ok(())
    })
}

async fn at_once(wanted: &[Value]) -> Result<(), Box<dyn Error>> {
    let mut providers = vec![];
    for wanted in wanted {
        providers.push(provider(wanted).await.map(Arc::new));
    }
    for line in io::stdin().lock().lines() {
        line?;
        let minting = providers.iter().cloned().map(|provider| {
            tokio::spawn(async move {
                match provider {
                    Ok(provider) => mint(&provider).await,
                    Err(error) => failed(error.kind(), &error.chain()),
                }
            })
        });
        let mut answers = vec![];
        for minting in minting.collect::<Vec<_>>() {
            answers.push(minting.await?);
        }
        println!("{}", Value::from(answers));
    }
    Ok(())
}

async fn mint(provider: &EcrProvider) -> Value {
    match provider.credential().await {
        Ok(credential) => minted(&credential),
        Err(error) => failed(error.kind(), &error.chain()),
    }
}

/// Returns the variables and files of a tenant. Without files, the tenant uses the files of the machine.
fn environment(wanted: &Value) -> Option<Environment> {
    let texts = |key: &str| {
        let texts = wanted[key].as_object()?.clone();
        Some(texts.into_iter().filter_map(|(name, text)| Some((name, text.as_str()?.to_owned()))))
    };
    let environment = Environment::new(texts("environment")?);
    let Some(files) = texts("files") else { return Some(environment) };
    let files = files.collect::<std::collections::HashMap<_, _>>();
    Some(environment.with_files(move |path| {
        let text = path.to_str().and_then(|path| files.get(path));
        text.map(|text| text.clone().into_bytes()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }))
}

async fn provider(wanted: &Value) -> regcred_core::Result<EcrProvider> {
    let text = |name: &str| wanted[name].as_str();
    let region = Region::new(text("region").unwrap_or("us-east-1"))?;
    let mut identity = match (text("profile"), text("web_identity")) {
        (Some(profile), _) => Identity::profile(profile),
        (None, Some(file)) => Identity::web_identity("arn:aws:iam::123456789012:role/web", file),
        (None, None) if wanted["instance"] == true => Identity::instance(),
        (None, None) => Identity::chain(),
    };
    if let Some(arn) = text("role_arn") {
        let mut role = Role::new(arn);
        if let Some(id) = text("external_id") {
            role = role.with_external_id(id);
        }
        if let Some(name) = text("session_name") {
            role = role.with_session_name(name);
        }
        identity = identity.with_role(role);
    }
    if let Some(programs) = wanted["programs"].as_array() {
        identity = identity.with_programs(programs.iter().filter_map(Value::as_str).map(str::to_owned));
    }
    let aliases = if wanted["aliases"] == true { Alias::all(&region) } else { vec![] };
    let mut builder = EcrProvider::builder(region).with_identity(identity).with_aliases(aliases);
    if let Some(fips) = wanted["fips"].as_bool() {
        builder = builder.with_fips(fips);
    }
    if let Some(dual_stack) = wanted["dual_stack"].as_bool() {
        builder = builder.with_dual_stack(dual_stack);
    }
    if let Some(arn) = text("principal") {
        builder = builder.with_principal(arn);
    }
    if let Some(environment) = environment(wanted) {
        builder = builder.with_environment(environment);
    }
    builder.build().await
}

fn minted(credential: &RegistryCredential) -> Value {
    json!({ "registries": credential.registries().map(ToString::to_string).collect::<Vec<_>>() })
}

fn failed(kind: ErrorKind, chain: &str) -> Value {
    json!({ "kind": kind.name(), "error": chain })
}
