//! Key pairs ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html)).

use gardener_provider_client::{call::Idempotency, pages::Page};
use serde::Deserialize;

use super::{
    ApiRequest, Operation,
    describe::{Query, idempotent, once, page},
    family,
    query::{self, Form},
    tags::{self, Tags},
};
use crate::endpoints::Service;

/// A key pair.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyPair {
    /// The id.
    pub key_pair_id: String,
    /// The name.
    pub key_name: String,
    /// The public key in OpenSSH format, if it was asked for.
    #[serde(deserialize_with = "query::text")]
    pub public_key: Option<String>,
    /// The tags.
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// Finds key pairs with their public keys. There are no pages.
pub fn describe_key_pairs(query: &Query) -> Operation<Page<KeyPair>> {
    let request = query.form("KeyName", None).put("IncludePublicKey", true).request(
        Service::Ec2,
        "DescribeKeyPairs",
        family::EC2_READ,
        Idempotency::Safe,
    );
    Operation::new(request, page!("keySet", KeyPair))
}

/// Stores a public key in OpenSSH format under a name.
pub fn import_key_pair(name: &str, public_key: &str, tags: &Tags) -> Operation<KeyPair> {
    use base64::Engine as _;
    let material = base64::engine::general_purpose::STANDARD.encode(public_key);
    let form = Form::new()
        .put("KeyName", name)
        .put("PublicKeyMaterial", material)
        .tag_specification("key-pair", tags);
    Operation::new(once(form, "ImportKeyPair"), query::xml::<KeyPair>)
}

/// Deletes a key pair. There is none: success.
pub fn delete_key_pair(name: &str) -> Operation<()> {
    Operation::new(idempotent(Form::new().put("KeyName", name), "DeleteKeyPair"), query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    vec![
        describe_key_pairs(&Query { next: None, ..Query::sample() }).request,
        describe_key_pairs(&Query::ids(["n"])).request,
        import_key_pair("n", "ssh-rsa AAAA", &tags).request,
        delete_key_pair("n").request,
    ]
}
