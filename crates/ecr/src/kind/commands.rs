//! The commands that create the roles and the user of an IAM document, which is saved as `iam.json`.

use serde_json::Value;

use super::role::RoleArn;

/// Returns the first step, which names the roles and users that the next steps create.
pub(super) fn head(users: &[Value], roles: &[Value]) -> String {
    let what = match (users.is_empty(), roles.is_empty()) {
        (true, _) => "each role",
        (false, true) => "the user",
        (false, false) => "the user and each role",
    };
    format!("save the document as iam.json, then create {what}:")
}

/// Returns the commands that create the role at a position in the document.
pub(super) fn role(place: usize, name: &str, arn: Option<&RoleArn>) -> String {
    let path = arn.and_then(|arn| arn.as_str().split_once(":role/")?.1.rsplit_once('/')).map(|(path, _)| path);
    let path = path.map(|path| format!(" --path '/{}/'", path.replace('\'', r"'\''"))).unwrap_or_default();
    format!(
        "aws iam create-role --role-name {name}{path} --assume-role-policy-document \"$(jq '.roles[{place}].trust' iam.json)\" && aws iam \
         put-role-policy --role-name {name} --policy-name regcred --policy-document \"$(jq '.roles[{place}].policy' iam.json)\""
    )
}

/// Returns the commands that create the user at a position in the document, and the Secret with its key. The key goes
/// through a pipe, so it appears in no file and no process list.
pub(super) fn user(place: usize, name: &str, namespace: &str, secret: &str) -> [String; 3] {
    [
        format!("aws iam create-user --user-name {name}"),
        format!(
            "aws iam put-user-policy --user-name {name} --policy-name regcred --policy-document \"$(jq '.users[{place}].policy' iam.json)\""
        ),
        format!(
            "aws iam create-access-key --user-name {name} --output json | jq --raw-output '.AccessKey | \"[default]\\naws_access_key_id = \
             \\(.AccessKeyId)\\naws_secret_access_key = \\(.SecretAccessKey)\"' | kubectl create secret generic {secret} \
             --namespace={namespace} --from-file=credentials=/dev/stdin"
        ),
    ]
}
