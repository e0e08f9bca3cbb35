//! Tests a document store that uses the format of Docker configs as a sink.

#[path = "../../../tests/third-party/tests/document/documents.rs"]
mod documents;
#[path = "document_store/shelf.rs"]
mod shelf;

use std::{sync::Arc, time::Duration};

use documents::Documents;
use regcred_core::{
    Clock, CredentialSet, ErrorKind, Login, Registry, RegistryCredential, SecretSink, Validity, Written,
    document::DocumentSink,
    testing::{SinkExt, conformance, provider_name},
};
use regcred_dockerconfig::DockerConfigFormat;

fn set_of(documents: &Documents, provider: &str, login: &Login) -> CredentialSet {
    let now = documents.clock.now();
    let validity = Validity::new(now, Some(now + Duration::from_hours(12))).expect("valid");
    let credential = RegistryCredential::new(vec![login.clone()], validity).expect("valid");
    let mut set = CredentialSet::new();
    set.insert(provider_name(provider), Arc::new(credential)).expect("one provider");
    set
}

fn registry(text: &str) -> Registry {
    Registry::new(text).expect("valid")
}

fn login(registries: &[&str], password: &str) -> Login {
    Login::new(registries.iter().map(|it| registry(it)).collect(), "u", password.into()).expect("valid")
}

#[tokio::test(start_paused = true)]
async fn a_document_sink_conforms() {
    conformance::sink(&Documents::new()).await;
}

#[tokio::test(start_paused = true)]
async fn entries_that_other_programs_add_to_a_document_are_kept() {
    let (documents, target) = (Documents::new(), Documents::target("auth.json"));
    let write = async |set: &CredentialSet| documents.sink.write(&target, set).await.expect("it works").written;
    let set = set_of(&documents, "one", &login(&["r.example", "docker.io"], "p"));
    assert_eq!(write(&set).await, Written::Created);
    let ours = documents.text(&target).await.expect("it exists");
    assert!(ours.starts_with(r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"},"r.example":"#), "{ours}");
    let edited = ours.replace(r#"{"auths":{"#, r#"{ "credsStore": "x", "auths": {"quay.io" : {"auth":"Ym90Ong="}, "#);
    documents.put(&target, &edited).await;
    assert_eq!(write(&set).await, Written::Unchanged, "the records do not cover it");
    assert_eq!(write(&set_of(&documents, "one", &login(&["r.example"], "new"))).await, Written::Updated);
    let after = documents.text(&target).await.expect("it exists");
    let (before, _) = after.split_once(r#""regcred""#).expect("the records");
    let expected =
        r#"{ "credsStore": "x", "auths": {"quay.io" : {"auth":"Ym90Ong="}, "r.example":{"auth":"dTpuZXc="}},"#;
    assert_eq!(before, expected);
    documents.sink.remove(&target).await.expect("it is ours");
    let rest = documents.text(&target).await.expect("another program has a login in it");
    assert_eq!(rest, r#"{ "credsStore": "x", "auths": {"quay.io" : {"auth":"Ym90Ong="} }}"#);
    let error = documents.sink.write(&target, &set).await.expect_err("it is not regcred's any more");
    assert_eq!(error.kind(), ErrorKind::Refused);
}

#[tokio::test(start_paused = true)]
async fn an_edited_document_is_drift_and_its_dates_are_not_trusted() {
    let (documents, target) = (Documents::new(), Documents::target("auth.json"));
    let set = set_of(&documents, "one", &login(&["a.example", "b.example"], "p"));
    documents.sink.write(&target, &set).await.expect("it works");
    let ours = documents.text(&target).await.expect("it exists");
    let removed = ours.replace(r#","b.example":{"auth":"dTpw"}"#, "");
    for (edited, drift, known) in [
        (ours.replacen("dTpw", "dTpx", 1), "its login for a.example was edited", false),
        (removed, "it holds no login for b.example", true),
    ] {
        assert_ne!(edited, ours);
        documents.put(&target, &edited).await;
        let seen = documents.sink.observe(&target).await.expect("it can be read");
        assert_eq!((seen.drift.as_slice(), seen.validity.is_empty()), (&[drift.to_owned()][..], !known));
        let mut nothing = CredentialSet::new();
        nothing.insert_failed(provider_name("one"));
        if !known {
            let applied = documents.sink.apply(&target, &seen, &nothing).await.expect("it works");
            assert_eq!(applied.written, Written::Unchanged, "while the provider fails, the edit stays");
            let seen = documents.sink.observe(&target).await.expect("it can be read");
            assert_eq!(seen.drift, [drift], "and it is still drift");
        }
        assert_eq!(documents.sink.write(&target, &set).await.expect("it works").written, Written::Updated);
        assert_eq!(documents.text(&target).await.as_ref(), Some(&ours), "the same set restores it");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_or_foreign_document_is_refused_without_being_quoted() {
    let (documents, target) = (Documents::new(), Documents::target("auth.json"));
    let set = set_of(&documents, "one", &login(&["r.example"], "p"));
    let other = DocumentSink::new(documents.shelf.clone(), DockerConfigFormat);
    let other = other.with_instance("other".parse().expect("valid"));
    other.write(&target, &set).await.expect("it works");
    let of_other = documents.text(&target).await.expect("it exists");
    for (text, reason) in [
        (of_other.as_str(), "other-instance"),
        (r#"{"auths":{},"regcred":{"canary":1}}"#, "foreign"),
        ("canary", "unreadable"),
        (r#"{"auths":{"canary":1,"canary":2}}"#, "unreadable"),
        ("null", "foreign"),
        ("", "unreadable"),
    ] {
        documents.put(&target, text).await;
        let seen = documents.sink.observe(&target).await.expect("it can be read");
        assert_eq!(seen.refusal.as_ref().map(regcred_core::Refusal::reason), Some(reason), "{text}");
        let error = documents.sink.apply(&target, &seen, &set).await.expect_err("it is not ours");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(!format!("{seen:?} {error:?}").contains("canary"), "{seen:?} {error:?}");
        documents.sink.remove(&target).await.expect_err("it is not ours");
        assert_eq!(documents.text(&target).await.as_deref(), Some(text), "it is untouched");
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_login_is_written_in_the_form_that_clients_read() {
    let documents = Documents::new();
    let r = || vec![registry("r.example")];
    let token = Login::identity_token(r(), "", "t".into()).expect("valid");
    let entry = Login::entry(r(), r#"{ "auth":"dTpw", "email":"a@b" }"#.into()).expect("valid");
    for (login, expected) in [
        (token, r#"{"auths":{"r.example":{"identitytoken":"t"}},"#),
        (entry, r#"{"auths":{"r.example":{ "auth":"dTpw", "email":"a@b" }},"#),
    ] {
        let target = Documents::target(expected);
        documents.sink.write(&target, &set_of(&documents, "one", &login)).await.expect("it works");
        let text = documents.text(&target).await.expect("it exists");
        assert!(text.starts_with(expected), "{text}");
    }
    let broken = Login::entry(r(), "canary".into()).expect("core knows no JSON");
    let target = Documents::target("broken");
    let error = documents.sink.write(&target, &set_of(&documents, "one", &broken)).await.expect_err("it is not JSON");
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(!format!("{error:?}").contains("canary"));
    assert_eq!(documents.text(&target).await, None, "nothing was written");
}
