//! Signatures with the account's key.
//!
//! <https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-with-shared-key>

use std::{collections::BTreeMap, fmt::Write as _};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use percent_encoding::percent_decode_str;
use sha2::Sha256;

/// Whether the signature of a request to an account is one of this key.
pub(super) fn is_signed<T>(request: &Request<T>, account: &str, key: &str, signature: &str) -> bool {
    let Ok(key) = BASE64_STANDARD.decode(key) else { return false };
    let Ok(signature) = BASE64_STANDARD.decode(signature) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else { return false };
    mac.update(text(request, account).as_bytes());
    mac.verify_slice(&signature).is_ok()
}

/// The account and signature in the header `Authorization`.
pub(super) fn authorization(request: &Request<Bytes>) -> Option<(&str, &str)> {
    let value = request.headers().get("authorization")?.to_str().ok()?;
    value.strip_prefix("SharedKey ")?.split_once(':')
}

fn text<T>(request: &Request<T>, account: &str) -> String {
    let header =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let length = Some(header("content-length")).filter(|length| *length != "0").unwrap_or_default();
    let mut text = format!("{}\n", request.method());
    // With x-ms-date the date is left empty.
    let date = if request.headers().contains_key("x-ms-date") { "" } else { header("date") };
    for value in [
        header("content-encoding"),
        header("content-language"),
        length,
        header("content-md5"),
        header("content-type"),
        date,
        header("if-modified-since"),
        header("if-match"),
        header("if-none-match"),
        header("if-unmodified-since"),
        header("range"),
    ] {
        text.push_str(value);
        text.push('\n');
    }
    let mut own: Vec<(&str, &str)> = request
        .headers()
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-ms-"))
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default().trim()))
        .collect();
    own.sort_unstable();
    for (name, value) in own {
        let _ = writeln!(text, "{name}:{value}");
    }
    text.push_str(&resource(request, account));
    text
}

fn resource<T>(request: &Request<T>, account: &str) -> String {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        pairs.entry(plain(name).to_ascii_lowercase()).or_default().push(plain(value));
    }
    let mut text = format!("/{account}{}", request.uri().path());
    for (name, mut values) in pairs {
        values.sort_unstable();
        let _ = write!(text, "\n{name}:{}", values.join(","));
    }
    text
}
