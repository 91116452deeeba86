//! The IPv6 addresses of services: a part of the first workers' subnet that no network interface gets.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Resource, Scope},
    pages::all_pages,
    rest::or_gone,
};
use gardener_provider_core::{Error, Result};
use ipnet::Ipv6Net;

use super::context::Context;
use crate::api::subnets::{
    CidrReservation, Subnet, create_subnet_cidr_reservation, delete_subnet_cidr_reservation,
    get_subnet_cidr_reservations,
};

/// The reservation of the services' block.
#[derive(Debug)]
pub(crate) struct ServicesReservation {
    pub(crate) cx: Arc<Context>,
    /// The node of the subnet.
    pub(crate) subnet: String,
}

/// The services' block in a workers' subnet: the second /108.
pub(crate) fn services_block(subnet: &str) -> Result<String> {
    let net: Ipv6Net = subnet
        .parse()
        .map_err(|_| Error::internal(format!("the subnet's IPv6 block {subnet:?} is not a CIDR")))?;
    let second = u128::from(net.trunc().addr()) + (1 << (128 - 108));
    let block = Ipv6Net::new(second.into(), 108).map_err(|error| Error::internal(error.to_string()))?;
    if !net.contains(&block) {
        return Err(Error::internal(format!(
            "the subnet's IPv6 block {subnet} is too small for the services"
        )));
    }
    Ok(block.to_string())
}

#[async_trait]
impl Resource for ServicesReservation {
    type Observed = CidrReservation;

    fn kind(&self) -> &'static str {
        "subnet CIDR reservation"
    }

    fn id(&self, observed: &CidrReservation) -> String {
        observed.subnet_cidr_reservation_id.clone()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<CidrReservation>> {
        let Some(subnet) = scope.try_get::<Subnet>(&self.subnet) else { return Ok(None) };
        let Some(block) = subnet.ipv6_block() else { return Ok(None) };
        let wanted = services_block(block)?;
        let cx = &self.cx;
        let all = all_pages(|next| {
            let operation = get_subnet_cidr_reservations(&subnet.subnet_id, next.as_deref());
            async move { cx.run(operation).await }
        })
        .await?;
        Ok(all.into_iter().find(|reservation| reservation.cidr == wanted))
    }

    async fn create(&self, scope: &Scope) -> Result<CidrReservation> {
        let subnet = scope.get::<Subnet>(&self.subnet)?;
        let block = subnet.ipv6_block().ok_or_else(|| Error::internal("the subnet has no IPv6 block yet"))?;
        let block = services_block(block)?;
        self.cx.run(create_subnet_cidr_reservation(&subnet.subnet_id, &block, &self.cx.tags())).await
    }

    async fn delete(&self, _: &Scope, observed: &CidrReservation) -> Result<()> {
        or_gone(self.cx.run(delete_subnet_cidr_reservation(&observed.subnet_cidr_reservation_id)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_get_the_second_part() {
        assert_eq!(services_block("2001:db8:0:100::/64").unwrap(), "2001:db8:0:100::10:0/108");
        assert!(services_block("2001:db8::/120").is_err());
    }
}
