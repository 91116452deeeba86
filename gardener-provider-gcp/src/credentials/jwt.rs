//! Signed statements of a service account: JSON web tokens with RS256.
//!
//! Source: <https://developers.google.com/identity/protocols/oauth2/service-account#authorizingrequests>

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{rand::SystemRandom, rsa::KeyPair, signature::RSA_PKCS1_SHA256};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use gardener_provider_core::{Error, Redacted, Result};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::{Value, json};

use super::{SCOPE, key_file::ServiceAccountKey};

/// The longest that Google accepts.
const LIFETIME: u64 = 3600;
const AUDIENCE: &str = "https://oauth2.googleapis.com/token";

/// Signs for one service account.
pub(crate) struct Signer<'a> {
    account: &'a ServiceAccountKey,
    key: KeyPair,
}

impl<'a> Signer<'a> {
    /// Reads the private key.
    ///
    /// # Errors
    /// `InvalidArgument` naming it if it is no RSA key in PEM.
    pub(crate) fn new(account: &'a ServiceAccountKey) -> Result<Self> {
        let wrong = |problem: &str| {
            let field = format!("{}.private_key", account.field);
            Error::invalid(field, format!("{problem}; create a new key and paste the whole file"))
        };
        let der = PrivateKeyDer::from_pem_slice(account.private_key.expose().as_bytes())
            .map_err(|_| wrong("is no private key in PEM"))?;
        let key = match &der {
            PrivateKeyDer::Pkcs8(der) => KeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => KeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(wrong("is no RSA key")),
        };
        Ok(Self { account, key: key.map_err(|_| wrong("is no RSA key that can be used"))? })
    }

    /// The statement that asks for an access token now.
    ///
    /// # Errors
    /// `Internal` if it cannot be signed.
    pub(crate) fn assertion(&self, now: SystemTime) -> Result<Redacted<String>> {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = &self.account.key_id {
            header["kid"] = Value::from(id.as_str());
        }
        let claims = json!({
            "iss": self.account.email,
            "scope": SCOPE,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let encode = |part: &Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
        let message = format!("{}.{}", encode(&header), encode(&claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(|_| Error::internal("the request for an access token could not be signed"))?;
        Ok(Redacted::new(format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))))
    }
}

impl fmt::Debug for Signer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("account", &self.account.email).finish_non_exhaustive()
    }
}
