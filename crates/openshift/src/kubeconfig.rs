//! The kubeconfig: which files it is read from, and what it may name.

use std::{env, path::Path};

use hyper_util::client::proxy::matcher::Matcher;
use kube::{
    Config,
    config::{AuthInfo, Cluster, ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError},
};
use regcred_core::{Result, read_file, read_text_file};

use crate::cluster::{Connection, unusable};

const WHAT: &str = "the kubeconfig";
/// Set in every pod.
const SERVICE: &str = "KUBERNETES_SERVICE_HOST";
/// kube reads a kubeconfig of this encoding, which is what Windows PowerShell writes.
const UTF16: [[u8; 2]; 2] = [[0xff, 0xfe], [0xfe, 0xff]];

/// Reads the kubeconfig that a connection names, and the name of the context that it selects.
pub(crate) async fn load(connection: &Connection) -> Result<(Config, Option<String>)> {
    let kubeconfig = read(connection.kubeconfig.as_deref())?;
    let context = connection.context.clone().or_else(|| kubeconfig.current_context.clone());
    let (cluster, user) = selected(&kubeconfig, context.as_deref());
    for file in files(cluster, user) {
        read_file(Path::new(file)).map_err(|error| unusable(WHAT, error.chain()))?;
    }
    let own_proxy = cluster.and_then(|it| it.proxy_url.clone()).filter(|proxy| !proxy.is_empty());
    let options = KubeConfigOptions { context: connection.context.clone(), ..KubeConfigOptions::default() };
    let failed = |error: KubeconfigError| unusable(WHAT, describe(&error));
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(failed)?;
    config.proxy_url = match own_proxy {
        Some(proxy) => Some(proxy.parse().map_err(|error| failed(KubeconfigError::ParseProxyUrl(error)))?),
        // The client looks for the proxy's own host in `NO_PROXY`; it is the server's that counts.
        None => match Matcher::from_env().intercept(&config.cluster_url) {
            Some(_) => ["HTTPS_PROXY", "https_proxy"].iter().find_map(|it| env::var(it).ok()?.parse().ok()),
            None => None,
        },
    };
    Ok((config, context))
}

/// Keeps the standard error of an exec plug-in away from ours: a plug-in may print its token there.
pub(crate) fn silence_plugin(config: &mut Config) {
    if let Some(exec) = &mut config.auth_info.exec {
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
}

fn read(path: Option<&Path>) -> Result<Kubeconfig> {
    let failed = |error: KubeconfigError| unusable(WHAT, describe(&error));
    let read = |path: &Path| {
        check(path)?;
        let kubeconfig = Kubeconfig::read_from(path).map_err(failed)?;
        if is_pod() {
            check_for_pod(&kubeconfig, path.parent().unwrap_or(path))?;
        }
        Ok(kubeconfig)
    };
    if let Some(path) = path {
        return read(path);
    }
    let paths = env::var_os("KUBECONFIG").map(|paths| env::split_paths(&paths).collect::<Vec<_>>()).unwrap_or_default();
    let mut paths = paths.into_iter().filter(|path| !path.as_os_str().is_empty()).peekable();
    if paths.peek().is_none() {
        let home = env::home_dir().ok_or_else(|| unusable(WHAT, "there is no home folder to find it in".into()))?;
        return read(&home.join(".kube/config"));
    }
    paths.try_fold(Kubeconfig::default(), |merged, path| merged.merge(read(&path)?).map_err(failed))
}

/// Whether this process runs in a pod: then who may write the kubeconfig is not who runs the process.
pub(crate) fn is_pod() -> bool {
    env::var_os(SERVICE).is_some()
}

/// Fails if a kubeconfig names a program, or a file outside of its own folder: it could send the pod's own token elsewhere.
fn check_for_pod(kubeconfig: &Kubeconfig, folder: &Path) -> Result<()> {
    let clusters = || kubeconfig.clusters.iter().filter_map(|it| it.cluster.as_ref());
    let users = || kubeconfig.auth_infos.iter().filter_map(|it| it.auth_info.as_ref());
    for (is_there, what) in [
        (users().any(|user| user.exec.is_some()), "an exec plug-in"),
        (users().any(|user| user.auth_provider.is_some()), "an auth-provider"),
    ] {
        if is_there {
            let reason = "and a pod runs no program that a file names: use a token or a certificate";
            return Err(unusable(WHAT, format!("it has {what}, {reason}")));
        }
    }
    let real = |path: &Path| path.canonicalize().map_err(|_| path.to_owned());
    let folder = real(folder);
    let authorities = clusters().flat_map(|cluster| files(Some(cluster), None));
    for file in authorities.chain(users().flat_map(|user| files(None, Some(user)))) {
        let is_inside = matches!((&folder, real(Path::new(file))), (Ok(folder), Ok(file)) if file.starts_with(folder));
        if !is_inside && Path::new(file).exists() {
            return Err(unusable(
                WHAT,
                format!("in a pod it may name files of its own folder alone, and {file} is elsewhere"),
            ));
        }
    }
    Ok(())
}

/// Fails unless it is a file of text.
fn check(path: &Path) -> Result<()> {
    let Err(error) = read_text_file(path) else { return Ok(()) };
    let is_utf16 = read_file(path).is_ok_and(|bytes| UTF16.iter().any(|mark| bytes.starts_with(mark)));
    if is_utf16 { Ok(()) } else { Err(unusable(WHAT, error.chain())) }
}

/// The cluster and the user of a context.
fn selected<'a>(kubeconfig: &'a Kubeconfig, context: Option<&str>) -> (Option<&'a Cluster>, Option<&'a AuthInfo>) {
    let named = kubeconfig.contexts.iter().find(|it| Some(it.name.as_str()) == context);
    let Some(context) = named.and_then(|it| it.context.as_ref()) else { return (None, None) };
    let cluster = kubeconfig.clusters.iter().find(|it| it.name == context.cluster);
    let user = kubeconfig.auth_infos.iter().find(|it| Some(&it.name) == context.user.as_ref());
    (cluster.and_then(|it| it.cluster.as_ref()), user.and_then(|it| it.auth_info.as_ref()))
}

