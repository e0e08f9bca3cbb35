//! Follows a profile to its first credentials, and lists the roles to assume with them. Pure.

use std::path::PathBuf;

use aws_credential_types::Credentials;
use regcred_core::{Error, Result};

use crate::{
    codes,
    keys::{Part, clean},
    line::{line, role_arn},
    profiles::{Profiles, Setting},
};

/// The profile that is used if nothing names one.
pub(crate) const DEFAULT: &str = "default";

/// The steps from a profile to its credentials.
#[derive(Debug)]
pub(crate) struct Steps {
    /// The profile that the first credentials come from.
    pub(crate) profile: String,
    pub(crate) first: First,
    /// The roles to assume, one after another.
    pub(crate) roles: Vec<Assumed>,
}

/// The source of the first credentials of a profile.
#[derive(Debug)]
pub(crate) enum First {
    Keys(Credentials),
    Environment,
    Instance,
    Container,
    WebIdentity {
        role_arn: String,
        token_file: PathBuf,
        session_name: Option<String>,
    },
    /// A session of `aws sso login`.
    Sso {
        account: String,
        role: String,
        start_url: String,
        region: String,
        session: Option<String>,
    },
    /// A session of `aws login`.
    Login {
        session: String,
        region: Option<String>,
    },
    /// A program that prints credentials, with its arguments.
    Program(String),
}

/// A role that a profile assumes.
#[derive(Debug)]
pub(crate) struct Assumed {
    pub(crate) arn: String,
    pub(crate) external_id: Option<String>,
    pub(crate) session_name: Option<String>,
}

/// Follows a profile to its first credentials. The order within a profile is that of the SDK.
///
/// Returns `None` if the profile has no settings for credentials. Fails with
/// [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) if the settings contradict each other, or name a profile
/// that does not exist.
pub(crate) fn steps(profiles: &Profiles, name: &str) -> Result<Option<Steps>> {
    let (mut seen, mut roles) = (vec![name.to_owned()], vec![]);
    loop {
        let Some(profile) = seen.last().cloned() else { return Ok(None) };
        let profile = Profile { profiles, name: &profile };
        if seen.len() > 1
            && let Some(keys) = profile.keys()?
        {
            return Ok(Some(profile.ends(First::Keys(keys), roles)));
        }
        let role = profile.get("role_arn").filter(|_| profile.get("web_identity_token_file").is_none());
        let Some(role) = role else {
            let first = profile.first()?;
            if first.is_none() && seen.len() > 1 {
                return Err(profile.invalid("it is a source_profile, and has no credentials"));
            }
            return Ok(first.map(|first| profile.ends(first, roles)));
        };
        if profile.get("mfa_serial").is_some() {
            return Err(profile.invalid(MFA));
        }
        roles.insert(0, profile.assumes(role)?);
        let (source, named) = (profile.get("source_profile"), profile.get("credential_source"));
        let source = match (source, named) {
            (Some(_), Some(_)) => return Err(profile.invalid("it has both source_profile and credential_source")),
            (None, None) => return Err(profile.invalid("its role_arn needs a source_profile or a credential_source")),
            (Some(source), None) if source.value != profile.name => source,
            // The profile's own credentials assume its role.
            _ => {
                let first = profile
                    .first()?
                    .ok_or_else(|| profile.invalid("it is its own source_profile, and has no credentials"))?;
                return Ok(Some(profile.ends(first, roles)));
            }
        };
        let source = line(source.value, || profile.location("source_profile", source))?;
        if !profiles.has(&source) {
            let missing = profiles.missing(&source);
            return Err(profile.invalid(&format!("its source_profile {source:?} does not exist: {missing}")));
        }
        if seen.contains(&source) {
            let path = seen.iter().map(String::as_str).chain([source.as_str()]).collect::<Vec<_>>().join(" -> ");
            return Err(profile.invalid(&format!("its source_profile leads back to it: {path}")));
        }
        seen.push(source);
    }
}

/// The reason for refusing a profile with `mfa_serial`.
const MFA: &str = "its mfa_serial needs a code from a person, which regcred cannot ask for: \
    use `aws configure export-credentials`, or a role without MFA";

/// Returns the error for a profile that does not exist. `named_by` is the place that names it, such as a variable.
pub(crate) fn missing(profiles: &Profiles, name: &str, named_by: &str) -> Error {
    let message = format!("cannot find the AWS profile {name:?}{named_by}");
    Error::new(&codes::PROFILE, message).with_cause(profiles.missing(name))
}

struct Profile<'a> {
    profiles: &'a Profiles,
    name: &'a str,
}

