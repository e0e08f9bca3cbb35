//! The certificate authorities that a client trusts.

use std::{path::Path, sync::Arc};

use regcred_core::{Error, Result, read_file};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::codes;

/// The variable with a PEM file of authorities to trust instead of the machine's own.
pub(crate) const BUNDLE: &str = "SSL_CERT_FILE";

/// Returns the TLS settings of a client. Blocks for disk reads.
///
/// `bundle` replaces the authorities of the machine, and `additional` adds to them. Fails with
/// [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) unless each file contains only whole certificates, and at
/// least one.
pub(crate) fn tls(bundle: Option<&Path>, additional: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    match bundle {
        Some(path) => add(&mut roots, path, BUNDLE)?,
        // A machine may have damaged certificates among many, which other programs skip too.
        None => drop(roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs)),
    }
    if let Some(path) = additional {
        add(&mut roots, path, "the provider")?;
    }
    // The default of the process belongs to the program that embeds regcred.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has the usual suites")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn add(roots: &mut RootCertStore, path: &Path, named_by: &str) -> Result<()> {
    let unusable = |cause: String| {
        let message = format!("cannot use the authorities of {named_by}, {}", path.display());
        Error::new(&codes::TRUST, message).with_cause(cause)
    };
    let pem = read_file(path).map_err(|error| unusable(error.chain()))?;
    let before = roots.len();
    for (place, certificate) in CertificateDer::pem_slice_iter(&pem).enumerate() {
        let broken = || unusable(format!("certificate {} is damaged", place + 1));
        roots.add(certificate.map_err(|_| broken())?).map_err(|_| broken())?;
    }
    if roots.len() == before { Err(unusable("it has no PEM certificate".into())) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use regcred_testkit::tls::Authority;

    use super::*;

    #[test]
    fn a_file_without_whole_certificates_is_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("ca.pem");
        let good = Authority::new().pem();
        fs::write(&path, &good).expect("it can be written");
        tls(Some(&path), Some(&path)).expect("whole");
        for (text, cause) in [
            (String::new(), "no PEM certificate"),
            ("canary".into(), "no PEM certificate"),
            (format!("{good}{}", &good[..good.len() / 2]), "certificate 2 is damaged"),
            ("-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----\n".into(), "certificate 1 is damaged"),
        ] {
            fs::write(&path, &text).expect("it can be written");
            for error in [tls(Some(&path), None), tls(None, Some(&path))].map(|it| it.expect_err(cause)) {
                assert_eq!(error.code().id(), "RC0554");
                assert!(error.chain().contains(cause) && !error.chain().contains("canary"), "{error:?}");
            }
        }
        tls(Some(&dir.path().join("absent")), None).expect_err("it does not exist");
    }
}
