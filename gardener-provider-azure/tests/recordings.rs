//! Replies of the real cloud, as Azure recorded them for the tests of its SDK for Python, read by this crate.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use std::collections::BTreeMap;

use bytes::Bytes;
use gardener_provider_azure::{
    api::{
        Operation, ResourceId, disks, images,
        load_balancers::LoadBalancerProperties,
        nat_gateways::NatGatewayProperties,
        network::{self, Properties},
        network_interfaces,
        operations::{State, Watch},
        public_ip_addresses::PublicIpAddressProperties,
        route_tables::RouteTableProperties,
        subnets::SubnetProperties,
        virtual_machines,
        virtual_networks::VirtualNetworkProperties,
    },
    dialect,
};
use gardener_provider_client::pages::Page;
use gardener_provider_conformance::{
    recordings::{self, distortions},
    tools,
    wire::Exchange,
};
use gardener_provider_core::{ErrorKind, Result};
use http::{Method, Response};
use serde::Serialize;
use serde_json::{Value, json};

/// Reads a reply and writes what was understood, an item for each resource.
type Read = Box<dyn Fn(&Response<Bytes>) -> Result<Vec<Value>>>;

/// How this crate reads one resource of a type, and a list of them.
struct Reader {
    one: Read,
    many: Read,
}

impl Reader {
    fn new<T: Serialize + 'static>(one: Operation<T>, many: Operation<Page<T>>) -> Self {
        let value = |resource: &T| serde_json::to_value(resource).unwrap();
        Self {
            one: Box::new(move |reply| Ok(vec![value(&(one.parse)(reply)?)])),
            many: Box::new(move |reply| Ok((many.parse)(reply)?.items.iter().map(value).collect())),
        }
    }

    fn network<P: Properties + 'static>() -> Self {
        Self::new::<network::Resource<P>>(network::get(&group()), network::list(&group()))
    }
}

fn group() -> ResourceId {
    ResourceId::group("s", "g")
}

/// The resources that Gardener knows, by type. Of security groups nothing was recorded.
fn readers() -> BTreeMap<&'static str, Reader> {
    let id = group();
    BTreeMap::from([
        ("virtualMachines", Reader::new(virtual_machines::get(&id), virtual_machines::list_in(&id))),
        ("networkInterfaces", Reader::new(network_interfaces::get(&id), network_interfaces::list_in(&id))),
        ("disks", Reader::new(disks::get(&id), disks::list_in(&id))),
        ("virtualNetworks", Reader::network::<VirtualNetworkProperties>()),
        ("virtualNetworks/subnets", Reader::network::<SubnetProperties>()),
        ("natGateways", Reader::network::<NatGatewayProperties>()),
        ("publicIPAddresses", Reader::network::<PublicIpAddressProperties>()),
        ("routeTables", Reader::network::<RouteTableProperties>()),
        ("loadBalancers", Reader::network::<LoadBalancerProperties>()),
    ])
}

/// The type that a request is about, without its namespace, and whether it is about one of them.
fn target(exchange: &Exchange) -> Option<(String, bool)> {
    let path = exchange.request.uri().path();
    let (_, below) = path.rsplit_once("/providers/")?;
    let steps: Vec<_> = below.trim_matches('/').split('/').skip(1).collect();
    let kinds: Vec<_> = steps.iter().step_by(2).copied().collect();
    Some((kinds.join("/"), steps.len() % 2 == 0))
}

fn exchanges(name: &str) -> Option<Vec<Exchange>> {
    let exchanges = recordings::azure(&tools::recordings(name)?).expect("recordings");
    assert!(exchanges.len() > 3000, "{} exchanges", exchanges.len());
    Some(exchanges)
}

/// Prints how many there were of each.
fn print_counts(counts: &BTreeMap<String, usize>) {
    let total: usize = counts.values().sum();
    let each: Vec<_> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    println!("recordings: {total} bodies read: {}", each.join(", "));
}

#[test]
fn every_recorded_resource_is_read_as_it_was_sent() {
    let Some(exchanges) = exchanges("every_recorded_resource_is_read_as_it_was_sent") else { return };
    let readers = readers();
    let (mut counts, mut wrong) = (BTreeMap::new(), Vec::new());
    for exchange in &exchanges {
        let (request, reply) = (&exchange.request, &exchange.reply);
        let shows = [Method::GET, Method::PUT, Method::PATCH].contains(request.method())
            && reply.status().is_success()
            && !reply.body().is_empty();
        let Some((kind, single)) = target(exchange).filter(|_| shows) else { continue };
        let Some(reader) = readers.get(kind.as_str()) else { continue };
        let body: Value = serde_json::from_slice(reply.body()).unwrap();
        let (read, recorded) = if single {
            ((reader.one)(reply), vec![body])
        } else {
            ((reader.many)(reply), body["value"].as_array().unwrap().clone())
        };
        let read = read.unwrap_or_else(|error| panic!("{}: {error}", request.uri()));
        assert_eq!(read.len(), recorded.len(), "{}", request.uri());
        for (read, recorded) in read.iter().zip(&recorded) {
            *counts.entry(kind.clone()).or_insert(0) += 1;
            let told = distortions(read, recorded);
            wrong.extend(told.into_iter().map(|problem| format!("{kind}{problem}")));
        }
    }
    print_counts(&counts);
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "{} distortions:\n{}", wrong.len(), wrong.join("\n"));
    for kind in readers.keys() {
        assert!(counts.get(*kind).is_some_and(|count| *count > 2), "{kind}: {counts:?}");
    }
}

