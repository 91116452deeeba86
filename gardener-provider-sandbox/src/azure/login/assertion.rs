//! Client assertions: tokens of a federated issuer, and those signed with a certificate's key.
//!
//! <https://learn.microsoft.com/en-us/entra/identity-platform/certificate-credentials>

use std::time::{Duration, SystemTime};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

use super::error::LoginError;
use crate::azure::options::Client;

/// The audience of federated tokens.
const EXCHANGE: [&str; 3] =
    ["api://AzureADTokenExchange", "api://AzureADTokenExchangeChina", "api://AzureADTokenExchangeUSGov"];

pub(super) fn check(
    client: &Client,
    assertion: &str,
    tenant: &str,
    now: SystemTime,
) -> Result<(), LoginError> {
    let jwt = Jwt::parse(assertion).ok_or_else(|| malformed("it is no JWT"))?;
    jwt.check_time(now)?;
    let audience = jwt.claim("aud");
    if EXCHANGE.contains(&audience) {
        return check_federated(client, &jwt);
    }
    check_certificate(client, &jwt, assertion, audience, tenant)
}

struct Jwt {
    head: Value,
    claims: Value,
}

impl Jwt {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (head, claims, _signature) = (parts.next()?, parts.next()?, parts.next()?);
        let read = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).ok()?).ok();
        parts.next().is_none().then_some(())?;
        Some(Self { head: read(head)?, claims: read(claims)? })
    }

    fn claim(&self, name: &str) -> &str {
        match &self.claims[name] {
            Value::Array(items) => items.first().and_then(Value::as_str).unwrap_or_default(),
            value => value.as_str().unwrap_or_default(),
        }
    }

    fn check_time(&self, now: SystemTime) -> Result<(), LoginError> {
        const SKEW: Duration = Duration::from_secs(300);
        let at = |name: &str| {
            self.claims[name]
                .as_u64()
                .and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)))
        };
        let expires = at("exp").ok_or_else(|| malformed("it has no exp"))?;
        if expires.checked_add(SKEW).is_some_and(|end| end <= now)
            || at("nbf").is_some_and(|start| start > now + SKEW)
        {
            let message = "Client assertion is not within its valid time range.";
            return Err(LoginError::new(401, "invalid_client", 700_024, message));
        }
        Ok(())
    }
}

fn malformed(why: &str) -> LoginError {
    LoginError::new(401, "invalid_client", 50_027, format!("JWT token is invalid or malformed: {why}."))
}

/// Issuer and subject must be registered; the signature is the issuer's affair.
fn check_federated(client: &Client, jwt: &Jwt) -> Result<(), LoginError> {
    let (issuer, subject) = (jwt.claim("iss"), jwt.claim("sub"));
    if client.federated.iter().any(|(known, about)| known == issuer && about == subject) {
        return Ok(());
    }
    let number = if client.federated.iter().any(|(known, _)| known == issuer) { 700_213 } else { 700_211 };
    let message = format!(
        "No matching federated identity record found for presented assertion issuer '{issuer}' and subject '{subject}'."
    );
    Err(LoginError::new(401, "invalid_client", number, message))
}

fn check_certificate(
    client: &Client,
    jwt: &Jwt,
    assertion: &str,
    audience: &str,
    tenant: &str,
) -> Result<(), LoginError> {
    if jwt.claim("iss") != client.id || jwt.claim("sub") != client.id {
        let message = "Client assertion contains an invalid issuer or subject.";
        return Err(LoginError::new(401, "invalid_client", 700_021, message));
    }
    let tenant = tenant.to_ascii_lowercase();
    let audience = audience.to_ascii_lowercase();
    if !audience.contains(&format!("/{tenant}/")) || !audience.trim_end_matches('/').ends_with("token") {
        let message = format!("Assertion audience claim '{audience}' does not match the token endpoint.");
        return Err(LoginError::new(401, "invalid_client", 50_012, message));
    }
    let mut fitting = client.certificates.iter().filter(|der| names(&jwt.head, der));
    if fitting.any(|der| is_signed_by(der, assertion, &jwt.head)) {
        return Ok(());
    }
    let message = "Client assertion failed signature validation.";
    Err(LoginError::new(401, "invalid_client", 700_027, message))
}

/// The head names the certificate by its SHA-256 thumbprint, or carries it.
fn names(head: &Value, der: &[u8]) -> bool {
    use base64::engine::general_purpose::STANDARD;
    let thumbprint = BASE64.encode(Sha256::digest(der));
    let carried = head["x5c"].as_array().and_then(|chain| chain.first()).and_then(Value::as_str);
    match (head["x5t#S256"].as_str(), carried) {
        (Some(named), _) => named.trim_end_matches('=') == thumbprint,
        (None, Some(carried)) => STANDARD.decode(carried).is_ok_and(|carried| carried == der),
        // SHA-1 thumbprints (`x5t`) are still common; the signature tells whether it was the right one.
        (None, None) => head["x5t"].is_string(),
    }
}

fn is_signed_by(der: &[u8], assertion: &str, head: &Value) -> bool {
    let algorithm = match head["alg"].as_str() {
        Some("RS256") => webpki::aws_lc_rs::RSA_PKCS1_2048_8192_SHA256,
        Some("PS256") => webpki::aws_lc_rs::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
        _ => return false,
    };
    let Some((signed, signature)) = assertion.rsplit_once('.') else { return false };
    let (Ok(signature), der) = (BASE64.decode(signature), CertificateDer::from(der)) else { return false };
    let certificate = EndEntityCert::try_from(&der);
    certificate.is_ok_and(|certificate| {
        certificate.verify_signature(algorithm, signed.as_bytes(), &signature).is_ok()
    })
}
