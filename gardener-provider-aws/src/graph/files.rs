//! The shared file system and where it is reached.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Resource, Scope, only_one},
    pages::all_pages,
    rest::or_gone,
};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};

use super::{
    context::{Context, SLOW},
    nodes,
};
use crate::api::{
    efs::{
        FileSystem, MountTarget, create_file_system, create_mount_target, delete_file_system,
        delete_mount_target, describe_file_systems, describe_mount_targets, tag_resource,
    },
    tags::Tags,
};

async fn file_system(cx: &Context, id: &str) -> Result<Option<FileSystem>> {
    match cx.run(describe_file_systems(Some(id), None)).await {
        Ok(page) => Ok(page.items.into_iter().next()),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// All file systems in the region that carry the cluster's tag.
pub(crate) async fn tagged_file_systems(cx: &Context) -> Result<Vec<FileSystem>> {
    let all = all_pages(|marker| {
        let operation = describe_file_systems(None, marker.as_deref());
        async move { cx.run(operation).await }
    })
    .await?;
    Ok(all.into_iter().filter(|found| found.is_alive() && found.tags().contains_key(&cx.tag)).collect())
}

/// A file system of ours.
#[derive(Debug)]
pub(crate) struct OwnFileSystem(pub(crate) Arc<Context>);

impl OwnFileSystem {
    fn tags(&self) -> Tags {
        self.0.tags()
    }
}

#[async_trait]
impl Resource for OwnFileSystem {
    type Observed = FileSystem;

    fn kind(&self) -> &'static str {
        "EFS file system"
    }

    fn id(&self, observed: &FileSystem) -> String {
        observed.file_system_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<FileSystem>> {
        let found = tagged_file_systems(&self.0).await?.into_iter();
        let ours = found.filter(|found| self.0.owns(&found.tags())).collect();
        only_one("EFS file system", ours, |found: &FileSystem| found.file_system_id.clone())
    }

    /// The token is the cluster's id: EFS refuses a second file system with it as long as the first exists.
    async fn create(&self, _: &Scope) -> Result<FileSystem> {
        self.0.run(create_file_system(self.0.cluster.as_str(), &self.tags())).await
    }

    fn differs(&self, _: &Scope, observed: &FileSystem) -> Result<Change> {
        let mut differences = self.0.tag_differences(&self.tags(), &observed.tags());
        if observed.life_cycle_state == "creating" {
            differences.push(Difference::new("state", &observed.life_cycle_state, "available"));
        }
        Ok(Change::update(differences))
    }

    async fn update(&self, _: &Scope, observed: &FileSystem) -> Result<FileSystem> {
        let id = &observed.file_system_id;
        let missing = self.0.missing_tags(&self.tags(), &observed.tags());
        if !missing.is_empty() {
            self.0.run(tag_resource(id, &missing)).await?;
        }
        let clock = self.0.session.clock();
        SLOW.until_some(&**clock, format!("the file system {id}"), || async {
            match file_system(&self.0, id).await? {
                None => Err(Error::not_found(format!("the file system {id}"))),
                Some(found) if found.life_cycle_state == "error" => {
                    Err(Error::new(ErrorKind::FailedPrecondition, format!("the file system {id} failed")))
                }
                Some(found) => Ok((found.life_cycle_state != "creating").then_some(found)),
            }
        })
        .await
    }

    async fn delete(&self, _: &Scope, observed: &FileSystem) -> Result<()> {
        let id = &observed.file_system_id;
        or_gone(self.0.run(delete_file_system(id)).await)?;
        let clock = self.0.session.clock();
        SLOW.until_some(&**clock, format!("the end of the file system {id}"), || async {
            let found = file_system(&self.0, id).await?;
            Ok(found.is_none_or(|found| found.life_cycle_state == "deleted").then_some(()))
        })
        .await
    }
}

/// The user's file system.
#[derive(Debug)]
pub(crate) struct GivenFileSystem(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for GivenFileSystem {
    type Observed = FileSystem;

    fn kind(&self) -> &'static str {
        "EFS file system"
    }

    fn id(&self, observed: &FileSystem) -> String {
        observed.file_system_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<FileSystem>> {
        let efs = self.0.config.elastic_file_system.as_ref();
        match efs.and_then(|efs| efs.id.as_deref()) {
            Some(id) => Ok(file_system(&self.0, id).await?.filter(FileSystem::is_alive)),
            None => Ok(None),
        }
    }

    async fn create(&self, _: &Scope) -> Result<FileSystem> {
        Err(Error::invalid(
            "elasticFileSystem.id",
            "does not exist in this region; give one that does, or none",
        ))
    }

    async fn delete(&self, _: &Scope, _: &FileSystem) -> Result<()> {
        Ok(())
    }

    fn given(&self) -> bool {
        true
    }
}

/// Where the nodes of a zone reach the file system.
#[derive(Debug)]
pub(crate) struct OwnMountTarget {
    pub(crate) cx: Arc<Context>,
    pub(crate) zone: String,
}

impl OwnMountTarget {
    fn subnet(&self) -> String {
        nodes::zone(&self.zone, "subnet/workers")
    }

    async fn targets(&self, file_system: &str) -> Result<Vec<MountTarget>> {
        let cx = &self.cx;
        let all = all_pages(|marker| {
            let operation = describe_mount_targets(file_system, marker.as_deref());
            async move { cx.run(operation).await }
        })
        .await;
        match all {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            other => other,
        }
    }
}

#[async_trait]
impl Resource for OwnMountTarget {
    type Observed = MountTarget;

    fn kind(&self) -> &'static str {
        "EFS mount target"
    }

    fn id(&self, observed: &MountTarget) -> String {
        observed.mount_target_id.clone()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<MountTarget>> {
        let (Some(file_system), Some(subnet)) =
            (scope.try_id(nodes::FILE_SYSTEM), scope.try_id(&self.subnet()))
        else {
            return Ok(None);
        };
        let is_alive =
            |target: &MountTarget| !matches!(target.life_cycle_state.as_str(), "deleting" | "deleted");
        let targets = self.targets(&file_system).await?.into_iter();
        let ours: Vec<_> = targets.filter(|target| target.subnet_id == subnet && is_alive(target)).collect();
        only_one("EFS mount target", ours, |target| target.mount_target_id.clone())
    }

    async fn create(&self, scope: &Scope) -> Result<MountTarget> {
        let (subnet, group) = (scope.id(&self.subnet())?, scope.id(nodes::NODES_SECURITY_GROUP)?);
        let create = create_mount_target(&scope.id(nodes::FILE_SYSTEM)?, &subnet, &group);
        self.cx.run(create).await
    }

    /// Its network interface stands in the way of the subnet until it is gone.
    async fn delete(&self, _: &Scope, observed: &MountTarget) -> Result<()> {
        let id = &observed.mount_target_id;
        or_gone(self.cx.run(delete_mount_target(id)).await)?;
        let clock = self.cx.session.clock();
        SLOW.until_some(&**clock, format!("the end of the mount target {id}"), || async {
            let targets = self.targets(&observed.file_system_id).await?;
            let is_left = targets
                .iter()
                .any(|target| target.mount_target_id == *id && target.life_cycle_state != "deleted");
            Ok((!is_left).then_some(()))
        })
        .await
    }
}
