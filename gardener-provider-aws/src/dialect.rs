//! How AWS signs requests and words errors.

use std::{borrow::Cow, sync::Arc};

use async_trait::async_trait;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SessionTokenMode, SignableBody, SignableRequest,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4,
};
use bytes::Bytes;
use gardener_provider_client::{
    call::Call,
    client::{Dialect, retry_after},
    clock::Clock,
};
use gardener_provider_core::{Error, ErrorKind, Result, Retry};
use http::{Request, Response, StatusCode};
use serde::Deserialize;

use crate::{
    credentials::CredentialChain,
    endpoints::{Endpoint, Service},
    errors,
};

/// The dialect of one service in one region.
#[derive(Debug)]
pub struct AwsDialect {
    service: Service,
    signing_region: String,
    signer: Option<Signer>,
}

#[derive(Debug)]
struct Signer {
    credentials: Arc<CredentialChain>,
    clock: Arc<dyn Clock>,
}

impl AwsDialect {
    /// Requests to `endpoint`, signed with what `credentials` gives.
    pub fn signed(endpoint: &Endpoint, credentials: Arc<CredentialChain>, clock: Arc<dyn Clock>) -> Self {
        Self { signer: Some(Signer { credentials, clock }), ..Self::unsigned(endpoint) }
    }

    /// Requests that carry their own proof, such as `AssumeRoleWithWebIdentity`.
    pub fn unsigned(endpoint: &Endpoint) -> Self {
        Self { service: endpoint.service, signing_region: endpoint.signing_region.clone(), signer: None }
    }

    async fn sign(&self, signer: &Signer, request: &mut Request<Bytes>) -> Result<()> {
        let identity = signer.credentials.get().await?.into();
        let failed = |error: &dyn std::fmt::Display| {
            Error::internal(format!("the request could not be signed: {error}"))
        };
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.signing_region)
            .name(self.service.name())
            .time(signer.clock.now())
            .settings(settings(self.service))
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let instructions = {
            let mut headers = Vec::with_capacity(request.headers().len());
            for (name, value) in request.headers() {
                headers.push((name.as_str(), value.to_str().map_err(|error| failed(&error))?));
            }
            let signable = SignableRequest::new(
                request.method().as_str(),
                Cow::Owned(request.uri().to_string()),
                headers.into_iter(),
                SignableBody::Bytes(request.body()),
            );
            sign(signable.map_err(|error| failed(&error))?, &params).map_err(|error| failed(&error))?
        };
        instructions.into_parts().0.apply_to_request_http1x(request);
        Ok(())
    }
}

/// S3 wants the body's digest as a header and the path as it is; the others a path encoded twice.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn settings(service: Service) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.session_token_mode = SessionTokenMode::Include;
    if service == Service::S3 {
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    settings
}

#[async_trait]
impl Dialect for AwsDialect {
    async fn authorize(&self, _call: &Call, request: &mut Request<Bytes>) -> Result<()> {
        match &self.signer {
            Some(signer) => self.sign(signer, request).await,
            None => Ok(()),
        }
    }

    fn decode_error(&self, _call: &Call, reply: &Response<Bytes>) -> Option<Error> {
        if reply.status().is_success() {
            return if self.service == Service::S3 { late_error(reply) } else { None };
        }
        Some(error(self.service, reply))
    }

    async fn renew(&self) -> bool {
        match &self.signer {
            Some(signer) => signer.credentials.renew().await,
            None => false,
        }
    }
}

/// S3 begins the replies to long operations with status 200 and may then find that they failed
/// ([source](https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html)).
fn late_error(reply: &Response<Bytes>) -> Option<Error> {
    let details = S3Error::read(reply)?;
    // The status is a lie here; the code says what happened, and an unknown one may pass.
    Some(build(&details, reply, StatusCode::INTERNAL_SERVER_ERROR))
}

fn error(service: Service, reply: &Response<Bytes>) -> Error {
    let details = match service {
        Service::Ec2 => Ec2Error::read(reply),
        Service::S3 => S3Error::read(reply),
        Service::Efs => json_details(reply),
        Service::Iam | Service::Sts | Service::Elb | Service::ElbV2 => QueryError::read(reply),
    };
    let details = details.unwrap_or_else(|| Details { request_id: request_id(reply), ..Details::default() });
    build(&details, reply, reply.status())
}

#[derive(Debug, Default)]
struct Details {
    code: String,
    message: String,
    request_id: Option<String>,
}

