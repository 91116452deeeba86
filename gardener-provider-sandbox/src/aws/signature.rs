//! Checking Signature Version 4 by signing the request again with AWS's own signer.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime},
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use http::{Request, header};
use sha2::{Digest, Sha256};
use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::auth::{AccessKey, Problem, Scope};

const AMZ_DATE: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");

/// What a request says about its own signature.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) credential: String,
    pub(crate) time: SystemTime,
    pub(crate) session_token: Option<String>,
    /// Set for presigned URLs.
    pub(crate) expires_in: Option<Duration>,
    signed_headers: String,
    signature: String,
}

impl Claim {
    /// `None` if there is none, or none that can be read.
    pub(crate) fn of(request: &Request<Bytes>) -> Option<Self> {
        match header(request, header::AUTHORIZATION.as_str()) {
            Some(authorization) => Self::from_header(request, authorization),
            None => Self::from_query(request),
        }
    }

    fn from_header(request: &Request<Bytes>, authorization: &str) -> Option<Self> {
        let fields = authorization.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| {
            fields
                .split(',')
                .find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='))
                .map(str::to_owned)
        };
        Some(Self {
            credential: field("Credential")?,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
            time: parse_time(header(request, "x-amz-date")?)?,
            session_token: header(request, "x-amz-security-token").map(str::to_owned),
            expires_in: None,
        })
    }

    fn from_query(request: &Request<Bytes>) -> Option<Self> {
        let query = request.uri().query()?;
        let value = |wanted: &str| {
            url::form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        Some(Self {
            credential: value("X-Amz-Credential")?,
            signed_headers: value("X-Amz-SignedHeaders")?,
            signature: value("X-Amz-Signature")?,
            time: parse_time(&value("X-Amz-Date")?)?,
            session_token: value("X-Amz-Security-Token"),
            expires_in: Some(Duration::from_secs(value("X-Amz-Expires")?.parse().ok()?)),
        })
    }
}

/// Signs the request again and compares.
pub(crate) fn verify(
    request: &Request<Bytes>,
    claim: &Claim,
    scope: &Scope,
    key: &AccessKey,
) -> Result<(), Problem> {
    let expected = signature_of(request, claim, scope, key).ok_or(Problem::BadSignature)?;
    if expected != claim.signature {
        return Err(Problem::BadSignature);
    }
    match header(request, "x-amz-content-sha256") {
        Some(given) if is_digest(given) && given != sha256_hex(request.body()) => {
            Err(Problem::PayloadMismatch)
        }
        _ => Ok(()),
    }
}

fn signature_of(request: &Request<Bytes>, claim: &Claim, scope: &Scope, key: &AccessKey) -> Option<String> {
    let presigned = claim.expires_in.is_some();
    // As a header, the token is signed like any other; in a URL the signer has to put it there.
    let token = claim.session_token.clone().filter(|_| presigned);
    let identity = Credentials::new(&key.id, key.secret.expose(), token, None, "sandbox").into();
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region(&scope.region)
        .name(&scope.service)
        .time(claim.time)
        .settings(settings(scope, claim))
        .build()
        .ok()?
        .into();
    let uri = if presigned { without_signature(request) } else { request.uri().to_string() };
    let headers = signed_headers(request, claim)?;
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let body = signed_body(request, presigned && scope.service == "s3");
    let signable = SignableRequest::new(request.method().as_str(), uri, headers, body).ok()?;
    Some(sign(signable, &params).ok()?.into_parts().1)
}

fn settings(scope: &Scope, claim: &Claim) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    settings.expires_in = claim.expires_in;
    if claim.expires_in.is_some() {
        settings.signature_location = SignatureLocation::QueryParams;
    }
    if scope.service == "s3" {
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}

/// The headers that the caller says it signed; `None` if one of them is missing.
fn signed_headers(request: &Request<Bytes>, claim: &Claim) -> Option<Vec<(String, String)>> {
    let mut headers = Vec::new();
    for name in claim.signed_headers.split(';').filter(|name| *name != "x-amz-date") {
        let values: Vec<&str> =
            request.headers().get_all(name).iter().map(|value| value.to_str().ok()).collect::<Option<_>>()?;
        match (values.is_empty(), name) {
            // In process the host is in the URI only; the signer takes it from there.
            (true, "host") => {}
            (true, _) => return None,
            (false, _) => headers.push((name.to_owned(), values.join(","))),
        }
    }
    Some(headers)
}

fn signed_body(request: &Request<Bytes>, unsigned: bool) -> SignableBody<'_> {
    match header(request, "x-amz-content-sha256") {
        Some(given) => SignableBody::Precomputed(given.to_owned()),
        None if unsigned => SignableBody::UnsignedPayload,
        None => SignableBody::Bytes(request.body()),
    }
}

/// The URL of a presigned request without what signing added to it.
fn without_signature(request: &Request<Bytes>) -> String {
    const ADDED: [&str; 7] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Security-Token",
        "X-Amz-Signature",
    ];
    let uri = request.uri();
    let query: Vec<&str> = uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !ADDED.contains(&pair.split('=').next().unwrap_or_default()))
        .collect();
    let base: Cow<'_, str> = match uri.authority() {
        Some(authority) => {
            format!("{}://{authority}{}", uri.scheme_str().unwrap_or("https"), uri.path()).into()
        }
        None => uri.path().into(),
    };
    if query.is_empty() { base.into_owned() } else { format!("{base}?{}", query.join("&")) }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn sha256_hex(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Option<&'a str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

fn parse_time(text: &str) -> Option<SystemTime> {
    PrimitiveDateTime::parse(text, AMZ_DATE).ok().map(|time| time.assume_utc().into())
}
