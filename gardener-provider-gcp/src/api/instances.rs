//! Instances ([reference](https://cloud.google.com/compute/docs/reference/rest/v1/instances)).

use std::collections::BTreeMap;

use gardener_provider_core::Redacted;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Mutation, Operation, RestRequest, compute, last_segment,
    lists::{self, Aggregated},
    operations::REQUEST_ID,
};
use crate::provider_spec::{Disk, NetworkInterface as WantedInterface, ProviderSpec, SCRATCH, Scheduling};

/// Labels of a resource.
pub type Labels = BTreeMap<String, String>;

/// An instance, as far as anybody here looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Instance {
    pub id: String,
    pub name: String,
    /// The address of its zone.
    pub zone: String,
    /// `PROVISIONING`, `STAGING`, `RUNNING`, `STOPPING`, `TERMINATED`, …
    pub status: String,
    pub deletion_protection: bool,
    pub labels: Labels,
    pub tags: Tags,
    pub network_interfaces: Vec<NetworkInterface>,
}

/// The network tags of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Tags {
    pub items: Vec<String>,
}

/// A network interface of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkInterface {
    /// `nic0` and so on.
    pub name: String,
    /// What an update must carry.
    pub fingerprint: String,
    pub alias_ip_ranges: Vec<AliasRange>,
    #[serde(rename = "networkIP")]
    pub network_ip: Option<String>,
    pub ipv6_address: Option<String>,
    pub access_configs: Vec<AccessConfig>,
    pub ipv6_access_configs: Vec<AccessConfig>,
}

/// A range of addresses that belongs to an interface beside its own address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AliasRange {
    pub ip_cidr_range: String,
    /// The secondary range of the subnet that it is from; none: the subnet's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnetwork_range_name: Option<String>,
}

/// How an interface is reached from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessConfig {
    #[serde(rename = "natIP")]
    pub nat_ip: Option<String>,
    pub external_ipv6: Option<String>,
}

impl Instance {
    /// The name of its zone.
    pub fn zone(&self) -> &str {
        last_segment(&self.zone)
    }

    /// True if it carries all of these network tags.
    pub fn has_tags(&self, tags: &[String]) -> bool {
        tags.iter().all(|tag| self.tags.items.contains(tag))
    }
}

/// One instance.
pub fn get(project: &str, zone: &str, name: &str) -> Operation<Instance> {
    Operation::json(compute("compute.instances.get", project).segments(["zones", zone, "instances", name]))
}

/// One page of the instances of all zones that match a filter.
pub fn aggregated_list(
    project: &str,
    filter: Option<&str>,
    token: Option<&str>,
) -> Operation<Aggregated<Instance>> {
    let request = compute("compute.instances.aggregatedList", project).segments(["aggregated", "instances"]);
    Operation::new(lists::paged(request, filter, token), lists::aggregated)
}

/// What [`insert`] is told.
#[derive(Debug, Clone, Copy)]
pub struct Insert<'a> {
    /// The project.
    pub project: &'a str,
    /// The instance's name.
    pub name: &'a str,
    /// How the machine is.
    pub spec: &'a ProviderSpec,
    /// Labels of the instance.
    pub labels: &'a Labels,
    /// Labels of the disks that go with the instance.
    pub disk_labels: &'a Labels,
    /// What the machine runs first.
    pub user_data: &'a Redacted<String>,
    /// The request id; the call is the same call when it is made with the same id.
    pub request_id: &'a str,
}

/// Creates an instance and its disks.
pub fn insert(insert: &Insert<'_>) -> Mutation {
    let zone = insert.spec.zone.as_str();
    let request = compute("compute.instances.insert", insert.project)
        .segments(["zones", zone, "instances"])
        .query(REQUEST_ID, insert.request_id);
    Operation::json(request.json(&body(insert)))
}

/// Deletes an instance and the disks that go with it.
pub fn delete(project: &str, zone: &str, name: &str) -> Mutation {
    Operation::json(compute("compute.instances.delete", project).segments(["zones", zone, "instances", name]))
}

