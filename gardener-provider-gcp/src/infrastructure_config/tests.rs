use serde_json::json;

use super::*;

fn networking() -> Networking {
    let mut networking = Networking::default();
    networking.pods = Some("100.64.0.0/12".to_owned());
    networking.services = Some("100.104.0.0/13".to_owned());
    networking.nodes = Some("10.250.0.0/16".to_owned());
    networking
}

fn dual() -> Networking {
    networking().with_ip_families([IpFamily::V4, IpFamily::V6])
}

fn managed() -> Value {
    json!({ "apiVersion": API_VERSION, "kind": KIND, "networks": { "workers": "10.250.0.0/20" } })
}

fn given() -> Value {
    json!({
        "networks": {
            "vpc": { "name": "my-vpc", "cloudRouter": { "name": "my-router" } },
            "workers": "10.250.0.0/20",
        },
    })
}

fn given_subnets() -> Value {
    json!({ "networks": { "vpc": { "name": "my-vpc" }, "subnetWorkers": { "name": "my-nodes" } } })
}

fn given_subnets_dual() -> Value {
    json!({
        "networks": {
            "vpc": { "name": "my-vpc" },
            "subnetWorkers": { "name": "my-nodes", "podSecondaryRangeName": "my-pods" },
            "subnetServices": { "name": "my-services" },
        },
    })
}

fn everything() -> Value {
    json!({
        "apiVersion": API_VERSION, "kind": KIND,
        "networks": {
            "cloudNAT": {
                "endpointIndependentMapping": { "enabled": false },
                "minPortsPerVM": 64, "maxPortsPerVM": 65536, "enableDynamicPortAllocation": true,
                "natIPNames": [{ "name": "one" }, { "name": "two" }],
                "icmpIdleTimeoutSec": 31, "tcpEstablishedIdleTimeoutSec": 1201, "tcpTimeWaitTimeoutSec": 121,
                "tcpTransitoryIdleTimeoutSec": 32, "udpIdleTimeoutSec": 33,
            },
            "internal": "10.251.0.0/24",
            "workers": "10.250.0.0/20",
            "flowLogs": {
                "aggregationInterval": "INTERVAL_5_SEC", "flowSampling": 0.25, "metadata": "INCLUDE_ALL_METADATA",
            },
            "mtu": 1500,
        },
    })
}

/// The config with the value at the pointer replaced or added.
fn with(mut config: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match config.pointer_mut(parent).unwrap() {
        Value::Object(fields) => {
            fields.insert(key.to_owned(), value);
        }
        Value::Array(items) => items[key.parse::<usize>().unwrap()] = value,
        other => panic!("{other}"),
    }
    config
}

fn problems_with(config: &Value, networking: &Networking) -> Vec<String> {
    validate(config, None, networking).iter().map(ToString::to_string).collect()
}

fn problems(config: &Value) -> Vec<String> {
    problems_with(config, &networking())
}

#[track_caller]
fn assert_among(found: &[String], field: &str, words: &str) {
    let is_it = |problem: &String| problem.starts_with(&format!("{field}: ")) && problem.contains(words);
    assert!(found.iter().any(is_it), "no {field}: …{words}… in {found:#?}");
}

#[test]
fn good_configs_pass_and_come_back_as_they_were() {
    for config in [managed(), given(), everything()] {
        assert_eq!(problems(&config), Vec::<String>::new());
        assert_eq!(problems_with(&config, &dual()), Vec::<String>::new());
        let parsed = InfrastructureConfig::parse(&config).unwrap();
        assert_eq!(serde_json::to_value(&parsed).unwrap(), config);
    }
    assert_eq!(problems_with(&managed(), &Networking::default()), Vec::<String>::new());
}

