//! Mocks of every trait, for tests of programs that use a provider (feature `mock`).

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::stream::BoxStream;
use mockall::mock;
use object_store::ObjectStore;
use serde_json::Value;

use crate::{
    Botanist, Bucket, BucketName, BucketRef, BucketSpec, CloudResource, Configuration, ControlPlaneRequest,
    DeletedObjects, GardenerApi, Infrastructure, InfrastructureDriver, InfrastructureRequest,
    ListMachinesRequest, ListedMachine, MachineDeployment, MachineDriver, MachineRequest, MachineStatus,
    ObjectPrefix, ObjectStorage, PersistentVolumeSpec, Plan, Region, Result, RunOptions, SecretData,
    Violation, VolumeId, WorkerRequest,
};

mock! {
    /// A mock of [`MachineDriver`].
    #[derive(Debug)]
    pub MachineDriver {}
    #[async_trait]
    impl MachineDriver for MachineDriver {
        async fn create_machine(&self, request: &MachineRequest) -> Result<MachineStatus>;
        async fn initialize_machine(&self, request: &MachineRequest) -> Result<MachineStatus>;
        async fn delete_machine(&self, request: &MachineRequest) -> Result<()>;
        async fn get_machine_status(&self, request: &MachineRequest) -> Result<MachineStatus>;
        fn list_machines(&self, request: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>>;
        async fn get_volume_ids(&self, volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>>;
    }
}

mock! {
    /// A mock of [`InfrastructureDriver`].
    #[derive(Debug)]
    pub InfrastructureDriver {}
    #[async_trait]
    impl InfrastructureDriver for InfrastructureDriver {
        async fn plan(&self, request: &InfrastructureRequest) -> Result<Plan>;
        async fn plan_destroy(&self, request: &InfrastructureRequest) -> Result<Plan>;
        async fn apply(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<Infrastructure>;
        async fn destroy(&self, request: &InfrastructureRequest, options: &RunOptions) -> Result<()>;
        async fn get(&self, request: &InfrastructureRequest) -> Result<Infrastructure>;
        fn list(&self, request: InfrastructureRequest) -> BoxStream<'static, Result<CloudResource>>;
        fn picture(&self, request: &InfrastructureRequest) -> Result<String>;
    }
}

mock! {
    /// A mock of [`ObjectStorage`].
    #[derive(Debug)]
    pub ObjectStorage {}
    #[async_trait]
    impl ObjectStorage for ObjectStorage {
        async fn create_bucket(&self, spec: &BucketSpec, secret: &SecretData) -> Result<Bucket>;
        async fn get_bucket(&self, bucket: &BucketRef) -> Result<Bucket>;
        fn list_buckets(&self, region: Region, secret: SecretData) -> BoxStream<'static, Result<BucketName>>;
        async fn delete_bucket(&self, bucket: &BucketRef) -> Result<()>;
        async fn delete_prefix(&self, bucket: &BucketRef, prefix: &ObjectPrefix) -> Result<DeletedObjects>;
        async fn open(&self, bucket: &BucketRef) -> Result<Arc<dyn ObjectStore>>;
    }
}

mock! {
    /// A mock of [`GardenerApi`].
    #[derive(Debug)]
    pub GardenerApi {}
    #[async_trait]
    impl GardenerApi for GardenerApi {
        async fn validate(&self, configuration: &Configuration) -> Result<Vec<Violation>>;
    }
}

mock! {
    /// A mock of [`Botanist`].
    #[derive(Debug)]
    pub Botanist {}
    #[async_trait]
    impl Botanist for Botanist {
        async fn machine_deployments(&self, request: &WorkerRequest) -> Result<Vec<MachineDeployment>>;
        async fn cloud_provider_config(&self, request: &ControlPlaneRequest) -> Result<BTreeMap<String, String>>;
        async fn storage_classes(&self, request: &ControlPlaneRequest) -> Result<Vec<Value>>;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, Machine, MachineClass, MachineDriverExt, NodeName, ProviderId};

    #[tokio::test]
    async fn ensure_creates_what_is_missing_and_initializes_it() {
        let status = || {
            let id = ProviderId::new("aws:///r/i-1").unwrap();
            MachineStatus::new(id, NodeName::new("node-1").unwrap())
        };
        let mut driver = MockMachineDriver::new();
        driver.expect_get_machine_status().times(1).returning(|_| Err(Error::not_found("machine m")));
        driver.expect_create_machine().times(1).returning(move |_| Ok(status().with_initialized(false)));
        driver
            .expect_initialize_machine()
            .times(1)
            .withf(|request| request.machine.provider_id.is_some())
            .returning(move |_| Ok(status()));
        let machine = Machine::new("m".parse().unwrap(), "u".parse().unwrap());
        let class = MachineClass::new("c", Value::Null);
        let request = MachineRequest::new(machine, class, SecretData::new());
        assert!(driver.ensure_machine(&request).await.unwrap().initialized);
    }
}
