//! Tests the identity of a pod with a provider type that is not built in.

use std::sync::Arc;

use regcred::{
    BuiltIn, Plan, ProviderPlan, ProviderType, Types,
    config::{Origin, Problems},
    core::{ErrorKind, Registry, RegistryProvider, Result, Scope, async_trait},
    plan::{
        ChosenIdentity, Identities, IdentityFlag, PodIdentity, PodSite, Policies, Probe, SecretFile, from_yaml,
        schemars,
    },
};
use regcred_manifests::{
    Account, Install, Manifests, Mode, PodFile, Proxy, Workload, check, manifests, policies, values,
};
use serde_json::{Value, json};

/// The provider type `vault`. Its pods can use the identity `vault`.
struct Vault {
    flag: &'static str,
}

#[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    host: String,
    audience: Option<String>,
}

#[async_trait]
impl ProviderType for Vault {
    const NAME: &'static str = "vault";
    type Options = Options;

    fn plan(&self, options: &Options, _: &Origin) -> Result<ProviderPlan, Problems> {
        let registry = Registry::new(&options.host).expect("a host");
        let plan = ProviderPlan::new(Scope::Exact(vec![registry])).with_egress(format!("{}:443", options.host));
        let plan = plan.with_file("token_file", "/var/run/secrets/regcred/token");
        Ok(match &options.audience {
            Some(audience) => plan.with_token("/var/run/secrets/regcred/token", audience),
            None => plan,
        })
    }

    async fn make(&self, _: Options) -> Result<Arc<dyn RegistryProvider>> {
        unreachable!("nothing is minted")
    }

    fn identities(&self) -> Identities {
        let role = IdentityFlag::new(self.flag, "NAME", "Role of the pod", &["vault"], |text| Ok(text.to_owned()));
        Identities::default()
            .with("vault", "A role of Vault")
            .with_flag(role.with_required_by(&["vault"]))
            .with_variable("VAULT_ROLE", "--identity vault")
            .with_secret_variable("VAULT_TOKEN", "--identity vault")
            .with_key_mark("hvs.", "a token of Vault")
    }

    fn pod_identity(
        &self,
        entries: &[Probe<Options>],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Result<PodIdentity, Problems> {
        let Some(role) = chosen.flag(self.flag) else { return Ok(PodIdentity::default()) };
        Ok(PodIdentity::default()
            .with_variable("VAULT_ROLE", role)
            .with_secret(SecretFile::new("vault", "vault-ca", "ca.crt", "/etc/vault"))
            .with_token_audience("vault")
            .with_annotation("vault.example/role", role)
            .with_host_without_proxy("vault.internal")
            .with_value("role", role)
            .with_note(format!("let {} of {} be {role}", site.user(), entries[0].name)))
    }

    fn policies(
        &self,
        entries: &[Probe<Options>],
        chosen: &ChosenIdentity,
        site: &PodSite,
    ) -> Option<Result<Policies, Problems>> {
        let names = entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>();
        let document = json!({ "role": chosen.flag(self.flag), "bound": site.user(), "providers": names });
        Some(Ok(Policies { document, notes: vec!["vault write".into()] }))
    }
}

fn types() -> Types {
    let types = Types::default().with_provider(Vault { flag: "vault-role" }).expect("it is the first");
    BuiltIn::default().add_to(types).expect("they have different names")
}

const VAULT: &str = "providers: { v: { type: vault, host: v.example } }\ntargets: [{ namespace: a, providers: [v] }]";

fn plan(yaml: &str) -> Plan {
    let types = types();
    Plan::new(&from_yaml(yaml, &types).expect("it is valid"), &types).expect("it is valid")
}

fn install(identity: ChosenIdentity) -> Install {
    let proxy = Proxy { https: Some("http://proxy.example:1".into()), no: None };
    Install { mode: Mode::CronJob(Workload { identity, proxy, ..Workload::default() }), ..Install::default() }
}

fn vault() -> ChosenIdentity {
    ChosenIdentity::new("vault").with_flag("vault-role", "puller")
}

fn find<'a>(made: &'a Manifests, kind: &str) -> &'a Value {
    made.objects.iter().find(|it| it["kind"] == kind).unwrap_or_else(|| panic!("no {kind}"))
}

