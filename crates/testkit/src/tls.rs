//! Certificates that nobody trusts who was not told to.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// A certificate authority of its own, with another name and key each time.
///
/// ```
/// use regcred_testkit::tls::Authority;
///
/// let authority = Authority::new();
/// let certificate = authority.issue(&["localhost", "127.0.0.1"]);
/// assert_ne!(certificate.pem(), authority.pem());
/// ```
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Authority {
    /// Makes one.
    ///
    /// # Panics
    ///
    /// If the system has no randomness.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        // Verifiers look for the issuer by its name, so that a stranger must not have ours.
        params.distinguished_name.push(DnType::CommonName, format!("authority {:016x}", fastrand::u64(..)));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, key()).expect("the parameters are complete"))
    }

    /// Its own certificate, for a client's trust store.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server's certificate for these DNS names and IP addresses.
    ///
    /// # Panics
    ///
    /// If a name cannot stand in a certificate.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.sign(&server(names))
    }

    /// As [`Authority::issue`], but it ended in 2021.
    ///
    /// # Panics
    ///
    /// If a name cannot stand in a certificate.
    pub fn issue_expired(&self, names: &[&str]) -> Certificate {
        let mut params = server(names);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Certificate {
        let key = key();
        let certificate = params.signed_by(&key, &self.0).expect("the parameters are complete");
        Certificate { der: certificate.der().clone(), pem: certificate.pem(), key: key.serialize_der() }
    }
}

/// A server's certificate with its key. Its `Debug` form does not show the key.
#[derive(Clone)]
pub struct Certificate {
    der: CertificateDer<'static>,
    pem: String,
    key: Vec<u8>,
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("pem", &self.pem).finish_non_exhaustive()
    }
}

impl Certificate {
    /// For `localhost` and 127.0.0.1, by an authority that nobody can trust because it is gone.
    pub fn stranger() -> Self {
        Authority::new().issue(&["localhost", "127.0.0.1"])
    }

    /// The certificate without its key.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The key, in PEM.
    pub fn key_pem(&self) -> String {
        let text = STANDARD.encode(&self.key);
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
        format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
    }

    /// What ends TLS with this certificate. It speaks HTTP/1.1 only, and so names no protocol.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        // A process default would be everybody's, and the code under test may set its own.
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has the usual suites")
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], key)
            .expect("the key is the certificate's");
        TlsAcceptor::from(Arc::new(config))
    }
}

fn key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

fn server(names: &[&str]) -> CertificateParams {
    let names = names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut params = CertificateParams::new(names).expect("the names can stand in a certificate");
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_debug_form_shows_a_key() {
        let certificate = Certificate::stranger();
        let shown = format!("{certificate:?} {:?}", Authority::new());
        assert!(shown.contains("BEGIN CERTIFICATE") && !shown.contains("PRIVATE KEY"), "{shown}");
        assert!(!shown.contains(&format!("{:?}", certificate.key)));
    }
}
