//! What can be done only once the instance is there.

use std::time::Duration;

use gardener_provider_client::poll::Poll;
use gardener_provider_core::{ErrorKind, MachineStatus, Result};

use super::{
    Job,
    status::{self, Work},
};
use crate::api::network_interfaces::{assign_ipv6_prefixes, set_source_dest_check};

/// Until a change of a network interface shows on its instance.
const APPEARANCE: Poll =
    Poll::new(Duration::from_millis(500), Duration::from_secs(120)).with_max_interval(Duration::from_secs(5));

pub(super) async fn initialize(job: &Job<'_>) -> Result<MachineStatus> {
    let instance = job.find().await?;
    let work = status::pending_work(&instance, &job.spec);
    if work.is_empty() {
        return status::of(&instance, &job.spec, job.session.region());
    }
    for step in &work {
        let done = carry_out(job, step).await;
        done.map_err(|error| error.context(format!("initializing instance {}", instance.instance_id)))?;
    }
    let look = || async {
        let found = job.find().await?;
        match status::of(&found, &job.spec, job.session.region()) {
            Err(error) if error.kind() == ErrorKind::Unavailable => Ok(None),
            status => status.map(|status| Some(status).filter(|status| status.initialized)),
        }
    };
    let what = format!("instance {} to show what was initialized", instance.instance_id);
    APPEARANCE.until_some(&**job.session.clock(), what, look).await
}

async fn carry_out(job: &Job<'_>, step: &Work) -> Result<()> {
    match step {
        Work::DisableSourceDestCheck(id) => job.session.run(&set_source_dest_check(id, false)).await,
        Work::AssignPrefixes(id, count) => job.session.run(&assign_ipv6_prefixes(id, *count)).await,
    }
}
