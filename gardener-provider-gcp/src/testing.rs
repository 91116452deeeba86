//! What the tests of this crate share.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    encoding::AsDer,
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use gardener_provider_client::{clock::TokioClock, fake::FakeTransport, retry::RetryPolicy};
use gardener_provider_core::SecretData;
use serde_json::{Value, json};

use crate::{GcpProvider, GcpProviderBuilder};

/// 2026-11-22 08:00 UTC.
pub(crate) fn day() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_334_400)
}

pub(crate) const PROJECT: &str = "my-project";
pub(crate) const EMAIL: &str = "gardener@my-project.iam.gserviceaccount.com";

/// A key of this run, so that none has to lie in the repository.
pub(crate) static KEY: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

pub(crate) fn pem() -> String {
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = KEY.as_der().unwrap();
    let text = BASE64_STANDARD.encode(der.as_ref());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// A service-account key as Google's console writes it.
pub(crate) fn key_file() -> Value {
    json!({
        "type": "service_account",
        "project_id": PROJECT,
        "private_key_id": "0a1b2c",
        "private_key": pem(),
        "client_email": EMAIL,
        "client_id": "112233",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": "https://oauth2.googleapis.com/token",
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": "https://www.googleapis.com/robot/v1/metadata/x509/gardener",
        "universe_domain": "googleapis.com",
    })
}

pub(crate) fn secret() -> SecretData {
    SecretData::new().with("serviceaccount.json", key_file().to_string())
}

pub(crate) const TOKEN: &str = r#"{"access_token":"ya29.token","expires_in":3599,"token_type":"Bearer"}"#;

/// A provider over the script, without retries.
pub(crate) fn builder(script: &FakeTransport) -> GcpProviderBuilder {
    GcpProvider::builder()
        .transport(Arc::new(script.clone()))
        .clock(Arc::new(TokioClock::starting_at(day())))
        .retry(RetryPolicy::none())
}
