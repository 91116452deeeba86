//! What keeps a bucket private and encrypted: public-access block, ownership, encryption, policy.

use gardener_provider_core::{Encryption, Error, Result};
use serde::Deserialize;

use super::{Document, Target, element};
use crate::api::{ApiRequest, Operation, query};

/// Which kinds of public access are blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PublicAccessBlock {
    /// New public access lists are refused.
    #[serde(default)]
    pub block_public_acls: bool,
    /// Public access lists have no effect.
    #[serde(default)]
    pub ignore_public_acls: bool,
    /// Policies that grant public access are refused.
    #[serde(default)]
    pub block_public_policy: bool,
    /// A policy that grants public access works for the owner's account only.
    #[serde(default)]
    pub restrict_public_buckets: bool,
}

impl PublicAccessBlock {
    /// All of it.
    pub const ALL: Self = Self {
        block_public_acls: true,
        ignore_public_acls: true,
        block_public_policy: true,
        restrict_public_buckets: true,
    };
}

/// What public access is blocked.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html>
pub fn get_public_access_block(target: &Target) -> Operation<PublicAccessBlock> {
    Operation::new(target.get("GetPublicAccessBlock", "publicAccessBlock"), query::xml)
}

/// Sets what public access is blocked.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutPublicAccessBlock.html>
pub fn put_public_access_block(target: &Target, block: PublicAccessBlock) -> Operation<()> {
    let content = [
        element("BlockPublicAcls", block.block_public_acls.to_string()),
        element("IgnorePublicAcls", block.ignore_public_acls.to_string()),
        element("BlockPublicPolicy", block.block_public_policy.to_string()),
        element("RestrictPublicBuckets", block.restrict_public_buckets.to_string()),
    ];
    let document = Document::xml("PublicAccessBlockConfiguration", &content.concat());
    Operation::new(target.put("PutPublicAccessBlock", "publicAccessBlock", document), query::nothing)
}

/// Who owns objects that others write: `BucketOwnerEnforced`, `BucketOwnerPreferred` or `ObjectWriter`.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html>
pub fn get_ownership(target: &Target) -> Operation<Option<String>> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "Rule", default)]
        rules: Vec<Rule>,
    }
    #[derive(Deserialize)]
    struct Rule {
        #[serde(rename = "ObjectOwnership")]
        ownership: String,
    }
    Operation::new(target.get("GetBucketOwnershipControls", "ownershipControls"), |reply| {
        Ok(query::xml::<Reply>(reply)?.rules.into_iter().next().map(|rule| rule.ownership))
    })
}

/// Makes the bucket's owner the owner of every object, and access lists void.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketOwnershipControls.html>
pub fn put_ownership_enforced(target: &Target) -> Operation<()> {
    let rule = format!("<Rule>{}</Rule>", element("ObjectOwnership", "BucketOwnerEnforced"));
    let document = Document::xml("OwnershipControls", &rule);
    Operation::new(target.put("PutBucketOwnershipControls", "ownershipControls", document), query::nothing)
}

/// How new objects are encrypted; `None` if in a way that this crate does not set.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html>
pub fn get_encryption(target: &Target) -> Operation<Option<Encryption>> {
    #[derive(Deserialize)]
    struct Reply {
        #[serde(rename = "Rule", default)]
        rules: Vec<Rule>,
    }
    #[derive(Deserialize)]
    struct Rule {
        #[serde(rename = "ApplyServerSideEncryptionByDefault")]
        default: Option<ByDefault>,
    }
    #[derive(Deserialize)]
    struct ByDefault {
        #[serde(rename = "SSEAlgorithm", default)]
        algorithm: String,
        #[serde(rename = "KMSMasterKeyID", default, deserialize_with = "query::text")]
        key: Option<String>,
    }
    Operation::new(target.get("GetBucketEncryption", "encryption"), |reply| {
        let default = query::xml::<Reply>(reply)?.rules.into_iter().find_map(|rule| rule.default);
        Ok(default.and_then(|default| match (default.algorithm.as_str(), default.key) {
            ("AES256", _) => Some(Encryption::Managed),
            ("aws:kms", Some(key)) => Some(Encryption::Key(key)),
            _ => None,
        }))
    })
}

