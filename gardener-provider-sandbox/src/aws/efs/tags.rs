//! Tags of file systems.

use bytes::Bytes;
use http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Efs, Outcome, bad, file_systems::no_system, segments, tags_json};
use crate::aws::{ec2::Tags, error::AwsError};

/// The tags in a request's body.
pub(super) fn of(list: &Value) -> Result<Tags, AwsError> {
    let mut tags = Tags::new();
    for tag in list.as_array().into_iter().flatten() {
        let key = super::required(tag, "Key")?.to_owned();
        if key.starts_with("aws:") || key.chars().count() > 128 {
            return Err(bad(&format!("The tag key {key} is invalid")));
        }
        let value = tag["Value"].as_str().ok_or_else(|| bad("Value is required in a tag"))?;
        tags.insert(key, value.to_owned());
    }
    if tags.len() > 50 {
        return Err(bad("A resource can have at most 50 tags"));
    }
    Ok(tags)
}

impl Efs<'_> {
    pub(super) fn tag_resource(&mut self, request: &Request<Bytes>) -> Outcome {
        let tags = of(&self.body["Tags"])?;
        self.tags_of(request)?.extend(tags);
        Ok((StatusCode::OK, Value::Null))
    }

    pub(super) fn untag_resource(&mut self, request: &Request<Bytes>) -> Outcome {
        let keys = self.query.get("tagKeys").cloned().unwrap_or_default();
        self.tags_of(request)?.retain(|key, _| !keys.contains(key));
        Ok((StatusCode::OK, Value::Null))
    }

    pub(super) fn list_tags_for_resource(&mut self, request: &Request<Bytes>) -> Outcome {
        let tags = tags_json(self.tags_of(request)?);
        Ok((StatusCode::OK, json!({ "Tags": tags })))
    }

    /// The tags of the file system that the path names by id or ARN.
    fn tags_of(&mut self, request: &Request<Bytes>) -> Result<&mut Tags, AwsError> {
        let id = segments(request).split_off(1).join("/");
        let id = id.rsplit('/').next().unwrap_or_default().to_owned();
        let system = self.region().systems.get_mut(&id);
        system.map(|system| &mut system.tags).ok_or_else(|| no_system(&id))
    }
}
