//! Network interfaces of instances.

use ipnet::Ipv4Net;
use serde_json::{Value, json};

use super::super::{
    changes::replace,
    engine::Engine,
    fingerprint,
    kind::Kind,
    links::{Key, Scope},
    names::check_word,
    operations::Failure,
    project::Phase,
    ranges::{self, Taken},
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::{GcpError, Reply},
};

/// The interfaces of a new instance, and why it cannot have them although the request is good.
pub(super) fn of_new(
    engine: &mut Engine<'_>,
    key: &Key,
    body: &Object,
) -> Result<(Vec<Value>, Option<Failure>), GcpError> {
    let asked = body.list("networkInterfaces");
    if asked.is_empty() {
        return Err(GcpError::required("resource.networkInterfaces"));
    }
    if asked.len() > 8 {
        let problem = "An instance can have at most 8 network interfaces.";
        return Err(GcpError::invalid("resource.networkInterfaces", "", problem));
    }
    let (mut shown, mut failure) = (Vec::new(), None);
    for (index, interface) in asked.iter().enumerate() {
        let at = format!("resource.networkInterfaces[{index}]");
        let interface = interface.as_object().cloned();
        let interface = interface.ok_or_else(|| GcpError::invalid(&at, "", "Must be an object."))?;
        let (interface, problem) = complete(engine, key, interface, index, &at)?;
        let network = interface["network"].clone();
        if shown.iter().any(|other: &Value| other["network"] == network) {
            let problem = "Networks must be distinct for interfaces attached to the same instance.";
            return Err(GcpError::invalid(
                &format!("{at}.network"),
                network.as_str().unwrap_or_default(),
                problem,
            ));
        }
        failure = failure.or(problem);
        shown.push(interface);
    }
    Ok((shown, failure))
}

fn complete(
    engine: &mut Engine<'_>,
    key: &Key,
    mut interface: Object,
    index: usize,
    at: &str,
) -> Result<(Value, Option<Failure>), GcpError> {
    let (network, subnetwork) = place(engine, key, &interface, at)?;
    let subnet =
        engine.project.resources.get(&subnetwork).map(|stored| stored.body.clone()).unwrap_or_default();
    interface.insert("network".to_owned(), engine.url(&network).into());
    interface.insert("subnetwork".to_owned(), engine.url(&subnetwork).into());
    interface.insert("name".to_owned(), format!("nic{index}").into());
    interface.insert("kind".to_owned(), "compute#networkInterface".into());
    check_word(&interface, at, "stackType", &["IPV4_ONLY", "IPV4_IPV6"])?;
    check_word(&interface, at, "nicType", &["GVNIC", "VIRTIO_NET", "IDPF", "MRDMA", "IRDMA"])?;
    default(&mut interface, "stackType", "IPV4_ONLY");
    let mut taken = ranges::taken(engine.project, &engine.url(&subnetwork));
    let path = subnetwork.path(&engine.project.id);
    let mut failure = give_ip(&mut interface, &subnet, &mut taken, &path, at)?;
    failure = give_aliases(&mut interface, &subnet, &mut taken, &path, at)?.or(failure);
    give_ipv6(engine, &mut interface, &subnet, at)?;
    give_external(engine, key, &mut interface, at)?;
    fingerprint::renew(&mut interface, "fingerprint");
    Ok((Value::Object(interface), failure))
}

