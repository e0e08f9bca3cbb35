//! Finds out what a script does with an ECR token.
//!
//! It compares whole words, because a script that mirrors images also names secrets.

/// The actions of a script that concern pull secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Says {
    /// The script requests an ECR token.
    pub(super) asks: bool,
    /// The script writes Secrets.
    pub(super) writes: bool,
    /// The script copies images.
    pub(super) copies: bool,
}

/// Words in lower case of the AWS CLI, its `PowerShell` module and the AWS SDKs.
const ASKS: [&str; 8] = [
    "get-login-password",
    "get-authorization-token",
    "get_authorization_token",
    "getauthorizationtoken",
    "getauthorizationtokencommand",
    "get-ecrlogincommand",
    // gcloud auth print-access-token, az acr login --expose-token
    "print-access-token",
    "--expose-token",
];
/// Programs that write to a cluster.
const CLIENTS: [&str; 4] = ["kubectl", "oc", "kubecolor", "k"];
const VERBS: [&str; 7] = ["create", "apply", "patch", "replace", "delete", "set", "edit"];
/// Number of words allowed between a verb and its object, such as `--namespace team-a`.
const FLAGS: usize = 8;
/// Calls of client libraries and of the API, in lower case.
const CALLS: [&str; 8] = [
    "create_namespaced_secret",
    "patch_namespaced_secret",
    "replace_namespaced_secret",
    "createnamespacedsecret",
    "patchnamespacedsecret",
    "replacenamespacedsecret",
    "v1secret",
    "kubernetes_secret",
];
const COPIERS: [&str; 6] = ["skopeo", "crane", "regctl", "oras", "regsync", "imgpkg"];

impl Says {
    pub(super) fn of(text: &str) -> Self {
        let is_comment = |line: &&str| line.trim_start().starts_with(['#', ';']) || line.trim_start().starts_with("//");
        let text = text.lines().filter(|line| !is_comment(line)).collect::<Vec<_>>().join("\n").to_lowercase();
        let parts = |it: char| it.is_alphanumeric() || matches!(it, '-' | '_' | '.' | '/' | '=');
        let words = text.split(|it: char| !parts(it)).filter(|word| !word.is_empty()).collect::<Vec<_>>();
        Self {
            asks: asks(&words),
            writes: writes(&words),
            copies: words.iter().any(|it| COPIERS.contains(&program(it))),
        }
    }

    pub(super) fn and(self, other: Self) -> Self {
        let Self { asks, writes, copies } = other;
        Self { asks: self.asks || asks, writes: self.writes || writes, copies: self.copies || copies }
    }
}

/// Returns the program without its path.
fn program(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or_default()
}

fn asks(words: &[&str]) -> bool {
    let is_old = |pair: &[&str]| pair[0] == "ecr" && pair[1] == "get-login";
    let is_call = |word: &&str| word.split(['.', '=']).any(|part| ASKS.contains(&part)) || ASKS.contains(word);
    words.iter().any(is_call) || words.windows(2).any(is_old)
}

fn writes(words: &[&str]) -> bool {
    let is_manifest = words.windows(2).any(|pair| pair[0] == "kind" && pair[1] == "secret");
    let is_call = |word: &&str| word.split('.').any(|part| CALLS.contains(&part));
    // Matches `CoreV1().Secrets(namespace)` of client-go, with or without the parentheses.
    let is_go = words.windows(2).any(|pair| pair[0].ends_with("corev1") && pair[1].starts_with(".secrets"))
        || words.iter().any(|word| word.contains("corev1.secrets"));
    let is_api =
        |word: &&str| word.contains("api/v1/namespaces/") && (word.ends_with("/secrets") || word.contains("/secrets/"));
    let is_posted = words.iter().any(is_api) && words.iter().any(|it| matches!(*it, "post" | "patch" | "put"));
    is_manifest || is_posted || is_go || words.iter().any(is_call) || writes_with_a_client(words)
}

