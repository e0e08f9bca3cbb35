//! Writes the entries of `providers:`. It does no IO.

use std::fmt::Write;

use crate::{
    adoption::Token,
    comment::comment,
    yaml::{list, text},
};

/// What the identity of another vendor needs outside its cloud.
const INSTANCE: &str =
    "This identity works in the vendor's cloud only. For other clusters see the options of the type.";
const ROBOT: &str =
    "The robot account must trust the issuer of this cluster's tokens and the ServiceAccount of regcred.";

/// Whether a token needs an entry of `providers:`. A target can name a region and accounts of ECR itself.
pub(crate) fn has_provider(token: &Token) -> bool {
    !matches!(token, Token::Ecr { aliases, .. } if aliases.is_empty())
}

/// Returns the whole section, or nothing without an entry.
pub(crate) fn providers(named: &[&Token]) -> String {
    let mut yaml = String::new();
    if named.is_empty() {
        return yaml;
    }
    yaml += "\nproviders:\n";
    for (place, token) in named.iter().enumerate() {
        let name = name(named, place);
        let _ = writeln!(yaml, "  {name}:");
        yaml += &options(token, &name);
    }
    yaml
}

/// Returns the name of a provider: its kind, and a number if there are several of the kind.
pub(crate) fn name(named: &[&Token], place: usize) -> String {
    let kind = kind(named[place]);
    match named[..place].iter().filter(|it| self::kind(it) == kind).count() {
        0 => kind,
        earlier => format!("{kind}-{}", earlier + 1),
    }
}

fn kind(token: &Token) -> String {
    match token {
        Token::Ecr { region, .. } => format!("ecr-{region}"),
        Token::EcrPublic => "ecr-public".into(),
        Token::Google { .. } => "google".into(),
        Token::Azure { .. } => "azure".into(),
        Token::Quay { .. } => "quay".into(),
    }
}

fn options(token: &Token, name: &str) -> String {
    match token {
        Token::Ecr { region, accounts, aliases } => {
            let aliases = if aliases.contains("all") { "all".into() } else { list(2, aliases.iter().copied()) };
            let accounts = list(4, accounts.iter().map(String::as_str));
            format!("    type: ecr\n    region: {region}\n    accounts: {accounts}\n    aliases: {aliases}\n")
        }
        Token::EcrPublic => "    type: ecr-public\n".into(),
        Token::Google { registries } => {
            let registries = list(4, registries.iter().map(String::as_str));
            let instance = comment(4, INSTANCE);
            format!("    type: google\n    registries: {registries}\n{instance}    identity: instance\n")
        }
        Token::Azure { host } => {
            let instance = comment(4, INSTANCE);
            format!("    type: azure\n    host: {}\n{instance}    identity: instance\n", text(host))
        }
        Token::Quay { host, username } => {
            let (host, username, robot) = (text(host), text(username), comment(4, ROBOT));
            format!(
                "    type: quay\n    host: {host}\n    username: {username}\n{robot}    \
                 token_file: /var/run/secrets/regcred/{name}\n"
            )
        }
    }
}
