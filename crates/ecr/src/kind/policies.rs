//! The roles and the user in IAM that a config needs: what each may do, and who may take it.

use std::collections::{BTreeMap, BTreeSet};

use regcred_config::{Access, Config, EcrOptions, Problem, Problems, Registries, Spec, Wants};
use serde_json::{Value, json};

use crate::{AUDIENCE, Identity, Install, Issuer, RoleArn, commands, identity, object::Site};

/// The actions that pull an image, besides the token.
const PULL: [&str; 3] = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
/// The further actions that push an image.
const PUSH: [&str; 4] = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"];

/// The inputs for IAM besides the config.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// The identity of regcred.
    pub identity: Identity,
    /// The role of that identity, if it has one. Without one its name is that of the `ServiceAccount`, and its account is not known.
    pub role: Option<RoleArn>,
    /// The issuer of the cluster's tokens.
    pub issuer: Option<Issuer>,
}

/// The policies, and what a person does with them.
#[derive(Clone, Debug)]
pub struct Policies {
    /// `{ "roles": [{ "name", "arn", "providers", "policy", "trust" }], "users": [{ "name", "providers", "policy" }] }`. A role without
    /// `arn` is in an account that is not known.
    pub document: Value,
    /// Commands and warnings.
    pub notes: Vec<String>,
}

/// A role of the config, or the one of regcred's own pod, which comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Pod,
    Role(RoleArn),
}

/// The rights of a role, and the identities that may take it.
#[derive(Default)]
struct Role {
    providers: BTreeSet<String>,
    /// Registries by whether their images are pushed too.
    registries: BTreeMap<(String, Option<String>), Access>,
    takes: BTreeSet<RoleArn>,
    taken_by: BTreeMap<Who, Option<String>>,
    by_token: bool,
}

/// The roles that the providers of a config need, those of all its sinks.
///
/// Problems are a missing identity, a missing issuer, and a role of another partition than its registries.
pub fn iam(config: &Config, install: &Install, aws: &Aws) -> Result<Policies, Problems> {
    let site = Site::of(config.instance(), install);
    let (mut roles, mut notes, mut problems) = (BTreeMap::<Who, Role>::new(), vec![], vec![]);
    let pod = aws.role.clone().map_or(Who::Pod, Who::Role);
    for (name, options) in asked(config) {
        let Some(base) = base(&name, &options, &pod, &mut roles, &mut notes, &mut problems) else { continue };
        let minting = match &options.role_arn {
            None => base,
            Some(text) => {
                let Some(arn) = role(&name, text, &mut problems) else { continue };
                roles.entry(base.clone()).or_default().takes.insert(arn.clone());
                let assumed = roles.entry(Who::Role(arn.clone())).or_default();
                assumed.taken_by.insert(base, options.external_id.clone());
                Who::Role(arn)
            }
        };
        if let Who::Role(arn) = &minting
            && arn.partition() != partition(&options.region)
        {
            let message = format!("{arn} is of the partition {}, and {} is not", arn.partition(), options.region);
            problems.push(Problem::everywhere(format!("providers.{name}: {message}")));
        }
        let role = roles.entry(minting).or_default();
        role.providers.insert(name);
        let accounts = options.accounts.iter().map(|account| Some(account.as_str().to_owned()));
        let accounts = accounts.collect::<Vec<_>>();
        for account in if accounts.is_empty() { vec![None] } else { accounts } {
            let access = role.registries.entry((options.region.clone(), account)).or_insert(options.access);
            *access = (*access).max(options.access);
        }
    }
    if roles.contains_key(&pod) {
        match (&aws.identity, aws.issuer.is_some()) {
            (Identity::None, _) => problems.push(Problem::everywhere(
                "the identity of regcred in AWS is missing: name it with --identity webhook, projected, pod-identity or keys",
            )),
            (Identity::Webhook { .. } | Identity::Projected { .. }, _) => {
                roles.entry(pod.clone()).or_default().by_token = true;
            }
            (Identity::PodIdentity | Identity::Keys { .. }, _) => {}
        }
    }
    if aws.issuer.is_none() && roles.values().any(|role| role.by_token) {
        problems.push(Problem::everywhere(
            "--oidc-issuer is missing: the trust policy names the issuer of the cluster's tokens. On EKS: aws eks describe-cluster --name \
             CLUSTER --query cluster.identity.oidc.issuer --output text. Elsewhere: kubectl get --raw /.well-known/openid-configuration",
        ));
    }
    let user = match &aws.identity {
        Identity::Keys { secret } => Some(secret),
        _ => None,
    };
    if aws.role.is_none() && user.is_none() && roles.values().any(|role| role.taken_by.contains_key(&Who::Pod)) {
        problems.push(Problem::everywhere(
            "--role-arn is missing: the trust policy of a provider's role names the role of regcred's pod",
        ));
    }
    Problems::check(problems)?;
    let (mut made, mut users) = (vec![], vec![]);
    let mut steps = vec![];
    for (who, role) in &roles {
        let arn = if let Who::Role(arn) = who { Some(arn) } else { None };
        if let Some(secret) = user.filter(|_| *who == pod) {
            let name = &site.account;
            users.push(json!({ "name": name, "providers": role.providers, "policy": policy(role, None) }));
            steps.extend(commands::user(users.len() - 1, name, site.namespace.as_str(), secret));
            continue;
        }
        let name = arn.map_or(site.account.as_str(), RoleArn::name);
        made.push(json!({
            "name": name,
            "arn": arn.map(RoleArn::as_str),
            "providers": role.providers,
            "policy": policy(role, arn),
            "trust": trust(role, *who == pod, arn, aws, &site),
        }));
        steps.push(commands::role(made.len() - 1, name, arn));
        steps.extend(role.across(arn));
        if let Some(arn) = arn.filter(|_| user.is_some() && role.taken_by.contains_key(&Who::Pod)) {
            steps.push(format!(
                "the trust policy of {arn} names user {} of account {}: change the account if the user is in another one",
                site.account,
                arn.account()
            ));
        }
    }
    notes.push(commands::head(&users, &made));
    notes.extend(steps);
    if aws.identity == Identity::PodIdentity && roles.contains_key(&pod) {
        notes.push(format!(
            "associate the role: aws eks create-pod-identity-association --cluster-name CLUSTER --namespace {} --service-account {} \
             --role-arn {}",
            site.namespace,
            site.account,
            aws.role.as_ref().map_or("ROLE", RoleArn::as_str)
        ));
    }
    Ok(Policies { document: json!({ "roles": made, "users": users }), notes })
}

