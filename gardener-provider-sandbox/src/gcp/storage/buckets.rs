//! Buckets. <https://cloud.google.com/storage/docs/json_api/v1/buckets>

use http::Method;
use serde_json::{Value, json};

use super::{
    super::{
        body::{self, Fields, Object},
        context::timestamp,
        error::{GcpError, Reply},
    },
    Cx,
    state::Bucket,
};

/// The longest retention, in seconds.
const LONGEST: i64 = 3_155_760_000;

/// The settings that are kept; others of the API are refused, so that nobody believes that they have an effect.
const KEPT: [&str; 10] = [
    "encryption",
    "iamConfiguration",
    "labels",
    "lifecycle",
    "location",
    "retentionPolicy",
    "rpo",
    "softDeletePolicy",
    "storageClass",
    "versioning",
];

pub(super) fn list(cx: &mut Cx<'_>) -> Reply {
    let project = known_project(cx)?;
    let prefix = cx.query.get("prefix").unwrap_or_default().to_owned();
    let after = cx.query.get("pageToken").map(str::to_owned);
    let limit = cx.max_page()?;
    let own = cx.state.buckets.values().filter(|bucket| bucket.project == project && !bucket.foreign);
    let mut found = own
        .filter(|bucket| bucket.name.starts_with(&prefix))
        .filter(|bucket| after.as_ref().is_none_or(|after| bucket.name > *after));
    let page: Vec<&Bucket> = found.by_ref().take(limit).collect();
    let mut reply = json!({ "kind": "storage#buckets" });
    if let (Some(_), Some(last)) = (found.next(), page.last()) {
        reply["nextPageToken"] = last.name.clone().into();
    }
    if !page.is_empty() {
        reply["items"] = page.into_iter().map(Bucket::resource).collect();
    }
    Ok(reply)
}

fn known_project(cx: &Cx<'_>) -> Result<String, GcpError> {
    let project = cx
        .query
        .get("project")
        .ok_or_else(|| GcpError::new(400, "required", "Required parameter: project"))?;
    if cx.context.options().projects.iter().any(|known| known == project) {
        return Ok(project.to_owned());
    }
    Err(GcpError::new(400, "invalid", format!("Unknown project id: {project}")))
}

pub(super) fn insert(cx: &mut Cx<'_>) -> Reply {
    let project = known_project(cx)?;
    let body = body::parse(cx.request.body())?;
    let name = body.text("name").ok_or_else(|| GcpError::new(400, "required", "Required"))?.to_owned();
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
    if !(3..=63).contains(&name.len()) || !name.bytes().all(inner) {
        return Err(GcpError::new(400, "invalid", format!("Invalid bucket name: '{name}'")));
    }
    match cx.state.buckets.get(&name) {
        Some(bucket) if !bucket.foreign && bucket.project == project => {
            let message =
                "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(GcpError::new(409, "conflict", message));
        }
        Some(_) => {
            let message = "The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.";
            return Err(GcpError::new(409, "conflict", message));
        }
        None => {}
    }
    let mut settings = Object::new();
    settings.insert("softDeletePolicy".to_owned(), json!({ "retentionDurationSeconds": "604800" }));
    merge(&mut settings, body)?;
    let location = settings.text("location").unwrap_or("US").to_ascii_uppercase();
    settings.insert("location".to_owned(), location.into());
    check(&settings, None)?;
    let bucket = Bucket::new(&name, &project, settings, cx.context.now);
    let reply = bucket.resource();
    cx.state.buckets.insert(name, bucket);
    Ok(reply)
}

pub(super) fn bucket(cx: &mut Cx<'_>, name: &str) -> Reply {
    match *cx.request.method() {
        Method::GET => cx.state.bucket(name).map(|bucket| bucket.resource()),
        Method::PATCH => patch(cx, name),
        Method::DELETE => delete(cx, name),
        _ => Err(GcpError::new(404, "notFound", "Not Found")),
    }
}

fn unchanged<'a>(cx: &'a mut Cx<'_>, name: &str) -> Result<&'a mut Bucket, GcpError> {
    let expected = cx.number("ifMetagenerationMatch")?;
    let bucket = cx.state.bucket(name)?;
    if expected.is_some_and(|expected| expected != bucket.metageneration) {
        return Err(GcpError::condition("At least one of the pre-conditions you specified did not hold."));
    }
    Ok(bucket)
}

