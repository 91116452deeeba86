//! Tags of EC2 resources
//! ([reference](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html)).

use std::collections::BTreeMap;

use gardener_provider_client::call::Idempotency;
use serde::{Deserialize, Deserializer};

use super::{
    ApiRequest, Operation, family,
    query::{self, Form},
};
use crate::endpoints::Service;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

#[derive(Debug, Deserialize)]
struct Tag {
    #[serde(alias = "Key")]
    key: String,
    #[serde(default, alias = "Value")]
    value: Option<String>,
}

/// Reads `<tagSet><item><key/><value/></item></tagSet>`; use with `#[serde(default, deserialize_with = "tags::set")]`.
pub fn set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tags, D::Error> {
    Ok(collect(query::items(deserializer)?))
}

/// Reads `<Tags><member><Key/><Value/></member></Tags>`.
pub fn member_set<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tags, D::Error> {
    Ok(collect(query::members(deserializer)?))
}

fn collect(tags: Vec<Tag>) -> Tags {
    tags.into_iter().map(|tag| (tag.key, tag.value.unwrap_or_default())).collect()
}

impl Form {
    /// Tags the new resource in the call that makes it; nothing if there are no tags.
    pub fn tag_specification(self, resource_type: &str, tags: &Tags) -> Self {
        self.tag_specifications([(resource_type, tags)])
    }

    /// As [`Form::tag_specification`], for calls that make resources of several types.
    pub fn tag_specifications<'a>(self, tags: impl IntoIterator<Item = (&'a str, &'a Tags)>) -> Self {
        let tags = tags.into_iter().filter(|(_, tags)| !tags.is_empty());
        self.each("TagSpecification", tags, |form, (resource_type, tags)| {
            form.put("ResourceType", resource_type).tags("Tag", tags)
        })
    }

    /// Adds tags as a list of keys and values.
    pub fn tags(self, key: &str, tags: &Tags) -> Self {
        self.each(key, tags, |form, (key, value)| form.put("Key", key).put("Value", value))
    }
}

/// Adds tags to resources; a tag of the same key is replaced.
pub fn create_tags(resources: &[&str], tags: &Tags) -> Operation<()> {
    let request = Form::new().list("ResourceId", resources).tags("Tag", tags).request(
        Service::Ec2,
        "CreateTags",
        family::EC2_WRITE,
        Idempotency::Idempotent,
    );
    Operation::new(request, query::nothing)
}

/// Removes tags of these keys, whatever their values.
pub fn delete_tags(resources: &[&str], keys: &[&str]) -> Operation<()> {
    let request = Form::new()
        .list("ResourceId", resources)
        .each("Tag", keys, |form, key| form.put("Key", key))
        .request(Service::Ec2, "DeleteTags", family::EC2_WRITE, Idempotency::Idempotent);
    Operation::new(request, query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned()), ("k".to_owned(), String::new())]);
    vec![create_tags(&["vpc-1", "subnet-1"], &tags).request, delete_tags(&["vpc-1"], &["Name", "k"]).request]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_numbered_and_read_back() {
        let tags = Tags::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())]);
        let form = Form::new().tag_specification("vpc", &tags).tag_specification("subnet", &Tags::new());
        let request = form.request(Service::Ec2, "CreateVpc", family::EC2_WRITE, Idempotency::Once);
        let form: Vec<_> =
            request.form().into_iter().skip(2).map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(
            form,
            [
                "TagSpecification.1.ResourceType=vpc",
                "TagSpecification.1.Tag.1.Key=a",
                "TagSpecification.1.Tag.1.Value=1",
                "TagSpecification.1.Tag.2.Key=b",
                "TagSpecification.1.Tag.2.Value=",
            ]
        );
        #[derive(Deserialize)]
        struct Reply {
            #[serde(default, rename = "tagSet", deserialize_with = "set")]
            tags: Tags,
        }
        let read = |text| quick_xml::de::from_str::<Reply>(text).unwrap().tags;
        let xml = "<R><tagSet><item><key>a</key><value>1</value></item><item><key>b</key><value/></item></tagSet></R>";
        assert_eq!(read(xml), tags);
        assert_eq!(read("<R/>"), Tags::new());
    }
}
