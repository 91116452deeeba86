//! The user's addresses for NAT.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Error, Result};

use super::{Context, links};
use crate::api::addresses::{Address, get_address};

/// A reserved external address of the user's.
#[derive(Debug)]
pub(crate) struct GivenAddress {
    pub(crate) cx: Arc<Context>,
    pub(crate) index: usize,
    pub(crate) name: String,
}

impl GivenAddress {
    fn wrong(&self, problem: String) -> Error {
        Error::invalid(format!("networks.cloudNAT.natIPNames[{}].name", self.index), problem)
    }
}

#[async_trait]
impl Resource for GivenAddress {
    type Observed = Address;

    fn kind(&self) -> &'static str {
        "address"
    }

    fn id(&self, observed: &Address) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Address>> {
        self.cx.look(get_address(self.cx.project(), self.cx.region(), &self.name)).await
    }

    async fn create(&self, _: &Scope) -> Result<Address> {
        Err(self.wrong(format!("there is no address {:?} in the region {}", self.name, self.cx.region())))
    }

    fn differs(&self, _: &Scope, observed: &Address) -> Result<Change> {
        if observed.address_type.as_deref() == Some("INTERNAL") {
            return Err(
                self.wrong(format!("{:?} is an internal address; NAT needs external ones", self.name))
            );
        }
        let router = self.cx.router_link();
        match observed.users.iter().find(|user| !links::same(user, &router)) {
            Some(user) => {
                let user = links::path(user);
                Err(self.wrong(format!("{:?} is used by {user}; give one that nothing uses", self.name)))
            }
            None => Ok(Change::None),
        }
    }

    async fn delete(&self, _: &Scope, _: &Address) -> Result<()> {
        Ok(())
    }

    fn given(&self) -> bool {
        true
    }
}
