//! The bucket policy that lets nobody in without TLS 1.2.

use gardener_provider_core::{BucketName, Error, ErrorKind, Result};
use serde_json::{Map, Value, json};

use crate::endpoints::Partition;

/// Our statements.
///
/// They are two because the conditions of one statement must all be true for it to deny: a plain request has no TLS
/// version, and one over an old TLS is made over a secure transport.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html>
pub(super) fn statements(partition: Partition, bucket: &BucketName) -> [Value; 2] {
    let arn = format!("arn:{}:s3:::{bucket}", partition.id());
    let deny = |sid: &str, condition: Value| {
        json!({
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn.clone(), format!("{arn}/*")],
            "Condition": condition,
        })
    };
    [
        deny("GardenerDenyPlainHttp", json!({ "Bool": { "aws:SecureTransport": "false" } })),
        deny("GardenerDenyOldTls", json!({ "NumericLessThan": { "s3:TlsVersion": "1.2" } })),
    ]
}

/// The policy with `wanted` in it, or `None` if they are all there. A statement replaces the one of its Sid; all others
/// stay as they are.
///
/// # Errors
/// `FailedPrecondition` if the policy that is there makes no sense.
pub(super) fn merged(there: Option<&str>, wanted: &[Value]) -> Result<Option<Value>> {
    let mut policy = match there.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => read(text)?,
        None => Map::from_iter([("Version".to_owned(), json!("2012-10-17"))]),
    };
    let mut statements = match policy.remove("Statement") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(statements)) => statements,
        Some(statement) => vec![statement],
    };
    let is_there = |wanted: &Value| statements.iter().any(|there| plain(there) == plain(wanted));
    if wanted.iter().all(is_there) {
        return Ok(None);
    }
    statements.retain(|there| wanted.iter().all(|wanted| wanted["Sid"] != there["Sid"]));
    statements.extend_from_slice(wanted);
    policy.insert("Statement".to_owned(), Value::Array(statements));
    Ok(Some(Value::Object(policy)))
}

fn read(text: &str) -> Result<Map<String, Value>> {
    let bad = |problem: &str| {
        let message = format!("the bucket's policy {problem}; mend or remove it");
        Error::new(ErrorKind::FailedPrecondition, message)
    };
    match serde_json::from_str(text) {
        Ok(Value::Object(policy)) => Ok(policy),
        Ok(_) => Err(bad("is not a JSON object")),
        Err(error) => Err(bad("is not JSON").with_source(error)),
    }
}

/// One form for what IAM takes as the same: a list of one and its item, a number and its text, any order of a list.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) if items.len() == 1 => plain(&items[0]),
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(plain).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), plain(value))).collect())
        }
        Value::Number(number) => Value::String(number.to_string()),
        Value::Bool(yes) => Value::String(yes.to_string()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> [Value; 2] {
        statements(Partition::Aws, &BucketName::new("backup").unwrap())
    }

    /// What IAM does with a request: denied if all conditions of one statement hold.
    fn denies(policy: &[Value], secure: bool, tls: Option<f64>) -> bool {
        policy.iter().any(|statement| {
            let condition = &statement["Condition"];
            let insecure = condition["Bool"]["aws:SecureTransport"].as_str();
            let below = condition["NumericLessThan"]["s3:TlsVersion"].as_str();
            insecure.is_none_or(|value| value.parse() == Ok(secure))
                && below.is_none_or(|below| tls.is_some_and(|tls| tls < below.parse::<f64>().unwrap()))
        })
    }

    #[test]
    fn it_denies_plain_and_old_and_lets_the_rest_in() {
        assert!(denies(&wanted(), false, None));
        assert!(denies(&wanted(), true, Some(1.0)));
        assert!(denies(&wanted(), true, Some(1.1)));
        assert!(!denies(&wanted(), true, Some(1.2)));
        assert!(!denies(&wanted(), true, Some(1.3)));
    }

    #[test]
    fn one_statement_with_both_conditions_would_deny_nothing() {
        let both = json!({ "Condition": {
            "Bool": { "aws:SecureTransport": "false" }, "NumericLessThan": { "s3:TlsVersion": "1.2" } } });
        assert!(!denies(std::slice::from_ref(&both), false, None));
        assert!(!denies(&[both], true, Some(1.1)));
    }

    #[test]
    fn the_resources_are_of_the_partition() {
        let china = statements(Partition::China, &BucketName::new("backup").unwrap());
        assert_eq!(china[0]["Resource"], json!(["arn:aws-cn:s3:::backup", "arn:aws-cn:s3:::backup/*"]));
    }

    #[test]
    fn foreign_statements_stay_and_ours_are_replaced() {
        let there = json!({
            "Version": "2008-10-17",
            "Id": "theirs",
            "Statement": [
                { "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::1:root" }, "Action": "s3:GetObject" },
                { "Effect": "Deny" },
                { "Sid": "GardenerDenyOldTls", "Effect": "Allow" },
            ],
        });
        let merged = merged(Some(&there.to_string()), &wanted()).unwrap().unwrap();
        assert_eq!(merged["Version"], "2008-10-17");
        assert_eq!(merged["Id"], "theirs");
        let [first, second] = wanted();
        let kept = there["Statement"].as_array().unwrap();
        assert_eq!(merged["Statement"], json!([kept[0], kept[1], first, second]));
    }

    #[test]
    fn a_single_statement_need_not_be_in_a_list() {
        let there = json!({ "Statement": { "Sid": "Theirs" } }).to_string();
        let merged = merged(Some(&there), &wanted()).unwrap().unwrap();
        assert_eq!(merged["Statement"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn as_it_should_be_nothing_is_written() {
        let policy = merged(None, &wanted()).unwrap().unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        assert_eq!(merged(Some(&policy.to_string()), &wanted()).unwrap(), None);
        let mut other_form = policy.clone();
        for statement in other_form["Statement"].as_array_mut().unwrap() {
            statement["Action"] = json!(["s3:*"]);
            statement["Resource"].as_array_mut().unwrap().reverse();
        }
        assert_eq!(merged(Some(&other_form.to_string()), &wanted()).unwrap(), None);
    }

    #[test]
    fn a_policy_without_sense_is_left_alone() {
        for bad in ["[]", "{", "\"x\""] {
            assert_eq!(merged(Some(bad), &wanted()).unwrap_err().kind(), ErrorKind::FailedPrecondition);
        }
    }
}
