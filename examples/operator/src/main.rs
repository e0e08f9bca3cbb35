//! An operator that embeds regcred. It gets a login for any image, and keeps logins in Secrets.

use std::{env, error::Error, sync::Arc};

use regcred::{
    Keyring, Regcred,
    core::SystemClock,
    ecr::{AccountId, EcrProvider, Region},
    openshift::{Cluster, Connection},
    prometheus_client::{encoding::text::encode, registry::Registry},
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A login for any image. regcred mints it on demand, shares it, renews it, and keeps using it while AWS is down.
    let ecr = EcrProvider::builder(Region::new("eu-west-1")?).with_accounts([AccountId::new("123456789012")?]);
    let ecr = Arc::new(ecr.build().await?);
    let keyring = Keyring::builder(Arc::new(SystemClock)).with_provider("ecr".parse()?, ecr).build()?;
    let login = keyring.login_for("123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1").await?;
    println!("logs in as {}", login.ok_or("no provider opens this image")?.username());

    // Logins in Secrets, as one task of the operator. It uses the operator's client, metrics and shutdown.
    let (cluster, mut metrics) = (Cluster::connect(&Connection::default()).await?, Registry::default());
    let handle = Regcred::builder()
        .with_config_file(env::args().nth(1).ok_or("which config?")?)
        .with_cluster("cluster".parse()?, cluster)
        .with_metrics(&mut metrics)
        .build()?
        .spawn()
        .await?;
    handle.first_pass().await?; // ready
    println!("every target was reconciled");
    tokio::signal::ctrl_c().await?;
    handle.shutdown().await?; // waits for running writes
    let mut text = String::new();
    encode(&mut text, &metrics)?;
    println!("{}", text.lines().find(|it| it.starts_with("regcred_sync_total")).unwrap_or_default());
    Ok(())
}
