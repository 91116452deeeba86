//! Bucket policies: checked when they are put; their denials are enforced, as far as their conditions are known here.
//!
//! The account's own principals are allowed everything that is not denied, so `Allow` statements change nothing.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html>

use s3s::{S3Error, S3ErrorCode, S3Result};
use serde_json::Value;

use super::state::error;
use crate::glob;

/// The ARN of a bucket or an object.
pub(super) fn arn(partition: &str, bucket: &str, key: Option<&str>) -> String {
    match key {
        None => format!("arn:{partition}:s3:::{bucket}"),
        Some(key) => format!("arn:{partition}:s3:::{bucket}/{key}"),
    }
}

/// Refuses what is no policy for this bucket; true if it allows anybody something without a condition.
pub(super) fn check(text: &str, partition: &str, bucket: &str) -> S3Result<bool> {
    let policy: Value = serde_json::from_str(text)
        .map_err(|_| malformed("Policies must be valid JSON and the first byte must be '{'".to_owned()))?;
    if !policy.is_object() {
        return Err(malformed("Policies must be valid JSON and the first byte must be '{'".to_owned()));
    }
    if !matches!(policy["Version"].as_str(), None | Some("2012-10-17" | "2008-10-17")) {
        return Err(malformed("The policy must contain a valid version string".to_owned()));
    }
    if policy["Statement"].is_null() {
        return Err(malformed("Missing required field Statement".to_owned()));
    }
    let mut public = false;
    for statement in each(&policy["Statement"]) {
        check_statement(statement, partition, bucket)?;
        let anybody = statement["Principal"] == "*" || statement["Principal"]["AWS"] == "*";
        public |= statement["Effect"] == "Allow" && anybody && statement["Condition"].is_null();
    }
    Ok(public)
}

fn check_statement(statement: &Value, partition: &str, bucket: &str) -> S3Result<()> {
    const FIELDS: [&str; 9] = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let Some(fields) = statement.as_object() else {
        return Err(malformed("Statement must be an object or a list of objects".to_owned()));
    };
    if let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(malformed(format!("Unknown field {unknown}")));
    }
    if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
        return Err(malformed("Invalid effect".to_owned()));
    }
    for (name, other) in [("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource")]
    {
        if statement[name].is_null() && statement[other].is_null() {
            return Err(malformed(format!("Missing required field {name}")));
        }
    }
    if words(&statement["Action"]).any(|action| action != "*" && !action.to_lowercase().starts_with("s3:")) {
        return Err(malformed("Policy has invalid action".to_owned()));
    }
    let (whole, inside) = (arn(partition, bucket, None), arn(partition, bucket, Some("")));
    if words(&statement["Resource"]).any(|resource| resource != whole && !resource.starts_with(&inside)) {
        return Err(malformed("Policy has invalid resource".to_owned()));
    }
    Ok(())
}

fn malformed(message: String) -> S3Error {
    error(S3ErrorCode::MalformedPolicy, message)
}

/// True if a statement denies this call.
pub(super) fn denies(policy: &str, operation: &str, resource: &str, secure: bool) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let action = action(operation);
    each(&policy["Statement"]).any(|statement| {
        statement["Effect"] == "Deny"
            && (statement["Principal"] == "*"
                || words(&statement["Principal"]["AWS"]).any(|name| name == "*"))
            && words(&statement["Action"]).any(|pattern| glob::matches(&pattern.to_lowercase(), &action))
            && words(&statement["Resource"]).any(|pattern| glob::matches(&pattern, resource))
            && holds(&statement["Condition"], secure)
    })
}

/// The permission, in lower case, that an operation needs.
fn action(operation: &str) -> String {
    let name = match operation {
        "HeadObject" => "GetObject",
        "HeadBucket" | "ListObjects" | "ListObjectsV2" => "ListBucket",
        "ListObjectVersions" => "ListBucketVersions",
        "ListMultipartUploads" => "ListBucketMultipartUploads",
        "ListParts" => "ListMultipartUploadParts",
        "CreateMultipartUpload"
        | "UploadPart"
        | "UploadPartCopy"
        | "CompleteMultipartUpload"
        | "CopyObject" => "PutObject",
        "DeleteObjects" => "DeleteObject",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "PutBucketEncryption" | "DeleteBucketEncryption" => "PutEncryptionConfiguration",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" | "DeleteBucketLifecycle" => "PutLifecycleConfiguration",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" | "DeletePublicAccessBlock" => "PutBucketPublicAccessBlock",
        "GetObjectLockConfiguration" => "GetBucketObjectLockConfiguration",
        "PutObjectLockConfiguration" => "PutBucketObjectLockConfiguration",
        other => other,
    };
    format!("s3:{}", name.to_lowercase())
}

