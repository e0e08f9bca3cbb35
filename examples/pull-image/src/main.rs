//! `pull-image HOST/REPOSITORY:TAG` pulls an image from Amazon ECR and prints its parts. It uses the AWS identity that
//! the SDK finds.

use std::{env, iter, time::Duration};

use anyhow::{Context, Result};
use oci_client::{Client, Reference, client::ClientConfig, secrets::RegistryAuth};
use regcred_core::RegistryProvider;
use regcred_ecr::{EcrProvider, RegistryHost};

/// The longest wait for data. After that, an answer from the registry is unlikely.
const SILENCE: Duration = Duration::from_secs(30);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let image = env::args().nth(1).context("usage: pull-image HOST/REPOSITORY:TAG")?.parse::<Reference>()?;
    let auth = mint(image.registry()).await?;
    let client = Client::try_from(ClientConfig { read_timeout: Some(SILENCE), ..ClientConfig::default() })?;
    let (manifest, digest) = client.pull_image_manifest(&image, &auth).await?;
    println!("{image} is {digest}");
    for blob in iter::once(&manifest.config).chain(&manifest.layers) {
        let mut content = vec![]; // a real program would unpack, store or scan this
        client.pull_blob(&image, blob, &mut content).await?;
        println!("{} {} {} bytes", blob.digest, blob.media_type, content.len());
    }
    Ok(())
}

/// Mints a login for an ECR registry. The host contains the region and the account.
async fn mint(registry: &str) -> Result<RegistryAuth> {
    let host = RegistryHost::parse(registry)?;
    let provider = EcrProvider::builder(host.region().clone()).with_accounts([host.account().clone()]).build().await?;
    let credential = provider.credential().await?;
    let login = &credential.logins()[0];
    Ok(RegistryAuth::Basic(login.username().into(), login.secret().expose().into()))
}
