//! What happens in compute although nobody asked for it.

use super::{
    kind::Kind,
    links::{Key, Scope, region_of},
    project::{Event, Phase},
};
use crate::gcp::{
    Gcp,
    body::Fields,
    context::{after, timestamp},
};

impl Gcp {
    /// Lets a zone answer no longer, or again: calls to it get `503`, and lists over all zones either fail or, with
    /// `returnPartialSuccess`, come without it.
    pub fn set_zone_down(&self, zone: &str, down: bool) {
        let zones = &mut self.inner.state().zones_down;
        if down {
            zones.insert(zone.to_owned());
        } else {
            zones.remove(zone);
        }
    }

    /// Takes the machine of a spot instance away: it is stopped or deleted, as its termination action says.
    ///
    /// False if there is no such running spot instance. <https://cloud.google.com/compute/docs/instances/spot#preemption>
    pub fn preempt(&self, project: &str, zone: &str, instance: &str) -> bool {
        let now = self.inner.world.options.clock.now();
        let durations = self.options().durations;
        let state = &mut *self.inner.state();
        let Some(project) = state.compute.get_mut(project) else { return false };
        project.settle(now);
        let key = Key::new(Kind::Instance, Scope::Zone(zone.to_owned()), instance);
        let id = project.id.clone();
        let Some(stored) = project.resources.get_mut(&key) else { return false };
        let scheduling = stored.body.object("scheduling").cloned().unwrap_or_default();
        let running = stored.phase == Phase::Ready && stored.body.text("status") == Some("RUNNING");
        if !running || scheduling.flag("preemptible") != Some(true) {
            return false;
        }
        let mut gone = stored.body.clone();
        stored.body.insert("status".to_owned(), "STOPPING".into());
        let end = after(now, durations.instance_stop);
        if scheduling.text("instanceTerminationAction") == Some("DELETE") {
            stored.phase = Phase::Deleting;
            let disks: Vec<Key> = gone
                .list("disks")
                .iter()
                .filter(|disk| disk["autoDelete"] == true)
                .filter_map(|disk| disk["source"].as_str()?.rsplit('/').next())
                .map(|name| Key::new(Kind::Disk, key.scope.clone(), name))
                .collect();
            for key in disks.into_iter().chain([key]) {
                project.schedule(end, Event::Removed(key));
            }
        } else {
            stored.phase = Phase::Changing;
            gone.insert("status".to_owned(), "TERMINATED".into());
            gone.insert("lastStopTimestamp".to_owned(), timestamp(now).into());
            project.schedule(end, Event::Replaced(key, gone));
        }
        tracing::debug!(project = id, zone, instance, region = region_of(zone), "preempted");
        project.settle(now);
        true
    }
}
