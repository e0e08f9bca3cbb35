//! The ECR provider against a third-party AWS emulator.

use regcred_core::{Clock, RegistryProvider, SystemClock};
use regcred_ecr::{AccountId, EcrProvider, Region};

use crate::world::setting;

#[tokio::test]
async fn a_token_is_minted_through_the_real_sdk() {
    let provider = EcrProvider::builder(Region::new("eu-west-1").expect("valid"))
        .with_accounts([AccountId::new("210987654321").expect("valid")])
        .with_endpoint(setting("REGCRED_LIVE_AWS"))
        .build()
        .await
        .expect("it is whole");
    let credential = provider.credential().await.expect("the emulator mints");
    let [login] = credential.logins() else { panic!("{credential:?}") };
    assert_eq!(login.username(), "AWS");
    assert_eq!(login.registries()[0].as_str(), "210987654321.dkr.ecr.eu-west-1.amazonaws.com");
    let life = credential.validity().expires_at().expect("it ends").duration_since(SystemClock.now()).expect("later");
    assert!((11..=12).contains(&(life.as_secs() / 3600)), "{life:?}");
}