#[test]
fn subnets_of_the_user_leave_nothing_to_make() {
    for (config, networking) in [(given_subnets(), networking()), (given_subnets_dual(), dual())] {
        assert_eq!(problems_with(&config, &networking), Vec::<String>::new());
        let parsed = InfrastructureConfig::parse(&config).unwrap();
        assert_eq!(serde_json::to_value(&parsed).unwrap(), config);
    }
    for (config, networking, pointer, value, field) in [
        (given_subnets(), networking(), "/networks/vpc", Value::Null, "networks.vpc.name"),
        (
            given_subnets(),
            networking(),
            "/networks/vpc/cloudRouter",
            json!({ "name": "r" }),
            "networks.vpc.cloudRouter",
        ),
        (given_subnets(), networking(), "/networks/workers", json!("10.250.0.0/20"), "networks.workers"),
        (given_subnets(), networking(), "/networks/worker", json!("10.250.0.0/20"), "networks.worker"),
        (given_subnets(), networking(), "/networks/internal", json!("10.251.0.0/24"), "networks.internal"),
        (given_subnets(), networking(), "/networks/cloudNAT", json!({}), "networks.cloudNAT"),
        (
            given_subnets(),
            networking(),
            "/networks/flowLogs",
            json!({ "flowSampling": 1 }),
            "networks.flowLogs",
        ),
        (given_subnets(), networking(), "/networks/mtu", json!(1500), "networks.mtu"),
        (
            given_subnets(),
            networking(),
            "/networks/subnetServices",
            json!({ "name": "s" }),
            "networks.subnetServices",
        ),
        (
            given_subnets(),
            networking(),
            "/networks/subnetWorkers",
            json!({ "name": "My" }),
            "networks.subnetWorkers.name",
        ),
        (
            given_subnets_dual(),
            networking(),
            "/networks/subnetServices",
            Value::Null,
            "networks.subnetWorkers.podSecondaryRangeName",
        ),
        (
            given_subnets_dual(),
            dual(),
            "/networks/subnetWorkers",
            json!({ "name": "my-nodes" }),
            "networks.subnetWorkers.podSecondaryRangeName",
        ),
        (given_subnets_dual(), dual(), "/networks/subnetServices", Value::Null, "networks.subnetServices"),
        (
            given_subnets_dual(),
            dual(),
            "/networks/subnetServices",
            json!({ "name": "s", "podSecondaryRangeName": "r" }),
            "networks.subnetServices.podSecondaryRangeName",
        ),
        (
            given(),
            networking(),
            "/networks/subnetServices",
            json!({ "name": "s" }),
            "networks.subnetServices",
        ),
    ] {
        let found = problems_with(&with(config, pointer, value), &networking);
        assert!(
            found.iter().any(|problem| problem.starts_with(&format!("{field}: "))),
            "{field}: {found:#?}"
        );
    }
}

