//! Authorities and client certificates of a kubeconfig.

use base64::{
    Engine, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig},
};
use kube::config::{AuthInfo, Cluster};
use regcred_core::{ExposeSecret, SecretString, read_file};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// As in Go, trailing bits do not matter.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// A client certificate and its key, in PEM.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: SecretString,
}

const FIELD: &str = "certificate-authority";

/// Returns the authorities that a cluster names, as PEM.
pub(super) fn authority_pem(cluster: &Cluster) -> Result<Option<Vec<u8>>, String> {
    load(cluster.certificate_authority_data.as_deref(), cluster.certificate_authority.as_deref(), FIELD)
}

/// Returns the authorities that a cluster names, as DER. `None`: those of the machine.
pub(super) fn authorities(cluster: &Cluster) -> Result<Option<Vec<Vec<u8>>>, String> {
    let Some(pem) = authority_pem(cluster)? else { return Ok(None) };
    let (mut roots, mut usable) = (vec![], RootCertStore::empty());
    for (number, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let certificate = certificate.map_err(|_| format!("`{FIELD}`: certificate {} is cut off", number + 1))?;
        // As in Go, an unusable certificate is skipped.
        if usable.add(certificate.clone()).is_ok() {
            roots.push(certificate.to_vec());
        }
    }
    if roots.is_empty() { Err(format!("`{FIELD}` holds no PEM certificate")) } else { Ok(Some(roots)) }
}

/// Returns the client certificate of a user.
pub(super) fn identity(user: &AuthInfo) -> Result<Option<Identity>, String> {
    let certificate =
        load(user.client_certificate_data.as_deref(), user.client_certificate.as_deref(), "client-certificate")?;
    let Some(certificate) = certificate else { return Ok(None) };
    let key = user.client_key_data.as_ref().map(ExposeSecret::expose_secret);
    let Some(key) = load(key, user.client_key.as_deref(), "client-key")? else {
        return Err("`client-certificate` has no `client-key` beside it".into());
    };
    let key = String::from_utf8(key).map_err(|_| "`client-key` is not PEM")?;
    let identity = Identity { certificate, key: key.into() };
    identity.check()?;
    Ok(Some(identity))
}

impl Identity {
    /// Refuses what TLS rejects without a reason: an encrypted key, and a certificate of X.509 version 1.
    pub(super) fn check(&self) -> Result<(), String> {
        let key = self.key.expose_secret();
        if key.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || key.contains("Proc-Type: 4,ENCRYPTED") {
            return Err("its key is encrypted, and regcred cannot ask for the password: decrypt it with \
                `openssl pkey -in KEY -out DECRYPTED`"
                .into());
        }
        match CertificateDer::pem_slice_iter(&self.certificate).next() {
            Some(Ok(certificate)) if is_version_1(&certificate) => {
                Err("it is an X.509 version 1 certificate, which regcred does not support: issue version 3, \
                    for example with `openssl x509 -req -extfile`"
                    .into())
            }
            _ => Ok(()),
        }
    }
}

/// Returns whether a certificate lacks the field of its version, which means version 1 (RFC 5280, 4.1).
fn is_version_1(certificate: &[u8]) -> bool {
    const VERSION: u8 = 0xa0;
    let to_be_signed = content(certificate).and_then(content);
    to_be_signed.and_then(<[u8]>::first).is_some_and(|tag| *tag != VERSION)
}

/// Returns the content of a DER sequence.
fn content(der: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    match der {
        [SEQUENCE, short, content @ ..] if *short < 0x80 => Some(content),
        [SEQUENCE, long, rest @ ..] if *long > 0x80 => rest.get(usize::from(*long & 0x7f)..),
        _ => None,
    }
}

fn load(data: Option<&str>, file: Option<&str>, field: &str) -> Result<Option<Vec<u8>>, String> {
    match (data, file) {
        (Some(_), Some(_)) => Err(format!("`{field}` and `{field}-data` are both there: remove one")),
        (Some(data), None) => decode(data).map(Some).ok_or_else(|| format!("`{field}-data` is not base64")),
        (None, Some(file)) => read_file(file.as_ref()).map(Some).map_err(|error| error.chain()),
        (None, None) => Ok(None),
    }
}

/// Decodes base64. As in Go, line breaks do not matter.
fn decode(data: &str) -> Option<Vec<u8>> {
    let text = data.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect::<Vec<_>>();
    BASE64.decode(text).ok()
}
