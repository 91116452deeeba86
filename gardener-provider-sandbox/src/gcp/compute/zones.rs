//! The project, its regions and zones, and what can be had there.

use serde_json::{Value, json};

use super::{
    catalog::{ACCELERATOR_TYPES, DISK_TYPES, project_number},
    engine::{Engine, Work},
    fingerprint, images, instances,
    kind::Kind,
    links::{Key, Scope, url},
    lists, no_such_method,
};
use crate::gcp::{
    body::{Fields, Object},
    context::Context,
    error::{GcpError, Reply},
};

const LONG_AGO: &str = "2016-01-01T00:00:00.000-08:00";

/// The project, or a verb on it.
pub(super) fn project(engine: &mut Engine<'_>, verb: Option<&str>, body: Object) -> Reply {
    match (verb, engine.target.verb()) {
        (None, "GET") => Ok(show_project(engine)),
        (Some("setCommonInstanceMetadata"), "POST") => engine.once(|engine| set_metadata(engine, body)),
        _ => Err(no_such_method()),
    }
}

fn show_project(engine: &Engine<'_>) -> Value {
    let id = &engine.project.id;
    let quotas = &engine.context.options().quotas;
    let count = |kind| engine.project.all(kind).filter(|(_, stored)| stored.owner.is_none()).count();
    let quota =
        |metric: &str, limit: usize, kind| json!({ "metric": metric, "limit": limit, "usage": count(kind) });
    json!({
        "kind": "compute#project",
        "id": project_number(id).to_string(),
        "name": id,
        "creationTimestamp": LONG_AGO,
        "selfLink": url(&format!("projects/{id}")),
        "commonInstanceMetadata": metadata(engine),
        "defaultServiceAccount": crate::gcp::identity::default_account(id),
        "defaultNetworkTier": "PREMIUM",
        "xpnProjectStatus": "UNSPECIFIED_XPN_PROJECT_STATUS",
        "quotas": [
            quota("NETWORKS", quotas.networks, Kind::Network),
            quota("SUBNETWORKS", quotas.subnetworks, Kind::Subnetwork),
            quota("FIREWALLS", quotas.firewalls, Kind::Firewall),
            quota("ROUTES", quotas.routes, Kind::Route),
            quota("ROUTERS", quotas.routers, Kind::Router),
        ],
    })
}

fn metadata(engine: &Engine<'_>) -> Value {
    let mut metadata = engine.project.metadata.clone();
    metadata.insert("kind".to_owned(), "compute#metadata".into());
    fingerprint::renew(&mut metadata, "fingerprint");
    Value::Object(metadata)
}

fn set_metadata(engine: &mut Engine<'_>, body: Object) -> Reply {
    let current = metadata(engine);
    let message = "Supplied fingerprint does not match current metadata fingerprint.";
    if body.contains_key("fingerprint") {
        fingerprint::check(&body, "fingerprint", current["fingerprint"].as_str(), message)?;
    }
    instances::check_metadata(&body, "resource")?;
    engine.project.metadata = Object::from_iter([("items".to_owned(), json!(body.list("items")))]);
    let takes = engine.context.options().durations.other;
    let key = Key::new(Kind::Operation, Scope::Global, engine.project.id.clone());
    Ok(engine.start(Work::new("setMetadata", key, takes)))
}

/// The regions, or one of them.
pub(super) fn regions(engine: &Engine<'_>, name: Option<&str>) -> Reply {
    let id = &engine.project.id;
    let shown = |(region, zones): &(String, Vec<String>)| {
        let path = format!("projects/{id}/regions/{region}");
        let zones: Vec<String> =
            zones.iter().map(|zone| url(&format!("projects/{id}/zones/{zone}"))).collect();
        json!({
            "kind": "compute#region",
            "id": project_number(region).to_string(),
            "name": region,
            "description": region,
            "creationTimestamp": LONG_AGO,
            "status": "UP",
            "zones": zones,
            "quotas": instances::quotas(engine, region),
            "selfLink": url(&path),
        })
    };
    let regions: Vec<Value> = engine.context.options().regions.iter().map(shown).collect();
    one_or_all(engine, "region", "regions", name, regions)
}

