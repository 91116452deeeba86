//! What can be done only once the instance is there.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use gardener_provider_client::poll::Poll;
use gardener_provider_core::{MachineStatus, Result};

use super::{
    Job,
    status::{self, Work},
};
use crate::api::network_interfaces::{assign_ipv6_prefixes, set_source_dest_check};

/// Until a change of a network interface shows on its instance.
const APPEARANCE: Poll =
    Poll::new(Duration::from_millis(500), Duration::from_secs(120)).with_max_interval(Duration::from_secs(5));

pub(super) async fn initialize(job: &Job<'_>) -> Result<MachineStatus> {
    // Reads may lag behind what was done; it is not done twice because of that.
    let done = Mutex::new(Vec::new());
    let pass = || async {
        let instance = job.find().await?;
        let work = status::pending_work(&instance, &job.spec);
        if work.is_empty() {
            return status::of(&instance, &job.spec, job.session.region()).map(Some);
        }
        let is_new = |step: &Work| !lock(&done).contains(step);
        for step in work.into_iter().filter(is_new) {
            match carry_out(job, &step).await {
                Ok(()) => lock(&done).push(step),
                // The interface is on its way: it belongs to an instance that was just seen.
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.context(format!("initializing {}", instance.instance_id))),
            }
        }
        Ok(None)
    };
    // Many machines queue for the rate of changes: that is no time in which this one should have shown them.
    if let Some(status) = pass().await? {
        return Ok(status);
    }
    let what = format!("machine {} to show what was initialized", job.request.machine.name);
    APPEARANCE.until_some(&**job.session.clock(), what, pass).await
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn carry_out(job: &Job<'_>, step: &Work) -> Result<()> {
    match step {
        Work::DisableSourceDestCheck(id) => job.session.run(&set_source_dest_check(id, false)).await,
        Work::AssignPrefixes(id, count) => job.session.run(&assign_ipv6_prefixes(id, *count)).await,
    }
}
