//! The cloud-specific configuration of a cluster: what Gardener's Botanist asks a provider for.

use std::{collections::BTreeMap, fmt};

use async_trait::async_trait;
use serde_json::Value;

use crate::{ClusterId, Infrastructure, MachineClass, Region, Result};

/// A worker pool and where it runs, as the Worker object has it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkerRequest {
    /// The Shoot's technical id.
    pub cluster: ClusterId,
    /// The region.
    pub region: Region,
    /// One entry of `spec.pools` of the Worker object.
    pub pool: Value,
    /// The infrastructure that the machines run in.
    pub infrastructure: Infrastructure,
}

impl WorkerRequest {
    /// A request about one pool.
    pub fn new(cluster: ClusterId, region: Region, pool: Value, infrastructure: Infrastructure) -> Self {
        Self { cluster, region, pool, infrastructure }
    }
}

/// A MachineDeployment to create: its class and size.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct MachineDeployment {
    /// Its name, `<technical id>-<pool>-z<i>`.
    pub name: String,
    /// The class of its machines.
    pub class: MachineClass,
    /// The fewest machines.
    pub minimum: u32,
    /// The most machines.
    pub maximum: u32,
}

impl MachineDeployment {
    /// A deployment of `class`.
    pub fn new(name: impl Into<String>, class: MachineClass, minimum: u32, maximum: u32) -> Self {
        Self { name: name.into(), class, minimum, maximum }
    }
}

/// A control plane to configure.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ControlPlaneRequest {
    /// The Shoot's technical id.
    pub cluster: ClusterId,
    /// The region.
    pub region: Region,
    /// The cloud's `ControlPlaneConfig` as Gardener wrote it.
    pub config: Value,
    /// The infrastructure that the cluster runs in.
    pub infrastructure: Infrastructure,
}

impl ControlPlaneRequest {
    /// A request about one control plane.
    pub fn new(cluster: ClusterId, region: Region, config: Value, infrastructure: Infrastructure) -> Self {
        Self { cluster, region, config, infrastructure }
    }
}

/// Works out what a cluster on this cloud is configured with. No method makes a call.
#[async_trait]
pub trait Botanist: Send + Sync + fmt::Debug {
    /// One MachineDeployment per zone of a worker pool.
    async fn machine_deployments(&self, request: &WorkerRequest) -> Result<Vec<MachineDeployment>>;

    /// The files of the cloud provider's configuration, by name: what the cloud-controller-manager reads.
    async fn cloud_provider_config(&self, request: &ControlPlaneRequest) -> Result<BTreeMap<String, String>>;

    /// The StorageClass and VolumeSnapshotClass objects of a new cluster.
    async fn storage_classes(&self, request: &ControlPlaneRequest) -> Result<Vec<Value>>;
}
