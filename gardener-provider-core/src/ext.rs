//! Conveniences on top of the traits, for every provider.

use async_trait::async_trait;
use futures::TryStreamExt;

use crate::{
    CloudResource, InfrastructureDriver, InfrastructureRequest, ListMachinesRequest, ListedMachine,
    MachineDriver, MachineRequest, MachineStatus, Result,
};

/// Conveniences for every [`MachineDriver`].
#[async_trait]
pub trait MachineDriverExt: MachineDriver {
    /// All machines of the class's cluster in one list, sorted.
    async fn all_machines(&self, request: ListMachinesRequest) -> Result<Vec<ListedMachine>> {
        let mut machines: Vec<_> = self.list_machines(request).try_collect().await?;
        machines.sort();
        Ok(machines)
    }

    /// The machine, created if it is not there and initialized if it is not yet.
    async fn ensure_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let status = match self.get_machine_status(request).await {
            Err(error) if error.is_not_found() => self.create_machine(request).await?,
            found => found?,
        };
        if status.initialized {
            return Ok(status);
        }
        let mut request = request.clone();
        request.machine.provider_id = Some(status.provider_id);
        self.initialize_machine(&request).await
    }
}

impl<T: MachineDriver + ?Sized> MachineDriverExt for T {}

/// Conveniences for every [`InfrastructureDriver`].
#[async_trait]
pub trait InfrastructureDriverExt: InfrastructureDriver {
    /// Everything that is marked as the cluster's, in one list, sorted.
    async fn all_resources(&self, request: InfrastructureRequest) -> Result<Vec<CloudResource>> {
        let mut resources: Vec<_> = self.list(request).try_collect().await?;
        resources.sort();
        Ok(resources)
    }
}

impl<T: InfrastructureDriver + ?Sized> InfrastructureDriverExt for T {}
