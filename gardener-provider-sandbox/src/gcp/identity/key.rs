//! Keys of service accounts.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use gardener_provider_core::Redacted;
use serde_json::json;

use crate::gcp::Gcp;

/// A key of a service account, as its JSON file has it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServiceAccountKey {
    /// The project of the account.
    pub project: String,
    /// The account.
    pub email: String,
    /// The account's number.
    pub client_id: String,
    /// The key's id.
    pub id: String,
    /// The private key (PKCS #8, PEM).
    pub private_key: Redacted<String>,
}

impl ServiceAccountKey {
    /// The content of the key file.
    pub fn to_json(&self) -> Redacted<String> {
        self.to_json_at("https://oauth2.googleapis.com/token")
    }

    /// As [`ServiceAccountKey::to_json`] with another token endpoint, such as the loopback server's `/token`.
    pub fn to_json_at(&self, token_uri: &str) -> Redacted<String> {
        let file = json!({
            "type": "service_account",
            "project_id": self.project,
            "private_key_id": self.id,
            "private_key": self.private_key.expose(),
            "client_email": self.email,
            "client_id": self.client_id,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": token_uri,
            "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
            "client_x509_cert_url": format!("https://www.googleapis.com/robot/v1/metadata/x509/{}", self.email),
            "universe_domain": "googleapis.com",
        });
        Redacted::new(file.to_string())
    }
}

/// A pair of keys: private (PEM) and public (DER).
struct Pair {
    private: String,
    public: Vec<u8>,
}

/// Making an RSA key takes a while, so all sandboxes of a process share one.
static PAIR: LazyLock<Option<Pair>> = LazyLock::new(|| {
    let key = KeyPair::generate(KeySize::Rsa2048).ok()?;
    let der = key.as_der().ok()?;
    let text = STANDARD.encode(der.as_ref());
    let mut private = String::from("-----BEGIN PRIVATE KEY-----\n");
    for line in text.as_bytes().chunks(64) {
        private.push_str(&String::from_utf8_lossy(line));
        private.push('\n');
    }
    private.push_str("-----END PRIVATE KEY-----\n");
    Some(Pair { private, public: key.public_key().as_ref().to_vec() })
});

impl Gcp {
    /// A key of the service account that the sandbox starts with.
    pub fn service_account_key(&self) -> ServiceAccountKey {
        let email = self.inner.state().identity.own_account().to_owned();
        self.service_account_key_of(&email)
    }

    /// A new key of any service account; the token endpoint accepts it as long as the account exists.
    pub fn service_account_key_of(&self, email: &str) -> ServiceAccountKey {
        let state = &mut *self.inner.state();
        let id = format!("{:016x}{:016x}{:08x}", state.ids.number(), state.ids.number(), 0x5a);
        let account = state.identity.accounts.get(email);
        let project = account.map(|account| account.project.clone()).unwrap_or_default();
        let client_id = account.map(|account| account.unique_id.to_string()).unwrap_or_default();
        let (private, public) =
            PAIR.as_ref().map(|pair| (pair.private.clone(), pair.public.clone())).unwrap_or_default();
        state.identity.keys.insert(id.clone(), (email.to_owned(), public));
        ServiceAccountKey {
            project,
            email: email.to_owned(),
            client_id,
            id,
            private_key: Redacted::new(private),
        }
    }

    /// Accepts this key of a service account no longer; true if it did.
    pub fn remove_service_account_key(&self, id: &str) -> bool {
        self.inner.state().identity.keys.remove(id).is_some()
    }
}