/// The network and subnetwork, of which a request may name either.
fn place(engine: &Engine<'_>, key: &Key, interface: &Object, at: &str) -> Result<(Key, Key), GcpError> {
    let unknown = |error: GcpError, name: &str, text: &str| match error.status {
        404 => {
            let problem = format!("The referenced {name} resource cannot be found.");
            GcpError::invalid(&format!("{at}.{name}"), text, &problem)
        }
        _ => error,
    };
    let region = Scope::Region(key.scope.region().to_owned());
    let network = match (interface.text("network"), interface.text("subnetwork")) {
        (Some(text), _) => Some(text),
        (None, None) => Some("global/networks/default"),
        (None, Some(_)) => None,
    };
    let network = network
        .map(|text| {
            engine
                .existing(&format!("{at}.network"), text, Kind::Network)
                .map_err(|e| unknown(e, "network", text))
        })
        .transpose()?;
    if let Some(text) = interface.text("subnetwork") {
        let field = format!("{at}.subnetwork");
        let found =
            engine.existing(&field, text, Kind::Subnetwork).map_err(|e| unknown(e, "subnetwork", text));
        let (subnetwork, stored) = found?;
        if subnetwork.scope != region {
            let problem = "The subnetwork must be in the region of the instance's zone.";
            return Err(GcpError::invalid(&field, text, problem));
        }
        let own = engine.key(&field, stored.body.text("network").unwrap_or_default(), Kind::Network)?;
        if network.is_some_and(|(network, _)| network != own) {
            let problem = "The subnetwork is not of the interface's network.";
            return Err(GcpError::invalid(&field, text, problem));
        }
        return Ok((own, subnetwork));
    }
    let (network, stored) = network.ok_or_else(|| GcpError::required(&format!("{at}.network")))?;
    if stored.body.flag("autoCreateSubnetworks") != Some(true) {
        let shown = Value::Object(interface.clone()).to_string();
        let problem = "Subnetwork should be specified for custom subnetmode network";
        return Err(GcpError::invalid(at, &shown, problem));
    }
    let subnetwork = Key::new(Kind::Subnetwork, region, network.name.clone());
    match engine.project.resources.get(&subnetwork) {
        Some(stored) if stored.phase != Phase::Creating => Ok((network, subnetwork)),
        _ => Err(GcpError::not_ready(&subnetwork.path(&engine.project.id))),
    }
}

fn give_ip(
    interface: &mut Object,
    subnet: &Object,
    taken: &mut Taken,
    path: &str,
    at: &str,
) -> Result<Option<Failure>, GcpError> {
    let range: Option<Ipv4Net> = subnet.text("ipCidrRange").and_then(|range| range.parse().ok());
    let range = range.ok_or_else(|| GcpError::not_found(path))?;
    if let Some(given) = interface.text("networkIP") {
        let ip: Option<std::net::Ipv4Addr> = given.parse().ok().filter(|ip| range.contains(ip));
        let Some(ip) = ip else {
            let problem = "Requested internal IP address is outside the network/subnetwork range";
            return Err(GcpError::invalid(&format!("{at}.networkIP"), given, problem));
        };
        let message = format!("IP '{given}' is already being used by another resource.");
        let in_use = taken.has(ip.into()).then(|| Failure::new("IP_IN_USE_BY_ANOTHER_RESOURCE", message));
        taken.add(Some(given));
        return Ok(in_use);
    }
    match taken.free(range, 32, 2, 2) {
        Some(ip) => {
            let ip = ip.addr().to_string();
            taken.add(Some(&ip));
            interface.insert("networkIP".to_owned(), ip.into());
            Ok(None)
        }
        None => Ok(Some(no_space(path))),
    }
}

fn no_space(path: &str) -> Failure {
    Failure::new("IP_SPACE_EXHAUSTED", format!("IP space of '{path}' is exhausted."))
}

/// Alias ranges: a prefix length, a range or an address, of the primary or a named secondary range.
fn give_aliases(
    interface: &mut Object,
    subnet: &Object,
    taken: &mut Taken,
    path: &str,
    at: &str,
) -> Result<Option<Failure>, GcpError> {
    let (mut aliases, mut failure) = (Vec::new(), None);
    for (index, alias) in interface.list("aliasIpRanges").iter().enumerate() {
        let at = format!("{at}.aliasIpRanges[{index}]");
        let mut alias = alias.as_object().cloned().unwrap_or_default();
        let within = range_of(subnet, &alias, &at)?;
        let field = format!("{at}.ipCidrRange");
        let asked = alias.text("ipCidrRange").ok_or_else(|| GcpError::required(&field))?.to_owned();
        let found = if let Some(prefix) = asked.strip_prefix('/') {
            let fits = |prefix: &u8| (within.prefix_len()..=32).contains(prefix);
            let prefix = prefix.parse().ok().filter(fits).ok_or_else(|| {
                GcpError::invalid(&field, &asked, "The prefix length does not fit the range.")
            })?;
            let skip = if alias.text("subnetworkRangeName").is_none() { 2 } else { 0 };
            taken.free(within, prefix, skip, 0)
        } else {
            let text = if asked.contains('/') { asked.clone() } else { format!("{asked}/32") };
            let range = ranges::ipv4(&field, &text)?;
            if !within.contains(&range) {
                let problem = "The alias range is not part of the subnetwork's range.";
                return Err(GcpError::invalid(&field, &asked, problem));
            }
            (!taken.has(range)).then_some(range)
        };
        match found {
            Some(range) => {
                taken.add(Some(&range.to_string()));
                alias.insert("ipCidrRange".to_owned(), range.to_string().into());
            }
            None => failure = Some(no_space(path)),
        }
        aliases.push(Value::Object(alias));
    }
    if !aliases.is_empty() {
        interface.insert("aliasIpRanges".to_owned(), aliases.into());
    }
    Ok(failure)
}

