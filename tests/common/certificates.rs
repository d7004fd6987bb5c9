//! Certificates for the mail servers of the tests, made on the spot.
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate that names `localhost`, and the CA that signed it.
pub struct Certificates {
    pub ca: String,
    pub cert: String,
    pub key: String,
    cert_der: Vec<u8>,
    key_der: Vec<u8>,
}

impl Certificates {
    pub fn new() -> Self {
        Self::valid(2020, 2126)
    }

    /// The same, valid until the first day of that year.
    pub fn valid_until(year: i32) -> Self {
        Self::valid(2020, year)
    }

    /// Valid from the first day of one year to the first day of another.
    pub fn valid(from: i32, until: i32) -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        leaf.not_before = rcgen::date_time_ymd(from, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(until, 1, 1);
        let cert = leaf.signed_by(&key, &ca).unwrap();
        Self::of(ca.pem(), &cert, &key)
    }

    /// One that signed itself; `ca`: it says that it is a CA, as those of `openssl req -x509` do.
    pub fn self_signed(ca: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        if ca {
            leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let cert = leaf.self_signed(&key).unwrap();
        Self::of(cert.pem(), &cert, &key)
    }

    /// Signed with the key of a server's own certificate, which is no CA; `ca` holds that one.
    pub fn signed_by_a_server() -> Self {
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let server = CertifiedIssuer::self_signed(server, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let cert = leaf.signed_by(&key, &server).unwrap();
        Self::of(server.pem(), &cert, &key)
    }

    fn of(ca: String, cert: &rcgen::Certificate, key: &KeyPair) -> Self {
        Self {
            ca,
            cert: cert.pem(),
            key: key.serialize_pem(),
            cert_der: cert.der().to_vec(),
            key_der: key.serialize_der(),
        }
    }

    /// For a server that shows it.
    pub fn config(&self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::try_from(self.key_der.clone()).unwrap();
        let chain = vec![CertificateDer::from(self.cert_der.clone())];
        Arc::new(builder.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap())
    }
}
