use serde_json::json;

use super::*;

fn spec() -> Value {
    json!({
        "canIpForward": true,
        "deletionProtection": false,
        "description": "Machine of Shoot demo",
        "disks": [{ "autoDelete": true, "boot": true, "sizeGb": 50, "type": "pd-ssd", "image": "projects/p/global/images/i",
            "labels": { "name": "demo" } }],
        "labels": { "name": "demo" },
        "machineType": "n2-standard-2",
        "networkInterfaces": [{ "subnetwork": "nodes", "disableExternalIP": true }],
        "scheduling": { "automaticRestart": true, "onHostMaintenance": "MIGRATE", "preemptible": false },
        "secretRef": null,
        "serviceAccounts": [{ "email": "n@p.iam.gserviceaccount.com", "scopes": ["https://www.googleapis.com/auth/compute"] }],
        "tags": ["shoot--demo--app", "kubernetes-io-cluster-shoot--demo--app", "kubernetes-io-role-node"],
        "region": "europe-west1",
        "zone": "europe-west1-b",
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut spec = spec();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match (spec.pointer_mut(parent).unwrap(), key.parse::<usize>()) {
        (Value::Array(items), Ok(index)) if index < items.len() => items[index] = value,
        (Value::Array(items), _) => items.push(value),
        (object, _) => object[key] = value,
    }
    spec
}

fn told(spec: &Value) -> Vec<String> {
    ProviderSpec::violations(spec).into_iter().map(|violation| violation.field).collect()
}

#[test]
fn gardeners_own_spec_is_good() {
    assert_eq!(told(&spec()), Vec::<String>::new());
    let spec = ProviderSpec::of_class(&MachineClass::new("c", spec())).unwrap();
    assert_eq!(spec.cluster().unwrap(), "shoot--demo--app");
    assert_eq!(spec.ownership_tags(), ["kubernetes-io-cluster-shoot--demo--app", "kubernetes-io-role-node"]);
}

#[test]
fn samples_are_good_but_for_what_excludes_each_other() {
    for sample in samples() {
        assert_eq!(validation::violations(&sample), [], "{sample:?}");
    }
}

#[test]
fn unknown_fields_and_wrong_types_are_named() {
    assert_eq!(told(&with("/machineTyp", json!("n2"))), ["providerSpec.machineTyp"]);
    assert_eq!(told(&with("/disks/0/sizeGB", json!(5))), ["providerSpec.disks[0].sizeGB"]);
    assert_eq!(told(&with("/disks/0/sizeGb", json!("50"))), ["providerSpec.disks[0].sizeGb"]);
    assert_eq!(told(&json!([])), ["providerSpec"]);
}

#[test]
fn every_rule_names_its_field() {
    let spot = |field: &str, value: Value| {
        let mut scheduling = json!({
            "automaticRestart": false, "onHostMaintenance": "TERMINATE", "provisioningModel": "SPOT",
            "instanceTerminationAction": "DELETE",
        });
        scheduling[field] = value;
        with("/scheduling", scheduling)
    };
    assert_eq!(told(&spot("maxRunDuration", json!({ "seconds": 3600 }))), Vec::<String>::new());
    for (spec, field) in [
        (with("/machineType", json!("")), "machineType"),
        (with("/region", json!("")), "region"),
        (with("/region", json!("europe/west1")), "region"),
        (with("/zone", json!(" ")), "zone"),
        (with("/zone", json!("us-east1-b")), "zone"),
        (with("/minCpuPlatform", json!("")), "minCpuPlatform"),
        (with("/disks", json!([])), "disks"),
        (with("/disks/0/boot", json!(false)), "disks"),
        (with("/disks/-", spec().pointer("/disks/0").unwrap().clone()), "disks"),
        (with("/disks/0/image", json!("")), "disks[0].image"),
        (with("/disks/0/type", json!("")), "disks[0].type"),
        (with("/disks/0/sizeGb", json!(-1)), "disks[0].sizeGb"),
        (with("/disks/-", json!({ "type": "pd-ssd" })), "disks[1].sizeGb"),
        (with("/disks/-", json!({ "type": "SCRATCH" })), "disks[1].interface"),
        (with("/disks/-", json!({ "type": "SCRATCH", "interface": "IDE" })), "disks[1].interface"),
        (with("/disks/0/provisionedIops", json!(-1)), "disks[0].provisionedIops"),
        (with("/disks/0/provisionedThroughput", json!(-1)), "disks[0].provisionedThroughput"),
        (with("/disks/0/storagePool", json!("")), "disks[0].storagePool"),
        (with("/disks/0/encryption", json!({})), "disks[0].encryption.kmsKeyName"),
        (
            with("/disks/0/encryption", json!({ "kmsKeyName": "k", "kmsKeyServiceAccount": "  " })),
            "disks[0].encryption.kmsKeyServiceAccount",
        ),
        (with("/networkInterfaces", json!([])), "networkInterfaces"),
        (with("/networkInterfaces/0/subnetwork", json!("")), "networkInterfaces[0].subnetwork"),
        (with("/networkInterfaces/0/stackType", json!("IPV5")), "networkInterfaces[0].stackType"),
        (with("/networkInterfaces/0/ipv6accessType", json!("OPEN")), "networkInterfaces[0].ipv6accessType"),
        (with("/networkInterfaces/0/ipCidrRange", json!("/33")), "networkInterfaces[0].ipCidrRange"),
        (with("/networkInterfaces/0/ipCidrRange", json!("/+4")), "networkInterfaces[0].ipCidrRange"),
        (with("/networkInterfaces/0/useAliasIPs", json!(true)), "networkInterfaces[0].ipCidrRange"),
        (with("/metadata", json!([{ "key": "user-data", "value": "x" }])), "metadata[0].key"),
        (with("/metadata", json!([{ "value": "x" }])), "metadata[0].key"),
        (with("/metadata", json!([{ "key": "x" }])), "metadata[0].value"),
        (with("/tags/0", json!("Not A Tag")), "tags[0]"),
        (with("/tags/1", json!("other")), "tags"),
        (with("/tags/2", json!("other")), "tags"),
        (with("/tags/0", json!("kubernetes-io-cluster-other")), "tags"),
        (with("/serviceAccounts/0/email", json!("")), "serviceAccounts[0].email"),
        (with("/serviceAccounts/0/email", json!("a b@c")), "serviceAccounts[0].email"),
        (with("/serviceAccounts/-", json!({ "email": "x@y" })), "serviceAccounts"),
        (with("/scheduling/onHostMaintenance", json!("")), "scheduling.onHostMaintenance"),
        (with("/scheduling/onHostMaintenance", json!("HOPE")), "scheduling.onHostMaintenance"),
        (with("/scheduling/provisioningModel", json!("FAST")), "scheduling.provisioningModel"),
        (
            with("/scheduling/instanceTerminationAction", json!("STOP")),
            "scheduling.instanceTerminationAction",
        ),
        (spot("automaticRestart", json!(true)), "scheduling.automaticRestart"),
        (spot("onHostMaintenance", json!("MIGRATE")), "scheduling.onHostMaintenance"),
        (spot("instanceTerminationAction", json!("EXPLODE")), "scheduling.instanceTerminationAction"),
        (spot("maxRunDuration", json!({ "seconds": 5 })), "scheduling.maxRunDuration.seconds"),
        (with("/gpu", json!({ "acceleratorType": "t4", "count": 1 })), "scheduling.onHostMaintenance"),
        (
            with("/reservationAffinity", json!({ "consumeReservationType": "SOME" })),
            "reservationAffinity.consumeReservationType",
        ),
        (
            with("/reservationAffinity", json!({ "consumeReservationType": "ANY_RESERVATION", "key": "k" })),
            "reservationAffinity.key",
        ),
        (with("/resourcePolicies", json!([""])), "resourcePolicies[0]"),
    ] {
        assert_eq!(told(&spec), [format!("providerSpec.{field}")], "{spec}");
    }
    let gpu = told(&with("/gpu", json!({})));
    assert_eq!(
        gpu,
        [
            "providerSpec.gpu.acceleratorType",
            "providerSpec.gpu.count",
            "providerSpec.scheduling.onHostMaintenance"
        ]
    );
    let specific = json!({ "consumeReservationType": "SPECIFIC_RESERVATION" });
    assert_eq!(
        told(&with("/reservationAffinity", specific)),
        ["providerSpec.reservationAffinity.key", "providerSpec.reservationAffinity.values"]
    );
    let taken =
        json!({ "preemptible": true, "provisioningModel": "STANDARD", "onHostMaintenance": "TERMINATE" });
    assert_eq!(told(&with("/scheduling", taken)), ["providerSpec.scheduling.preemptible"]);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let error = ProviderSpec::of_class(&MachineClass::new("c", json!({}))).unwrap_err().to_string();
    for field in [
        "machineType",
        "region",
        "zone",
        "disks",
        "networkInterfaces",
        "tags",
        "scheduling.onHostMaintenance",
    ] {
        assert!(error.contains(&format!("providerSpec.{field}: ")), "{field}: {error}");
    }
}

#[test]
fn user_data_goes_where_its_reader_looks() {
    assert_eq!(ProviderSpec::user_data_key("#cloud-config\nruncmd: []"), "user-data");
    assert_eq!(ProviderSpec::user_data_key("#!/bin/sh"), "startup-script");
}