#[test]
fn every_recorded_instance_view_and_image_is_read() {
    let Some(exchanges) = exchanges("every_recorded_instance_view_and_image_is_read") else { return };
    let (read_machine, read_images) = (virtual_machines::get(&group()).parse, {
        let urn = images::Urn::parse("a:b:c:d").unwrap();
        (images::get("s", "l", &urn).parse, images::latest("s", "l", &urn).parse)
    });
    let mut counts = BTreeMap::new();
    for exchange in &exchanges {
        let Some((kind, single)) = target(exchange).filter(|_| exchange.reply.status().is_success()) else {
            continue;
        };
        let body: Value = serde_json::from_slice(exchange.reply.body()).unwrap_or_default();
        match kind.as_str() {
            "virtualMachines/instanceView" => {
                let within = json!({ "properties": { "instanceView": body } });
                let machine = read_machine(&Response::new(within.to_string().into())).unwrap();
                assert!(machine.properties.instance_view.is_some());
            }
            "locations/publishers/artifacttypes/offers/skus/versions" if single => {
                let image = (read_images.0)(&exchange.reply).unwrap();
                assert_eq!(image.name, body["name"]);
            }
            "locations/publishers/artifacttypes/offers/skus/versions" => {
                let images = (read_images.1)(&exchange.reply).unwrap();
                assert_eq!(images.len(), body.as_array().unwrap().len());
            }
            _ => continue,
        }
        *counts.entry(kind).or_insert(0) += 1;
    }
    print_counts(&counts);
    assert_eq!(counts.len(), 2, "{counts:?}");
}

#[test]
fn every_recorded_operation_is_followed() {
    let Some(exchanges) = exchanges("every_recorded_operation_is_followed") else { return };
    let mut counts = BTreeMap::new();
    let mut count = |what: &str| *counts.entry(what.to_owned()).or_insert(0) += 1;
    for Exchange { request, reply, .. } in &exchanges {
        let header = |name: &str| reply.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let begins = request.method() != Method::GET && matches!(reply.status().as_u16(), 201 | 202);
        if begins {
            let watch = Watch::of(reply, request.method() == Method::DELETE);
            let expected = match (header("azure-asyncoperation"), header("location")) {
                (Some(url), _) => Watch::Status(url),
                (None, Some(url)) => Watch::Location(url),
                (None, None) if reply.status().as_u16() == 202 => Watch::Resource,
                // Only what the resource says of itself is left.
                (None, None) => watch.clone(),
            };
            assert_eq!(watch, expected, "{} {}", request.method(), request.uri());
            count("begun");
            continue;
        }
        let body: Value = serde_json::from_slice(reply.body()).unwrap_or_default();
        let path = request.uri().path().to_lowercase();
        let polls = path.contains("/operations/") || path.contains("operations/");
        let Some(status) = body["status"].as_str().filter(|_| polls && reply.status().is_success()) else {
            continue;
        };
        let state = State::of_operation(reply).unwrap();
        match status {
            "Succeeded" => assert!(matches!(state, State::Done), "{state:?}"),
            "Failed" | "Canceled" => {
                let State::Failed(error) = state else { panic!("{body} is {state:?}") };
                assert_eq!(
                    error.cloud_code().is_some(),
                    body["error"]["code"].is_string(),
                    "{body}: {error}"
                );
            }
            _ => assert!(matches!(state, State::Running), "{status} is {state:?}"),
        }
        count(status);
    }
    print_counts(&counts);
    assert!(counts["begun"] > 300 && counts["Succeeded"] > 300 && counts["InProgress"] > 1000, "{counts:?}");
}

#[test]
fn every_recorded_error_is_understood() {
    let Some(exchanges) = exchanges("every_recorded_error_is_understood") else { return };
    let mut counts = BTreeMap::new();
    for Exchange { request, reply, .. } in &exchanges {
        if reply.status().is_success() {
            continue;
        }
        let text = String::from_utf8_lossy(reply.body());
        let error = dialect::error(reply);
        let code =
            error.cloud_code().unwrap_or_else(|| panic!("{}: no code in {text}", request.uri())).to_owned();
        assert!(text.contains(&code), "{code} is not in {text}");
        assert_ne!(error.kind(), ErrorKind::Internal, "{text}");
        *counts.entry(format!("{code} ({:?})", error.kind())).or_insert(0) += 1;
    }
    print_counts(&counts);
    assert!(!counts.is_empty());
}
