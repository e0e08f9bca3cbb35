//! Random kubeconfigs and proxy variables: the client never panics, and no error holds a secret.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use http::Request;
use kube::client::Body;
use proptest::{prelude::*, sample::select};
use regcred_core::{Proxies, Result, testing::TestClock};
use serde_json::{Value, json};

use super::config;
use crate::client::{connect, parsed};

/// Texts that an error must not contain.
const SECRETS: [&str; 5] = [
    "s3cret\n",
    "http://bob:s3cret@127.0.0.1:1",
    "https://bob:s3cret@localhost:x",
    "socks5://bob:s3cret@[::1]:1",
    "bob:s3cret@127.0.0.1:1 ",
];

/// Texts as a user, a template or an attacker writes them.
const TEXTS: [&str; 29] = [
    "",
    " ",
    "canary",
    "canary\n",
    "can\r\nary",
    "\0canary",
    "canaryé\u{7f}",
    "\u{feff}canary",
    "Y2FuYXJ5",
    "Y2Fu\nYXJ5",
    "c",
    "u",
    "https://127.0.0.1:1",
    "http://127.0.0.1:1",
    "127.0.0.1:1",
    "localhost:1",
    "http://bob:canary@127.0.0.1:1",
    "https://bob:can%0aary@localhost:1/path?canary#x",
    "http://[::1]:1",
    "http://[::1",
    "https://",
    "://",
    "http://127.0.0.1:99999",
    "socks5://bob:canary@127.0.0.1:1",
    "https://ü.example",
    "*",
    "..",
    "/dev/null",
    "/proc/self/cmdline",
];

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => select(&TEXTS[..]).prop_map(Value::from),
        2 => any::<String>().prop_map(Value::from),
        1 => "[a-z]{1,8}".prop_map(|it| it.repeat(9_000).into()),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        12 => text(),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(json!([])),
        1 => Just(json!({})),
        1 => prop::collection::vec(text(), 0..3).prop_map(Value::from),
        1 => (text(), text()).prop_map(|(key, value)| json!({ (key.as_str().unwrap_or_default()): [value] })),
    ]
}

/// A map with some of these fields.
fn fields(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(select(names), value(), 0..names.len())
        .prop_map(|fields| Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()))
}

fn cluster() -> impl Strategy<Value = Value> {
    let names = &[
        "server",
        "server",
        "tls-server-name",
        "insecure-skip-tls-verify",
        "certificate-authority",
        "certificate-authority-data",
        "proxy-url",
        "extensions",
    ];
    let secret = (select(&["server", "proxy-url"][..]), select(&SECRETS[..]));
    let parts = (fields(names), prop::option::weighted(0.7, text()), prop::option::weighted(0.2, secret));
    parts.prop_map(|(mut cluster, server, secret)| {
        if let Some(server) = server {
            cluster["server"] = server;
        }
        if let Some((field, secret)) = secret {
            cluster[field] = secret.into();
        }
        cluster
    })
}

fn user() -> impl Strategy<Value = Value> {
    let names = &[
        "token",
        "tokenFile",
        "username",
        "password",
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "as",
        "as-uid",
        "as-groups",
        "as-user-extra",
        "auth-provider",
        "exec",
    ];
    let exec = fields(&["apiVersion", "args", "env", "installHint", "provideClusterInfo", "interactiveMode"]);
    let extra = prop::collection::btree_map(any::<String>(), prop::collection::vec(text(), 0..2), 0..2);
    let secret = (select(&["token", "password", "username"][..]), select(&SECRETS[..]));
    let parts = (
        fields(names),
        prop::option::weighted(0.1, exec),
        prop::option::weighted(0.2, extra),
        prop::option::weighted(0.2, secret),
    );
    parts.prop_map(|(mut user, exec, extra, secret)| {
        if let Some((field, secret)) = secret {
            user[field] = secret.into();
        }
        if let Some(exec) = exec {
            user["exec"] = exec; // without a command, nothing is run
        }
        if let Some(extra) = extra {
            user["as"] = "jane".into();
            user["as-user-extra"] = json!(extra);
        }
        user
    })
}

/// Kubeconfigs with one of everything. In some, a part is replaced.
fn kubeconfig() -> impl Strategy<Value = String> {
    let context =
        prop_oneof![4 => Just(json!({ "cluster": "c", "user": "u" })), 1 => fields(&["cluster", "user", "namespace"])];
    let whole = (cluster(), user(), context).prop_map(|(cluster, user, context)| {
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "clusters": [{ "name": "c", "cluster": cluster }],
            "users": [{ "name": "u", "user": user }],
            "contexts": [{ "name": "c", "context": context }],
        })
    });
    let part = select(&["apiVersion", "kind", "current-context", "clusters", "users", "contexts"][..]);
    let replaced = (whole, prop::option::weighted(0.1, (part, value()))).prop_map(|(mut whole, part)| {
        if let Some((name, value)) = part {
            whole[name] = value;
        }
        whole.to_string()
    });
    prop_oneof![20 => replaced, 1 => any::<String>(), 1 => Just("a: &a [*a, *a]\nb: {<<: *a}\n--- x".to_owned())]
}

const VARIABLES: [&str; 6] = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "NO_PROXY", "no_proxy", "ALL_PROXY"];

fn variables() -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    let list = prop::collection::vec(
        prop_oneof![
            text().prop_map(|it| it.as_str().unwrap_or_default().to_owned()),
            select(&SECRETS[1..]).prop_map(str::to_owned), // a host without a user is not a secret
            "[0-9.:/*\\[\\]a-f@ ]{0,12}",
        ],
        0..4,
    );
    prop::collection::btree_map(select(&VARIABLES[..]), list.prop_map(|it| it.join(",")), 0..4)
}

/// Reads, checks and connects, and sends one request if the server is this machine.
async fn used(text: &str, proxies: &Proxies) -> Result<()> {
    let settings = parsed(text, Path::new("/nowhere"), proxies)?;
    let is_near = settings.url().host().is_some_and(crate::client::is_loopback);
    // Reading the authorities of the machine takes longer than everything else.
    if settings.needs_machine_trust() && settings.url().scheme_str() == Some("https") {
        return Ok(());
    }
    let client = connect(settings, Arc::new(TestClock::new())).await?;
    if is_near {
        let mut request = Request::new(Body::empty());
        *request.uri_mut() = http::Uri::from_static("/version");
        client.send(request).await.expect_err("port 1 is closed");
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_kubeconfig_or_proxy_makes_the_client_panic_or_print_a_secret(text in kubeconfig(), variables in variables()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let proxies = Proxies::from_variables(|name| variables.get(name).cloned());
        let result = runtime.block_on(used(&text, &proxies));
        runtime.shutdown_background();
        let message = format!("{:?} {proxies:?} {:?}", result.err(), proxies.warnings());
        prop_assert!(!message.contains("s3cret"), "{message}");
    }
}