fn range_of(subnet: &Object, alias: &Object, at: &str) -> Result<Ipv4Net, GcpError> {
    let cidr = match alias.text("subnetworkRangeName") {
        None => subnet.text("ipCidrRange"),
        Some(name) => {
            let mut ranges = subnet.list("secondaryIpRanges").iter().filter_map(Value::as_object);
            let range = ranges.find(|range| range.text("rangeName") == Some(name));
            let Some(range) = range else {
                let problem = "The subnetwork has no secondary range of this name.";
                return Err(GcpError::invalid(&format!("{at}.subnetworkRangeName"), name, problem));
            };
            range.text("ipCidrRange")
        }
    };
    cidr.and_then(|cidr| cidr.parse().ok())
        .ok_or_else(|| GcpError::invalid(at, "", "The subnetwork has no range."))
}

fn give_ipv6(
    engine: &mut Engine<'_>,
    interface: &mut Object,
    subnet: &Object,
    at: &str,
) -> Result<(), GcpError> {
    if interface.text("stackType") != Some("IPV4_IPV6") {
        return Ok(());
    }
    if subnet.text("stackType") != Some("IPV4_IPV6") {
        let problem = "The subnetwork is not dual-stack.";
        return Err(GcpError::invalid(&format!("{at}.stackType"), "IPV4_IPV6", problem));
    }
    let number = engine.serial();
    let range = subnet.text("ipv6CidrRange").unwrap_or_default();
    let ip = ranges::ipv6_of_instance(range, number).unwrap_or_default();
    if subnet.text("ipv6AccessType") == Some("EXTERNAL") {
        interface.insert("ipv6AccessType".to_owned(), "EXTERNAL".into());
        let mut access = interface
            .list("ipv6AccessConfigs")
            .first()
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        default(&mut access, "name", "external-ipv6");
        default(&mut access, "type", "DIRECT_IPV6");
        default(&mut access, "networkTier", "PREMIUM");
        access.insert("kind".to_owned(), "compute#accessConfig".into());
        access.insert("externalIpv6".to_owned(), ip.into());
        access.insert("externalIpv6PrefixLength".to_owned(), 96.into());
        interface.insert("ipv6AccessConfigs".to_owned(), json!([access]));
    } else {
        interface.insert("ipv6AccessType".to_owned(), "INTERNAL".into());
        interface.insert("ipv6Address".to_owned(), ip.into());
        interface.insert("internalIpv6PrefixLength".to_owned(), 96.into());
    }
    Ok(())
}

fn give_external(
    engine: &mut Engine<'_>,
    key: &Key,
    interface: &mut Object,
    at: &str,
) -> Result<(), GcpError> {
    let mut shown = Vec::new();
    for (index, access) in interface.list("accessConfigs").iter().enumerate() {
        let at = format!("{at}.accessConfigs[{index}]");
        if index > 0 {
            return Err(GcpError::invalid(&at, "", "At most one access config is allowed."));
        }
        shown.push(access_config(engine, key, access.as_object().cloned().unwrap_or_default(), &at)?);
    }
    if !shown.is_empty() {
        interface.insert("accessConfigs".to_owned(), shown.into());
    }
    Ok(())
}

/// An external address: a reserved one of the region that nobody uses, or any.
fn access_config(
    engine: &mut Engine<'_>,
    key: &Key,
    mut access: Object,
    at: &str,
) -> Result<Value, GcpError> {
    check_word(&access, at, "type", &["ONE_TO_ONE_NAT"])?;
    default(&mut access, "type", "ONE_TO_ONE_NAT");
    default(&mut access, "name", "external-nat");
    default(&mut access, "networkTier", "PREMIUM");
    access.insert("kind".to_owned(), "compute#accessConfig".into());
    if let Some(ip) = access.text("natIP") {
        let region = key.scope.region();
        let reserved = engine.project.all(Kind::Address).find(|(address, stored)| {
            address.scope.name() == region && stored.body.text("address") == Some(ip)
        });
        let field = format!("{at}.natIP");
        let (address, _) = reserved.ok_or_else(|| {
            GcpError::invalid(&field, ip, "The specified external IP address was not found in the region.")
        })?;
        if let Some(user) = engine.project.user_of(address) {
            return Err(GcpError::in_use("address", &address.path(&engine.project.id), &user));
        }
    }
    let ip = engine.external_ip();
    default(&mut access, "natIP", ip);
    Ok(Value::Object(access))
}

