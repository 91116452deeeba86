//! EFS: file systems and their mount targets.
//!
//! API version 2015-02-01, <https://docs.aws.amazon.com/efs/latest/ug/api-reference.html>.

mod file_systems;
mod mount_targets;
mod tags;

use std::{collections::BTreeMap, time::SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{Inner, context::Context, ec2::Tags, error::AwsError, route::Service, state::State as Cloud};
use crate::Resource;
use file_systems::FileSystem;
use mount_targets::MountTarget;

/// What the service remembers of one region.
#[derive(Debug, Default)]
pub(crate) struct State {
    systems: BTreeMap<String, FileSystem>,
    targets: BTreeMap<String, MountTarget>,
}

impl State {
    pub(crate) fn inventory(&self, region: &str, now: SystemTime) -> Vec<Resource> {
        let systems = self.systems.values().filter(|system| !system.life.is_over(now));
        let targets = self.targets.values().filter(|target| !target.life.is_over(now));
        let systems =
            systems.map(|one| Resource::new("efs", "file-system", region, &one.id).with_tags(&one.tags));
        systems.chain(targets.map(|one| Resource::new("efs", "mount-target", region, &one.id))).collect()
    }

    /// Forgets what is deleted by now.
    fn settle(&mut self, now: SystemTime) {
        self.systems.retain(|_, system| !system.life.is_over(now));
        self.targets.retain(|_, target| !target.life.is_over(now));
    }
}

/// From creating over available and deleting to gone.
#[derive(Debug, Clone, Copy)]
struct Life {
    created: SystemTime,
    visible_from: SystemTime,
    available_from: SystemTime,
    gone_from: Option<SystemTime>,
}

impl Life {
    fn begin(context: &Context<'_>) -> Self {
        Self {
            created: context.now,
            visible_from: context.visible_from(),
            available_from: context.after(context.options().durations.file_system),
            gone_from: None,
        }
    }

    fn end(&mut self, context: &Context<'_>) -> SystemTime {
        *self.gone_from.get_or_insert(context.after(context.options().durations.file_system))
    }

    fn state(&self, now: SystemTime) -> &'static str {
        match self.gone_from {
            Some(_) => "deleting",
            None if now < self.available_from => "creating",
            None => "available",
        }
    }

    fn is_over(&self, now: SystemTime) -> bool {
        self.gone_from.is_some_and(|at| at <= now)
    }
}

/// Where a request goes: the segments of its path behind the version.
fn segments(request: &Request<Bytes>) -> Vec<String> {
    let path = request.uri().path().strip_prefix("/2015-02-01/").unwrap_or_default();
    let segments = path.split('/').filter(|segment| !segment.is_empty());
    segments.map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned()).collect()
}

/// The operation that a request asks for.
pub(crate) fn operation(request: &Request<Bytes>) -> String {
    let segments = segments(request);
    let shape: Vec<&str> = segments.iter().map(String::as_str).collect();
    let name = match (request.method(), shape.as_slice()) {
        (&Method::POST, ["file-systems"]) => "CreateFileSystem",
        (&Method::GET, ["file-systems"]) => "DescribeFileSystems",
        (&Method::DELETE, ["file-systems", _]) => "DeleteFileSystem",
        (&Method::POST, ["mount-targets"]) => "CreateMountTarget",
        (&Method::GET, ["mount-targets"]) => "DescribeMountTargets",
        (&Method::DELETE, ["mount-targets", _]) => "DeleteMountTarget",
        (&Method::GET, ["mount-targets", _, "security-groups"]) => "DescribeMountTargetSecurityGroups",
        (&Method::PUT, ["mount-targets", _, "security-groups"]) => "ModifyMountTargetSecurityGroups",
        (&Method::POST, ["resource-tags", ..]) => "TagResource",
        (&Method::DELETE, ["resource-tags", ..]) => "UntagResource",
        (&Method::GET, ["resource-tags", ..]) => "ListTagsForResource",
        _ => "",
    };
    name.to_owned()
}