fn body(insert: &Insert<'_>) -> Value {
    let Insert { project, spec, .. } = *insert;
    let zonal = |kind: &str, name: &str| partial(name, &format!("zones/{}/{kind}", spec.zone));
    let accelerators = spec.gpu.as_ref().map(|gpu| {
        let accelerator = zonal("acceleratorTypes", &gpu.accelerator_type);
        let kind = if accelerator.starts_with("zones/") {
            format!("projects/{project}/{accelerator}")
        } else {
            accelerator
        };
        json!([{ "acceleratorType": kind, "acceleratorCount": gpu.count }])
    });
    let shielded = spec.shielded_instance_configuration.as_ref().map(|shielded| {
        json!({
            "enableIntegrityMonitoring": shielded.integrity_monitoring,
            "enableSecureBoot": shielded.secure_boot,
            "enableVtpm": shielded.vtpm,
        })
    });
    let advanced = spec
        .advanced_machine_features
        .as_ref()
        .map(|features| json!({ "enableNestedVirtualization": features.enable_nested_virtualization }));
    let reservation = spec.reservation_affinity.as_ref().map(|affinity| {
        json!({
            "consumeReservationType": affinity.consume_reservation_type,
            "key": given(&affinity.key),
            "values": some(&affinity.values),
        })
    });
    let policies = |name: &String| {
        partial(name, &format!("projects/{project}/regions/{}/resourcePolicies", spec.region))
    };
    let accounts = |account: &crate::provider_spec::ServiceAccount| json!({ "email": account.email.trim(), "scopes": account.scopes });
    let mut body = json!({
        "name": insert.name,
        "description": spec.description,
        "canIpForward": spec.can_ip_forward,
        "deletionProtection": spec.deletion_protection,
        "labels": insert.labels,
        "machineType": zonal("machineTypes", &spec.machine_type),
        "minCpuPlatform": spec.min_cpu_platform,
        "disks": spec.disks.iter().map(|one| disk(one, insert)).collect::<Vec<_>>(),
        "networkInterfaces": spec.network_interfaces.iter().map(|one| interface(one, insert)).collect::<Vec<_>>(),
        "metadata": { "items": metadata(insert) },
        "tags": { "items": spec.tags },
        "scheduling": scheduling(&spec.scheduling),
        "serviceAccounts": some(&spec.service_accounts.iter().map(accounts).collect::<Vec<_>>()),
        "guestAccelerators": accelerators,
        "shieldedInstanceConfig": shielded,
        "advancedMachineFeatures": advanced,
        "reservationAffinity": reservation,
        "resourcePolicies": some(&spec.resource_policies.iter().map(policies).collect::<Vec<_>>()),
    });
    drop_nulls(&mut body);
    body
}

fn disk(disk: &Disk, insert: &Insert<'_>) -> Value {
    let zone = &insert.spec.zone;
    let auto_delete = disk.auto_delete.unwrap_or(true);
    if disk.disk_type == SCRATCH {
        return json!({
            "type": SCRATCH,
            "autoDelete": auto_delete,
            "boot": false,
            "interface": disk.interface,
            "initializeParams": { "diskType": format!("zones/{zone}/diskTypes/local-ssd") },
        });
    }
    // A disk that is to stay gets no label by which it would be found and deleted.
    let own = if auto_delete { insert.disk_labels.clone() } else { Labels::new() };
    let labels: Labels = disk.labels.clone().into_iter().chain(own).collect();
    let encryption = disk.encryption.as_ref().map(|encryption| {
        json!({
            "kmsKeyName": encryption.kms_key_name.trim(),
            "kmsKeyServiceAccount": given(encryption.kms_key_service_account.trim()),
        })
    });
    json!({
        "type": "PERSISTENT",
        "autoDelete": auto_delete,
        "boot": disk.boot,
        "interface": given(&disk.interface),
        "diskEncryptionKey": encryption,
        "initializeParams": {
            "diskSizeGb": number(disk.size_gb),
            "diskType": partial(&disk.disk_type, &format!("zones/{zone}/diskTypes")),
            "labels": (!labels.is_empty()).then_some(labels),
            "sourceImage": given(&disk.image),
            "provisionedIops": number(disk.provisioned_iops),
            "provisionedThroughput": number(disk.provisioned_throughput),
            "storagePool": disk.storage_pool,
        },
    })
}