/// Returns the options of each provider that a target uses. A target without a provider counts as one with the name of its region.
fn asked(config: &Config) -> Vec<(String, EcrOptions)> {
    let mut asked = vec![];
    let mut used = BTreeSet::new();
    for target in config.targets() {
        match &target.wants {
            Wants::Providers(names) => used.extend(names.iter().map(ToString::to_string)),
            Wants::Registries(registries) => asked.push(plain(registries)),
        }
    }
    let named = config.providers().iter().filter(|spec| used.contains(spec.name()));
    asked.extend(named.filter_map(|spec| Some((spec.name().to_owned(), ecr(spec)?))));
    asked
}

/// The options of a provider of type `ecr`.
fn ecr(spec: &Spec) -> Option<EcrOptions> {
    (spec.kind() == "ecr").then(|| spec.options().ok()).flatten()
}

fn plain(registries: &Registries) -> (String, EcrOptions) {
    let (region, accounts) = match registries {
        Registries::Region { region, accounts } => (region.clone(), accounts.clone()),
        // ACCOUNT.dkr.ecr.REGION.amazonaws.com, ACCOUNT.dkr-ecr.REGION.on.aws and their like.
        Registries::Host(host) => {
            let parts = host.split('.').collect::<Vec<_>>();
            let region = parts.iter().position(|part| part.contains("ecr")).and_then(|place| parts.get(place + 1));
            (region.copied().unwrap_or_default().to_owned(), vec![parts[0].to_owned()])
        }
    };
    let accounts = accounts.iter().filter_map(|account| serde_json::from_value(json!(account)).ok()).collect();
    (region.clone(), EcrOptions { accounts, ..EcrOptions::in_region(region) })
}