/// The zones, or one of them.
pub(super) fn zones(engine: &Engine<'_>, name: Option<&str>) -> Reply {
    let id = &engine.project.id;
    let mut all = Vec::new();
    for (region, zones) in &engine.context.options().regions {
        for zone in zones {
            all.push(json!({
                "kind": "compute#zone",
                "id": project_number(zone).to_string(),
                "name": zone,
                "description": zone,
                "creationTimestamp": LONG_AGO,
                "status": if engine.zones_down.contains(zone) { "DOWN" } else { "UP" },
                "region": url(&format!("projects/{id}/regions/{region}")),
                "availableCpuPlatforms": ["Intel Ice Lake", "Intel Cascade Lake", "AMD Milan"],
                "selfLink": url(&format!("projects/{id}/zones/{zone}")),
            }));
        }
    }
    one_or_all(engine, "zone", "zones", name, all)
}

fn one_or_all(
    engine: &Engine<'_>,
    word: &str,
    collection: &str,
    name: Option<&str>,
    all: Vec<Value>,
) -> Reply {
    let place = format!("projects/{}/{collection}", engine.project.id);
    match name {
        None => lists::page(engine.context, engine.query, &place, &format!("compute#{word}List"), all),
        Some(name) => all.into_iter().find(|item| item["name"] == name).ok_or_else(|| {
            GcpError::not_found(&format!("{place}/{}", name.chars().take(100).collect::<String>()))
        }),
    }
}

/// What of this kind can be had at a place.
pub(super) fn catalog(context: &Context<'_>, project: &str, kind: Kind, scope: &Scope) -> Vec<Value> {
    let options = context.options();
    let about = |name: &str| {
        let path = Key::new(kind, scope.clone(), name).url(project);
        json!({
            "kind": kind.tag(),
            "id": project_number(&path).to_string(),
            "name": name,
            "creationTimestamp": LONG_AGO,
            "selfLink": path,
        })
    };
    match kind {
        Kind::Image => images::of_project(context, project),
        Kind::MachineType => options
            .machine_types
            .iter()
            .map(|machine| {
                let mut shown = about(&machine.name);
                shown["guestCpus"] = machine.cpus.into();
                shown["memoryMb"] = machine.memory_mb.into();
                shown["imageSpaceGb"] = 0.into();
                shown["isSharedCpu"] = (machine.name == "e2-medium").into();
                shown["maximumPersistentDisks"] = 128.into();
                shown["maximumPersistentDisksSizeGb"] = "263168".into();
                shown["architecture"] = machine.architecture.as_str().into();
                shown["zone"] = scope.name().into();
                if let Some((accelerator, count)) = &machine.accelerators {
                    shown["accelerators"] =
                        json!([{ "guestAcceleratorType": accelerator, "guestAcceleratorCount": count }]);
                }
                shown
            })
            .collect(),
        Kind::DiskType => DISK_TYPES
            .iter()
            .map(|(name, size, valid)| {
                let mut shown = about(name);
                shown["defaultDiskSizeGb"] = size.to_string().into();
                shown["validDiskSize"] = (*valid).into();
                shown["zone"] = url(&format!("projects/{project}/{}", scope.path())).into();
                shown
            })
            .collect(),
        Kind::AcceleratorType => ACCELERATOR_TYPES
            .iter()
            .map(|(name, most)| {
                let mut shown = about(name);
                shown["maximumCardsPerInstance"] = (*most).into();
                shown["zone"] = url(&format!("projects/{project}/{}", scope.path())).into();
                shown
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// What of this kind can be had anywhere, with the place.
pub(super) fn whole_catalog(context: &Context<'_>, project: &str, kind: Kind) -> Vec<(String, Value)> {
    let zones = context.options().regions.iter().flat_map(|(_, zones)| zones);
    let mut all = Vec::new();
    for scope in zones.map(|zone| Scope::Zone(zone.clone())) {
        all.extend(catalog(context, project, kind, &scope).into_iter().map(|item| (scope.path(), item)));
    }
    all
}
