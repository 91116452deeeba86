//! Fingerprints: a change of a resource names the version that it was made for.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/instances/setLabels>

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::gcp::{
    body::{Fields, Object},
    error::GcpError,
};

/// A fingerprint of `value`, salted so that an empty object's differs by where it is.
pub(super) fn of(value: &Value, salt: &str) -> String {
    let digest = Sha256::new().chain_update(salt).chain_update(value.to_string()).finalize();
    STANDARD.encode(&digest[..8])
}

/// Sets `field` to the fingerprint of the rest of `object`.
pub(super) fn renew(object: &mut Object, field: &str) {
    object.remove(field);
    let value = Value::Object(object.clone());
    object.insert(field.to_owned(), of(&value, field).into());
}

/// Sets `labelFingerprint` to the one of the labels.
pub(super) fn renew_labels(object: &mut Object) {
    let labels = object.get("labels").cloned().unwrap_or_default();
    object.insert("labelFingerprint".to_owned(), of(&labels, "labels").into());
}

/// Refuses a change for another version; a missing fingerprint is none of the current version.
pub(super) fn check(
    asked: &Object,
    field: &str,
    current: Option<&str>,
    message: &str,
) -> Result<(), GcpError> {
    let given = asked.text(field).map(normal);
    match (given, current.map(normal)) {
        (Some(given), Some(current)) if given == current => Ok(()),
        _ => Err(GcpError::condition(message)),
    }
}

/// The URL-safe alphabet will do as well, as for all bytes in JSON.
fn normal(text: &str) -> String {
    text.trim_end_matches('=').replace('-', "+").replace('_', "/")
}