impl<'a> Profile<'a> {
    fn get(&self, key: &str) -> Option<Setting<'a>> {
        self.profiles.get(self.name, key)
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(|it| it.value.to_owned())
    }

    fn invalid(&self, why: &str) -> Error {
        Error::new(&codes::PROFILE, format!("cannot use the AWS profile {:?}", self.name)).with_cause(why)
    }

    /// Returns the location of a setting, for errors.
    fn location(&self, key: &str, setting: Setting<'_>) -> String {
        format!("{key} of the AWS profile {:?} in {}", self.name, setting.file.display())
    }

    /// Returns a setting that fits on one line.
    fn line(&self, key: &str) -> Result<Option<String>> {
        self.get(key).map(|it| line(it.value, || self.location(key, it))).transpose()
    }

    fn ends(&self, first: First, roles: Vec<Assumed>) -> Steps {
        Steps { profile: self.name.to_owned(), first, roles }
    }

    fn assumes(&self, role: Setting<'_>) -> Result<Assumed> {
        let arn = role_arn(role.value, || self.location("role_arn", role))?;
        let (external_id, session_name) = (self.line("external_id")?, self.line("role_session_name")?);
        Ok(Assumed { arn, external_id, session_name })
    }

    fn first(&self) -> Result<Option<First>> {
        if let Some(source) = self.get("credential_source") {
            return match source.value {
                "Environment" => Ok(Some(First::Environment)),
                "Ec2InstanceMetadata" => Ok(Some(First::Instance)),
                "EcsContainer" => Ok(Some(First::Container)),
                _ => Err(self.invalid("its credential_source is not Environment, Ec2InstanceMetadata or EcsContainer")),
            };
        }
        if let Some(file) = self.get("web_identity_token_file") {
            let role =
                self.get("role_arn").ok_or_else(|| self.invalid("its web_identity_token_file needs a role_arn"))?;
            let role_arn = role_arn(role.value, || self.location("role_arn", role))?;
            let token_file = PathBuf::from(line(file.value, || self.location("web_identity_token_file", file))?);
            let session_name = self.line("role_session_name")?;
            return Ok(Some(First::WebIdentity { role_arn, token_file, session_name }));
        }
        if let Some(sso) = self.sso()? {
            return Ok(Some(sso));
        }
        if let Some(session) = self.text("login_session") {
            return Ok(Some(First::Login { session, region: self.text("region") }));
        }
        if let Some(program) = self.text("credential_process") {
            return Ok(Some(First::Program(program)));
        }
        let keys = self.keys()?.map(First::Keys);
        let blank = ["credential_process", "login_session", "credential_source", "web_identity_token_file"];
        match blank.iter().find(|key| keys.is_none() && self.profiles.is_blank(self.name, key)) {
            Some(key) => Err(self.invalid(&format!("its {key} is empty"))),
            None => Ok(keys),
        }
    }

    fn sso(&self) -> Result<Option<First>> {
        const KEYS: [&str; 5] = ["sso_session", "sso_account_id", "sso_role_name", "sso_start_url", "sso_region"];
        if KEYS.iter().all(|key| self.get(key).is_none()) {
            return Ok(None);
        }
        let needs = |key: &str| self.invalid(&format!("it has SSO settings, and no {key}"));
        let own = |key: &str| self.text(key).ok_or_else(|| needs(key));
        let session = self.text("sso_session");
        let (start_url, region) = match &session {
            None => (own("sso_start_url")?, own("sso_region")?),
            Some(session) if !self.profiles.has_sso_session(session) => {
                return Err(
                    self.invalid(&format!("its sso_session has no section [sso-session {session}] in the config file"))
                );
            }
            Some(session) => {
                if let Some(key) = ["sso_start_url", "sso_region"].iter().find(|key| self.get(key).is_some()) {
                    return Err(self.invalid(&format!("{key} belongs in the section of its sso_session")));
                }
                let of = |key| self.profiles.sso_session(session, key).map(str::to_owned);
                let needs = |key| self.invalid(&format!("the section of its sso_session has no {key}"));
                let start_url = of("sso_start_url").ok_or_else(|| needs("sso_start_url"))?;
                (start_url, of("sso_region").ok_or_else(|| needs("sso_region"))?)
            }
        };
        let (account, role) = (own("sso_account_id")?, own("sso_role_name")?);
        Ok(Some(First::Sso { account, role, start_url, region, session }))
    }

    fn keys(&self) -> Result<Option<Credentials>> {
        const NAMES: [&str; 3] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"];
        let [access_key, secret_key, token] = NAMES.map(|key| self.get(key));
        let (access_key, secret_key) = match (access_key, secret_key) {
            (Some(access_key), Some(secret_key)) => (access_key, secret_key),
            (None, None) if token.is_none() => return Ok(None),
            (None, _) => return Err(self.invalid("it has no aws_access_key_id")),
            (_, None) => return Err(self.invalid("it has no aws_secret_access_key")),
        };
        let mut keys = Credentials::builder()
            .access_key_id(access_key.value)
            .secret_access_key(secret_key.value)
            .provider_name("profile");
        keys.set_session_token(token.map(|it| it.value.to_owned()));
        let name = |part| {
            let (key, file) = match part {
                Part::AccessKey => (NAMES[0], access_key.file),
                Part::SecretKey => (NAMES[1], secret_key.file),
                Part::SessionToken => (NAMES[2], token.unwrap_or(access_key).file),
            };
            self.location(key, Setting { value: "", file })
        };
        clean(&keys.build(), name).map(Some)
    }
}
