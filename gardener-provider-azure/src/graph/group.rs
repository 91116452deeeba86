//! The cluster's resource group.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};

use super::context::Context;
use crate::api::resource_groups::{self, ResourceGroup};

/// All that is in a group goes one after the other.
const DELETION: Duration = Duration::from_secs(60 * 60);

/// The resource group, named after the cluster. All that is in it goes with it.
#[derive(Debug)]
pub(crate) struct OwnGroup(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for OwnGroup {
    type Observed = ResourceGroup;

    fn kind(&self) -> &'static str {
        "resource group"
    }

    fn id(&self, observed: &ResourceGroup) -> String {
        observed.id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<ResourceGroup>> {
        self.0.session.find(&resource_groups::get(&self.0.group)).await
    }

    async fn create(&self, _: &Scope) -> Result<ResourceGroup> {
        self.0.begin_anew().await?;
        let group = ResourceGroup { location: self.0.region.to_string(), ..ResourceGroup::default() };
        self.0.session.run(&resource_groups::create_or_update(&self.0.group, &group)).await
    }

    fn differs(&self, _: &Scope, observed: &ResourceGroup) -> Result<Change> {
        if !self.0.is_here(Some(&observed.location)) {
            let message = format!(
                "the resource group {} is in {}, not in {}; it is not ours to move: delete it, or name the cluster otherwise",
                observed.name, observed.location, self.0.region
            );
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        if observed.is_deleting() {
            return Ok(Change::Update(vec![Difference::new("provisioningState", "Deleting", "Succeeded")]));
        }
        Ok(Change::None)
    }

    /// There is nothing to change but the end of a deletion to wait for.
    async fn update(&self, _: &Scope, observed: &ResourceGroup) -> Result<ResourceGroup> {
        let message = format!("the resource group {} is being deleted", observed.name);
        Err(Error::new(ErrorKind::Conflict, message))
    }

    async fn delete(&self, _: &Scope, _: &ResourceGroup) -> Result<()> {
        self.0.session.change(&resource_groups::delete(&self.0.group).with_limit(DELETION)).await
    }
}
