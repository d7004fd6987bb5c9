//! Encryption with a server that shows who it is: by the system's CAs, or by those in a file.
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// For servers whose certificate one of these has signed, under the name that they are called by.
pub(super) fn client(ca: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    let found: Vec<CertificateDer<'static>> = match ca {
        Some(file) => {
            let unread = |e: &dyn std::fmt::Display| {
                format!("names {} in sslrootcert, which cannot be read: {e}", file.display())
            };
            let all = CertificateDer::pem_file_iter(file).map_err(|e| unread(&e))?;
            all.collect::<Result<_, _>>().map_err(|e| unread(&e))?
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(found);
    if roots.is_empty() {
        return Err("leads to another machine, and there is no CA to know its server by: install ca-certificates, or name a file with sslrootcert=PATH".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("cannot be used: {e}"))?;
    Ok(Arc::new(versions.with_root_certificates(roots).with_no_client_auth()))
}
