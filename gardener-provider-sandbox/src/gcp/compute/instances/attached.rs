//! Disks of instances.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::super::{
    changes::replace,
    disks,
    engine::Engine,
    kind::Kind,
    links::Key,
    names::{check_word, checked_name},
};
use crate::gcp::{
    body::{Fields, Object, default},
    context::timestamp,
    error::{GcpError, Reply},
};

/// Disks that are created with an instance.
type Created = Vec<(Key, Object)>;

/// The disks of a new instance as it shows them, and those that are created with it.
pub(super) fn of_new(
    engine: &mut Engine<'_>,
    key: &Key,
    body: &Object,
) -> Result<(Vec<Value>, Created), GcpError> {
    if body.list("disks").is_empty() {
        return Err(GcpError::required("resource.disks"));
    }
    if body.list("disks").len() > 128 {
        return Err(GcpError::invalid("resource.disks", "", "An instance can have at most 128 disks."));
    }
    let (mut shown, mut created) = (Vec::new(), Vec::new());
    let mut devices = BTreeSet::new();
    for (index, disk) in body.list("disks").iter().enumerate() {
        let at = format!("resource.disks[{index}]");
        let asked =
            disk.as_object().cloned().ok_or_else(|| GcpError::invalid(&at, "", "Must be an object."))?;
        check_word(&asked, &at, "type", &["PERSISTENT", "SCRATCH"])?;
        check_word(&asked, &at, "mode", &["READ_WRITE", "READ_ONLY"])?;
        check_word(&asked, &at, "interface", &["SCSI", "NVME"])?;
        if asked.flag("boot") == Some(true) && index > 0 {
            let problem = "Boot disk must be the first disk attached to the instance.";
            return Err(GcpError::invalid(&format!("{at}.boot"), "true", problem));
        }
        let attached = attach_one(engine, key, asked, index, &at, &mut created)?;
        let device = attached["deviceName"].as_str().unwrap_or_default().to_owned();
        if !devices.insert(device.clone()) {
            let problem = "The device name is used twice.";
            return Err(GcpError::invalid(&format!("{at}.deviceName"), &device, problem));
        }
        shown.push(attached);
    }
    if shown[0]["boot"] != true {
        let problem = "Exactly one disk, the first one, must be the boot disk.";
        return Err(GcpError::invalid("resource.disks[0].boot", "false", problem));
    }
    Ok((shown, created))
}

/// One disk: an existing one, a new one, or a local one that is only the instance's.
fn attach_one(
    engine: &mut Engine<'_>,
    key: &Key,
    mut asked: Object,
    index: usize,
    at: &str,
    created: &mut Created,
) -> Result<Value, GcpError> {
    let params = asked.remove("initializeParams").and_then(|params| params.as_object().cloned());
    let scratch = asked.text("type") == Some("SCRATCH");
    let source = asked.text("source").map(str::to_owned);
    match (source, params) {
        (Some(_), Some(_)) => {
            let problem = "Only one of source and initializeParams can be given.";
            return Err(GcpError::invalid(&format!("{at}.source"), "", problem));
        }
        (Some(source), None) => {
            let (disk, stored) = engine.existing(&format!("{at}.source"), &source, Kind::Disk)?;
            let size = stored.body.get("sizeGb").cloned().unwrap_or_default();
            check_free(engine, &disk, &asked)?;
            asked.insert("source".to_owned(), engine.url(&disk).into());
            asked.insert("diskSizeGb".to_owned(), size);
        }
        (None, params) if scratch => local(engine, key, &mut asked, params.unwrap_or_default(), at)?,
        (None, Some(params)) => {
            let (disk, body) = new_disk(engine, key, &asked, params, index, at)?;
            if created.iter().any(|(other, _)| *other == disk) {
                return Err(GcpError::already_exists(&disk.path(&engine.project.id)));
            }
            asked.insert("source".to_owned(), engine.url(&disk).into());
            asked.insert("diskSizeGb".to_owned(), body["sizeGb"].clone());
            if let Some(architecture) = body.get("architecture") {
                asked.insert("architecture".to_owned(), architecture.clone());
            }
            created.push((disk, body));
        }
        (None, None) => return Err(GcpError::required(&format!("{at}.source"))),
    }
    asked.insert("kind".to_owned(), "compute#attachedDisk".into());
    asked.insert("index".to_owned(), index.into());
    default(&mut asked, "type", "PERSISTENT");
    default(&mut asked, "mode", "READ_WRITE");
    default(&mut asked, "boot", false);
    default(&mut asked, "autoDelete", false);
    default(&mut asked, "interface", "SCSI");
    let device = if scratch { "local-ssd" } else { "persistent-disk" };
    default(&mut asked, "deviceName", format!("{device}-{index}"));
    Ok(Value::Object(asked))
}

/// A disk that is written to belongs to one instance.
fn check_free(engine: &Engine<'_>, disk: &Key, asked: &Object) -> Result<(), GcpError> {
    let user = engine.project.user_of(disk);
    match user {
        Some(user) if asked.text("mode") != Some("READ_ONLY") => {
            Err(GcpError::in_use("disk", &disk.path(&engine.project.id), &user))
        }
        _ => Ok(()),
    }
}

fn local(
    engine: &Engine<'_>,
    key: &Key,
    asked: &mut Object,
    params: Object,
    at: &str,
) -> Result<(), GcpError> {
    let field = format!("{at}.initializeParams.diskType");
    let kind =
        disks::disk_type(engine, &key.scope, params.text("diskType").or(Some(&local_type(key))), &field)?;
    if kind.name != "local-ssd" {
        return Err(GcpError::invalid(&field, &kind.name, "Scratch disks must be of type local-ssd."));
    }
    if asked.flag("autoDelete") == Some(false) {
        let problem = "Scratch disks are always deleted with their instance.";
        return Err(GcpError::invalid(&format!("{at}.autoDelete"), "false", problem));
    }
    asked.insert("autoDelete".to_owned(), true.into());
    asked.insert("diskSizeGb".to_owned(), "375".into());
    Ok(())
}

