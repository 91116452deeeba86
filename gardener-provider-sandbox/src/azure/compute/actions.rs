//! What can be done with a virtual machine besides writing and deleting it, and its instance view.

use serde_json::{Value, json};

use super::machines::MACHINE;
use crate::azure::{
    arm::{Arm, id::ResourceId, operation::Verb, store::Stored},
    context::Reply,
    error::{Answer, ArmError},
    text::iso,
};

/// The power state that an action leaves behind.
fn power_after(action: &str) -> Option<&'static str> {
    const ACTIONS: [(&str, &str); 6] = [
        ("start", "running"),
        ("restart", "running"),
        ("poweroff", "stopped"),
        ("deallocate", "deallocated"),
        ("redeploy", "running"),
        ("reapply", "running"),
    ];
    ACTIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(action)).map(|(_, power)| *power)
}

impl Arm<'_> {
    /// GET of a member of a resource that is no resource: the instance view.
    pub(crate) fn machine_view(&self, id: &ResourceId) -> Answer<Reply> {
        self.check_scope(id)?;
        let stored = self.seen(id).ok_or_else(|| crate::azure::arm::not_found(id))?;
        Ok(Reply::ok(instance_view(stored)))
    }

    /// GET of a machine, with its instance view if that is asked for.
    pub(crate) fn machine(&self, id: &ResourceId) -> Answer<Reply> {
        let mut reply = self.get(id)?;
        let expand = self.context.parameter("$expand").unwrap_or_default();
        if expand.eq_ignore_ascii_case("instanceView") {
            if let (Some(stored), Some(body)) = (self.seen(id), reply.body.as_mut()) {
                body["properties"]["instanceView"] = instance_view(stored);
            }
        } else if !expand.is_empty() && !expand.eq_ignore_ascii_case("userData") {
            return Err(ArmError::parameter(
                "$expand",
                format!("The value '{expand}' of $expand is not supported."),
            ));
        }
        Ok(reply)
    }

    /// POST of an action.
    pub(crate) fn machine_action(&mut self, id: &ResourceId, action: &str) -> Answer<Reply> {
        self.check_scope_for_write(id)?;
        let Some(stored) = self.state.store.get(&id.key()).cloned() else {
            return Err(crate::azure::arm::not_found(id));
        };
        let power = power_after(action).ok_or_else(|| {
            ArmError::bad("BadRequest", format!("The action '{action}' of a virtual machine is not known."))
        })?;
        if let Some(operation) = &stored.operation {
            return Err(self.in_progress(&stored, operation));
        }
        let durations = &self.context.options().durations;
        let takes = if power == "running" { durations.vm_start } else { durations.vm_stop };
        let now = self.context.now;
        let targets = vec![stored.key()];
        let operation = self.state.begin(MACHINE.provider(), Verb::Power(power), targets, now, takes, None);
        if takes.is_zero() {
            self.state.settle(now);
            return Ok(Reply::empty(200));
        }
        let reply =
            Reply::empty(202).with("location", self.operation_url(&stored, &operation, "operationResults"));
        Ok(self.track(reply, &stored, &operation))
    }
}

fn instance_view(stored: &Stored) -> Value {
    let at = iso(stored.created);
    let provisioning = match stored.state {
        "Succeeded" => ("ProvisioningState/succeeded", "Provisioning succeeded", "Info"),
        "Failed" => ("ProvisioningState/failed", "Provisioning failed", "Error"),
        "Deleting" => ("ProvisioningState/deleting", "Deleting", "Info"),
        "Creating" => ("ProvisioningState/creating", "Creating", "Info"),
        _ => ("ProvisioningState/updating", "Updating", "Info"),
    };
    let (code, display, level) = provisioning;
    let mut statuses = vec![json!({ "code": code, "level": level, "displayStatus": display, "time": at })];
    if let (Some(failure), "Failed") = (stored.hidden.get("failure"), stored.state) {
        statuses[0]["code"] = format!("{code}/{failure}").into();
        statuses[0]["message"] = stored.hidden.get("failure_message").cloned().into();
    }
    let power = stored.hidden.get("power").map_or("running", String::as_str);
    if matches!(stored.state, "Succeeded" | "Updating" | "Deleting") {
        statuses.push(json!({ "code": format!("PowerState/{power}"), "level": "Info", "displayStatus": format!("VM {power}") }));
    }
    let profile = stored.property("storageProfile");
    let os = profile.and_then(|profile| profile.get("osDisk")).into_iter();
    let data =
        profile.and_then(|profile| profile.get("dataDisks")).and_then(Value::as_array).into_iter().flatten();
    let disks = os.chain(data).map(|disk| {
        let status = json!({
            "code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded", "time": at,
        });
        json!({ "name": disk.get("name"), "statuses": [status] })
    });
    let mut view = json!({
        "computerName": stored.text("properties/osProfile/computerName"),
        "disks": disks.collect::<Vec<Value>>(),
        "hyperVGeneration": "V2",
        "statuses": statuses,
    });
    if view["computerName"].is_null() {
        view["computerName"] = stored.id.name().into();
    }
    view
}