fn interface(interface: &WantedInterface, insert: &Insert<'_>) -> Value {
    let (project, region) = (insert.project, &insert.spec.region);
    let network = given(&interface.network)
        .map(|network| partial(network, &format!("projects/{project}/global/networks")));
    let subnetwork =
        given(&interface.subnetwork).map(|subnet| partial(subnet, &format!("regions/{region}/subnetworks")));
    let alias = given(&interface.ip_cidr_range).map(|range| {
        json!([{ "ipCidrRange": range, "subnetworkRangeName": given(&interface.subnetwork_range_name) }])
    });
    let external = (!interface.disable_external_ip).then(|| json!([{}]));
    // Whether a subnet's addresses may be reached from outside is the subnet's; an interface asks for one that may.
    let has_ipv6 = interface.stack_type.ends_with("IPV6") || interface.stack_type == "IPV6_ONLY";
    let external_ipv6 = (has_ipv6 && interface.ipv6_access_type == "EXTERNAL")
        .then(|| json!([{ "type": "DIRECT_IPV6", "name": "External IPv6", "networkTier": "PREMIUM" }]));
    json!({
        "network": network,
        "subnetwork": subnetwork,
        "accessConfigs": external,
        "stackType": given(&interface.stack_type),
        "ipv6AccessConfigs": external_ipv6,
        "aliasIpRanges": alias,
    })
}

fn metadata(insert: &Insert<'_>) -> Vec<Value> {
    let user_data = insert.user_data.expose().as_str();
    let own = json!({ "key": ProviderSpec::user_data_key(user_data), "value": user_data });
    let others = insert.spec.metadata.iter();
    std::iter::once(own).chain(others.map(|item| json!({ "key": item.key, "value": item.value }))).collect()
}

fn scheduling(scheduling: &Scheduling) -> Value {
    let duration = scheduling
        .max_run_duration
        .as_ref()
        .map(|duration| json!({ "seconds": duration.seconds.to_string() }));
    json!({
        "automaticRestart": scheduling.automatic_restart,
        "onHostMaintenance": scheduling.on_host_maintenance,
        // A spot machine is preemptible too, and is not asked for as both.
        "preemptible": scheduling.provisioning_model.is_none().then_some(scheduling.preemptible),
        "provisioningModel": scheduling.provisioning_model,
        "instanceTerminationAction": scheduling.instance_termination_action,
        "maxRunDuration": duration,
    })
}

/// A name below `parent`, or what is an address already.
fn partial(name: &str, parent: &str) -> String {
    if name.contains('/') { name.to_owned() } else { format!("{parent}/{name}") }
}

/// Go's zero values stand for "not given".
fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn some<T>(items: &[T]) -> Option<&[T]> {
    Some(items).filter(|items| !items.is_empty())
}

