use gardener_provider_core::{ErrorKind, MachineName, MachineUid};
use serde_json::json;

use super::*;

fn good() -> Value {
    json!({
        "apiVersion": "mcm.gardener.cloud/v1alpha1",
        "ami": "ami-1",
        "blockDevices": [{ "ebs": { "volumeSize": 50, "volumeType": "gp3", "throughput": null } }],
        "iam": { "name": "nodes" },
        "machineType": "m5.large",
        "networkInterfaces": [{ "subnetID": "subnet-1", "securityGroupIDs": ["sg-1"] }],
        "region": "eu-west-1",
        "spotPrice": null,
        "tags": { "kubernetes.io/cluster/shoot--dev--demo": "1", "kubernetes.io/role/node": "1" },
    })
}

/// The good spec with the value at a JSON pointer replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut spec = good();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = spec.pointer_mut(parent).unwrap();
    match parent {
        Value::Array(items) => items[field.parse::<usize>().unwrap()] = value,
        _ => parent[field] = value,
    }
    spec
}

fn fields(spec: &Value) -> Vec<String> {
    ProviderSpec::violations(spec).into_iter().map(|violation| violation.field).collect()
}

#[test]
fn a_spec_as_gardener_writes_it_is_good() {
    assert_eq!(ProviderSpec::violations(&good()), []);
    let spec = ProviderSpec::parse(&good()).unwrap();
    assert_eq!(spec.ownership_keys(), ["kubernetes.io/cluster/shoot--dev--demo", "kubernetes.io/role/node"]);
    assert_eq!(spec.spot_price, None);
}

#[test]
fn unknown_fields_and_wrong_types_are_named_by_their_path() {
    let table = [
        (with("/amii", json!("x")), "providerSpec.amii"),
        (with("/blockDevices/0/ebs/volumSize", json!(1)), "providerSpec.blockDevices[0].ebs.volumSize"),
        (with("/blockDevices/0/ebs/volumeSize", json!("50")), "providerSpec.blockDevices[0].ebs.volumeSize"),
        (with("/networkInterfaces", json!({})), "providerSpec.networkInterfaces"),
        (
            with("/networkInterfaces/0/securityGroupIDs", json!("sg-1")),
            "providerSpec.networkInterfaces[0].securityGroupIDs",
        ),
        (with("/ebsOptimized", json!("true")), "providerSpec.ebsOptimized"),
        (with("/tags/x", json!(1)), "providerSpec.tags.x"),
        (json!("text"), "providerSpec"),
        (json!(null), "providerSpec"),
    ];
    for (spec, field) in table {
        assert_eq!(fields(&spec), [field]);
        let error = ProviderSpec::of_class(&MachineClass::new("class", spec)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().starts_with(&format!("{field}: ")), "{field}: {error}");
    }
}