fn build(details: &Details, reply: &Response<Bytes>, status: StatusCode) -> Error {
    let kind = errors::kind(&details.code, status);
    let message = match (details.message.trim(), details.code.as_str()) {
        ("", "") => format!("the server answered {status}"),
        ("", code) => code.to_owned(),
        (message, _) => message.to_owned(),
    };
    let mut error = Error::new(kind, message);
    if !details.code.is_empty() {
        error = error.with_cloud_code(&details.code);
    }
    if let Some(id) = details.request_id.clone().or_else(|| request_id(reply)) {
        error = error.with_request_id(id);
    }
    match retry_after(reply) {
        Some(wait) if matches!(kind, ErrorKind::RateLimited | ErrorKind::Unavailable) => {
            error.with_retry(Retry::After(wait))
        }
        _ => error,
    }
}

fn request_id(reply: &Response<Bytes>) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id"]
        .iter()
        .find_map(|name| reply.headers().get(*name)?.to_str().ok())
        .map(str::to_owned)
}

/// Finds the root element, as S3 sends leading blanks to keep the connection alive.
fn body(reply: &Response<Bytes>) -> Option<&str> {
    std::str::from_utf8(reply.body()).ok().map(str::trim_start)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CodeAndMessage {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl CodeAndMessage {
    fn details(self, request_id: Option<String>) -> Details {
        Details { code: self.code, message: self.message, request_id }
    }
}

/// `<Response><Errors><Error>…</Error></Errors><RequestID>…</RequestID></Response>`
#[derive(Deserialize)]
struct Ec2Error {
    #[serde(rename = "Errors")]
    errors: Ec2Errors,
    #[serde(rename = "RequestID", alias = "RequestId")]
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Ec2Errors {
    #[serde(rename = "Error")]
    error: Vec<CodeAndMessage>,
}

impl Ec2Error {
    fn read(reply: &Response<Bytes>) -> Option<Details> {
        let read: Self = quick_xml::de::from_str(body(reply)?).ok()?;
        Some(read.errors.error.into_iter().next()?.details(read.request_id))
    }
}

/// `<ErrorResponse><Error>…</Error><RequestId>…</RequestId></ErrorResponse>`; some emulators put the error into a list as
/// EC2 does.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct QueryError {
    error: Option<CodeAndMessage>,
    errors: Option<Ec2Errors>,
    request_id: Option<String>,
}

impl QueryError {
    fn read(reply: &Response<Bytes>) -> Option<Details> {
        let read: Self = quick_xml::de::from_str(body(reply)?).ok()?;
        let listed = || read.errors.and_then(|errors| errors.error.into_iter().next());
        Some(read.error.or_else(listed)?.details(read.request_id))
    }
}

/// S3's answers to a request about a bucket that is not in the region that was asked.
pub(crate) const IN_ANOTHER_REGION: &[&str] =
    &["PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"];

/// `<Error><Code>…</Code><Message>…</Message><RequestId>…</RequestId>…</Error>`
struct S3Error;

impl S3Error {
    fn read(reply: &Response<Bytes>) -> Option<Details> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Fields {
            code: String,
            #[serde(default)]
            message: String,
            request_id: Option<String>,
            region: Option<String>,
        }
        let text = body(reply)?;
        if !root(text)?.starts_with("<Error>") {
            return None;
        }
        let read: Fields = quick_xml::de::from_str(text).ok()?;
        let header = reply.headers().get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        let message = match read.region.as_deref().or(header) {
            Some(region) if IN_ANOTHER_REGION.contains(&read.code.as_str()) => {
                format!("the bucket is in region {region}: {}", read.message)
            }
            _ => read.message,
        };
        Some(Details { code: read.code, message, request_id: read.request_id })
    }
}

/// The text from the root element on.
fn root(text: &str) -> Option<&str> {
    let rest = if text.starts_with("<?xml") { text.split_once("?>")?.1 } else { text };
    Some(rest.trim_start())
}

/// The REST-JSON protocol: the code is in a header or in the body, alone or as `prefix#Code:address`
/// ([source](https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization)).
fn json_details(reply: &Response<Bytes>) -> Option<Details> {
    let body: serde_json::Value = serde_json::from_slice(reply.body()).unwrap_or_default();
    let text = |names: &[&str]| names.iter().find_map(|name| body.get(name)?.as_str().map(str::to_owned));
    let header = reply.headers().get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let code = header.map(str::to_owned).or_else(|| text(&["ErrorCode", "__type", "code"]))?;
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    Some(Details {
        code: code.to_owned(),
        message: text(&["message", "Message"]).unwrap_or_default(),
        request_id: request_id(reply),
    })
}

#[cfg(test)]
mod tests;