/// Numbers of 64 bits are texts in Google's JSON.
fn number(number: i64) -> Option<String> {
    (number > 0).then(|| number.to_string())
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<RestRequest> {
    let (project, zone) = ("my-project", "europe-west1-b");
    let labels = Labels::from([("gardener-machine".to_owned(), "m".to_owned())]);
    let user_data = Redacted::new("#cloud-config".to_owned());
    let mut samples = vec![
        get(project, zone, "m").request,
        aggregated_list(project, Some(&lists::any("name", ["m", "n"])), Some("token")).request,
        delete(project, zone, "m").request.query(REQUEST_ID, "7c0f3d6e-0001-4a51-9a3b-00005eed0001"),
    ];
    samples.extend(crate::provider_spec::samples().iter().map(|spec| {
        let wanted = Insert {
            project,
            name: "m",
            spec,
            labels: &labels,
            disk_labels: &labels,
            user_data: &user_data,
            request_id: "7c0f3d6e-0001-4a51-9a3b-00005eed0001",
        };
        insert(&wanted).request
    }));
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies() -> Vec<Value> {
        let inserts = samples().into_iter().filter(|sample| sample.operation == "compute.instances.insert");
        inserts.map(|sample| serde_json::from_slice(&sample.body).unwrap()).collect()
    }

    #[test]
    fn every_field_of_the_spec_gets_into_the_instance() {
        let body = &bodies()[0];
        let at = |pointer: &str| body.pointer(pointer).unwrap_or(&Value::Null).clone();
        for (pointer, value) in [
            ("/machineType", json!("zones/europe-west1-b/machineTypes/n2-standard-2")),
            ("/minCpuPlatform", json!("Intel Ice Lake")),
            ("/canIpForward", json!(true)),
            ("/deletionProtection", json!(true)),
            ("/labels/gardener-machine", json!("m")),
            ("/tags/items/1", json!("kubernetes-io-role-node")),
            ("/metadata/items/0", json!({ "key": "user-data", "value": "#cloud-config" })),
            ("/metadata/items/1/key", json!("serial-port-enable")),
            ("/disks/0/initializeParams/diskSizeGb", json!("50")),
            ("/disks/0/initializeParams/provisionedIops", json!("3000")),
            ("/disks/0/initializeParams/labels", json!({ "name": "demo", "gardener-machine": "m" })),
            (
                "/disks/0/diskEncryptionKey/kmsKeyServiceAccount",
                json!("kms@my-project.iam.gserviceaccount.com"),
            ),
            ("/disks/1/initializeParams/diskType", json!("zones/europe-west1-b/diskTypes/local-ssd")),
            ("/disks/1/interface", json!("NVME")),
            ("/disks/2/autoDelete", json!(false)),
            ("/disks/2/initializeParams/labels", Value::Null),
            ("/networkInterfaces/0/network", json!("projects/my-project/global/networks/net")),
            ("/networkInterfaces/0/subnetwork", json!("regions/europe-west1/subnetworks/net-nodes")),
            ("/networkInterfaces/0/accessConfigs", json!([{}])),
            (
                "/networkInterfaces/0/aliasIpRanges/0",
                json!({ "ipCidrRange": "/24", "subnetworkRangeName": "pods" }),
            ),
            ("/networkInterfaces/0/ipv6AccessConfigs/0/type", json!("DIRECT_IPV6")),
            ("/scheduling/provisioningModel", json!("SPOT")),
            ("/scheduling/instanceTerminationAction", json!("DELETE")),
            ("/scheduling/maxRunDuration/seconds", json!("86400")),
            ("/scheduling/preemptible", Value::Null),
            (
                "/guestAccelerators/0/acceleratorType",
                json!("projects/my-project/zones/europe-west1-b/acceleratorTypes/nvidia-tesla-t4"),
            ),
            ("/shieldedInstanceConfig/enableVtpm", json!(true)),
            ("/advancedMachineFeatures/enableNestedVirtualization", json!(true)),
            ("/reservationAffinity/values/0", json!("nodes")),
            (
                "/resourcePolicies/0",
                json!("projects/my-project/regions/europe-west1/resourcePolicies/compact"),
            ),
            ("/serviceAccounts/0/email", json!("nodes@my-project.iam.gserviceaccount.com")),
        ] {
            assert_eq!(at(pointer), value, "{pointer}");
        }
    }

    #[test]
    fn what_is_not_given_is_not_said() {
        let body = &bodies()[1];
        let fields: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(
            fields,
            [
                "canIpForward",
                "deletionProtection",
                "disks",
                "labels",
                "machineType",
                "metadata",
                "name",
                "networkInterfaces",
                "scheduling",
                "tags"
            ]
        );
        assert_eq!(body["machineType"], "zones/europe-west1-b/machineTypes/custom-4-5120");
        assert_eq!(body["networkInterfaces"][0]["network"], "global/networks/default");
        assert_eq!(
            body["scheduling"],
            json!({ "automaticRestart": true, "onHostMaintenance": "MIGRATE", "preemptible": false })
        );
    }

    #[test]
    fn an_instance_may_lack_everything() {
        let instance: Instance = serde_json::from_str("{}").unwrap();
        assert_eq!(instance, Instance::default());
        assert!(!instance.has_tags(&["x".to_owned()]));
    }
}