#[test]
fn each_rule_names_its_field() {
    let nic = "providerSpec.networkInterfaces[0]";
    let table = [
        ("/ami", json!(""), "providerSpec.ami".to_owned()),
        ("/machineType", json!(" "), "providerSpec.machineType".to_owned()),
        ("/region", json!(""), "providerSpec.region".to_owned()),
        ("/region", json!("europe"), "providerSpec.region".to_owned()),
        ("/keyName", json!(""), "providerSpec.keyName".to_owned()),
        ("/iam", json!({}), "providerSpec.iam".to_owned()),
        ("/iam", json!({ "arn": "a", "name": "b" }), "providerSpec.iam".to_owned()),
        ("/tags", json!({ "kubernetes.io/role/node": "1" }), "providerSpec.tags".to_owned()),
        ("/tags", json!({ "kubernetes.io/cluster/a": "1" }), "providerSpec.tags".to_owned()),
        (
            "/tags",
            json!({ "kubernetes.io/cluster/": "", "kubernetes.io/role/node": "" }),
            "providerSpec.tags".to_owned(),
        ),
        (
            "/tags",
            json!({ "x-kubernetes.io/cluster/a": "", "kubernetes.io/role/node": "" }),
            "providerSpec.tags".to_owned(),
        ),
        ("/networkInterfaces", json!([]), "providerSpec.networkInterfaces".to_owned()),
        ("/networkInterfaces/0/subnetID", json!(""), format!("{nic}.subnetID")),
        ("/networkInterfaces/0/securityGroupIDs", json!([]), format!("{nic}.securityGroupIDs")),
        ("/networkInterfaces/0/securityGroupIDs", json!([" "]), format!("{nic}.securityGroupIDs[0]")),
        ("/networkInterfaces/0/interfaceType", json!("trunk"), format!("{nic}.interfaceType")),
        ("/networkInterfaces/0/deviceIndex", json!(-1), format!("{nic}.deviceIndex")),
        ("/networkInterfaces/0/networkCardIndex", json!(-1), format!("{nic}.networkCardIndex")),
        ("/networkInterfaces/0/ipv6PrefixCount", json!(-1), format!("{nic}.ipv6PrefixCount")),
        ("/spotPrice", json!("cheap"), "providerSpec.spotPrice".to_owned()),
        (
            "/instanceMarketOptions",
            json!({ "marketType": "barter" }),
            "providerSpec.instanceMarketOptions.marketType".to_owned(),
        ),
        ("/instanceMarketOptions", json!({}), "providerSpec.instanceMarketOptions.marketType".to_owned()),
        (
            "/instanceMetadataOptions",
            json!({ "httpTokens": "maybe" }),
            "providerSpec.instanceMetadataOptions.httpTokens".to_owned(),
        ),
        (
            "/instanceMetadataOptions",
            json!({ "httpPutResponseHopLimit": 65 }),
            "providerSpec.instanceMetadataOptions.httpPutResponseHopLimit".to_owned(),
        ),
        ("/cpuOptions", json!({ "coreCount": 2 }), "providerSpec.cpuOptions.threadsPerCore".to_owned()),
        (
            "/cpuOptions",
            json!({ "coreCount": 2, "threadsPerCore": 3 }),
            "providerSpec.cpuOptions.threadsPerCore".to_owned(),
        ),
        ("/cpuOptions", json!({ "amdSevSnp": "on" }), "providerSpec.cpuOptions.amdSevSnp".to_owned()),
        ("/placement", json!({ "tenancy": "shared" }), "providerSpec.placement.tenancy".to_owned()),
        ("/placement", json!({ "hostId": "h-1" }), "providerSpec.placement.hostId".to_owned()),
        ("/placement", json!({ "partitionNumber": 0 }), "providerSpec.placement.partitionNumber".to_owned()),
        ("/placement", json!({ "affinity": "x" }), "providerSpec.placement.affinity".to_owned()),
    ];
    for (pointer, value, field) in table {
        assert_eq!(fields(&with(pointer, value.clone())), [field], "{pointer} = {value}");
    }
}