/// Sets how new objects are encrypted.
///
/// # Errors
/// `Unimplemented` for a kind of encryption that this crate does not know.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketEncryption.html>
pub fn put_encryption(target: &Target, encryption: &Encryption) -> Result<Operation<()>> {
    let (algorithm, bucket_key) = match encryption {
        Encryption::Managed => (element("SSEAlgorithm", "AES256"), String::new()),
        // One data key per bucket and time instead of one per object: fewer and cheaper calls to the key service.
        Encryption::Key(key) => (
            element("SSEAlgorithm", "aws:kms") + &element("KMSMasterKeyID", key),
            element("BucketKeyEnabled", "true"),
        ),
        _ => return Err(Error::unimplemented("this kind of encryption")),
    };
    let default =
        format!("<ApplyServerSideEncryptionByDefault>{algorithm}</ApplyServerSideEncryptionByDefault>");
    let rule = format!("<Rule>{default}{bucket_key}</Rule>");
    let document = Document::xml("ServerSideEncryptionConfiguration", &rule);
    Ok(Operation::new(target.put("PutBucketEncryption", "encryption", document), query::nothing))
}

/// The policy, a JSON document.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html>
pub fn get_policy(target: &Target) -> Operation<String> {
    Operation::new(target.get("GetBucketPolicy", "policy"), |reply| {
        String::from_utf8(reply.body().to_vec())
            .map_err(|error| Error::internal("the bucket's policy is not UTF-8").with_source(error))
    })
}

/// Sets the policy.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html>
pub fn put_policy(target: &Target, policy: &serde_json::Value) -> Operation<()> {
    let document = Document { content_type: "application/json", body: policy.to_string() };
    Operation::new(target.put("PutBucketPolicy", "policy", document), query::nothing)
}

pub(super) fn samples(target: &Target) -> Vec<ApiRequest> {
    let key = Encryption::Key("arn:aws:kms:eu-west-1:123456789012:key/1".to_owned());
    let mut samples = vec![
        get_public_access_block(target).request,
        put_public_access_block(target, PublicAccessBlock::ALL).request,
        get_ownership(target).request,
        put_ownership_enforced(target).request,
        get_encryption(target).request,
        get_policy(target).request,
        put_policy(target, &serde_json::json!({ "Version": "2012-10-17", "Statement": [] })).request,
    ];
    let encryptions = [Encryption::Managed, key];
    samples
        .extend(encryptions.iter().filter_map(|how| put_encryption(target, how).ok()).map(|op| op.request));
    samples
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    fn reply(body: &str) -> Response<Bytes> {
        Response::new(Bytes::from(body.to_owned()))
    }

    fn target() -> Target {
        Target::new("b")
    }

    #[test]
    fn a_public_access_block_is_read_as_it_is_written() {
        let put = put_public_access_block(&target(), PublicAccessBlock::ALL).request;
        let body = std::str::from_utf8(&put.body).unwrap();
        assert_eq!((get_public_access_block(&target()).parse)(&reply(body)).unwrap(), PublicAccessBlock::ALL);
        let half = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
                    <IgnorePublicAcls>false</IgnorePublicAcls></PublicAccessBlockConfiguration>";
        assert_ne!((get_public_access_block(&target()).parse)(&reply(half)).unwrap(), PublicAccessBlock::ALL);
    }

    #[test]
    fn ownership_is_read_as_it_is_written() {
        let put = put_ownership_enforced(&target()).request;
        let body = std::str::from_utf8(&put.body).unwrap();
        let ownership = (get_ownership(&target()).parse)(&reply(body)).unwrap();
        assert_eq!(ownership.as_deref(), Some("BucketOwnerEnforced"));
    }

    #[test]
    fn encryption_is_read_as_it_is_written() {
        for encryption in [Encryption::Managed, Encryption::Key("alias/a&b".to_owned())] {
            let put = put_encryption(&target(), &encryption).unwrap().request;
            let body = std::str::from_utf8(&put.body).unwrap();
            assert_eq!((get_encryption(&target()).parse)(&reply(body)).unwrap(), Some(encryption));
        }
        let other = "<S><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>\
                     </ApplyServerSideEncryptionByDefault></Rule></S>";
        assert_eq!((get_encryption(&target()).parse)(&reply(other)).unwrap(), None);
    }
}
