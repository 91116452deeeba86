//! Static addresses, regional and global.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/addresses>

use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::{
    engine::Engine,
    fingerprint,
    kind::{Kind, Level},
    links::Key,
    names::check_word,
    ranges,
};
use crate::gcp::{
    body::{Fields, Object, default},
    error::GcpError,
};

pub(super) fn insert(engine: &mut Engine<'_>, key: &Key, mut body: Object) -> Result<Object, GcpError> {
    let limit = engine.context.options().quotas.static_addresses;
    engine.quota(Kind::Address, "STATIC_ADDRESSES", limit, key.scope.name())?;
    check_word(&body, "resource", "addressType", &["EXTERNAL", "INTERNAL"])?;
    check_word(&body, "resource", "ipVersion", &["IPV4", "IPV6"])?;
    check_word(&body, "resource", "networkTier", &["PREMIUM", "STANDARD"])?;
    default(&mut body, "addressType", "EXTERNAL");
    if let Some(given) = body.text("address") {
        let given = given.to_owned();
        given
            .parse::<IpAddr>()
            .map_err(|_| GcpError::invalid("resource.address", &given, "Must be an IP address."))?;
        let taken =
            engine.project.all(Kind::Address).any(|(_, stored)| stored.body.text("address") == Some(&given));
        if taken {
            let problem =
                format!("Specified IP address is in-use and would result in a conflict: '{given}'.");
            return Err(GcpError::new(400, "invalid", problem));
        }
    }
    if body.text("addressType") == Some("INTERNAL") {
        internal(engine, key, &mut body)?;
    } else {
        default(&mut body, "networkTier", "PREMIUM");
        if key.scope.level() == Level::Global {
            default(&mut body, "ipVersion", "IPV4");
        }
        let ip = engine.external_ip();
        default(&mut body, "address", ip);
    }
    fingerprint::renew_labels(&mut body);
    Ok(body)
}

fn internal(engine: &mut Engine<'_>, key: &Key, body: &mut Object) -> Result<(), GcpError> {
    if key.scope.level() == Level::Global {
        let problem = "Global internal addresses are for peerings, which the sandbox does not have.";
        return Err(GcpError::invalid("resource.addressType", "INTERNAL", problem));
    }
    default(body, "purpose", "GCE_ENDPOINT");
    let name = body.text("subnetwork").ok_or_else(|| GcpError::required("resource.subnetwork"))?;
    let (subnetwork, stored) = engine.existing("resource.subnetwork", name, Kind::Subnetwork)?;
    let range: Option<Ipv4Net> = stored.body.text("ipCidrRange").and_then(|range| range.parse().ok());
    let url = engine.url(&subnetwork);
    let taken = ranges::taken(engine.project, &url);
    let ip = match (body.text("address"), range) {
        (Some(given), Some(range)) => {
            let ip: Option<std::net::Ipv4Addr> = given.parse().ok().filter(|ip| range.contains(ip));
            let ip = ip.ok_or_else(|| {
                let problem = "The address is outside of the subnetwork's range.";
                GcpError::invalid("resource.address", given, problem)
            })?;
            (!taken.has(ip.into())).then_some(ip)
        }
        (None, Some(range)) => taken.free(range, 32, 2, 2).map(|ip| ip.addr()),
        _ => None,
    };
    let ip = ip.ok_or_else(|| {
        let path = subnetwork.path(&engine.project.id);
        GcpError::new(400, "invalid", format!("IP space of '{path}' is exhausted or the address is in use."))
    })?;
    body.insert("address".to_owned(), ip.to_string().into());
    body.insert("subnetwork".to_owned(), url.into());
    Ok(())
}

impl Engine<'_> {
    /// A number for an address, which no other has.
    pub(super) fn serial(&mut self) -> u32 {
        self.project.ips = self.project.ips.wrapping_add(1);
        self.project.ips
    }

    /// An external address that nobody has.
    pub(super) fn external_ip(&mut self) -> String {
        let [_, a, b, c] = self.serial().to_be_bytes();
        format!("34.{}.{b}.{c}", 64 + a % 64)
    }
}