/// Returns whether a command writes a Secret.
///
/// Examples are `kubectl --namespace team-a create secret docker-registry ecr`, `oc delete secret/ecr`, and a command
/// that applies a `.dockerconfigjson`.
fn writes_with_a_client(words: &[&str]) -> bool {
    let is_client = |word: &str| CLIENTS.contains(&program(word));
    if !words.iter().any(|word| is_client(word)) {
        return false;
    }
    let is_secret = |word: &str| {
        matches!(word, "secret" | "secrets") || word.starts_with("secret/") || word.starts_with("secrets/")
    };
    let is_about_one = |at: usize| {
        let rest = words[at + 1..].iter().take(FLAGS).take_while(|word| !is_client(word) && **word != "get");
        rest.into_iter().any(|word| is_secret(word))
    };
    let verbs = words.iter().enumerate().filter(|(_, word)| VERBS.contains(word)).map(|(at, _)| at).collect::<Vec<_>>();
    verbs.iter().any(|at| is_about_one(*at))
        || (!verbs.is_empty() && words.iter().any(|it| it.ends_with("kubernetes.io/dockerconfigjson")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_that_writes_pull_secrets_is_recognized() {
        let writers = [
            "T=$(aws ecr get-login-password)\ncat <<E | kubectl apply -f -\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nE",
            "aws ecr get-login-password | kubectl apply -f - <<< '{\"kind\": \"Secret\"}'",
            "PW=`aws ecr get-login-password`; kubectl create secret docker-registry ecr --docker-password=$PW",
            "aws ecr get-login-password > /t; oc create secret docker-registry ecr --docker-password=\"$(cat /t)\"",
            "kubectl -n team-a delete secret --ignore-not-found ecr; aws ecr get-login --no-include-email",
            "aws ecr get-authorization-token --output text; kubectl --namespace team-a patch secret ecr -p x",
            "/usr/local/bin/kubectl replace --force -n a secret/ecr; aws ecr get-login-password",
            "gcloud auth print-access-token > /t; kubectl create secret docker-registry gar --docker-password=\"$(cat /t)\"",
            "T=$(az acr login --name acme --expose-token); kubectl create secret docker-registry acr --docker-password=$T",
            "oc set data secret/ecr .dockerconfigjson=x; aws ecr get-login-password --region eu-west-1",
            "import boto3\nboto3.client('ecr').get_authorization_token()\nclient.CoreV1Api().patch_namespaced_secret('ecr', 'a', b)",
            "ecr.get_authorization_token()\nbody = kubernetes.client.V1Secret(type='kubernetes.io/dockerconfigjson')",
            "svc.GetAuthorizationToken(in); clientset.CoreV1().Secrets(ns).Update(ctx, secret)",
            "clientset.corev1.secrets(ns); new GetAuthorizationTokenCommand({})",
            "aws ecr get-login-password; curl -X PATCH $API/api/v1/namespaces/a/secrets/ecr",
            "curl -X POST https://kubernetes.default/api/v1/namespaces/a/secrets; aws ecr get-login-password",
            "kubectl create -f /tmp/s.json # type kubernetes.io/dockerconfigjson\naws ecr get-login-password",
            "for n in $(kubectl get ns -o name); do kubectl create secret docker-registry ecr -n $n; done; aws ecr get-login-password",
            "KIND: SECRET\naws ecr GET-LOGIN-PASSWORD | kubectl apply -f -",
            "Get-ECRLoginCommand; kubectl create secret docker-registry ecr",
        ];
        for script in writers {
            let says = Says::of(script);
            assert!(says.asks && says.writes, "{script}: {says:?}");
        }
    }

    #[test]
    fn a_script_that_only_reads_secrets_or_copies_images_is_ignored() {
        let others = [
            "aws secretsmanager get-secret-value --secret-id q; aws ecr get-login-password | skopeo login; skopeo sync",
            "aws ecr get-login-password | docker login --password-stdin; docker push x",
            "aws ecr get-login-password | crane auth login; crane copy a b # secret",
            "kubectl get secret quay -o json > auth.json; aws ecr get-login-password | skopeo login --authfile auth.json",
            "aws secretsmanager create-secret --name x; aws ecr get-login-password | skopeo login",
            "kubectl apply -f deploy.yaml; kubectl get secret quay; aws ecr get-login-password | docker login",
            "vault kv put secret/ecr token=$(aws ecr get-login-password)",
            "aws ecr get-login-password | podman login --authfile /pull/.dockerconfigjson",
            "kubectl rollout restart deployment/x; aws ecr get-login-password | helm registry login",
            "echo no secret; aws ecr get-login-password | oras login",
            "kubectl create job secretary; aws ecr get-login-password",
            "# was: kubectl create secret docker-registry ecr\naws ecr get-login-password | skopeo login",
            "aws ecr get-login-password | crane auth login\n  # kubectl -n a delete secret ecr",
            "// clientset.CoreV1().Secrets(ns).Update(ctx, secret)\nsvc.GetAuthorizationToken(in)",
        ];
        for script in others {
            let says = Says::of(script);
            assert!(says.asks && !says.writes, "{script}: {says:?}");
        }
        for script in ["kubectl create secret generic db", "velero backup create", "aws s3 cp secret s3://x", ""] {
            assert!(!Says::of(script).asks, "{script}");
        }
    }
}