/// The interface that the call's `networkInterface` parameter names, in a copy of the instance.
fn named(engine: &Engine<'_>, key: &Key) -> Result<(Object, Vec<Value>, usize), GcpError> {
    let next = engine.idle(key)?.body.clone();
    let name = engine.query.get("networkInterface").ok_or_else(|| GcpError::required("networkInterface"))?;
    let interfaces = next.list("networkInterfaces").to_vec();
    let at = interfaces.iter().position(|interface| interface["name"] == name);
    let at =
        at.ok_or_else(|| GcpError::invalid("networkInterface", name, "The instance has no such interface."))?;
    Ok((next, interfaces, at))
}

fn changed(
    engine: &mut Engine<'_>,
    key: &Key,
    what: &'static str,
    mut next: Object,
    mut interfaces: Vec<Value>,
) -> Reply {
    for interface in interfaces.iter_mut().filter_map(Value::as_object_mut) {
        fingerprint::renew(interface, "fingerprint");
    }
    next.insert("networkInterfaces".to_owned(), interfaces.into());
    fingerprint::renew(&mut next, "fingerprint");
    Ok(replace(engine, key, what, next))
}

pub(super) fn add_access_config(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let (next, mut interfaces, at) = named(engine, key)?;
    if interfaces[at]["accessConfigs"].as_array().is_some_and(|list| !list.is_empty()) {
        let problem = "At most one access config is allowed.";
        return Err(GcpError::invalid("networkInterface", "", problem));
    }
    let access = access_config(engine, key, body.clone(), "resource")?;
    interfaces[at]["accessConfigs"] = json!([access]);
    changed(engine, key, "addAccessConfig", next, interfaces)
}

pub(super) fn delete_access_config(engine: &mut Engine<'_>, key: &Key) -> Reply {
    let (next, mut interfaces, at) = named(engine, key)?;
    let name = engine.query.get("accessConfig").ok_or_else(|| GcpError::required("accessConfig"))?;
    let has =
        interfaces[at]["accessConfigs"].as_array().is_some_and(|list| list.iter().any(|a| a["name"] == name));
    if !has {
        return Err(GcpError::invalid("accessConfig", name, "The interface has no such access config."));
    }
    if let Some(interface) = interfaces[at].as_object_mut() {
        interface.remove("accessConfigs");
    }
    changed(engine, key, "deleteAccessConfig", next, interfaces)
}

/// Alias ranges and the stack type can be changed.
pub(super) fn update(engine: &mut Engine<'_>, key: &Key, body: &Object) -> Reply {
    let (next, mut interfaces, at) = named(engine, key)?;
    let message = "Supplied fingerprint does not match current network interface fingerprint.";
    fingerprint::check(body, "fingerprint", interfaces[at]["fingerprint"].as_str(), message)?;
    let mut interface = interfaces[at].as_object().cloned().unwrap_or_default();
    let url = interface.text("subnetwork").unwrap_or_default().to_owned();
    let subnetwork = engine.key("networkInterface", &url, Kind::Subnetwork)?;
    let subnet =
        engine.project.resources.get(&subnetwork).map(|stored| stored.body.clone()).unwrap_or_default();
    if let Some(stack) = body.get("stackType") {
        check_word(body, "resource", "stackType", &["IPV4_ONLY", "IPV4_IPV6"])?;
        interface.insert("stackType".to_owned(), stack.clone());
        for name in ["ipv6AccessConfigs", "ipv6Address", "ipv6AccessType", "internalIpv6PrefixLength"] {
            interface.remove(name);
        }
        give_ipv6(engine, &mut interface, &subnet, "resource")?;
    }
    if let Some(aliases) = body.get("aliasIpRanges") {
        interface.insert("aliasIpRanges".to_owned(), aliases.clone());
        let mut taken = ranges::taken_without(engine.project, &url, key);
        taken.add(interface.text("networkIP"));
        let path = subnetwork.path(&engine.project.id);
        if let Some(failure) = give_aliases(&mut interface, &subnet, &mut taken, &path, "resource")? {
            return Err(GcpError::new(400, "invalid", failure.message));
        }
        if aliases.as_array().is_some_and(Vec::is_empty) {
            interface.remove("aliasIpRanges");
        }
    }
    interfaces[at] = Value::Object(interface);
    changed(engine, key, "updateNetworkInterface", next, interfaces)
}
