//! The IAM roles and the user that a config needs: their permissions and their trust.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use regcred_config::{Access, Problem, Problems};
use regcred_core::Scope;
use regcred_plan::{POD_TOKEN, PodSite, Policies, Probe};
use serde_json::{Value, json};

use super::{
    chosen::{Chosen, Source, misfit},
    commands,
    flags::AUDIENCE,
    options::EcrOptions,
    role::RoleArn,
};
use crate::{Region, RegistryHost};

/// The actions that pull an image, besides the token.
const PULL: [&str; 3] = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
/// The additional actions that push an image.
const PUSH: [&str; 4] = ["ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"];

/// The actions that mint a token of ECR Public.
const PUBLIC_TOKEN: [&str; 2] = ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"];
/// The additional actions that push an image to ECR Public.
const PUBLIC_PUSH: [&str; 5] = [
    "ecr-public:BatchCheckLayerAvailability",
    "ecr-public:InitiateLayerUpload",
    "ecr-public:UploadLayerPart",
    "ecr-public:CompleteLayerUpload",
    "ecr-public:PutImage",
];

/// A role of the config, or the role of regcred's own pod, which comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Pod,
    Role(RoleArn),
}

/// The permissions of a role, and the identities that may assume it.
#[derive(Default)]
struct Role {
    providers: BTreeSet<String>,
    /// The registries, each with whether images are also pushed.
    registries: BTreeMap<(String, Option<String>), Access>,
    /// Whether images of ECR Public are also pushed. `None`: it mints no token of ECR Public.
    public: Option<Access>,
    takes: BTreeSet<RoleArn>,
    taken_by: BTreeMap<Who, Option<String>>,
    by_token: bool,
}

/// Returns the roles that these entries need: `{ "roles": [{ "name", "arn", "providers", "policy", "trust" }], "users":
/// [{ "name", "providers", "policy" }] }`. A role without `arn` is in an unknown account.
///
/// Fails for a missing identity, a missing issuer, and a role in another partition than its registries.
pub(super) fn policies(entries: &[Probe<EcrOptions>], chosen: &Chosen, site: &PodSite) -> Result<Policies, Problems> {
    let (mut roles, mut notes, mut problems) = (BTreeMap::<Who, Role>::new(), vec![], vec![]);
    let pod = chosen.role.clone().map_or(Who::Pod, Who::Role);
    for entry in entries {
        let options = &entry.options;
        let name = if entry.is_inline { options.region.clone() } else { entry.name.clone() };
        let Some(base) = base(&name, options, &pod, &mut roles, &mut notes, &mut problems) else { continue };
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
            problems.push(misfit(format!("providers.{name}: {message}")));
        }
        let role = roles.entry(minting).or_default();
        role.providers.insert(name);
        if options.is_public {
            role.public = role.public.max(Some(options.access));
            continue;
        }
        for account in accounts(entry) {
            let access = role.registries.entry((options.region.clone(), account)).or_insert(options.access);
            *access = (*access).max(options.access);
        }
    }
    if roles.contains_key(&pod) {
        match &chosen.source {
            Source::Nothing => problems.push(misfit(
                "the identity of regcred in AWS is missing: name it with --identity webhook, projected, pod-identity or keys",
            )),
            Source::Webhook { .. } | Source::Projected { .. } => {
                roles.entry(pod.clone()).or_default().by_token = true;
            }
            Source::PodIdentity | Source::Keys { .. } => {}
        }
    }
    if chosen.issuer.is_none() && roles.values().any(|role| role.by_token) {
        problems.push(misfit(
            "--oidc-issuer is missing: the trust policy names the issuer of the cluster's tokens. On EKS: aws eks describe-cluster --name \
             CLUSTER --query cluster.identity.oidc.issuer --output text. Elsewhere: kubectl get --raw /.well-known/openid-configuration",
        ));
    }
    let user = match &chosen.source {
        Source::Keys { secret } => Some(secret),
        _ => None,
    };
    if chosen.role.is_none() && user.is_none() && roles.values().any(|role| role.taken_by.contains_key(&Who::Pod)) {
        problems.push(misfit(
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
            "trust": trust(role, *who == pod, arn, chosen, site),
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
    if chosen.source == Source::PodIdentity && roles.contains_key(&pod) {
        notes.push(format!(
            "associate the role: aws eks create-pod-identity-association --cluster-name CLUSTER --namespace {} --service-account {} \
             --role-arn {}",
            site.namespace,
            site.account,
            chosen.role.as_ref().map_or("ROLE", RoleArn::as_str)
        ));
    }
    Ok(Policies { document: json!({ "roles": made, "users": users }), notes })
}

/// Returns the accounts whose registries an entry opens. `None` is the account of the caller.
fn accounts(entry: &Probe<EcrOptions>) -> BTreeSet<Option<String>> {
    let Scope::Exact(registries) = &entry.plan.scope else { return BTreeSet::from([None]) };
    let hosts = registries.iter().filter_map(|it| RegistryHost::parse(it.as_str()).ok());
    hosts.map(|host| Some(host.account().to_string())).collect()
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
        if web.token_file == Path::new(POD_TOKEN) {
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
    role.map_err(|why| problems.push(misfit(format!("providers.{provider}: {why}")))).ok()
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
    if let Some(access) = role.public {
        statements.push(json!({ "Sid": "PublicToken", "Effect": "Allow", "Action": PUBLIC_TOKEN, "Resource": "*" }));
        if access == Access::Push {
            let account = arn.map_or("*", RoleArn::account);
            let resource = format!("arn:aws:ecr-public::{account}:repository/*");
            statements
                .push(json!({ "Sid": "PublicPush", "Effect": "Allow", "Action": PUBLIC_PUSH, "Resource": resource }));
        }
    }
    if !role.takes.is_empty() {
        let roles = role.takes.iter().map(RoleArn::as_str).collect::<Vec<_>>();
        statements.push(json!({ "Sid": "Roles", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles }));
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Returns the trust policy of a role, or null if the identity that assumes it is not known.
fn trust(role: &Role, is_pod: bool, arn: Option<&RoleArn>, chosen: &Chosen, site: &PodSite) -> Value {
    let mut statements = vec![];
    if let (true, Some(issuer), Some(arn)) = (role.by_token, &chosen.issuer, arn) {
        let audience = if let Source::Projected { audience, .. } = &chosen.source { audience } else { AUDIENCE };
        let provider = format!("arn:{}:iam::{}:oidc-provider/{issuer}", arn.partition(), arn.account());
        statements.push(json!({
            "Sid": "ServiceAccountOfRegcred",
            "Effect": "Allow",
            "Principal": { "Federated": provider },
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": { "StringEquals": { format!("{issuer}:sub"): site.user(), format!("{issuer}:aud"): audience } },
        }));
    }
    if is_pod && chosen.source == Source::PodIdentity {
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
            (Who::Pod, Some(arn)) if matches!(chosen.source, Source::Keys { .. }) => {
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

/// Returns the partition of a region.
fn partition(region: &str) -> &'static str {
    Region::new(region).map_or("aws", |region| region.partition())
}