#[test]
fn what_was_given_is_found() {
    let config = InfrastructureConfig::parse(&given()).unwrap();
    assert_eq!(
        (config.networks.given_vpc(), config.networks.given_router()),
        (Some("my-vpc"), Some("my-router"))
    );
    let config = InfrastructureConfig::parse(&everything()).unwrap();
    assert_eq!(config.networks.given_addresses().collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!(config.networks.given_vpc(), None);
}

#[test]
fn the_former_name_of_workers_is_understood() {
    let former = json!({ "networks": { "worker": "10.250.0.0/20" } });
    assert_eq!(problems(&former), Vec::<String>::new());
    let config = InfrastructureConfig::parse(&former).unwrap();
    assert_eq!(config.networks.nodes_cidr(), ("networks.worker", "10.250.0.0/20"));
    // As Gardener writes it today.
    let written = with(managed(), "/networks/worker", json!(""));
    assert_eq!(problems(&written), Vec::<String>::new());
    let both = with(managed(), "/networks/worker", json!("10.250.16.0/20"));
    assert_among(&problems(&both), "networks.worker", "give workers alone");
}

#[test]
fn unknown_fields_and_wrong_types_are_named_by_their_path() {
    // A field of Gardener's own sample that Gardener does not know.
    let config = with(managed(), "/networks/dualStack", json!({ "enabled": true }));
    let config = with(config, "/network", json!({}));
    let found = problems(&config);
    assert_among(&found, "networks.dualStack", "is not a field");
    assert_among(&found, "network", "is not a field");
    let error = InfrastructureConfig::valid(&config, &networking()).unwrap_err().to_string();
    assert!(error.contains("and 1 more: "), "{error}");
    for (config, field, words) in [
        (with(managed(), "/networks/workers", json!(1)), "networks.workers", "invalid type"),
        (with(managed(), "/networks/vpc", json!("my-vpc")), "networks.vpc", "invalid type"),
        (
            with(everything(), "/networks/cloudNAT/natIPNames/1", json!({ "ip": "x" })),
            "networks.cloudNAT.natIPNames[1].ip",
            "is not a field",
        ),
        (
            with(everything(), "/networks/cloudNAT/minPortsPerVM", json!(-1)),
            "networks.cloudNAT.minPortsPerVM",
            "invalid value",
        ),
        (Value::Null, KIND, "is missing"),
        (json!([]), KIND, "invalid"),
    ] {
        assert_among(&problems(&config), field, words);
    }
}

#[test]
fn every_rule_by_itself() {
    let nat = "/networks/cloudNAT";
    for (config, pointer, value, field, words) in [
        (managed(), "/apiVersion", json!("v1"), "apiVersion", "must be"),
        (managed(), "/kind", json!("Infrastructure"), "kind", "must be"),
        (given(), "/networks/vpc/name", json!(""), "networks.vpc.name", "is missing"),
        (given(), "/networks/vpc/name", json!("My-VPC"), "networks.vpc.name", "is not a name"),
        (given(), "/networks/vpc/name", json!("my-vpc-"), "networks.vpc.name", "is not a name"),
        (given(), "/networks/vpc/name", json!("a".repeat(64)), "networks.vpc.name", "63 at most"),
        (given(), "/networks/vpc/cloudRouter", Value::Null, "networks.vpc.cloudRouter", "is missing"),
        (
            given(),
            "/networks/vpc/cloudRouter",
            json!({ "name": "1st" }),
            "networks.vpc.cloudRouter.name",
            "is not a name",
        ),
        (given(), "/networks/mtu", json!(1500), "networks.mtu", "new VPC"),
        (managed(), "/networks/mtu", json!(1299), "networks.mtu", "1300 to 8896"),
        (managed(), "/networks/mtu", json!(8897), "networks.mtu", "1300 to 8896"),
        (managed(), "/networks/flowLogs", json!({}), "networks.flowLogs", "says nothing"),
        (
            managed(),
            "/networks/flowLogs",
            json!({ "aggregationInterval": "5s" }),
            "networks.flowLogs.aggregationInterval",
            "INTERVAL_5_SEC",
        ),
        (
            managed(),
            "/networks/flowLogs",
            json!({ "metadata": "ALL" }),
            "networks.flowLogs.metadata",
            "INCLUDE_ALL_METADATA",
        ),
        (
            managed(),
            "/networks/flowLogs",
            json!({ "flowSampling": 1.5 }),
            "networks.flowLogs.flowSampling",
            "0 to 1",
        ),
        (
            everything(),
            "/networks/cloudNAT/udpIdleTimeoutSec",
            json!(0),
            "networks.cloudNAT.udpIdleTimeoutSec",
            "at least 1",
        ),
        (managed(), nat, json!({ "natIPNames": [] }), "networks.cloudNAT.natIPNames", "is empty"),
        (
            managed(),
            nat,
            json!({ "natIPNames": [{ "name": "a" }, { "name": "a" }] }),
            "networks.cloudNAT.natIPNames[1].name",
            "twice",
        ),
        (
            managed(),
            nat,
            json!({ "natIPNames": [{ "name": "A" }] }),
            "networks.cloudNAT.natIPNames[0].name",
            "is not a name",
        ),
        (
            everything(),
            "/networks/cloudNAT/endpointIndependentMapping",
            json!({ "enabled": true }),
            "networks.cloudNAT.enableDynamicPortAllocation",
            "cannot be combined",
        ),
        (
            everything(),
            "/networks/cloudNAT/minPortsPerVM",
            json!(100),
            "networks.cloudNAT.minPortsPerVM",
            "such as 128",
        ),
        (
            everything(),
            "/networks/cloudNAT/maxPortsPerVM",
            json!(32),
            "networks.cloudNAT.minPortsPerVM",
            "greater than",
        ),
        (
            everything(),
            "/networks/cloudNAT/minPortsPerVM",
            json!(0),
            "networks.cloudNAT.minPortsPerVM",
            "1 to 65536",
        ),
        (managed(), nat, json!({ "minPortsPerVM": 70000 }), "networks.cloudNAT.minPortsPerVM", "1 to 65536"),
        (
            managed(),
            nat,
            json!({ "maxPortsPerVM": 4096 }),
            "networks.cloudNAT.maxPortsPerVM",
            "enableDynamicPortAllocation",
        ),
        (managed(), "/networks/workers", Value::Null, "networks.workers", "is missing"),
        (managed(), "/networks/workers", json!("10.250.0.0"), "networks.workers", "is not a CIDR"),
        (managed(), "/networks/workers", json!("10.250.0.1/20"), "networks.workers", "write 10.250.0.0/20"),
        (managed(), "/networks/workers", json!("10.250.0.0/30"), "networks.workers", "/29 or larger"),
        (managed(), "/networks/workers", json!("fd00::/64"), "networks.workers", "IPv4"),
        (managed(), "/networks/workers", json!("10.1.0.0/20"), "networks.workers", "within networking.nodes"),
        (
            managed(),
            "/networks/workers",
            json!("100.64.0.0/20"),
            "networks.workers",
            "overlap with networking.pods",
        ),
        (
            managed(),
            "/networks/internal",
            json!("10.250.0.0/24"),
            "networks.internal",
            "overlap with networks.workers",
        ),
        (
            managed(),
            "/networks/internal",
            json!("10.250.128.0/24"),
            "networks.internal",
            "overlap with networking.nodes",
        ),
        (
            managed(),
            "/networks/internal",
            json!("100.104.0.0/24"),
            "networks.internal",
            "overlap with networking.services",
        ),
    ] {
        assert_among(&problems(&with(config, pointer, value)), field, words);
    }
    // Without dynamic allocation any number will do.
    let odd = with(managed(), nat, json!({ "minPortsPerVM": 100 }));
    assert_eq!(problems(&odd), Vec::<String>::new());
}

#[test]
fn everything_wrong_is_told_at_once() {
    let config = json!({
        "kind": "Other",
        "networks": {
            "vpc": { "name": "" }, "workers": "x", "mtu": 1,
            "cloudNAT": { "natIPNames": [], "maxPortsPerVM": 8 },
        },
    });
    let found: Vec<_> =
        validate(&config, None, &networking()).into_iter().map(|violation| violation.field).collect();
    assert_eq!(
        found,
        [
            "kind",
            "networks.vpc.name",
            "networks.vpc.cloudRouter",
            "networks.mtu",
            "networks.mtu",
            "networks.cloudNAT.natIPNames",
            "networks.cloudNAT.maxPortsPerVM",
            "networks.workers",
        ]
    );
}

#[test]
fn ipv6_needs_ipv4_and_the_ranges_of_pods_and_services() {
    let alone = networking().with_ip_families([IpFamily::V6]);
    assert_among(&problems_with(&managed(), &alone), "networking.ipFamilies", "IPv6 alone");
    let bare = Networking::default().with_ip_families([IpFamily::V4, IpFamily::V6]);
    let found = problems_with(&managed(), &bare);
    assert_among(&found, "networking.pods", "is missing");
    assert_among(&found, "networking.services", "is missing");
}

#[test]
fn what_stands_can_be_extended_and_not_moved() {
    let step = |old: &Value, new: &Value| -> Vec<String> {
        let violations = validate(new, Some(old), &networking());
        violations.into_iter().map(|violation| violation.field).collect()
    };
    let old = with(managed(), "/networks/workers", json!("10.250.16.0/20"));
    for (pointer, value) in [
        ("/networks/workers", json!("10.250.0.0/16")),
        ("/networks/internal", json!("10.251.0.0/24")),
        ("/networks/flowLogs", json!({ "flowSampling": 1 })),
        ("/networks/cloudNAT", json!({ "minPortsPerVM": 4096 })),
    ] {
        assert_eq!(step(&old, &with(old.clone(), pointer, value)), Vec::<String>::new(), "{pointer}");
    }
    let renamed = json!({ "networks": { "worker": "10.250.16.0/20" } });
    assert_eq!(step(&renamed, &old), Vec::<String>::new());
    let internal = with(managed(), "/networks/internal", json!("10.251.0.0/24"));
    let sized = with(managed(), "/networks/mtu", json!(1500));
    for (old, new, field) in [
        (&old, &with(old.clone(), "/networks/workers", json!("10.250.32.0/20")), "networks.workers"),
        (&old, &with(old.clone(), "/networks/workers", json!("10.250.16.0/21")), "networks.workers"),
        (&managed(), &given(), "networks.vpc"),
        (&given(), &managed(), "networks.vpc"),
        (&given(), &with(given(), "/networks/vpc/name", json!("other")), "networks.vpc.name"),
        (
            &given(),
            &with(given(), "/networks/vpc/cloudRouter/name", json!("other")),
            "networks.vpc.cloudRouter",
        ),
        (&internal, &managed(), "networks.internal"),
        (
            &internal,
            &with(internal.clone(), "/networks/internal", json!("10.252.0.0/24")),
            "networks.internal",
        ),
        (&sized, &managed(), "networks.mtu"),
        (&managed(), &sized, "networks.mtu"),
    ] {
        assert_eq!(step(old, new), [field], "{old} -> {new}");
    }
    assert_eq!(step(&given(), &given_subnets()), ["networks.subnetWorkers"]);
    assert_eq!(step(&given_subnets(), &given()), ["networks.subnetWorkers"]);
    let other = with(given_subnets(), "/networks/subnetWorkers/name", json!("other"));
    assert_eq!(step(&given_subnets(), &other), ["networks.subnetWorkers"]);
    // What was accepted once may hold fields that are unknown today.
    let former = with(managed(), "/networks/dualStack", json!({ "enabled": true }));
    assert_eq!(step(&former, &managed()), Vec::<String>::new());
}
