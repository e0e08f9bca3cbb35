//! Certificates of a private authority. Only clients that are configured to trust the authority accept them.

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

/// A certificate authority. Each has its own name and key.
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
    /// Creates an authority.
    ///
    /// # Panics
    ///
    /// If the system has no source of randomness.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        // Verifiers look up the issuer by name, so another authority must not have the same name.
        params.distinguished_name.push(DnType::CommonName, format!("authority {:016x}", fastrand::u64(..)));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, key()).expect("the parameters are complete"))
    }

    /// Returns the certificate of the authority, for a client's trust store.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// Issues a server certificate for these DNS names and IP addresses.
    ///
    /// # Panics
    ///
    /// If a name is not valid in a certificate.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        self.sign(&server(names))
    }

    /// Issues a certificate like [`Authority::issue`], but one that expired in 2021.
    ///
    /// # Panics
    ///
    /// If a name is not valid in a certificate.
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

/// A server certificate with its key. The `Debug` form hides the key.
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
    /// Issues a certificate for `localhost` and 127.0.0.1 by an unknown authority. No client can trust that authority,
    /// because it is discarded.
    pub fn stranger() -> Self {
        Authority::new().issue(&["localhost", "127.0.0.1"])
    }

    /// Returns the certificate in PEM, without its key.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Returns the key in PEM.
    pub fn key_pem(&self) -> String {
        let text = STANDARD.encode(&self.key);
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect::<Vec<_>>().join("\n");
        format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
    }

    /// Returns an acceptor for TLS with this certificate. It offers no ALPN protocol, because it supports only
    /// HTTP/1.1.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        // The process-wide default is shared, and the code under test may set its own.
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
    let mut params = CertificateParams::new(names).expect("the names are valid in a certificate");
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_private_key() {
        let certificate = Certificate::stranger();
        let shown = format!("{certificate:?} {:?}", Authority::new());
        assert!(shown.contains("BEGIN CERTIFICATE") && !shown.contains("PRIVATE KEY"), "{shown}");
        assert!(!shown.contains(&format!("{:?}", certificate.key)));
    }
}
