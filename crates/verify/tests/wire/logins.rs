//! The kinds of logins: identity tokens, and entries of a Docker config.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use regcred_core::{Login, RegistryProvider};

use crate::{
    Fixed,
    logs::Logs,
    name, of,
    registry::{FakeRegistry, answer, challenge, token},
};

#[tokio::test]
async fn an_identity_token_is_exchanged_at_the_token_server() {
    let registry = FakeRegistry::start(|asked| match asked {
        asked if asked.is_for_token() && asked.body.contains("refresh_token=canary%2B1") => token(),
        asked if asked.is_for_token() => answer(401),
        asked if asked.has_token() => answer(200),
        asked => asked.ask_for_token(),
    })
    .await;
    let verified = |token: &str| {
        let login = Login::identity_token(name(&registry), "", token.into()).expect("valid");
        of(Arc::new(Fixed(login))).build().expect("it is usable")
    };
    let logs = Logs::collect();
    verified("canary+1").credential().await.expect("it is accepted");
    let [_, exchange, _] = &registry.asked()[..] else { panic!("three requests") };
    assert_eq!((exchange.line.as_str(), exchange.authorization.as_str()), ("POST /token/from-an-answer", ""));
    assert_eq!(
        exchange.body,
        "service=from-an-answer&grant_type=refresh_token&client_id=regcred&refresh_token=canary%2B1"
    );
    let error = verified("canary-2").credential().await.expect_err("the token server refuses it");
    assert_eq!(error.code().id(), "RC0591");
    assert!(!logs.take().contains("canary"));

    let registry = FakeRegistry::start(|_| challenge("Basic")).await;
    let login = Login::identity_token(name(&registry), "", "canary".into()).expect("valid");
    of(Arc::new(Fixed(login))).build().expect("it is usable").credential().await.expect("it cannot be proven");
    let logged = logs.take();
    assert!(logged.contains("the registry takes no identity token") && !logged.contains("canary"), "{logged}");
}

#[tokio::test]
async fn an_entry_is_tried_if_it_has_a_user_and_a_password() {
    let registry =
        FakeRegistry::start(|asked| if asked.has_password() { answer(200) } else { challenge("Basic") }).await;
    let logs = Logs::collect();
    for (entry, code, log) in [
        (format!(r#"{{"auth":"{}"}}"#, STANDARD.encode("AWS:canary-7")), None, "verified credential"),
        (format!(r#"{{"auth":"{}"}}"#, STANDARD.encode("AWS:canary")), Some("RC0591"), "trying again"),
        (r#"{"auth":"canary"}"#.to_owned(), None, "the entry has no user name and password"),
    ] {
        let login = Login::entry(name(&registry), entry.clone().into()).expect("valid");
        let verified = of(Arc::new(Fixed(login))).build().expect("it is usable");
        let result = verified.credential().await;
        assert_eq!(result.err().map(|it| it.code().id()), code, "{entry}");
        let logged = logs.take();
        assert!(logged.contains(log) && !logged.contains("canary"), "{logged}");
    }
}