/// Returns the identity that assumes a provider's role. Adds a note and returns `None` if its role is not known.
fn base(
    name: &str,
    options: &EcrOptions,
    pod: &Who,
    roles: &mut BTreeMap<Who, Role>,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Option<Who> {
    if let Some(web) = &options.web_identity {
        let who = Who::Role(role(name, &web.role_arn, problems)?);
        if identity::is_token(&web.token_file) {
            roles.entry(who.clone()).or_default().by_token = true;
        } else {
            notes.push(format!(
                "providers.{name}: its token is not the pod's own, so the trust policy of {} is not printed",
                web.role_arn
            ));
        }
        return Some(who);
    }
    if options.profile.is_some() || options.identity.is_some() {
        let of = if options.profile.is_some() { "a profile" } else { "the machine" };
        notes.push(format!("providers.{name}: it is asked with the identity of {of}, whose role is not known here"));
        return None;
    }
    roles.entry(pod.clone()).or_default();
    Some(pod.clone())
}

fn role(provider: &str, text: &str, problems: &mut Vec<Problem>) -> Option<RoleArn> {
    let role = text.parse::<RoleArn>();
    role.map_err(|why| problems.push(Problem::everywhere(format!("providers.{provider}: {why}")))).ok()
}

impl Role {
    /// Returns a note for each other account that owns registries.
    fn across(&self, arn: Option<&RoleArn>) -> Vec<String> {
        let Some(arn) = arn else { return vec![] };
        let others = self.registries.keys().filter_map(|(_, account)| account.as_deref());
        let others = others.filter(|account| *account != arn.account()).collect::<BTreeSet<_>>();
        let note =
            |account| format!("each repository of account {account} needs a repository policy that lets {arn} in");
        others.into_iter().map(note).collect()
    }
}

fn policy(role: &Role, arn: Option<&RoleArn>) -> Value {
    let mut statements = vec![];
    if !role.registries.is_empty() {
        statements
            .push(json!({ "Sid": "Token", "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" }));
    }
    let push = [PULL.as_slice(), PUSH.as_slice()].concat();
    for (sid, access, actions) in [("Pull", Access::Pull, PULL.to_vec()), ("PullAndPush", Access::Push, push)] {
        let of = role.registries.iter().filter(|(_, it)| **it == access);
        let resources = of.map(|((region, account), _)| {
            let account = account.as_deref().or(arn.map(RoleArn::account)).unwrap_or("*");
            format!("arn:{}:ecr:{region}:{account}:repository/*", partition(region))
        });
        let resources = resources.collect::<BTreeSet<_>>();
        if !resources.is_empty() {
            statements.push(json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources }));
        }
    }
    if !role.takes.is_empty() {
        let roles = role.takes.iter().map(RoleArn::as_str).collect::<Vec<_>>();
        statements.push(json!({ "Sid": "Roles", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Null where it is not known who takes the role.
fn trust(role: &Role, is_pod: bool, arn: Option<&RoleArn>, aws: &Aws, site: &Site<'_>) -> Value {
    let mut statements = vec![];
    if let (true, Some(issuer), Some(arn)) = (role.by_token, &aws.issuer, arn) {
        let audience = if let Identity::Projected { audience, .. } = &aws.identity { audience } else { AUDIENCE };
        let provider = format!("arn:{}:iam::{}:oidc-provider/{issuer}", arn.partition(), arn.account());
        statements.push(json!({
            "Sid": "ServiceAccountOfRegcred",
            "Effect": "Allow",
            "Principal": { "Federated": provider },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": { format!("{issuer}:sub"): site.user(), format!("{issuer}:aud"): audience } },
        }));
    }
    if is_pod && aws.identity == Identity::PodIdentity {
        let tags = json!({
            "aws:RequestTag/kubernetes-namespace": site.namespace.as_str(),
            "aws:RequestTag/kubernetes-service-account": site.account,
        });
        statements.push(json!({
            "Sid": "ServiceAccountOfRegcred",
            "Effect": "Allow",
            "Principal": { "Service": "pods.eks.amazonaws.com" },
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": { "StringEquals": tags },
        }));
    }
    for (place, (who, external_id)) in role.taken_by.iter().enumerate() {
        let by = match (who, arn) {
            (Who::Role(by), _) => by.to_string(),
            (Who::Pod, Some(arn)) if matches!(aws.identity, Identity::Keys { .. }) => {
                format!("arn:{}:iam::{}:user/{}", arn.partition(), arn.account(), site.account)
            }
            (Who::Pod, _) => continue,
        };
        let mut statement = json!({
            "Sid": format!("RoleOfRegcred{}", if place == 0 { String::new() } else { (place + 1).to_string() }),
            "Effect": "Allow",
            "Principal": { "AWS": by },
            "Action": "sts:AssumeRole",
        });
        if let Some(id) = external_id {
            statement["Condition"] = json!({ "StringEquals": { "sts:ExternalId": id } });
        }
        statements.push(statement);
    }
    if statements.is_empty() {
        return Value::Null;
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// The partition of a region.
fn partition(region: &str) -> &'static str {
    let partitions = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("eu-isof-", "aws-iso-f"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-iso-", "aws-iso"),
    ];
    partitions.into_iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/regcred";

    fn made(yaml: &str, identity: &str, role: &str, issuer: &str) -> Result<Policies, String> {
        let config = Config::from_yaml(yaml).expect(yaml);
        let role = (!role.is_empty()).then(|| role.parse::<RoleArn>().expect("a role"));
        let arn = || role.clone().expect("it has a role");
        let identity = match identity {
            "webhook" => Identity::Webhook { role_arn: arn() },
            "projected" => Identity::Projected { role_arn: arn(), audience: "openshift".into() },
            "pod-identity" => Identity::PodIdentity,
            "keys" => Identity::Keys { secret: "aws".into() },
            _ => Identity::None,
        };
        let issuer = (!issuer.is_empty()).then(|| issuer.parse().expect("an issuer"));
        iam(&config, &Install::default(), &Aws { identity, role, issuer }).map_err(|it| it.to_string())
    }

    #[test]
    fn the_checked_in_examples_are_what_is_made_of_such_a_config() {
        let yaml = "targets:\n- { namespace: a, region: eu-west-1, accounts: ['123456789012'] }\n\
                    - { namespace: b, registry: 210987654321.dkr.ecr.us-east-1.amazonaws.com }\n";
        let Policies { document, notes } =
            made(yaml, "webhook", ROLE, "https://oidc.example.com").expect("it can be made");
        let role = &document["roles"][0];
        assert_eq!((&role["name"], &role["arn"]), (&json!("regcred"), &json!(ROLE)));
        let resources = json!([
            "arn:aws:ecr:eu-west-1:123456789012:repository/*",
            "arn:aws:ecr:us-east-1:210987654321:repository/*"
        ]);
        assert_eq!(role["policy"]["Statement"][1]["Resource"], resources);
        let example = |file: &str| {
            let path = format!("{}/../../deploy/iam/{file}", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_str::<Value>(&std::fs::read_to_string(path).expect("text")).expect("JSON")
        };
        assert_eq!(role["trust"], example("trust-web-identity.json"));
        let pull = example("pull-policy.json");
        assert_eq!(role["policy"]["Statement"][1]["Action"], pull["Statement"][1]["Action"]);
        assert_eq!(role["policy"]["Statement"][0], pull["Statement"][0]);
        assert!(
            notes[1].starts_with("aws iam create-role --role-name regcred --assume-role-policy-document "),
            "{notes:?}"
        );
        assert!(notes[2].contains("account 210987654321 needs a repository policy"), "{notes:?}");
        let made = made(yaml, "pod-identity", "", "").expect("it can be made").document;
        assert_eq!(made["roles"][0]["trust"], example("trust-pod-identity.json"));
    }

    #[test]
    fn each_role_of_the_providers_has_its_own_policy_and_trust() {
        let yaml = "providers:\n  \
            pull: { type: ecr, region: eu-west-1, accounts: ['123456789012'], role_arn: 'arn:aws:iam::123456789012:role/pull', external_id: platform }\n  \
            push: { type: ecr, region: eu-west-1, access: push, web_identity: { role_arn: 'arn:aws:iam::123456789012:role/ci/push', token_file: /var/run/secrets/regcred/token } }\n  \
            unused: { type: ecr, region: us-east-1 }\n\
            targets: [{ namespace: a, providers: [pull] }, { namespace: a, providers: [push], secret: { name: p } }]\n";
        let Policies { document, notes } =
            made(yaml, "webhook", ROLE, "oidc.example.com/id/1").expect("it can be made");
        let roles = document["roles"].as_array().expect("a list");
        let of = |name: &str| roles.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{document:#}"));
        assert_eq!(roles.len(), 3);
        assert_eq!(
            of("regcred")["policy"]["Statement"],
            json!([{
                "Sid": "Roles", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ["arn:aws:iam::123456789012:role/pull"],
            }])
        );
        let example = include_str!("../../../deploy/iam/trust-role.json");
        assert_eq!(of("pull")["trust"], serde_json::from_str::<Value>(example).expect("JSON"));
        assert_eq!(of("push")["policy"]["Statement"][1]["Sid"], "PullAndPush");
        let trust = &of("push")["trust"]["Statement"][0];
        assert_eq!(trust["Principal"]["Federated"], "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/1");
        assert!(notes.iter().any(|it| it.contains("--role-name push --path '/ci/'")), "{notes:?}");
    }

    #[test]
    fn each_partition_has_its_own_arns_and_one_audience() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("us-east-2", "aws"),
            ("cn-north-1", "aws-cn"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let yaml = format!("targets: [{{ namespace: a, region: {region} }}]");
            let role = format!("arn:{partition}:iam::123456789012:role/regcred");
            let document = made(&yaml, "webhook", &role, "https://oidc.example.com/").expect(region).document;
            let [statement, trust] = ["policy", "trust"].map(|of| &document["roles"][0][of]["Statement"]);
            let resource = format!("arn:{partition}:ecr:{region}:123456789012:repository/*");
            assert_eq!(statement[1]["Resource"], json!([resource]));
            let provider = format!("arn:{partition}:iam::123456789012:oidc-provider/oidc.example.com");
            assert_eq!(trust[0]["Principal"]["Federated"], provider);
            assert_eq!(trust[0]["Condition"]["StringEquals"]["oidc.example.com:aud"], AUDIENCE);
        }
    }

    #[test]
    fn what_is_not_known_is_asked_for() {
        let plain = "targets: [{ namespace: a, region: eu-west-1 }]";
        let assumed = "providers: { p: { type: ecr, region: eu-west-1, role_arn: 'arn:aws:iam::123456789012:role/p' } }\n\
                       targets: [{ namespace: a, providers: [p] }]";
        for (yaml, identity, role, issuer, why) in [
            (plain, "none", "", "", "the identity of regcred in AWS is missing"),
            (plain, "webhook", ROLE, "", "--oidc-issuer is missing"),
            (plain, "projected", ROLE, "", "--oidc-issuer is missing"),
            (assumed, "pod-identity", "", "", "--role-arn is missing"),
            (
                plain,
                "webhook",
                "arn:aws-cn:iam::123456789012:role/r",
                "i.example",
                "is of the partition aws-cn, and eu-west-1 is not",
            ),
        ] {
            let told = made(yaml, identity, role, issuer).expect_err(why);
            assert!(told.contains(why), "{told}");
        }
        let projected = made(plain, "projected", ROLE, "https://i.example").expect("it can be made").document;
        let conditions = &projected["roles"][0]["trust"]["Statement"][0]["Condition"]["StringEquals"];
        assert_eq!(conditions["i.example:aud"], "openshift");
        assert_eq!(conditions["i.example:sub"], "system:serviceaccount:regcred:regcred");
    }

    #[test]
    fn an_identity_with_keys_is_a_user() {
        let plain = "targets: [{ namespace: a, region: eu-west-1 }]";
        let Policies { document, notes } = made(plain, "keys", "", "").expect("it can be made");
        assert_eq!(document["roles"], json!([]));
        let user = document["users"][0].as_object().expect("a user");
        assert_eq!(
            user.keys().collect::<Vec<_>>(),
            ["name", "policy", "providers"],
            "it has neither an ARN nor a trust policy"
        );
        assert_eq!(user["policy"]["Statement"][1]["Resource"], json!(["arn:aws:ecr:eu-west-1:*:repository/*"]));
        let begins = [
            "save the document as iam.json, then create the user:",
            "aws iam create-user --user-name regcred",
            "aws iam put-user-policy --user-name regcred --policy-name regcred --policy-document \"$(jq '.users[0].policy' iam.json)\"",
            "aws iam create-access-key --user-name regcred ",
        ];
        assert_eq!(notes.len(), begins.len(), "{notes:?}");
        for (note, begin) in notes.iter().zip(begins) {
            assert!(note.starts_with(begin), "{note}");
        }
        assert!(
            notes[3].ends_with(
                "| kubectl create secret generic aws --namespace=regcred --from-file=credentials=/dev/stdin"
            ),
            "{notes:?}"
        );

        let assumed = "providers: { p: { type: ecr, region: cn-north-1, role_arn: 'arn:aws-cn:iam::123456789012:role/p' } }\n\
                       targets: [{ namespace: a, providers: [p] }, { namespace: b, region: cn-north-1 }]";
        let Policies { document, notes } = made(assumed, "keys", "", "").expect("it can be made");
        let principal = &document["roles"][0]["trust"]["Statement"][0]["Principal"]["AWS"];
        assert_eq!(principal, "arn:aws-cn:iam::123456789012:user/regcred");
        assert_eq!(document["users"][0]["policy"]["Statement"][2]["Sid"], "Roles");
        assert_eq!(notes[0], "save the document as iam.json, then create the user and each role:");
        assert!(notes.iter().any(|it| it.contains("jq '.roles[0].trust' iam.json")), "{notes:?}");
        assert!(notes.iter().any(|it| it.contains("change the account if the user is in another one")), "{notes:?}");
    }
}