fn local_type(key: &Key) -> String {
    format!("{}/diskTypes/local-ssd", key.scope.path())
}

/// A disk by the `initializeParams`: named like the instance if it is the boot disk, and numbered otherwise.
fn new_disk(
    engine: &mut Engine<'_>,
    key: &Key,
    asked: &Object,
    mut params: Object,
    index: usize,
    at: &str,
) -> Result<(Key, Object), GcpError> {
    let at = format!("{at}.initializeParams");
    let own = if index == 0 { key.name.clone() } else { format!("{}-{index}", key.name) };
    let name = match params.text("diskName") {
        Some(name) => checked_name(&format!("{at}.diskName"), name)?,
        None => own,
    };
    let disk = Key::new(Kind::Disk, key.scope.clone(), name);
    if engine.project.resources.contains_key(&disk) {
        return Err(GcpError::already_exists(&disk.path(&engine.project.id)));
    }
    let mut body = Object::new();
    for (from, to) in [
        ("diskType", "type"),
        ("diskSizeGb", "sizeGb"),
        ("sourceImage", "sourceImage"),
        ("description", "description"),
        ("labels", "labels"),
        ("provisionedIops", "provisionedIops"),
        ("provisionedThroughput", "provisionedThroughput"),
        ("storagePool", "storagePool"),
        ("resourcePolicies", "resourcePolicies"),
        ("enableConfidentialCompute", "enableConfidentialCompute"),
    ] {
        if let Some(value) = params.remove(from) {
            body.insert(to.to_owned(), value);
        }
    }
    for name in ["provisionedIops", "provisionedThroughput"] {
        if let Some(number) = body.number(name) {
            body.insert(name.to_owned(), number.to_string().into());
        }
    }
    if let Some(encryption) = asked.get("diskEncryptionKey") {
        body.insert("diskEncryptionKey".to_owned(), encryption.clone());
    }
    if let Some(size) = asked.get("diskSizeGb") {
        default(&mut body, "sizeGb", size.clone());
    }
    if index == 0 && body.text("sourceImage").is_none() && params.text("sourceSnapshot").is_none() {
        return Err(GcpError::required(&format!("{at}.sourceImage")));
    }
    disks::complete(engine, &key.scope, &mut body, &at, Some(500))?;
    body.insert("lastAttachTimestamp".to_owned(), timestamp(engine.context.now).into());
    Ok((disk, body))
}

pub(super) fn attach(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let mut attached = next.list("disks").to_vec();
    let mut created = Vec::new();
    let disk = attach_one(engine, key, body.clone(), attached.len(), "resource", &mut created)?;
    if !created.is_empty() {
        let problem = "A disk must exist before it can be attached.";
        return Err(GcpError::invalid("resource.initializeParams", "", problem));
    }
    if attached.iter().any(|other| other["deviceName"] == disk["deviceName"]) {
        let name = disk["deviceName"].as_str().unwrap_or_default();
        return Err(GcpError::invalid("resource.deviceName", name, "The device name is used already."));
    }
    attached.push(disk);
    next.insert("disks".to_owned(), attached.into());
    Ok(replace(engine, key, "attachDisk", next))
}

pub(super) fn detach(engine: &mut Engine<'_>, key: &Key) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let name = engine.query.get("deviceName").ok_or_else(|| GcpError::required("deviceName"))?;
    let mut attached = next.list("disks").to_vec();
    let before = attached.len();
    attached.retain(|disk| disk["deviceName"] != name);
    if attached.len() == before {
        let problem = format!(
            "No attached disk found with device name '{}'",
            name.chars().take(63).collect::<String>()
        );
        return Err(GcpError::invalid("deviceName", name, &problem));
    }
    next.insert("disks".to_owned(), attached.into());
    Ok(replace(engine, key, "detachDisk", next))
}

pub(super) fn set_auto_delete(engine: &mut Engine<'_>, key: &Key) -> Reply {
    let mut next = engine.idle(key)?.body.clone();
    let name = engine.query.get("deviceName").ok_or_else(|| GcpError::required("deviceName"))?;
    let on = engine.query.flag("autoDelete").ok_or_else(|| GcpError::required("autoDelete"))?;
    let mut attached = next.list("disks").to_vec();
    let Some(disk) = attached.iter_mut().find(|disk| disk["deviceName"] == name) else {
        return Err(GcpError::invalid("deviceName", name, "No attached disk found with this device name."));
    };
    disk["autoDelete"] = json!(on);
    next.insert("disks".to_owned(), attached.into());
    Ok(replace(engine, key, "setDiskAutoDelete", next))
}

/// The disks that go with an instance. One that another instance reads stays.
pub(super) fn auto_deleted(engine: &Engine<'_>, body: &Object) -> Vec<Key> {
    let disks = body.list("disks").iter().filter(|disk| disk["autoDelete"] == true);
    let sources: Vec<&str> = disks.filter_map(|disk| disk["source"].as_str()).collect();
    let mut users: BTreeMap<&str, usize> = sources.iter().map(|source| (*source, 0)).collect();
    for (_, stored) in engine.project.all(Kind::Instance) {
        for source in stored.body.list("disks").iter().filter_map(|disk| disk["source"].as_str()) {
            if let Some(count) = users.get_mut(source) {
                *count += 1;
            }
        }
    }
    let own = sources.into_iter().filter(|source| users.get(source) == Some(&1));
    own.filter_map(|source| engine.key("", source, Kind::Disk).ok()).collect()
}
