//! A client configuration of kube, in our own values.

use kube::{
    Config,
    config::{AuthInfo, AuthProviderConfig, ExecConfig},
};
use regcred_core::{ExposeSecret, SecretString};

use super::document::{AuthProvider, Cluster, Exec, Impersonate, Material, User};

/// Its user.
pub(super) fn user(info: &AuthInfo) -> User {
    let material = |data: Option<&str>, file: &Option<String>| Material {
        data: text(data).map(SecretString::from),
        file: text(file.as_deref()).map(Into::into),
    };
    let key = info.client_key_data.as_ref().map(ExposeSecret::expose_secret);
    User {
        token: secret(info.token.as_ref()),
        token_file: text(info.token_file.as_deref()).map(Into::into),
        username: text(info.username.as_deref()),
        password: secret(info.password.as_ref()),
        certificate: material(info.client_certificate_data.as_deref(), &info.client_certificate),
        key: material(key, &info.client_key),
        impersonate: Impersonate {
            user: text(info.impersonate.as_deref()),
            uid: text(info.impersonate_uid.as_deref()),
            groups: info.impersonate_groups.clone().unwrap_or_default(),
            extra: info.impersonate_user_extra.clone().unwrap_or_default().into_iter().collect(),
        },
        auth_provider: info.auth_provider.as_ref().map(auth_provider),
        exec: info.exec.as_ref().map(exec),
    }
}

/// The cluster that an exec plug-in gets.
pub(super) fn cluster(config: &Config) -> Cluster {
    let told = config.auth_info.exec.as_ref().and_then(|it| it.cluster.as_ref());
    Cluster {
        server: Some(config.cluster_url.to_string()),
        server_name: config.tls_server_name.clone(),
        is_insecure: config.accept_invalid_certs,
        authority: Material {
            data: told.and_then(|it| it.certificate_authority_data.as_ref()).map(|pem| encoded(pem).into()),
            file: None,
        },
        proxy_url: config.proxy_url.as_ref().map(ToString::to_string),
        extension: told.and_then(|it| it.config.clone()),
    }
}

fn exec(config: &ExecConfig) -> Exec {
    let variable = |it: &std::collections::HashMap<String, String>| {
        Some((it.get("name")?.clone(), SecretString::from(it.get("value")?.as_str())))
    };
    Exec {
        api_version: text(config.api_version.as_deref()),
        command: text(config.command.as_deref()),
        args: config.args.clone().unwrap_or_default(),
        env: config.env.iter().flatten().filter_map(variable).collect(),
        install_hint: text(config.install_hint.as_deref()),
        wants_cluster: config.provide_cluster_info,
    }
}

fn auth_provider(config: &AuthProviderConfig) -> AuthProvider {
    let id_token = config.config.get("id-token").filter(|it| !it.is_empty());
    AuthProvider { name: config.name.clone(), id_token: id_token.map(|it| it.as_str().into()) }
}

fn text(text: Option<&str>) -> Option<String> {
    text.filter(|it| !it.is_empty()).map(str::to_owned)
}

fn secret(secret: Option<&SecretString>) -> Option<SecretString> {
    secret.filter(|it| !it.expose_secret().is_empty()).cloned()
}

fn encoded(pem: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(pem)
}