/// Status and body of a reply.
type Outcome = Result<(StatusCode, Value), Failure>;

/// An error, with the members that its kind has besides code and message.
#[derive(Debug)]
struct Failure {
    error: AwsError,
    more: Value,
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        Self { error, more: Value::Null }
    }
}

/// One call on its way through the service.
struct Efs<'a> {
    context: &'a Context<'a>,
    state: &'a mut Cloud,
    /// The id in the path.
    id: String,
    query: BTreeMap<String, Vec<String>>,
    body: Value,
}

/// Answers one call.
pub(crate) fn answer(inner: &Inner, context: &Context<'_>, request: &Request<Bytes>) -> Response<Bytes> {
    let mut state = inner.state();
    match (Efs { context, state: &mut state, id: String::new(), query: BTreeMap::new(), body: Value::Null })
        .run(request)
    {
        Ok((status, body)) => {
            let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
            let mut reply = Response::new(body);
            *reply.status_mut() = status;
            reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            reply
        }
        Err(failure) => {
            let mut reply = failure.error.render(Service::Efs, &context.request_id);
            if let (Value::Object(more), Ok(Value::Object(mut body))) =
                (failure.more, serde_json::from_slice(reply.body()))
            {
                body.extend(more);
                *reply.body_mut() = Value::Object(body).to_string().into();
            }
            reply
        }
    }
}

impl Efs<'_> {
    fn run(mut self, request: &Request<Bytes>) -> Outcome {
        self.id = segments(request).get(1).cloned().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        {
            self.query.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        if !request.body().is_empty() {
            self.body =
                serde_json::from_slice(request.body()).map_err(|_| bad("The body is no valid JSON"))?;
        }
        let now = self.context.now;
        self.region().settle(now);
        match self.context.call.operation.as_str() {
            "CreateFileSystem" => self.create_file_system(),
            "DescribeFileSystems" => self.describe_file_systems(),
            "DeleteFileSystem" => self.delete_file_system(),
            "CreateMountTarget" => self.create_mount_target(),
            "DescribeMountTargets" => self.describe_mount_targets(),
            "DeleteMountTarget" => self.delete_mount_target(),
            "DescribeMountTargetSecurityGroups" => self.describe_mount_target_security_groups(),
            "ModifyMountTargetSecurityGroups" => self.modify_mount_target_security_groups(),
            "TagResource" => self.tag_resource(request),
            "UntagResource" => self.untag_resource(request),
            "ListTagsForResource" => self.list_tags_for_resource(request),
            _ => Err(AwsError {
                status: Some(404),
                ..AwsError::new("UnknownOperationException", "The operation is not known.")
            }
            .into()),
        }
    }

    fn region(&mut self) -> &mut State {
        self.state.efs.entry(self.context.region().to_owned()).or_default()
    }

    fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    /// One page of a list, under its name, with where the next page begins.
    fn page(&self, name: &str, all: Vec<Value>) -> Outcome {
        let limit = self
            .asked("MaxItems")
            .map_or(Ok(100), str::parse)
            .map_err(|_| bad("MaxItems must be a number"))?;
        let start: usize =
            self.asked("Marker").map_or(Ok(0), str::parse).map_err(|_| bad("Invalid Marker"))?;
        let limit = limit.clamp(1, 1000);
        let more = all.len() > start.saturating_add(limit);
        let page: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
        let mut body = json!({ name: page });
        if more {
            body["NextMarker"] = json!((start + limit).to_string());
        }
        Ok((StatusCode::OK, body))
    }
}

fn bad(message: &str) -> AwsError {
    AwsError::new("BadRequest", message)
}

fn required<'a>(body: &'a Value, name: &str) -> Result<&'a str, AwsError> {
    body[name].as_str().filter(|text| !text.is_empty()).ok_or_else(|| bad(&format!("{name} is required")))
}

/// A point in time as this protocol writes it: seconds.
fn seconds(at: SystemTime) -> f64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

fn tags_json(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

#[cfg(test)]
mod tests;
