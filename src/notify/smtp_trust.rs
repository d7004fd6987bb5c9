//! Which mail server is the right one where the config names certificates of its own: one whose certificate is among them, or one whose
//! certificate a CA has signed, the system's or one of these. Not responsible for the handshake (`smtp`), which shows that the server
//! holds the key of the certificate that it presents, and nothing more.
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use x509_cert::der::Decode;
use x509_cert::ext::pkix::BasicConstraints;

/// Whom to believe.
pub struct Trust {
    /// Certificates that are right as they are, whatever name and dates they carry: the config means these very ones.
    exactly: Vec<CertificateDer<'static>>,
    /// CAs: the system's, and those of the file.
    roots: RootCertStore,
    /// The name that a CA must have signed.
    name: ServerName<'static>,
}

impl Trust {
    /// The system's CAs, and every certificate in a PEM file.
    ///
    /// # Errors
    /// What is wrong with the file, without its name.
    pub(super) fn read(file: &Path, host: &str) -> Result<Self, String> {
        let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let exactly: Vec<CertificateDer<'static>> = read.map_err(|e| format!("cannot be read: {e}"))?;
        if exactly.is_empty() {
            return Err(
                "holds no certificate: write one or more in PEM form (-----BEGIN CERTIFICATE-----)".into()
            );
        }
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.add_parsable_certificates(exactly.iter().filter(|one| is_ca(one)).cloned());
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is not a server name"))?;
        Ok(Self { exactly, roots, name })
    }

    /// Whether a server that presents these certificates, its own first, is the right one.
    pub(super) fn accepts(&self, shown: &[Vec<u8>], now: Timestamp) -> Result<(), rustls::Error> {
        let shown: Vec<CertificateDer<'_>> =
            shown.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let Some((own, between)) = shown.split_first() else {
            return Err(rustls::Error::NoCertificatesPresented);
        };
        if self.exactly.iter().any(|one| one.as_ref() == own.as_ref()) {
            return Ok(());
        }
        let seconds = u64::try_from(now.as_second())
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::NotValidYet))?;
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let own = ParsedCertificate::try_from(own)?;
        let kinds = aws_lc_rs::default_provider().signature_verification_algorithms;
        verify_server_cert_signed_by_trust_anchor(&own, &self.roots, between, now, kinds.all)?;
        verify_server_name(&own, &self.name)
    }
}

/// Whether it may sign others. One that may not is a server's own: what it signs all the same is not believed.
fn is_ca(one: &CertificateDer<'_>) -> bool {
    let read = x509_cert::Certificate::from_der(one.as_ref()).ok();
    let says = read.and_then(|cert| cert.tbs_certificate.get::<BasicConstraints>().ok().flatten());
    says.is_some_and(|(_, limits)| limits.ca)
}