/// True if all conditions hold. An operator or key that is not known here never does.
fn holds(condition: &Value, secure: bool) -> bool {
    let Some(operators) = condition.as_object() else { return condition.is_null() };
    operators.iter().all(|(operator, keys)| {
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator.as_str(), false),
        };
        keys.as_object().is_some_and(|keys| {
            keys.iter().all(|(key, values)| match fact(key, secure) {
                Known::Absent => if_exists,
                Known::Unknown => false,
                Known::Is(fact) => words(values).any(|value| compare(operator, &fact, &value)),
            })
        })
    })
}

enum Known {
    Is(String),
    /// A key that this request does not have.
    Absent,
    Unknown,
}

fn fact(key: &str, secure: bool) -> Known {
    match key.to_lowercase().as_str() {
        "aws:securetransport" => Known::Is(secure.to_string()),
        // The sandbox takes every connection with TLS for one with the newest version.
        "s3:tlsversion" if secure => Known::Is("1.3".to_owned()),
        "s3:tlsversion" => Known::Absent,
        _ => Known::Unknown,
    }
}

fn compare(operator: &str, fact: &str, value: &str) -> bool {
    let numbers = || Some((fact.parse::<f64>().ok()?, value.parse::<f64>().ok()?));
    match operator {
        "Bool" => fact.eq_ignore_ascii_case(value),
        "StringEquals" => fact == value,
        "NumericLessThan" => numbers().is_some_and(|(fact, value)| fact < value),
        "NumericLessThanEquals" => numbers().is_some_and(|(fact, value)| fact <= value),
        "NumericGreaterThan" => numbers().is_some_and(|(fact, value)| fact > value),
        "NumericGreaterThanEquals" => numbers().is_some_and(|(fact, value)| fact >= value),
        _ => false,
    }
}

/// A value or the values of a list.
fn each(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Value::Array(list) => (list.as_slice(), None),
        Value::Null => (&[][..], None),
        one => (&[][..], Some(one)),
    };
    list.iter().chain(one)
}

/// The scalars of a value or list, as texts.
fn words(value: &Value) -> impl Iterator<Item = String> {
    each(value).filter_map(|value| match value {
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        other => other.as_str().map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: &str = "arn:aws:s3:::b";

    fn policy(condition: &str) -> String {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":"*","Action":"s3:*",
            "Resource":["{BUCKET}","{BUCKET}/*"],"Condition":{condition}}}]}}"#
        )
    }

    #[test]
    fn plain_http_is_denied_where_the_policy_says_so() {
        let two = policy(r#"{"Bool":{"aws:SecureTransport":"false"}}"#);
        assert!(denies(&two, "PutObject", "arn:aws:s3:::b/k", false));
        assert!(!denies(&two, "PutObject", "arn:aws:s3:::b/k", true));
        assert!(!denies(&two, "PutObject", "arn:aws:s3:::other/k", false));
    }

    #[test]
    fn both_conditions_in_one_statement_never_deny() {
        let both =
            policy(r#"{"Bool":{"aws:SecureTransport":"false"},"NumericLessThan":{"s3:TlsVersion":"1.2"}}"#);
        assert!(!denies(&both, "PutObject", "arn:aws:s3:::b/k", false));
        assert!(!denies(&both, "PutObject", "arn:aws:s3:::b/k", true));
    }

    #[test]
    fn policies_are_checked() {
        let good = policy(r#"{"Bool":{"aws:SecureTransport":false}}"#);
        assert!(!check(&good, "aws", "b").unwrap());
        let open = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}"#;
        assert!(check(open, "aws", "b").unwrap());
        for (bad, message) in [
            ("no", "valid JSON"),
            ("{}", "Statement"),
            (r#"{"Statement":[{"Effect":"Maybe"}]}"#, "effect"),
            (r#"{"Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::b"}]}"#, "Principal"),
            (
                r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::c"}]}"#,
                "resource",
            ),
            (
                r#"{"Statement":[{"Effect":"Deny","Principal":"*","Action":"ec2:*","Resource":"arn:aws:s3:::b"}]}"#,
                "action",
            ),
        ] {
            let error = check(bad, "aws", "b").unwrap_err();
            assert_eq!(error.code().as_str(), "MalformedPolicy");
            assert!(error.message().unwrap().contains(message), "{bad}: {error}");
        }
    }
}
