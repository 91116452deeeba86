//! Replies of the real cloud, as libcloud keeps them for its tests, read by this crate.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use gardener_provider_client::{call::Call, client::Dialect, pages::Page};
use gardener_provider_conformance::{
    recordings::{self, distortions},
    tools,
};
use gardener_provider_core::ErrorKind;
use gardener_provider_gcp::{
    api::{
        addresses::{self, Address},
        disks::Disk,
        firewalls::{self, Firewall},
        instances::{self, Instance},
        lists,
        networks::{self, Network},
        operations::{self, ComputeOperation},
        routes::Route,
        subnetworks::{self, Subnetwork},
    },
    dialect::GcpDialect,
};
use http::{Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn replies(name: &str) -> Option<Vec<(String, Value, Response<Bytes>)>> {
    let bodies = recordings::compute_engine(&tools::recordings(name)?).expect("recordings");
    assert!(bodies.len() > 250, "{} bodies", bodies.len());
    let reply = |(name, body): (String, Bytes)| {
        let value = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, value, Response::new(body))
    };
    Some(bodies.into_iter().map(reply).collect())
}

fn print_counts(counts: &BTreeMap<String, usize>) {
    let total: usize = counts.values().sum();
    let each: Vec<_> = counts.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    println!("recordings: {total} resources read: {}", each.join(", "));
}

/// What this crate understood of a resource, in the words of the API.
trait Told: DeserializeOwned + fmt::Debug + 'static {
    fn told(&self) -> Value;
}

impl Told for Instance {
    fn told(&self) -> Value {
        let access = |access: &instances::AccessConfig| json!({ "natIP": access.nat_ip });
        let interface = |interface: &instances::NetworkInterface| {
            json!({
                "networkIP": interface.network_ip,
                "accessConfigs": interface.access_configs.iter().map(access).collect::<Vec<_>>(),
            })
        };
        json!({
            "id": self.id, "name": self.name, "zone": self.zone, "status": self.status, "labels": self.labels,
            "tags": { "items": self.tags.items },
            "networkInterfaces": self.network_interfaces.iter().map(interface).collect::<Vec<_>>(),
        })
    }
}

impl Told for Disk {
    fn told(&self) -> Value {
        json!({ "name": self.name, "zone": self.zone, "status": self.status, "labels": self.labels, "users": self.users })
    }
}

impl Told for Network {
    fn told(&self) -> Value {
        json!({
            "name": self.name, "selfLink": self.self_link, "autoCreateSubnetworks": self.auto_create_subnetworks,
            "mtu": self.mtu, "routingConfig": self.routing_config,
        })
    }
}

impl Told for Subnetwork {
    fn told(&self) -> Value {
        json!({
            "name": self.name, "selfLink": self.self_link, "network": self.network, "ipCidrRange": self.ip_cidr_range,
            "fingerprint": self.fingerprint, "stackType": self.stack_type, "secondaryIpRanges": self.secondary_ip_ranges,
        })
    }
}

impl Told for Firewall {
    fn told(&self) -> Value {
        serde_json::to_value(self).unwrap()
    }
}

impl Told for Address {
    fn told(&self) -> Value {
        json!({
            "name": self.name, "selfLink": self.self_link, "address": self.address, "addressType": self.address_type,
            "users": self.users,
        })
    }
}

impl Told for Route {
    fn told(&self) -> Value {
        json!({
            "name": self.name, "description": self.description, "network": self.network, "destRange": self.dest_range,
            "nextHopInstance": self.next_hop_instance,
        })
    }
}

type Parse<T> = fn(&Response<Bytes>) -> gardener_provider_core::Result<T>;

/// Compares what was read of a reply with what it says: one resource, a list, or a list over all zones.
fn check<T: Told>(
    one: Option<Parse<T>>,
    kind: &str,
    body: &Value,
    reply: &Response<Bytes>,
) -> Vec<(Value, Value)> {
    let (read, recorded): (Vec<T>, Vec<Value>) = if kind.ends_with("AggregatedList") {
        let scopes = body["items"].as_object().unwrap().values();
        let lists = scopes.flat_map(|scope| scope.as_object().unwrap()).filter(|(key, _)| *key != "warning");
        let recorded = lists.flat_map(|(_, list)| list.as_array().unwrap().clone()).collect();
        (lists::aggregated::<T>(reply).unwrap().items, recorded)
    } else if kind.ends_with("List") {
        let page: Page<T> = lists::page(reply).unwrap();
        assert_eq!(page.next.as_deref(), body["nextPageToken"].as_str());
        (page.items, body["items"].as_array().cloned().unwrap_or_default())
    } else {
        let one = one.unwrap_or(gardener_provider_client::rest::json::<T>);
        (vec![one(reply).unwrap()], vec![body.clone()])
    };
    assert_eq!(read.len(), recorded.len(), "{kind}");
    read.iter().map(Told::told).zip(recorded).collect()
}

