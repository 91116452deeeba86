//! STS: temporary credentials ([reference](https://docs.aws.amazon.com/STS/latest/APIReference/)).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use gardener_provider_client::call::Idempotency;
use gardener_provider_core::{Error, Redacted, Result};
use http::Response;
use serde::Deserialize;

use super::{
    ApiRequest, Operation, family,
    query::{Form, xml},
};
use crate::endpoints::Service;

/// Temporary credentials of a role.
#[derive(Debug, Clone)]
pub struct AssumedRole {
    /// The key id.
    pub access_key_id: Redacted<String>,
    /// The key.
    pub secret_access_key: Redacted<String>,
    /// The session token.
    pub session_token: Redacted<String>,
    /// When they expire.
    pub expiration: SystemTime,
}

/// Exchanges a token of an identity provider for credentials of a role. Needs no signature.
pub fn assume_role_with_web_identity(
    role_arn: &str,
    session: &str,
    token: &Redacted<String>,
) -> Operation<AssumedRole> {
    let request = Form::new()
        .put("RoleArn", role_arn)
        .put("RoleSessionName", session)
        .put("WebIdentityToken", token.expose())
        .request(Service::Sts, "AssumeRoleWithWebIdentity", family::STS, Idempotency::Safe);
    Operation::new(request, assumed_role)
}

fn assumed_role(reply: &Response<Bytes>) -> Result<AssumedRole> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        assume_role_with_web_identity_result: Outcome,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Outcome {
        credentials: Credentials,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Credentials {
        access_key_id: Redacted<String>,
        secret_access_key: Redacted<String>,
        session_token: Redacted<String>,
        expiration: String,
    }
    let read: Credentials = xml::<Reply>(reply)?.assume_role_with_web_identity_result.credentials;
    Ok(AssumedRole {
        access_key_id: read.access_key_id,
        secret_access_key: read.secret_access_key,
        session_token: read.session_token,
        expiration: time(&read.expiration)?,
    })
}

/// Whose credentials they are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct CallerIdentity {
    /// The account's number.
    pub account: String,
    /// The ARN of the user or role.
    pub arn: String,
}

/// Asks whose credentials the request is signed with. Everybody may ask this.
pub fn get_caller_identity() -> Operation<CallerIdentity> {
    let request = Form::new().request(Service::Sts, "GetCallerIdentity", family::STS, Idempotency::Safe);
    Operation::new(request, |reply| {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Reply {
            get_caller_identity_result: CallerIdentity,
        }
        xml::<Reply>(reply).map(|reply| reply.get_caller_identity_result)
    })
}

/// Reads a time as AWS writes it, such as `2026-11-22T08:00:00Z`.
///
/// # Errors
/// `Internal` if it is not a time.
pub fn time(text: &str) -> Result<SystemTime> {
    use aws_smithy_types::{DateTime, date_time::Format};
    let wrong = || Error::internal(format!("the reply holds {text:?} where a time belongs"));
    let time = DateTime::from_str(text, Format::DateTimeWithOffset).map_err(|_| wrong())?;
    let seconds = u64::try_from(time.secs()).map_err(|_| wrong())?;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let token = Redacted::new("token".to_owned());
    vec![
        assume_role_with_web_identity("arn:aws:iam::123456789012:role/r", "session", &token).request,
        get_caller_identity().request,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read() {
        let reply = Response::new(Bytes::from_static(
            b"<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">
              <AssumeRoleWithWebIdentityResult><Audience>a</Audience><Credentials>
              <SessionToken>t</SessionToken><SecretAccessKey>s</SecretAccessKey>
              <Expiration>2026-11-22T09:00:00Z</Expiration><AccessKeyId>ASIA</AccessKeyId>
              </Credentials></AssumeRoleWithWebIdentityResult><ResponseMetadata/>
              </AssumeRoleWithWebIdentityResponse>",
        ));
        let role = (assume_role_with_web_identity("r", "s", &Redacted::default()).parse)(&reply).unwrap();
        assert_eq!(role.access_key_id.expose(), "ASIA");
        assert_eq!(role.expiration, time("2026-11-22T10:00:00.000+01:00").unwrap());
        assert!(!format!("{role:?}").contains("ASIA"));
        let reply = Response::new(Bytes::from_static(
            b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn><UserId>U</UserId>
              <Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        ));
        assert_eq!((get_caller_identity().parse)(&reply).unwrap().account, "1");
    }

    #[test]
    fn a_time_that_is_none_is_an_error() {
        assert!(time("tomorrow").is_err());
        assert!(time("1969-12-31T00:00:00Z").is_err());
    }
}
