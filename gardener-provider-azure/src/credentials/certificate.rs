//! Proof by certificate: a JWT that its key signs.
//!
//! Source: <https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials>

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use gardener_provider_core::{Error, Redacted, Result};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A certificate and its key.
pub(crate) struct Certificate {
    thumbprint: String,
    key: EncodingKey,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: String,
    nbf: u64,
    iat: u64,
    exp: u64,
}

/// Ten minutes, as the source advises.
const LIFETIME: Duration = Duration::from_secs(600);

impl Certificate {
    /// Reads a PEM with the certificate and its RSA key; of a chain, the first.
    pub(crate) fn parse(pem: &Redacted<String>) -> Result<Self, &'static str> {
        let text = pem.expose().as_bytes();
        let certificate = CertificateDer::from_pem_slice(text)
            .map_err(|_| "holds no PEM certificate; give certificate and key in one PEM text")?;
        let key = private_key(pem.expose())
            .ok_or("holds no PEM private key; give certificate and key in one PEM text")?;
        // The parser's own error might show what it read.
        let key = EncodingKey::from_rsa_pem(key.as_bytes())
            .map_err(|_| "has a private key that is no unencrypted RSA key; Entra ID takes RSA only")?;
        Ok(Self { thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)), key })
    }

    /// A JWT that says who `client` is, for the token endpoint `audience`.
    pub(crate) fn assertion(
        &self,
        audience: &str,
        client: &str,
        now: SystemTime,
    ) -> Result<Redacted<String>> {
        let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let claims = Claims {
            aud: audience,
            iss: client,
            sub: client,
            jti: format!("{:032x}", fastrand::u128(..)),
            nbf: now.as_secs(),
            iat: now.as_secs(),
            exp: (now + LIFETIME).as_secs(),
        };
        let mut header = Header::new(Algorithm::PS256);
        header.x5t_s256 = Some(self.thumbprint.clone());
        jsonwebtoken::encode(&header, &claims, &self.key)
            .map(Redacted::new)
            .map_err(|_| Error::internal("the certificate's key could not sign"))
    }
}

/// The block of the private key alone.
fn private_key(pem: &str) -> Option<&str> {
    let labels = ["PRIVATE KEY", "RSA PRIVATE KEY"];
    labels.into_iter().find_map(|label| {
        let start = pem.find(&format!("-----BEGIN {label}-----"))?;
        let end = format!("-----END {label}-----");
        let length = pem[start..].find(&end)? + end.len();
        Some(&pem[start..start + length])
    })
}
