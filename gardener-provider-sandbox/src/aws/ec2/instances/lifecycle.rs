//! What happens to an instance after its launch.

use std::collections::BTreeSet;

use super::{Instance, state_code};
use crate::aws::{
    context::Reply,
    ec2::{Ec2, Event, Region},
    error::AwsError,
    query::Params,
    xml::Xml,
};

type Change = (String, &'static str, &'static str);

impl Ec2<'_> {
    /// All instances of a call, or none. Terminating a terminated instance succeeds.
    pub(crate) fn terminate_instances(&mut self, params: &Params) -> Reply {
        let ids = self.instances_named(params)?;
        for id in &ids {
            if self.find::<Instance>(id)?.settings.protected {
                let message = format!(
                    "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again."
                );
                return Err(AwsError::new("OperationNotPermitted", message));
            }
        }
        let at = self.context.after(self.context.options().durations.instance_stop);
        self.change(ids, |region, instance| {
            if matches!(instance.state, "shutting-down" | "terminated") {
                return;
            }
            instance.state = "shutting-down";
            instance.reason = Some((
                "Client.UserInitiatedShutdown",
                "Client.UserInitiatedShutdown: User initiated shutdown",
            ));
            region.schedule(at, Event::InstanceTerminated(instance.id.clone()));
        })
    }

    pub(crate) fn stop_instances(&mut self, params: &Params) -> Reply {
        let ids = self.instances_named(params)?;
        self.check_states(&ids, &["running", "pending", "stopping", "stopped"])?;
        let at = self.context.after(self.context.options().durations.instance_stop);
        self.change(ids, |region, instance| {
            if matches!(instance.state, "stopping" | "stopped") {
                return;
            }
            instance.state = "stopping";
            instance.reason = Some((
                "Client.UserInitiatedShutdown",
                "Client.UserInitiatedShutdown: User initiated shutdown",
            ));
            region.schedule(at, Event::InstanceStopped(instance.id.clone()));
        })
    }

    pub(crate) fn start_instances(&mut self, params: &Params) -> Reply {
        let ids = self.instances_named(params)?;
        self.check_states(&ids, &["running", "pending", "stopped"])?;
        let at = self.context.after(self.context.options().durations.instance_start);
        self.change(ids, |region, instance| {
            if instance.state != "stopped" {
                return;
            }
            instance.state = "pending";
            instance.reason = None;
            region.schedule(at, Event::InstanceRunning(instance.id.clone()));
        })
    }

    fn instances_named(&self, params: &Params) -> Result<BTreeSet<String>, AwsError> {
        params.required("InstanceId.1")?;
        let ids = params.list("InstanceId").into_iter().collect();
        self.check_all::<Instance>(&ids)?;
        Ok(ids)
    }

    fn check_states(&self, ids: &BTreeSet<String>, allowed: &[&str]) -> Result<(), AwsError> {
        for id in ids {
            let state = self.find::<Instance>(id)?.state;
            if !allowed.contains(&state) {
                let message =
                    format!("The instance '{id}' is not in a state from which it can be changed ({state}).");
                return Err(AwsError::new("IncorrectInstanceState", message));
            }
        }
        Ok(())
    }

    fn change(&mut self, ids: BTreeSet<String>, step: impl Fn(&mut Region, &mut Instance)) -> Reply {
        let mut changes: Vec<Change> = Vec::new();
        for id in ids {
            let Some(mut instance) = self.region.instances.remove(&id) else { continue };
            let before = instance.state;
            step(self.region, &mut instance);
            changes.push((id.clone(), before, instance.state));
            self.region.instances.insert(id, instance);
        }
        let mut xml = Xml::new();
        xml.list("instancesSet", changes, |xml, (id, before, after)| {
            xml.text("instanceId", id);
            for (element, state) in [("currentState", after), ("previousState", before)] {
                xml.node(element, |xml| {
                    xml.text("code", state_code(state)).text("name", state);
                });
            }
        });
        Ok(xml)
    }
}

impl Region {
    pub(crate) fn instance_running(&mut self, id: &str) {
        if let Some(instance) = self.instances.get_mut(id).filter(|instance| instance.state == "pending") {
            instance.state = "running";
        }
    }

    pub(crate) fn instance_stopped(&mut self, id: &str) {
        if let Some(instance) = self.instances.get_mut(id).filter(|instance| instance.state == "stopping") {
            instance.state = "stopped";
        }
    }

    /// Interfaces and volumes go with the instance or are set free, as they were asked to.
    pub(crate) fn instance_terminated(&mut self, id: &str) {
        let Some(instance) = self.instances.get_mut(id) else { return };
        instance.state = "terminated";
        let interfaces = std::mem::take(&mut instance.interfaces);
        let volumes = std::mem::take(&mut instance.volumes);
        for interface in interfaces {
            let Some(eni) = self.interfaces.get_mut(&interface) else { continue };
            let goes = eni.attachment.take().is_some_and(|attachment| attachment.delete_on_termination);
            if goes {
                self.drop_interface(&interface);
            } else if eni.public_ip.as_ref().is_some_and(|public| public.elastic.is_none()) {
                eni.public_ip = None;
            }
        }
        for volume_id in volumes {
            let Some(volume) = self.volumes.get_mut(&volume_id) else { continue };
            let goes = volume.attachment.take().is_some_and(|attachment| attachment.delete_on_termination);
            if goes {
                self.volumes.remove(&volume_id);
                self.forget(&volume_id);
            }
        }
    }
}