#[test]
fn every_recorded_resource_is_read_as_it_was_sent() {
    let Some(replies) = replies("every_recorded_resource_is_read_as_it_was_sent") else { return };
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for (name, body, reply) in &replies {
        let kind = body["kind"].as_str().unwrap_or_default().trim_start_matches("compute#");
        let thing = kind.trim_end_matches("AggregatedList").trim_end_matches("List");
        let read = match thing {
            "instance" => check(Some(instances::get("p", "z", "i").parse), kind, body, reply),
            "disk" => check::<Disk>(None, kind, body, reply),
            "network" => check(Some(networks::get_network("p", "n").parse), kind, body, reply),
            "subnetwork" => check(Some(subnetworks::get_subnetwork("p", "r", "s").parse), kind, body, reply),
            "firewall" => check(Some(firewalls::get_firewall("p", "f").parse), kind, body, reply),
            "address" => check(Some(addresses::get_address("p", "r", "a").parse), kind, body, reply),
            "route" => check::<Route>(None, kind, body, reply),
            _ => continue,
        };
        for (read, recorded) in read {
            *counts.entry(thing.to_owned()).or_insert(0) += 1;
            wrong.extend(distortions(&read, &recorded).into_iter().map(|told| format!("{name}{told}")));
        }
    }
    print_counts(&counts);
    assert!(wrong.is_empty(), "{} distortions:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(counts.len(), 7, "{counts:?}");
}

#[test]
fn every_recorded_interface_is_read() {
    let Some(replies) = replies("every_recorded_interface_is_read") else { return };
    let parse = instances::get("p", "z", "i").parse;
    let instances = replies.iter().filter(|(_, body, _)| body["kind"] == "compute#instance");
    let mut count = 0;
    for (name, body, reply) in instances {
        let attached = parse(reply).unwrap();
        let names: Vec<_> = attached.network_interfaces.iter().map(|nic| nic.name.clone()).collect();
        let recorded = body["networkInterfaces"].as_array().unwrap();
        let expected: Vec<_> = recorded.iter().map(|nic| nic["name"].as_str().unwrap_or_default()).collect();
        assert_eq!(names, expected, "{name}");
        count += names.len();
    }
    println!("recordings: {count} network interfaces read");
    assert!(count > 5, "{count}");
}

#[test]
fn every_recorded_operation_is_read() {
    let Some(replies) = replies("every_recorded_operation_is_read") else { return };
    let parse = operations::get("p", &ComputeOperation::default()).parse;
    let (mut running, mut done, mut failed) = (0, 0, 0);
    for (name, body, reply) in replies.iter().filter(|(_, body, _)| body["kind"] == "compute#operation") {
        let operation = parse(reply).unwrap();
        let told = json!({
            "name": operation.name, "status": operation.status, "zone": operation.zone, "region": operation.region,
            "targetLink": operation.target_link, "clientOperationId": operation.client_operation_id,
            "endTime": operation.end_time, "httpErrorStatusCode": operation.http_error_status_code,
        });
        assert_eq!(distortions(&told, body), Vec::<String>::new(), "{name}");
        assert_eq!(operation.is_done(), body["status"] == "DONE", "{name}");
        assert_eq!(operation.ended().is_some(), body["endTime"].is_string(), "{name}");
        match (operation.is_done(), operation.failure()) {
            (_, Some(error)) => {
                assert_eq!(
                    error.cloud_code(),
                    body["error"]["errors"][0]["code"].as_str(),
                    "{name}: {error}"
                );
                failed += 1;
            }
            (true, None) => done += 1,
            (false, None) => running += 1,
        }
        assert_eq!(operation.failure().is_some(), body.get("error").is_some(), "{name}");
    }
    println!("recordings: operations: {running} running, {done} done, {failed} failed");
    assert!(running > 20 && done > 20 && failed > 0, "{running}, {done}, {failed}");
}

#[test]
fn every_recorded_error_is_understood() {
    let Some(replies) = replies("every_recorded_error_is_understood") else { return };
    let url = "https://compute.googleapis.com/compute/v1/projects/p".parse().unwrap();
    let call = Call::new("compute.projects.get", "compute/read", Method::GET, url);
    let mut count = 0;
    for (name, body, reply) in &replies {
        // Operations that failed have a list there.
        let Some(status) = body["error"]["code"].as_u64() else { continue };
        let mut reply = reply.clone();
        *reply.status_mut() = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
        let error = GcpDialect::open().decode_error(&call, &reply).unwrap();
        assert_eq!(error.cloud_code(), body["error"]["errors"][0]["reason"].as_str(), "{name}: {error}");
        assert_ne!(error.kind(), ErrorKind::Internal, "{name}: {error}");
        count += 1;
    }
    println!("recordings: {count} errors read");
    assert!(count > 0);
}
