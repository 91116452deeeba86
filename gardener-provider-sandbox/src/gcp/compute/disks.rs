//! Disks of a zone.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/disks>

use serde_json::{Value, json};

use super::{
    catalog::{DISK_TYPES, project_number},
    changes::replace,
    engine::Engine,
    fingerprint, images,
    kind::Kind,
    links::{Key, Link, Scope},
    names, no_such_method,
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::{GcpError, Reply},
};

pub(super) fn insert(engine: &mut Engine<'_>, key: &Key, mut body: Object) -> Result<Object, GcpError> {
    if let Some(image) = engine.query.get("sourceImage") {
        default(&mut body, "sourceImage", image);
    }
    complete(engine, &key.scope, &mut body, "resource", None)?;
    Ok(body)
}

/// Fills in what a new disk has; `base` is the size it has if none is given, otherwise its type's.
pub(super) fn complete(
    engine: &Engine<'_>,
    scope: &Scope,
    body: &mut Object,
    at: &str,
    base: Option<u64>,
) -> Result<(), GcpError> {
    let kind = disk_type(engine, scope, body.text("type"), &format!("{at}.type"))?;
    body.insert("type".to_owned(), engine.url(&kind).into());
    let (_, usual, _) = DISK_TYPES.iter().find(|(name, ..)| *name == kind.name).unwrap_or(&DISK_TYPES[0]);
    let mut least = 1;
    if let Some(name) = body.text("sourceImage").map(str::to_owned) {
        let image = images::find(engine.context, &engine.project.id, &name).ok_or_else(|| {
            let problem = "The referenced image resource cannot be found.";
            GcpError::invalid(&format!("{at}.sourceImage"), &name, problem)
        })?;
        least = image.disk_size_gb;
        let url = images::url_of(image);
        body.insert("sourceImageId".to_owned(), project_number(&url).to_string().into());
        body.insert("architecture".to_owned(), image.architecture.as_str().into());
        body.insert("sourceImage".to_owned(), url.into());
    }
    let size = size(body, "sizeGb", &format!("{at}.sizeGb"))?;
    let size = size.unwrap_or_else(|| if least > 1 { least } else { base.unwrap_or(*usual) });
    if size < least {
        let problem = format!("Requested disk size cannot be smaller than the image size ({least} GB)");
        return Err(GcpError::invalid(&format!("{at}.sizeGb"), &size.to_string(), &problem));
    }
    body.insert("sizeGb".to_owned(), size.to_string().into());
    body.insert("status".to_owned(), "READY".into());
    body.insert("physicalBlockSizeBytes".to_owned(), "4096".into());
    check_policies(engine, body, at)?;
    names::check_labels(body, &format!("{at}.labels"))?;
    fingerprint::renew_labels(body);
    Ok(())
}

/// The size in GB that a field gives.
pub(super) fn size(body: &Object, name: &str, field: &str) -> Result<Option<u64>, GcpError> {
    let Some(value) = body.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    match body.number(name).and_then(|size| u64::try_from(size).ok()) {
        Some(size) if (1..=65_536).contains(&size) => Ok(Some(size)),
        _ => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Err(GcpError::invalid(field, &text, "Must be a size in GB between 1 and 65536."))
        }
    }
}

/// The type of disk that a field names, which is `pd-standard` if none is named.
pub(super) fn disk_type(
    engine: &Engine<'_>,
    scope: &Scope,
    name: Option<&str>,
    field: &str,
) -> Result<Key, GcpError> {
    let Some(text) = name else { return Ok(Key::new(Kind::DiskType, scope.clone(), "pd-standard")) };
    let link = Link::parse(text, &engine.project.id).filter(|link| link.key.kind == Kind::DiskType);
    let link = link.ok_or_else(|| GcpError::invalid(field, text, "The URL is malformed."))?;
    let known = DISK_TYPES.iter().any(|(name, ..)| *name == link.key.name) && link.key.scope == *scope;
    if known { Ok(link.key) } else { Err(GcpError::not_found(&link.path())) }
}

fn check_policies(engine: &Engine<'_>, body: &mut Object, at: &str) -> Result<(), GcpError> {
    let field = format!("{at}.resourcePolicies");
    let mut urls = Vec::new();
    for policy in body.texts("resourcePolicies") {
        let (key, _) = engine.existing(&field, policy, Kind::ResourcePolicy)?;
        urls.push(engine.url(&key));
    }
    if !urls.is_empty() {
        body.insert("resourcePolicies".to_owned(), urls.into());
    }
    Ok(())
}

pub(super) fn update(engine: &mut Engine<'_>, key: &Key, change: &Object) -> Result<Object, GcpError> {
    let mut next = engine.idle(key)?.body.clone();
    let paths = engine.query.get("paths").or(engine.query.get("updateMask")).unwrap_or_default().to_owned();
    for path in paths.split(',').filter(|path| !path.is_empty()) {
        let allowed = ["sizeGb", "provisionedIops", "provisionedThroughput", "labels", "accessMode"];
        let value = change.get(path).filter(|_| allowed.contains(&path));
        let Some(value) = value else {
            return Err(GcpError::invalid("paths", path, "The field cannot be updated."));
        };
        next.insert(path.to_owned(), value.clone());
    }
    fingerprint::renew_labels(&mut next);
    Ok(next)
}

pub(super) fn verb(engine: &mut Engine<'_>, key: &Key, verb: &str, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    match verb {
        "resize" => {
            let asked = size(body, "sizeGb", "sizeGb")?.ok_or_else(|| GcpError::required("sizeGb"))?;
            let current = next.number("sizeGb").and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            if asked <= current {
                let problem = "New disk size must be larger than the current one.";
                return Err(GcpError::invalid("sizeGb", &asked.to_string(), problem));
            }
            next.insert("sizeGb".to_owned(), asked.to_string().into());
            Ok(replace(engine, key, "resizeDisk", next))
        }
        "addResourcePolicies" | "removeResourcePolicies" => {
            change_policies(engine, &mut next, body, verb == "addResourcePolicies")?;
            let what =
                if verb == "addResourcePolicies" { "addResourcePolicies" } else { "removeResourcePolicies" };
            Ok(replace(engine, key, what, next))
        }
        _ => Err(no_such_method()),
    }
}

/// Adds policies to a disk or instance, or takes them away.
pub(super) fn change_policies(
    engine: &Engine<'_>,
    next: &mut Object,
    body: &Object,
    add: bool,
) -> Result<(), GcpError> {
    let mut policies: Vec<Value> = next.list("resourcePolicies").to_vec();
    for policy in body.texts("resourcePolicies") {
        let (key, _) = engine.existing("resourcePolicies", policy, Kind::ResourcePolicy)?;
        let url = json!(engine.url(&key));
        policies.retain(|other| *other != url);
        if add {
            policies.push(url);
        }
    }
    next.insert("resourcePolicies".to_owned(), policies.into());
    Ok(())
}