#[test]
fn disks_are_checked() {
    let root = json!({ "deviceName": "/root", "ebs": { "volumeSize": 50, "volumeType": "gp3" } });
    let data = |name: &str, ebs: Value| json!([root, { "deviceName": name, "ebs": ebs }]);
    let ebs = |kind: &str| json!({ "volumeSize": 10, "volumeType": kind });
    for name in ["/dev/sdf", "/dev/xvda", "/dev/xvdcz"] {
        assert!(fields(&with("/blockDevices", data(name, ebs("gp2")))).is_empty(), "{name}");
    }
    for name in ["", "/dev/sdaa", "/dev/xvdd", "sdf", "/dev/xvdba1"] {
        let found = fields(&with("/blockDevices", data(name, ebs("gp2"))));
        assert_eq!(found, ["providerSpec.blockDevices[1].deviceName"], "{name}");
    }
    let at = |field: &str| format!("providerSpec.blockDevices[1].{field}");
    let table = [
        (data("/dev/sdf", ebs("floppy")), at("ebs.volumeType")),
        (data("/dev/sdf", ebs("io1")), at("ebs.iops")),
        (data("/dev/sdf", ebs("io2")), at("ebs.iops")),
        (data("/dev/sdf", json!({ "volumeType": "gp2" })), at("ebs.volumeSize")),
        (data("/dev/sdf", json!({ "volumeSize": 1 })), at("ebs.volumeType")),
        (
            data("/dev/sdf", json!({ "volumeSize": 1, "volumeType": "gp3", "throughput": 0 })),
            at("ebs.throughput"),
        ),
        (
            data("/dev/sdf", json!({ "volumeSize": 1, "volumeType": "gp3", "kmsKeyID": "" })),
            at("ebs.kmsKeyID"),
        ),
        (json!([root, { "deviceName": "/dev/sdb", "virtualName": "disk0" }]), at("virtualName")),
        (
            json!([root, { "deviceName": "/dev/sdb", "virtualName": "ephemeral0", "noDevice": "x" }]),
            at("ebs"),
        ),
    ];
    for (devices, field) in table {
        assert_eq!(fields(&with("/blockDevices", devices.clone())), [field], "{devices}");
    }
    let twice = fields(&with("/blockDevices", json!([root, root])));
    assert_eq!(twice, ["providerSpec.blockDevices", "providerSpec.blockDevices[1].deviceName"]);
    let stores = json!([root, { "deviceName": "/dev/sdb", "virtualName": "ephemeral0" }, { "deviceName": "/dev/sdc", "noDevice": "x" }]);
    assert!(fields(&with("/blockDevices", stores)).is_empty());
}

#[test]
fn reservations_exclude_each_other() {
    let reservation = |value: Value| fields(&with("/capacityReservation", value));
    let path = "providerSpec.capacityReservation";
    assert!(reservation(json!({ "capacityReservationPreference": "open" })).is_empty());
    assert!(reservation(json!({ "capacityReservationID": "cr-1" })).is_empty());
    assert_eq!(
        reservation(json!({ "capacityReservationId": "cr-1", "capacityReservationResourceGroupArn": "arn" })),
        [format!("{path}.capacityReservationId")]
    );
    assert_eq!(
        reservation(json!({ "capacityReservationId": "cr-1", "capacityReservationPreference": "open" })),
        [format!("{path}.capacityReservationPreference")]
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let class = MachineClass::new("c", json!({ "region": "nowhere" }));
    let error = ProviderSpec::of_class(&class).unwrap_err().to_string();
    for field in ["ami", "machineType", "region", "iam", "tags", "networkInterfaces"] {
        assert!(error.contains(&format!("providerSpec.{field}: ")), "{field}: {error}");
    }
}

#[test]
fn placement_may_come_from_the_machines_annotation() {
    let class = MachineClass::new("c", good());
    let machine = Machine::new(MachineName::new("m").unwrap(), MachineUid::new("u").unwrap());
    let annotated = |text: &str| machine.clone().with_annotation(PLACEMENT_ANNOTATION, text);
    let spec = ProviderSpec::of_machine(&class, &annotated(r#"{"groupId":"pg-1"}"#)).unwrap();
    assert_eq!(spec.placement.unwrap().group_id.as_deref(), Some("pg-1"));
    for bad in ["{", r#"{"groop":"pg-1"}"#] {
        let error = ProviderSpec::of_machine(&class, &annotated(bad)).unwrap_err().to_string();
        assert!(error.contains(PLACEMENT_ANNOTATION), "{error}");
    }
    let own = MachineClass::new("c", with("/placement", json!({ "tenancy": "dedicated" })));
    let spec = ProviderSpec::of_machine(&own, &annotated(r#"{"groupId":"pg-1"}"#)).unwrap();
    assert_eq!(spec.placement.unwrap().group_id, None, "the class wins");
}
