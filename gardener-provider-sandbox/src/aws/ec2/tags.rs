//! Tags: in tag specifications of creates, and added and removed later.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use super::{Ec2, region::Tags};
use crate::{
    aws::{context::Reply, error::AwsError, query::Params, xml::Xml},
    glob,
};

/// The kinds of resources that can be tagged, by the prefix of their ids.
const KINDS: [(&str, &str); 18] = [
    ("vpc", "vpc"),
    ("dopt", "dhcp-options"),
    ("subnet", "subnet"),
    ("scr", "subnet-cidr-reservation"),
    ("igw", "internet-gateway"),
    ("eigw", "egress-only-internet-gateway"),
    ("eipalloc", "elastic-ip"),
    ("nat", "natgateway"),
    ("rtb", "route-table"),
    ("acl", "network-acl"),
    ("sg", "security-group"),
    ("sgr", "security-group-rule"),
    ("vpce", "vpc-endpoint"),
    ("key", "key-pair"),
    ("eni", "network-interface"),
    ("vol", "volume"),
    ("i", "instance"),
    ("ami", "image"),
];

fn kind_of(id: &str) -> Option<&'static str> {
    let prefix = id.split_once('-')?.0;
    KINDS.iter().find(|(known, _)| *known == prefix).map(|(_, kind)| *kind)
}

/// The tags that a create gives to resources of `kind`; `kinds` are all that the operation can tag.
pub(crate) fn new_tags(params: &Params, kind: &str, kinds: &[&str]) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for specification in params.structs("TagSpecification") {
        let wanted = specification.required("ResourceType")?;
        if !kinds.contains(&wanted) {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!("'{wanted}' is not a valid taggable resource type for this operation."),
            ));
        }
        let read = read_tags(&specification)?;
        if wanted == kind {
            tags.extend(read);
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

/// As [`new_tags`] for an operation that tags one kind only.
pub(crate) fn tags_for(params: &Params, kind: &str) -> Result<Tags, AwsError> {
    new_tags(params, kind, &[kind])
}

impl Ec2<'_> {
    pub(crate) fn create_tags(&mut self, params: &Params) -> Reply {
        let ids = self.taggable(params)?;
        let tags = read_tags(params)?;
        if tags.is_empty() {
            return Err(AwsError::new("MissingParameter", "The request must contain the parameter tagSet"));
        }
        for id in &ids {
            let mut merged = self.region.tags_of(id).clone();
            merged.extend(tags.clone());
            check_count(&merged)?;
        }
        for id in ids {
            self.region.tags.entry(id).or_default().extend(tags.clone());
        }
        Ok(done())
    }

    /// Without tags removes all; a tag without a value whatever its value, one with a value only if it is that.
    pub(crate) fn delete_tags(&mut self, params: &Params) -> Reply {
        let ids = self.taggable(params)?;
        let doomed = params.structs("Tag");
        for id in ids {
            let Some(tags) = self.region.tags.get_mut(&id) else { continue };
            if doomed.is_empty() {
                tags.clear();
            }
            for tag in &doomed {
                let key = tag.required("Key")?;
                if tag.get("Value").is_none_or(|value| tags.get(key).is_some_and(|present| present == value))
                {
                    tags.remove(key);
                }
            }
        }
        Ok(done())
    }

    pub(crate) fn describe_tags(&self, params: &Params) -> Reply {
        let filters = params.structs("Filter");
        let mut rows = Vec::new();
        for (id, tags) in &self.region.tags {
            if !self.exists(id) || !self.region.is_visible(id, self.context.now) {
                continue;
            }
            for (key, value) in tags {
                if accept(&filters, id, key, value)? {
                    rows.push((id, key, value));
                }
            }
        }
        let start = read_offset(params)?;
        let most = self.context.world.max_page(self.context.options().max_page);
        let limit = params.parsed::<usize>("MaxResults")?.unwrap_or(most).clamp(1, most);
        let next =
            (start.saturating_add(limit) < rows.len()).then(|| BASE64.encode((start + limit).to_string()));
        let mut xml = Xml::new();
        xml.list("tagSet", rows.into_iter().skip(start).take(limit), |xml, (id, key, value)| {
            xml.text("resourceId", id).text("resourceType", kind_of(id).unwrap_or_default());
            xml.text("key", key).text("value", value);
        });
        xml.opt("nextToken", next);
        Ok(xml)
    }

    fn taggable(&self, params: &Params) -> Result<BTreeSet<String>, AwsError> {
        params.required("ResourceId.1")?;
        let ids: BTreeSet<String> = params.list("ResourceId").into_iter().collect();
        for id in &ids {
            if kind_of(id).is_none() {
                return Err(AwsError::new("InvalidID", format!("The ID '{id}' is not valid")));
            }
            if !self.exists(id) || !self.region.is_visible(id, self.context.now) {
                return Err(super::missing(id));
            }
        }
        Ok(ids)
    }
}

/// The reply of calls that only say that it is done.
pub(crate) fn done() -> Xml {
    let mut xml = Xml::new();
    xml.text("return", true);
    xml
}

fn read_offset(params: &Params) -> Result<usize, AwsError> {
    let Some(token) = params.filled("NextToken") else { return Ok(0) };
    let offset = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    offset.ok_or_else(|| AwsError::new("InvalidNextToken", format!("The token '{token}' is invalid.")))
}

fn accept(filters: &[Params], id: &str, key: &str, value: &str) -> Result<bool, AwsError> {
    for filter in filters {
        let name = filter.required("Name")?;
        let present = match name {
            "key" => key,
            "value" => value,
            "resource-id" => id,
            "resource-type" => kind_of(id).unwrap_or_default(),
            _ => match name.strip_prefix("tag:") {
                Some(wanted) if wanted == key => value,
                Some(_) => return Ok(false),
                None => return Err(super::filters::unknown(name)),
            },
        };
        if !filter.list("Value").iter().any(|pattern| glob::matches(pattern, present)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_tags(params: &Params) -> Result<Tags, AwsError> {
    let invalid = |message: String| Err(AwsError::new("InvalidParameterValue", message));
    let mut tags = Tags::new();
    for tag in params.structs("Tag") {
        let key = tag.required("Key")?;
        let value = tag.get("Value").unwrap_or_default();
        if key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("Tag keys starting with 'aws:' are reserved for internal use".to_owned());
        }
        if key.chars().count() > 128 {
            return invalid("Tag key exceeds the maximum length of 128 characters".to_owned());
        }
        if value.chars().count() > 256 {
            return invalid("Tag value exceeds the maximum length of 256 characters".to_owned());
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return invalid(format!("Duplicate tag key '{key}' specified."));
        }
    }
    Ok(tags)
}

fn check_count(tags: &Tags) -> Result<(), AwsError> {
    if tags.len() > 50 {
        return Err(AwsError::new("TagLimitExceeded", "The maximum number of tags for a resource is 50."));
    }
    Ok(())
}