fn patch(cx: &mut Cx<'_>, name: &str) -> Reply {
    let now = cx.context.now;
    let changes = body::parse(cx.request.body())?;
    if changes.contains_key("location") {
        return Err(GcpError::new(400, "invalid", "The location of a bucket cannot be changed."));
    }
    let bucket = unchanged(cx, name)?;
    let mut settings = bucket.settings.clone();
    merge(&mut settings, changes)?;
    check(&settings, Some(&bucket.settings))?;
    if settings != bucket.settings {
        bucket.settings = settings;
        bucket.metageneration += 1;
        bucket.updated = now;
    }
    Ok(bucket.resource())
}

pub(super) fn lock(cx: &mut Cx<'_>, name: &str) -> Reply {
    if cx.number("ifMetagenerationMatch")?.is_none() {
        return Err(GcpError::new(400, "required", "Required parameter: ifMetagenerationMatch"));
    }
    let now = cx.context.now;
    let bucket = unchanged(cx, name)?;
    let Some(Value::Object(policy)) = bucket.settings.get_mut("retentionPolicy") else {
        return Err(GcpError::new(400, "invalid", "The bucket has no retention policy to lock."));
    };
    policy.insert("isLocked".to_owned(), true.into());
    bucket.metageneration += 1;
    bucket.updated = now;
    Ok(bucket.resource())
}

fn delete(cx: &mut Cx<'_>, name: &str) -> Reply {
    let bucket = unchanged(cx, name)?;
    if !bucket.objects.is_empty() {
        return Err(GcpError::new(409, "conflict", "The bucket you tried to delete is not empty."));
    }
    cx.state.buckets.remove(name);
    cx.state.uploads.retain(|_, upload| upload.bucket != name);
    Ok(Value::Null)
}

/// Puts changes into settings: null takes away, objects are merged but for lists and policies, which are replaced.
fn merge(settings: &mut Object, changes: Object) -> Result<(), GcpError> {
    for (name, value) in changes {
        if matches!(name.as_str(), "name" | "kind" | "id") {
            continue;
        }
        if !KEPT.contains(&name.as_str()) {
            return Err(GcpError::new(
                400,
                "invalid",
                format!("The sandbox has no setting '{name}' of buckets."),
            ));
        }
        match (settings.get_mut(&name), value) {
            (_, Value::Null) => drop(settings.remove(&name)),
            (Some(Value::Object(there)), Value::Object(new))
                if name == "iamConfiguration" || name == "labels" =>
            {
                there.extend(new);
            }
            (Some(Value::Object(there)), Value::Object(new)) if name == "retentionPolicy" => {
                there.extend(new);
            }
            (_, value) => drop(settings.insert(name, value)),
        }
    }
    Ok(())
}

fn check(settings: &Object, old: Option<&Object>) -> Result<(), GcpError> {
    let policy = settings.object("retentionPolicy");
    let period = policy.and_then(|policy| policy.number("retentionPeriod"));
    if policy.is_some() && !period.is_some_and(|period| (1..=LONGEST).contains(&period)) {
        return Err(GcpError::new(400, "invalid", "Invalid value for retentionPolicy.retentionPeriod"));
    }
    let old = old.and_then(|old| old.object("retentionPolicy"));
    if old.and_then(|old| old.flag("isLocked")) == Some(true)
        && period < old.and_then(|old| old.number("retentionPeriod"))
    {
        let message =
            "Cannot reduce or remove the retention duration of a locked Retention Policy for bucket.";
        return Err(GcpError::new(403, "forbidden", message));
    }
    Ok(())
}

impl Bucket {
    /// The bucket's resource.
    pub(super) fn resource(&self) -> Value {
        let mut resource = Value::Object(self.settings.clone());
        let fixed = json!({
            "kind": "storage#bucket",
            "id": self.name,
            "name": self.name,
            "projectNumber": "100000000001",
            "metageneration": self.metageneration.to_string(),
            "etag": hex::encode(self.metageneration.to_be_bytes()),
            "locationType": "region",
            "timeCreated": timestamp(self.created),
            "updated": timestamp(self.updated),
        });
        for (name, value) in fixed.as_object().into_iter().flatten() {
            resource[name] = value.clone();
        }
        if resource.get("storageClass").is_none() {
            resource["storageClass"] = "STANDARD".into();
        }
        resource
    }
}