#[test]
fn a_type_gives_its_identity_to_the_pod_and_to_the_values_of_the_chart() {
    let made = manifests(&plan(VAULT), &install(vault())).expect("it is valid");
    assert_eq!(find(&made, "ServiceAccount")["metadata"]["annotations"], json!({ "vault.example/role": "puller" }));
    let pod = &find(&made, "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let env = pod["containers"][0]["env"].as_array().expect("a list");
    assert!(env.contains(&json!({ "name": "VAULT_ROLE", "value": "puller" })), "{env:?}");
    let no_proxy = env.iter().find(|it| it["name"] == "NO_PROXY").expect("there is a proxy");
    let no_proxy = no_proxy["value"].as_str().expect("text");
    assert!(no_proxy.ends_with(",vault.internal") && !no_proxy.contains("169.254"), "{no_proxy}");
    let volume = |name: &str| pod["volumes"].as_array().expect("a list").iter().find(|it| it["name"] == name);
    let items = json!([{ "key": "ca.crt", "path": "ca.crt" }]);
    assert_eq!(volume("vault").expect("a volume")["secret"], json!({ "secretName": "vault-ca", "items": items }));
    let token = &volume("token").expect("a volume")["projected"]["sources"][0]["serviceAccountToken"];
    assert_eq!((&token["audience"], &token["path"]), (&json!("vault"), &json!("token")));
    let note = "let system:serviceaccount:regcred:regcred of v be puller";
    assert!(made.notes.iter().any(|it| it == note), "{:?}", made.notes);
    assert!(!made.notes.iter().any(|it| it.contains("AWS")), "{:?}", made.notes);

    let chart = values(&plan(VAULT), &install(vault()), "").expect("it is valid").objects.remove(0);
    assert_eq!(chart["identity"], json!({ "type": "vault", "role": "puller" }));

    let account = Account { name: Some("ci".into()), exists: true, ..Account::default() };
    let made = manifests(&plan(VAULT), &Install { account, ..install(vault()) }).expect("it is valid");
    let note = "kubectl annotate serviceaccount ci --namespace=regcred --overwrite vault.example/role=puller";
    assert!(made.notes.iter().any(|it| it.contains(note)), "{:?}", made.notes);
}

#[test]
fn an_annotation_that_the_identity_sets_is_refused() {
    let annotations = [("vault.example/role".to_owned(), "other".to_owned())].into();
    let account = Account { annotations, ..Account::default() };
    let told = manifests(&plan(VAULT), &Install { account, ..install(vault()) }).expect_err("it is set twice");
    assert!(told.to_string().contains("the identity sets vault.example/role: leave it out"), "{told}");
}

#[test]
fn an_identity_that_no_provider_uses_is_refused() {
    let webhook = ChosenIdentity::new("webhook").with_flag("role-arn", "arn:aws:iam::123456789012:role/x");
    for told in [
        manifests(&plan(VAULT), &install(webhook.clone())).expect_err("no ecr").to_string(),
        policies(&plan(VAULT), &install(webhook)).expect_err("no ecr").to_string(),
    ] {
        assert!(told.contains("--identity webhook: no provider of the config supports it"), "{told}");
    }
}

#[test]
fn the_pod_token_is_mounted_only_if_all_providers_share_one_audience() {
    let yaml = |one: &str, other: &str| {
        format!(
            "providers: {{ v: {{ type: vault, host: v.example{one} }}, w: {{ type: vault, host: w.example{other} }} }}\n\
             targets: [{{ namespace: a, providers: [v, w] }}]"
        )
    };
    let none = ChosenIdentity::default;
    let told = manifests(&plan(&yaml("", "")), &install(none())).expect_err("there is no audience").to_string();
    assert!(told.contains("providers.v.token_file: /var/run/secrets/regcred/token is in no volume"), "{told}");
    let told =
        manifests(&plan(&yaml(", audience: a", ", audience: b")), &install(none())).expect_err("two").to_string();
    assert!(
        told.contains("the token /var/run/secrets/regcred/token has one audience, and the config has several: a, b"),
        "{told}"
    );
    let same = plan(&yaml(", audience: a", ", audience: a"));
    let made = manifests(&same, &install(none())).expect("one audience");
    assert!(find(&made, "CronJob").to_string().contains(r#""audience":"a""#));
    let chart = values(&same, &install(vault()), "").expect("it is valid").objects.remove(0);
    assert_eq!(
        chart["generated"]["tokens"],
        json!({ "token": "a" }),
        "without the identity, which the chart has of its own"
    );
}

#[test]
fn policies_of_several_provider_types_have_one_key_per_type() {
    let own = policies(&plan(VAULT), &install(vault())).expect("it is valid");
    let document = json!({ "role": "puller", "bound": "system:serviceaccount:regcred:regcred", "providers": ["v"] });
    assert_eq!((own.document, own.notes), (document, vec!["vault write".to_owned()]));
    let both = "providers: { v: { type: vault, host: v.example } }\n\
                targets: [{ namespace: a, providers: [v] }, { namespace: b, region: eu-west-1 }]";
    let keys = ChosenIdentity::new("keys").with_flag("aws-secret", "aws");
    let both = policies(&plan(both), &install(keys)).expect("it is valid");
    assert_eq!(both.document["vault"]["role"], Value::Null, "the identity is not of this type");
    assert_eq!(both.document["ecr"]["users"][0]["name"], "regcred");
    assert!(both.notes.iter().any(|it| it.starts_with("aws iam")) && both.notes.contains(&"vault write".to_owned()));
}

#[test]
fn variables_of_an_identity_and_keys_are_refused_in_pod_files() {
    let identities = types().identities();
    let told = PodFile::parse(
        "extraEnv: [{ name: VAULT_ROLE, value: x }, { name: VAULT_TOKEN, value: hunter2 }, { name: AWS_ROLE_ARN, value: x }]",
        &identities,
    );
    let told = told.expect_err("each has a flag").to_string();
    for why in [
        "VAULT_ROLE: set it with --identity vault, in the chart `identity`",
        "VAULT_TOKEN: everyone who may read the pod would read the key: put it into a Secret and use --identity vault",
        "AWS_ROLE_ARN: set it with --identity, in the chart `identity`",
    ] {
        assert!(told.contains(why), "{told}");
    }
    assert!(!told.contains("hunter2"), "{told}");
    let secret =
        json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "a": "hvs.x" } });
    let template =
        json!({ "apiVersion": "template.openshift.io/v1", "kind": "Template", "objects": [secret], "parameters": [] });
    let (_, warnings) = check(&template, &identities);
    assert!(
        warnings.iter().any(|it| it.contains("it holds a token of Vault, and so would each new project")),
        "{warnings:?}"
    );
}

#[test]
fn two_provider_types_with_the_same_flag_are_refused() {
    let types = Types::default().with_provider(Vault { flag: "role-arn" }).expect("it is the first");
    let error = BuiltIn::default().add_to(types).expect_err("ecr has this flag");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.chain().contains("another type has the identity or the flag role-arn"), "{error:?}");
}

#[test]
fn the_notes_list_the_hosts_that_a_provider_type_connects_to() {
    let made = manifests(&plan(VAULT), &install(vault())).expect("it is valid");
    let note = "the pod connects to v.example:443";
    assert!(made.notes.iter().any(|it| it.contains(note)), "{:?}", made.notes);
    let elsewhere = Install { mode: Mode::Elsewhere, ..Install::default() };
    let made = manifests(&plan(VAULT), &elsewhere).expect("nothing runs there");
    assert!(!made.notes.iter().any(|it| it.contains(note)), "{:?}", made.notes);
}