/// The files that a cluster and a user name.
fn files<'a>(cluster: Option<&'a Cluster>, user: Option<&'a AuthInfo>) -> impl Iterator<Item = &'a String> {
    let authority = cluster.and_then(|it| it.certificate_authority.as_ref());
    let of_user = user.into_iter().flat_map(|it| [&it.client_certificate, &it.client_key, &it.token_file]);
    authority.into_iter().chain(of_user.flatten()).filter(|path| !path.is_empty())
}

/// The parser's own words quote lines of the file, and those hold tokens and keys.
fn describe(error: &KubeconfigError) -> String {
    let data = |what: &str, error: &LoadDataError| match error {
        LoadDataError::DecodeBase64(_) => format!("its {what}-data is not base64"),
        LoadDataError::ReadFile(error, path) => format!("its {what}, {}, cannot be read: {error}", path.display()),
        LoadDataError::NoBase64DataOrFile => format!("it names no {what}"),
    };
    match error {
        KubeconfigError::CurrentContextNotSet => "it has no current-context; --context names one".into(),
        KubeconfigError::KindMismatch => "its files are not all of one kind".into(),
        KubeconfigError::ApiVersionMismatch => "its files are not all of one apiVersion".into(),
        KubeconfigError::LoadContext(name) => format!("it has no context {name:?}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("it has no cluster {name:?}, which its context names"),
        KubeconfigError::FindPath => "there is no home folder to find it in".into(),
        KubeconfigError::ReadConfig(error, path) => format!("cannot read {}: {error}", path.display()),
        KubeconfigError::MissingClusterUrl => "its cluster has no server".into(),
        KubeconfigError::ParseClusterUrl(_) => "the server of its cluster is not a URL".into(),
        KubeconfigError::ParseProxyUrl(_) => "its proxy-url, or the proxy of HTTPS_PROXY, is not a URL".into(),
        KubeconfigError::LoadCertificateAuthority(error) => data("certificate-authority", error),
        KubeconfigError::LoadClientCertificate(error) => data("client-certificate", error),
        KubeconfigError::LoadClientKey(error) => data("client-key", error),
        KubeconfigError::ParseCertificates(_) => "its certificate authority holds no PEM certificates".into(),
        KubeconfigError::ParseNoProxy(_) => "NO_PROXY has an entry that is not a host, a domain or a network".into(),
        KubeconfigError::Parse(_) => "it is not YAML of a kubeconfig; try `kubectl config view`".into(),
    }
}
