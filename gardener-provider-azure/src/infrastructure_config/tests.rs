use gardener_provider_core::IpFamily;
use serde_json::json;

use super::*;

const DDOS_PLAN: &str = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/security/providers/Microsoft.Network/ddosProtectionPlans/plan";

fn networking() -> Networking {
    let mut networking = Networking::default();
    networking.pods = Some("100.64.0.0/12".to_owned());
    networking.services = Some("100.104.0.0/13".to_owned());
    networking.nodes = Some("10.250.0.0/16".to_owned());
    networking
}

fn single() -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "networks": { "vnet": { "cidr": "10.250.0.0/16" }, "workers": "10.250.0.0/19" },
        "zoned": true,
    })
}

fn zones() -> Value {
    json!({
        "networks": {
            "vnet": { "cidr": "10.250.0.0/16" },
            "zones": [
                { "name": 1, "cidr": "10.250.0.0/19", "natGateway": { "enabled": true } },
                { "name": 2, "cidr": "10.250.32.0/19", "serviceEndpoints": ["Microsoft.Storage"] },
            ],
        },
        "zoned": true,
    })
}

fn given() -> Value {
    with(single(), "/networks/vnet", json!({ "name": "my-vnet", "resourceGroup": "my-group" }))
}

fn nat(fields: Value) -> Value {
    with(single(), "/networks/natGateway", fields)
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

fn problems(config: &Value) -> Vec<String> {
    validate(config, None, &networking()).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_problem(config: &Value, field: &str, words: &str) {
    let found = problems(config);
    assert!(
        found.iter().any(|problem| problem.starts_with(&format!("{field}: ")) && problem.contains(words)),
        "no {field}: …{words}… in {found:#?}"
    );
}

#[track_caller]
fn assert_good(config: &Value) {
    assert_eq!(problems(config), Vec::<String>::new(), "{config}");
}

#[test]
fn good_configs_pass_and_come_back_as_they_were() {
    let everything = json!({
        "apiVersion": API_VERSION, "kind": KIND,
        "networks": {
            "vnet": { "cidr": "10.250.0.0/16", "ddosProtectionPlanID": DDOS_PLAN },
            "workers": "10.250.0.0/19",
            "natGateway": {
                "enabled": true, "idleConnectionTimeoutMinutes": 30, "zone": 1, "sku": "Standard",
                "ipAddresses": [{ "name": "egress.1", "resourceGroup": "my-group", "zone": 1 }],
            },
            "serviceEndpoints": ["Microsoft.Storage", "Microsoft.KeyVault"],
        },
        "identity": { "name": "my-identity", "resourceGroup": "my-group", "acrAccess": true },
        "zoned": true,
    });
    let all_zones = json!({
        "networks": {
            "vnet": { "name": "my-vnet", "resourceGroup": "my_group.(1)" },
            "zones": [{
                "name": 1, "cidr": "10.250.0.0/19", "serviceEndpoints": ["Microsoft.Sql"],
                "natGateway": {
                    "enabled": true, "idleConnectionTimeoutMinutes": 4, "sku": "Standard",
                    "ipAddresses": [{ "name": "egress", "resourceGroup": "my-group" }],
                },
            }],
        },
        "zoned": true,
    });
    for config in [single(), zones(), given(), everything, all_zones] {
        assert_good(&config);
        let parsed = InfrastructureConfig::parse(&config).unwrap();
        assert_eq!(serde_json::to_value(&parsed).unwrap(), config);
    }
    let mut plain = single();
    plain.as_object_mut().unwrap().remove("zoned");
    assert_good(&plain);
    // Without a CIDR of its own, the virtual network has that of the one subnet.
    let plain = with(plain, "/networks/vnet/cidr", Value::Null);
    assert_good(&with(plain, "/networks/workers", json!("10.250.0.0/16")));
}

#[test]
fn unknown_fields_and_wrong_types_are_named_by_their_path() {
    let config = with(zones(), "/networks/zones/1/cdir", json!("x"));
    let config = with(config, "/network", json!({}));
    assert_problem(&config, "networks.zones[1].cdir", "is not a field");
    assert_problem(&config, "network", "is not a field");
    assert_problem(
        &with(zones(), "/networks/zones/0/name", json!("1")),
        "networks.zones[0].name",
        "invalid type",
    );
    assert_problem(&with(zones(), "/networks/vnet", json!("v")), "networks.vnet", "invalid type");
    assert_problem(&Value::Null, KIND, "is missing");
    assert_problem(&json!([]), KIND, "invalid");
    let error = InfrastructureConfig::valid(&config, &networking()).unwrap_err().to_string();
    assert!(error.contains("and 1 more: "), "{error}");
}

#[test]
fn every_rule_about_the_virtual_network() {
    let gone = Value::Null;
    for (pointer, value, field, words) in [
        ("/apiVersion", json!("v1"), "apiVersion", "must be"),
        ("/kind", json!("Infrastructure"), "kind", "must be"),
        ("/resourceGroup", json!({ "name": "g" }), "resourceGroup", "cannot be given"),
        ("/networks/vnet", json!({ "name": "my-vnet" }), "networks.vnet.resourceGroup", "is missing"),
        ("/networks/vnet", json!({ "resourceGroup": "g" }), "networks.vnet.name", "is missing"),
        ("/networks/vnet/cidr", json!("10.250.0.1/16"), "networks.vnet.cidr", "write 10.250.0.0/16"),
        ("/networks/vnet/cidr", json!("10.250.0.0"), "networks.vnet.cidr", "is not a CIDR"),
        ("/networks/vnet/cidr", json!("fd00::/16"), "networks.vnet.cidr", "IPv4"),
        ("/networks/vnet/cidr", json!("0.0.0.0/1"), "networks.vnet.cidr", "/2 to /29"),
        (
            "/networks/vnet/cidr",
            json!("100.64.0.0/16"),
            "networking.pods",
            "must not overlap with networks.vnet.cidr",
        ),
        (
            "/networks/vnet/cidr",
            json!("10.250.0.0/17"),
            "networking.nodes",
            "must lie within networks.vnet.cidr",
        ),
        ("/networks/vnet/cidr", json!("10.251.0.0/16"), "networks.workers", "must lie within"),
        ("/networks/vnet/cidr", gone.clone(), "networking.nodes", "must lie within networks.workers"),
        (
            "/networks/vnet/ddosProtectionPlanID",
            json!("plan"),
            "networks.vnet.ddosProtectionPlanID",
            "form /subscriptions",
        ),
        ("/networks/workers", gone, "networks.workers", "is missing"),
        ("/networks/workers", json!("10.250.0.0/30"), "networks.workers", "/2 to /29"),
        ("/networks/workers", json!("10.251.0.0/19"), "networks.workers", "within networking.nodes"),
        ("/networks/workers", json!("100.64.0.0/19"), "networks.workers", "overlap with networking.pods"),
        ("/networks/zones", zones()["networks"]["zones"].clone(), "networks.workers", "cannot be combined"),
        (
            "/networks/serviceEndpoints",
            json!(["Storage"]),
            "networks.serviceEndpoints[0]",
            "name of a service",
        ),
        (
            "/networks/serviceEndpoints",
            json!(["Microsoft."]),
            "networks.serviceEndpoints[0]",
            "name of a service",
        ),
        (
            "/networks/serviceEndpoints",
            json!(["Microsoft.Sql", "microsoft.sql", "Microsoft.SQL"]),
            "networks.serviceEndpoints[2]",
            "twice",
        ),
        (
            "/identity",
            json!({ "name": "my-identity" }),
            "identity.resourceGroup",
            "no name of a resource group",
        ),
        ("/identity", json!({ "name": "i", "resourceGroup": "g" }), "identity.name", "3 to 128"),
    ] {
        assert_problem(&with(single(), pointer, value), field, words);
    }
    for (pointer, value, field, words) in [
        ("/networks/vnet/cidr", json!("10.250.0.0/16"), "networks.vnet.cidr", "new virtual network only"),
        (
            "/networks/vnet/ddosProtectionPlanID",
            json!(DDOS_PLAN),
            "networks.vnet.ddosProtectionPlanID",
            "new virtual",
        ),
        ("/networks/vnet/name", json!("-v"), "networks.vnet.name", "2 to 64"),
        ("/networks/vnet/name", json!("v."), "networks.vnet.name", "2 to 64"),
        ("/networks/vnet/name", json!("a/b"), "networks.vnet.name", "2 to 64"),
        ("/networks/vnet/resourceGroup", json!("group."), "networks.vnet.resourceGroup", "not a dot"),
        ("/networks/vnet/resourceGroup", json!("x".repeat(91)), "networks.vnet.resourceGroup", "1 to 90"),
    ] {
        assert_problem(&with(given(), pointer, value), field, words);
    }
}

#[test]
fn ipv6_is_refused() {
    let networking = networking().with_ip_families([IpFamily::V4, IpFamily::V6]);
    let violations = validate(&single(), None, &networking);
    assert_eq!(violations[0].field, "networking.ipFamilies");
}

#[test]
fn every_rule_about_nat_gateways() {
    let ip = |zone: Value| json!([{ "name": "egress", "resourceGroup": "my-group", "zone": zone }]);
    for (fields, field, words) in [
        (json!({ "enabled": false, "zone": 1 }), "", "is not enabled"),
        (json!({ "sku": "StandardV2" }), "", "is not enabled"),
        (json!({ "enabled": false, "ipAddresses": ip(json!(1)) }), "", "is not enabled"),
        (json!({ "enabled": false, "idleConnectionTimeoutMinutes": 5 }), "", "is not enabled"),
        (
            json!({ "enabled": true, "idleConnectionTimeoutMinutes": 3 }),
            ".idleConnectionTimeoutMinutes",
            "4 to 120",
        ),
        (
            json!({ "enabled": true, "idleConnectionTimeoutMinutes": 121 }),
            ".idleConnectionTimeoutMinutes",
            "4 to 120",
        ),
        (json!({ "enabled": true, "sku": "Basic" }), ".sku", "StandardV2"),
        (json!({ "enabled": true, "zone": 0 }), ".zone", "number of a zone"),
        (json!({ "enabled": true, "sku": "StandardV2", "zone": 1 }), ".zone", "spans all zones"),
        (json!({ "enabled": true, "ipAddresses": ip(json!(1)) }), ".zone", "is missing"),
        (
            json!({ "enabled": true, "zone": 1, "ipAddresses": ip(json!(2)) }),
            ".ipAddresses[0].zone",
            "must be 1",
        ),
        (
            json!({ "enabled": true, "zone": 1, "ipAddresses": ip(Value::Null) }),
            ".ipAddresses[0].zone",
            "must be 1",
        ),
        (
            json!({ "enabled": true, "sku": "StandardV2", "ipAddresses": ip(json!(1)) }),
            ".ipAddresses[0].zone",
            "span all zones",
        ),
        (
            json!({ "enabled": true, "zone": 1, "ipAddresses": [{ "zone": 1 }] }),
            ".ipAddresses[0].name",
            "1 to 80",
        ),
        (
            json!({ "enabled": true, "zone": 1, "ipAddresses": [{ "name": "a", "zone": 1 }] }),
            ".ipAddresses[0].resourceGroup",
            "resource group",
        ),
        (
            json!({ "enabled": true, "zone": 1, "ipAddresses": [
                { "name": "a", "resourceGroup": "g", "zone": 1 }, { "name": "A", "resourceGroup": "G", "zone": 1 },
            ] }),
            ".ipAddresses[1]",
            "networks.natGateway.ipAddresses[0] already",
        ),
        (
            json!({ "enabled": true, "zone": 1, "ipAddresses": (0..17).map(|n| json!({
                "name": format!("ip{n}"), "resourceGroup": "g", "zone": 1,
            })).collect::<Vec<_>>() }),
            ".ipAddresses",
            "at most 16",
        ),
    ] {
        assert_problem(&nat(fields), &format!("networks.natGateway{field}"), words);
    }
    for good in [
        json!({ "enabled": false }),
        json!({ "enabled": true }),
        json!({ "enabled": true, "zone": 3, "idleConnectionTimeoutMinutes": 120 }),
        json!({ "enabled": true, "sku": "StandardV2", "ipAddresses": ip(Value::Null) }),
    ] {
        assert_good(&nat(good));
    }
}

#[test]
fn every_rule_about_zones() {
    for (pointer, value, field, words) in [
        ("/zoned", json!(false), "networks.zones", "needs zoned"),
        ("/networks/natGateway", json!({ "enabled": true }), "networks.natGateway", "networks.workers only"),
        (
            "/networks/serviceEndpoints",
            json!(["Microsoft.Sql"]),
            "networks.serviceEndpoints",
            "networks.workers only",
        ),
        ("/networks/zones/1/name", json!(1), "networks.zones[1].name", "twice"),
        ("/networks/zones/1/name", json!(-1), "networks.zones[1].name", "number of a zone"),
        ("/networks/zones/1/cidr", json!(""), "networks.zones[1].cidr", "is missing"),
        (
            "/networks/zones/1/cidr",
            json!("10.250.0.0/20"),
            "networks.zones[1].cidr",
            "overlap with networks.zones[0].cidr",
        ),
        (
            "/networks/zones/1/cidr",
            json!("10.251.0.0/20"),
            "networks.zones[1].cidr",
            "within networks.vnet.cidr",
        ),
        (
            "/networks/zones/1/serviceEndpoints",
            json!(["x"]),
            "networks.zones[1].serviceEndpoints[0]",
            "service",
        ),
        ("/networks/vnet", json!({}), "networks.vnet.cidr", "is missing"),
        (
            "/networks/zones/1/natGateway",
            json!({ "enabled": true, "sku": "StandardV2" }),
            "networks.zones[1].natGateway.sku",
            "cannot serve one",
        ),
        (
            "/networks/zones/1/natGateway",
            json!({ "enabled": true, "zone": 1 }),
            "networks.zones[1].natGateway.zone",
            "is not a field",
        ),
        (
            "/networks/zones/1/natGateway",
            json!({ "idleConnectionTimeoutMinutes": 5 }),
            "networks.zones[1].natGateway",
            "is not enabled",
        ),
        (
            "/networks/zones/1/natGateway",
            json!({ "enabled": true, "ipAddresses": [{ "name": "egress" }] }),
            "networks.zones[1].natGateway.ipAddresses[0].resourceGroup",
            "resource group",
        ),
    ] {
        assert_problem(&with(zones(), pointer, value), field, words);
    }
    let mut same_address = zones();
    for zone in same_address["networks"]["zones"].as_array_mut().unwrap() {
        zone["natGateway"] =
            json!({ "enabled": true, "ipAddresses": [{ "name": "a", "resourceGroup": "g" }] });
    }
    assert_problem(&same_address, "networks.zones[1].natGateway.ipAddresses[0]", "belongs to one");
}

#[test]
fn every_rule_about_a_given_subnet() {
    let mut given = given();
    given["networks"].as_object_mut().unwrap().remove("workers");
    given["networks"]["subnet"] = json!({ "name": "my-subnet" });
    assert_good(&given);
    assert_eq!(serde_json::to_value(InfrastructureConfig::parse(&given).unwrap()).unwrap(), given);
    for (pointer, value, field, words) in [
        ("/networks/vnet", json!({ "cidr": "10.250.0.0/16" }), "networks.subnet", "needs networks.vnet.name"),
        ("/networks/vnet", json!({}), "networks.subnet", "needs networks.vnet.name"),
        ("/networks/subnet", json!({}), "networks.subnet.name", "1 to 80"),
        ("/networks/subnet/id", json!("x"), "networks.subnet.id", "is not a field"),
        ("/networks/workers", json!("10.250.0.0/19"), "networks.workers", "cannot be combined"),
        ("/networks/zones", zones()["networks"]["zones"].clone(), "networks.zones", "cannot be combined"),
        ("/networks/natGateway", json!({ "enabled": true }), "networks.natGateway", "cannot be combined"),
        (
            "/networks/serviceEndpoints",
            json!(["Microsoft.Sql"]),
            "networks.serviceEndpoints",
            "cannot be combined",
        ),
    ] {
        assert_problem(&with(given.clone(), pointer, value), field, words);
    }
    let other = with(given.clone(), "/networks/subnet/name", json!("other"));
    let fields: Vec<_> =
        validate(&other, Some(&given), &networking()).into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["networks.subnet"]);
}

#[test]
fn what_may_change_and_what_may_not() {
    let step = |old: &Value, new: &Value| -> Vec<String> {
        let violations = validate(new, Some(old), &networking());
        violations.into_iter().map(|violation| violation.field).collect()
    };
    let none = Vec::<String>::new();
    for (pointer, value) in [
        ("/networks/vnet/cidr", json!("10.248.0.0/14")),
        ("/networks/vnet/ddosProtectionPlanID", json!(DDOS_PLAN)),
        ("/networks/natGateway", json!({ "enabled": true, "zone": 2 })),
        ("/networks/serviceEndpoints", json!(["Microsoft.Sql"])),
        ("/identity", json!({ "name": "my-identity", "resourceGroup": "g" })),
    ] {
        assert_eq!(step(&single(), &with(single(), pointer, value)), none, "{pointer}");
    }
    for (pointer, value, field) in [
        ("/networks/vnet", given()["networks"]["vnet"].clone(), "networks.vnet.name"),
        ("/networks/workers", json!("10.250.0.0/20"), "networks.workers"),
        ("/zoned", json!(false), "zoned"),
        ("/resourceGroup", json!({ "name": "g" }), "resourceGroup"),
    ] {
        let fields = step(&single(), &with(single(), pointer, value));
        assert!(fields.contains(&field.to_owned()), "{pointer}: {fields:?}");
    }
    let shrunk = with(
        with(single(), "/networks/vnet/cidr", json!("10.250.0.0/17")),
        "/networks/workers",
        json!("10.250.0.0/19"),
    );
    let mut small = networking();
    small.nodes = Some("10.250.0.0/19".to_owned());
    let fields: Vec<_> =
        validate(&shrunk, Some(&single()), &small).into_iter().map(|wrong| wrong.field).collect();
    assert_eq!(fields, ["networks.vnet.cidr"]);
    let elsewhere = with(given(), "/networks/vnet/resourceGroup", json!("other"));
    assert_eq!(step(&given(), &elsewhere), ["networks.vnet.resourceGroup"]);
    // What was accepted once may hold fields that are unknown today.
    assert_eq!(step(&with(single(), "/former", json!(1)), &single()), none);
}

#[test]
fn a_nat_gateway_keeps_its_sku_while_it_is_there() {
    let step = |old: Value, new: Value| -> Vec<String> {
        let violations = validate(&nat(new), Some(&nat(old)), &networking());
        violations.into_iter().map(|violation| violation.field).collect()
    };
    let (plain, v2) = (json!({ "enabled": true }), json!({ "enabled": true, "sku": "StandardV2" }));
    let (named, off) = (json!({ "enabled": true, "sku": "Standard" }), json!({ "enabled": false }));
    assert_eq!(step(plain.clone(), v2.clone()), ["networks.natGateway.sku"]);
    assert_eq!(step(v2.clone(), plain.clone()), ["networks.natGateway.sku"]);
    for (old, new) in [(plain, named), (off.clone(), v2.clone()), (v2, off)] {
        assert_eq!(step(old, new), Vec::<String>::new());
    }
}

#[test]
fn one_subnet_becomes_one_for_each_zone_and_never_back() {
    let step = |old: &Value, new: &Value| -> Vec<String> {
        let violations = validate(new, Some(old), &networking());
        violations.into_iter().map(|violation| violation.field).collect()
    };
    assert_eq!(step(&single(), &zones()), Vec::<String>::new());
    assert_eq!(step(&zones(), &single()), ["networks.zones"]);
    let elsewhere = with(zones(), "/networks/zones/0/cidr", json!("10.250.64.0/19"));
    assert_eq!(step(&single(), &elsewhere), ["networks.zones"]);
    let v2 = nat(json!({ "enabled": true, "sku": "StandardV2" }));
    assert_eq!(step(&v2, &zones()), ["networks.zones[0].natGateway.sku"]);
    let mut more = zones();
    more["networks"]["zones"]
        .as_array_mut()
        .unwrap()
        .insert(0, json!({ "name": 3, "cidr": "10.250.64.0/19" }));
    assert_eq!(step(&zones(), &more), Vec::<String>::new());
    assert_eq!(step(&more, &zones()), ["networks.zones"]);
    assert_eq!(step(&zones(), &elsewhere), ["networks.zones[0].cidr"]);
}
