//! TLS of the host's own requests and of those of guests: which certificates are trusted.
//!
//! May use: text.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::text::printable::Shown as _;

/// The certificate authorities that are trusted in addition to those that browsers trust.
#[derive(Debug, Clone)]
pub struct ExtraRoots(RootCertStore);

/// A file of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{file} cannot be used: {reason}; it must contain CA certificates in PEM format", file = .file.shown())]
pub struct CertificateError {
    /// The file.
    pub file: PathBuf,
    /// The reason.
    pub reason: String,
}

impl Default for ExtraRoots {
    fn default() -> Self {
        Self(RootCertStore::empty())
    }
}

impl ExtraRoots {
    /// Reads PEM files.
    ///
    /// # Errors
    /// If a file contains no certificate, or something else.
    pub fn read(files: &[(PathBuf, Vec<u8>)]) -> Result<Self, CertificateError> {
        let mut roots = RootCertStore::empty();
        for (file, pem) in files {
            let bad = |reason: String| CertificateError { file: file.clone(), reason };
            let before = roots.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| bad(error.to_string()))?;
                roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
            if roots.len() == before {
                return Err(bad("the file contains no certificate".to_owned()));
            }
        }
        Ok(Self(roots))
    }

    /// The configuration of a client that trusts them. It takes a while to make.
    ///
    /// # Errors
    /// If the versions and the ciphers do not fit together, which would be a bug.
    pub fn client(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots = self.0.clone();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_named() {
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let files = [(PathBuf::from("ca.pem"), pem.as_bytes().to_vec())];
            let error = ExtraRoots::read(&files).unwrap_err().to_string();
            assert!(error.starts_with("ca.pem cannot be used: "), "{error}");
        }
        assert!(ExtraRoots::default().client().is_ok());
    }
}
