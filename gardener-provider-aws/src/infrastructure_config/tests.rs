use serde_json::json;

use super::*;

fn region() -> Region {
    Region::new("eu-west-1").unwrap()
}

fn networking() -> Networking {
    let mut networking = Networking::default();
    networking.pods = Some("100.64.0.0/12".to_owned());
    networking.services = Some("100.104.0.0/13".to_owned());
    networking.nodes = Some("10.250.0.0/16".to_owned());
    networking
}

fn zone(letter: char, third: u8) -> Value {
    json!({
        "name": format!("eu-west-1{letter}"),
        "workers": format!("10.250.{third}.0/24"),
        "public": format!("10.250.{}.0/24", third + 1),
        "internal": format!("10.250.{}.0/24", third + 2),
    })
}

fn managed() -> Value {
    json!({
        "apiVersion": API_VERSION,
        "kind": KIND,
        "networks": { "vpc": { "cidr": "10.250.0.0/16" }, "zones": [zone('a', 0), zone('b', 10)] },
    })
}

fn given() -> Value {
    json!({
        "networks": {
            "vpc": { "id": "vpc-0123456789abcdef0" },
            "nodesSecurityGroupID": "sg-0123456789abcdef0",
            "zones": [
                { "name": "eu-west-1a", "workersSubnetID": "subnet-0123456789abcdef0", "publicSubnetID": "subnet-1123456789abcdef0" },
                { "name": "eu-west-1b", "workersSubnetID": "subnet-0123456789abcdef1", "publicSubnetID": "subnet-1123456789abcdef1" },
            ],
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

fn problems(config: &Value) -> Vec<String> {
    validate(config, None, &region(), &networking()).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn assert_problem(config: &Value, field: &str, words: &str) {
    let found = problems(config);
    assert!(
        found.iter().any(|problem| problem.starts_with(&format!("{field}: ")) && problem.contains(words)),
        "no {field}: …{words}… in {found:#?}"
    );
}

#[test]
fn good_configs_pass_and_come_back_as_they_were() {
    for config in [managed(), given()] {
        assert_eq!(problems(&config), Vec::<String>::new());
        let parsed = InfrastructureConfig::parse(&config).unwrap();
        let written = serde_json::to_value(&parsed).unwrap();
        assert_eq!(written, config);
    }
    let everything = json!({
        "apiVersion": API_VERSION, "kind": KIND,
        "enableECRAccess": false,
        "dualStack": { "enabled": true },
        "networks": {
            "vpc": {
                "cidr": "10.250.0.0/16", "gatewayEndpoints": ["s3", "dynamodb"],
                "ipv6IpamPool": { "id": "ipam-pool-0123456789abcdef0", "cidrBlock": "2001:db8:0:100::/56" },
            },
            "zones": [{
                "name": "eu-west-1a", "workers": "10.250.0.0/24", "public": "10.250.1.0/24",
                "internal": "10.250.2.0/24", "elasticIPAllocationID": "eipalloc-0123456789abcdef0",
            }],
        },
        "ignoreTags": { "keys": ["owner"], "keyPrefixes": ["corp/"] },
        "enableDedicatedTenancyForVPC": true,
        "elasticFileSystem": { "enabled": true, "id": "fs-0123456789abcdef0" },
        "enableMTUCustomizer": true,
    });
    assert_eq!(problems(&everything), Vec::<String>::new());
    let parsed = InfrastructureConfig::parse(&everything).unwrap();
    assert_eq!(serde_json::to_value(&parsed).unwrap(), everything);
    let ignore = parsed.ignore_tags.unwrap();
    assert!(ignore.covers("owner") && ignore.covers("corp/x") && !ignore.covers("owner2"));
}

#[test]
fn absent_lists_may_be_null() {
    let config = with(managed(), "/networks/vpc/gatewayEndpoints", Value::Null);
    assert_eq!(problems(&config), Vec::<String>::new());
}

#[test]
fn unknown_fields_and_wrong_types_are_named_by_their_path() {
    let config = with(managed(), "/networks/zones/1/worker", json!("x"));
    let config = with(config, "/network", json!({}));
    assert_problem(&config, "networks.zones[1].worker", "is not a field");
    assert_problem(&config, "network", "is not a field");
    assert_problem(
        &with(managed(), "/networks/zones/0/name", json!(1)),
        "networks.zones[0].name",
        "invalid type",
    );
    assert_problem(&with(managed(), "/networks/vpc", json!("vpc-1")), "networks.vpc", "invalid type");
    assert_problem(&Value::Null, KIND, "is missing");
    assert_problem(&json!([]), KIND, "invalid");
    let error = InfrastructureConfig::valid(&config, &region(), &networking()).unwrap_err().to_string();
    assert!(error.contains("and 1 more: "), "{error}");
}

#[test]
fn every_rule_about_the_vpc() {
    for (pointer, value, field, words) in [
        ("/apiVersion", json!("v1"), "apiVersion", "must be"),
        ("/kind", json!("Infrastructure"), "kind", "must be"),
        ("/networks/vpc", json!({}), "networks.vpc", "either"),
        ("/networks/vpc/id", json!("vpc-0123456789abcdef0"), "networks.vpc", "not both"),
        ("/networks/vpc", json!({ "id": "vpc_1" }), "networks.vpc.id", "vpc-0123456789abcdef0"),
        ("/networks/vpc/cidr", json!("10.250.0.1/16"), "networks.vpc.cidr", "write 10.250.0.0/16"),
        ("/networks/vpc/cidr", json!("10.250.0.0"), "networks.vpc.cidr", "is not a CIDR"),
        ("/networks/vpc/cidr", json!("10.0.0.0/8"), "networks.vpc.cidr", "/16 to /28"),
        ("/networks/vpc/cidr", json!("fd00::/16"), "networks.vpc.cidr", "IPv4"),
        (
            "/networks/vpc/cidr",
            json!("100.64.0.0/16"),
            "networking.pods",
            "must not overlap with networks.vpc.cidr",
        ),
        (
            "/networks/vpc/cidr",
            json!("10.250.0.0/17"),
            "networking.nodes",
            "must lie within networks.vpc.cidr",
        ),
        ("/networks/vpc/cidr", json!("10.251.0.0/16"), "networks.zones[0].public", "must lie within"),
        (
            "/networks/vpc/gatewayEndpoints",
            json!(["S3"]),
            "networks.vpc.gatewayEndpoints[0]",
            "name of a service",
        ),
        ("/networks/vpc/gatewayEndpoints", json!(["s3", "s3"]), "networks.vpc.gatewayEndpoints[1]", "twice"),
        (
            "/networks/nodesSecurityGroupID",
            json!("sg-0123456789abcdef0"),
            "networks.nodesSecurityGroupID",
            "needs networks.vpc.id",
        ),
        ("/networks/nodesSecurityGroupID", json!("group"), "networks.nodesSecurityGroupID", "form sg-"),
        ("/elasticFileSystem", json!({ "enabled": true, "id": "efs-1" }), "elasticFileSystem.id", "form fs-"),
    ] {
        assert_problem(&with(managed(), pointer, value), field, words);
    }
    let existing = with(managed(), "/networks/vpc", json!({ "id": "vpc-0123456789abcdef0" }));
    assert_eq!(problems(&existing), Vec::<String>::new());
    let dedicated = with(existing, "/enableDedicatedTenancyForVPC", json!(true));
    assert_problem(&dedicated, "enableDedicatedTenancyForVPC", "new VPC only");
}

#[test]
fn every_rule_about_the_ipam_pool() {
    let pool = |pool: Value| with(managed(), "/networks/vpc/ipv6IpamPool", pool);
    let good = json!({ "id": "ipam-pool-0123456789abcdef0" });
    assert_problem(&pool(good.clone()), "networks.vpc.ipv6IpamPool", "without IPv6");
    let dual = |config: Value| with(config, "/dualStack", json!({ "enabled": true }));
    assert_eq!(problems(&dual(pool(good.clone()))), Vec::<String>::new());
    assert_problem(&dual(pool(json!({}))), "networks.vpc.ipv6IpamPool.id", "is missing");
    assert_problem(&dual(pool(json!({ "id": "pool-1" }))), "networks.vpc.ipv6IpamPool.id", "form ipam-pool-");
    let block = |block: &str| dual(pool(json!({ "id": "ipam-pool-0123456789abcdef0", "cidrBlock": block })));
    assert_problem(&block("2001:db8::/64"), "networks.vpc.ipv6IpamPool.cidrBlock", "/56");
    assert_problem(&block("10.0.0.0/16"), "networks.vpc.ipv6IpamPool.cidrBlock", "/56");
    assert_problem(&block("2001:db8::1/56"), "networks.vpc.ipv6IpamPool.cidrBlock", "write 2001:db8::/56");
    let existing = with(dual(pool(good)), "/networks/vpc/id", json!("vpc-0123456789abcdef0"));
    assert_problem(&existing, "networks.vpc.ipv6IpamPool", "new VPC only");
}

#[test]
fn every_rule_about_zones() {
    for (pointer, value, field, words) in [
        ("/networks/zones", json!([]), "networks.zones", "at least one"),
        ("/networks/zones/1/name", json!("eu-west-1a"), "networks.zones[1].name", "twice"),
        (
            "/networks/zones/1/name",
            json!("eu-central-1b"),
            "networks.zones[1].name",
            "not a zone of eu-west-1",
        ),
        ("/networks/zones/1/name", json!("eu-west-1"), "networks.zones[1].name", "not a zone"),
        ("/networks/zones/1/name", json!(""), "networks.zones[1].name", "not a zone"),
        ("/networks/zones/1/workers", Value::Null, "networks.zones[1].workers", "is missing"),
        ("/networks/zones/1/public", Value::Null, "networks.zones[1].public", "is missing"),
        ("/networks/zones/1/internal", Value::Null, "networks.zones[1].internal", "is missing"),
        (
            "/networks/zones/1/public",
            json!("10.250.0.0/25"),
            "networks.zones[1].public",
            "must not overlap with networks.zones[0].workers",
        ),
        ("/networks/zones/1/public", json!("10.250.0.0/29"), "networks.zones[1].public", "/16 to /28"),
        (
            "/networks/zones/1/workers",
            json!("10.251.0.0/24"),
            "networks.zones[1].workers",
            "within networking.nodes",
        ),
        (
            "/networks/zones/1/workersSubnetID",
            json!("subnet-0123456789abcdef0"),
            "networks.zones[0]",
            "all zones must do the same",
        ),
        (
            "/networks/zones/1/elasticIPAllocationID",
            json!("eip-1"),
            "networks.zones[1].elasticIPAllocationID",
            "form eipalloc-",
        ),
    ] {
        assert_problem(&with(managed(), pointer, value), field, words);
    }
    let local = with(managed(), "/networks/zones/1/name", json!("eu-west-1-lhr-1a"));
    assert_eq!(problems(&local), Vec::<String>::new());
    let mut both = managed();
    for zone in both["networks"]["zones"].as_array_mut().unwrap() {
        zone["elasticIPAllocationID"] = json!("eipalloc-0123456789abcdef0");
    }
    assert_problem(&both, "networks.zones[1].elasticIPAllocationID", "already");
    let existing = with(managed(), "/networks/vpc", json!({ "id": "vpc-0123456789abcdef0" }));
    let overlapping = with(existing, "/networks/zones/0/public", json!("100.104.0.0/24"));
    assert_problem(&overlapping, "networks.zones[0].public", "must not overlap with networking.services");
}

#[test]
fn nodes_with_ipv6_only_need_no_ipv4_subnet() {
    let config = with(managed(), "/networks/zones/0/workers", Value::Null);
    let config = with(config, "/networks/zones/1/workers", Value::Null);
    let networking = Networking::default().with_ip_families([IpFamily::V6]);
    assert_eq!(validate(&config, None, &region(), &networking), Vec::new());
}

#[test]
fn every_rule_about_given_subnets() {
    for (pointer, value, field, words) in [
        ("/networks/vpc", json!({ "cidr": "10.250.0.0/16" }), "networks.vpc.id", "is missing"),
        ("/networks/vpc/gatewayEndpoints", json!(["s3"]), "networks.vpc.gatewayEndpoints", "cannot be made"),
        ("/networks/zones/1/workersSubnetID", Value::Null, "networks.zones[1].workersSubnetID", "is missing"),
        (
            "/networks/zones/1/workersSubnetID",
            json!("net-1"),
            "networks.zones[1].workersSubnetID",
            "form subnet-",
        ),
        (
            "/networks/zones/1/workersSubnetID",
            json!("subnet-0123456789abcdef0"),
            "networks.zones[1].workersSubnetID",
            "networks.zones[0].workersSubnetID already",
        ),
        (
            "/networks/zones/1/publicSubnetID",
            Value::Null,
            "networks.zones[1].publicSubnetID",
            "in all zones or in none",
        ),
        (
            "/networks/zones/1/internalSubnetID",
            json!("subnet-2123456789abcdef0"),
            "networks.zones[0].internalSubnetID",
            "in all zones or in none",
        ),
        (
            "/networks/zones/1/workers",
            json!("10.250.0.0/24"),
            "networks.zones[1].workers",
            "cannot be combined",
        ),
        ("/networks/zones/1", zone('b', 0), "networks.zones[1]", "all zones must do the same"),
        (
            "/networks/zones/1/elasticIPAllocationID",
            json!("eipalloc-0123456789abcdef0"),
            "networks.zones[1].elasticIPAllocationID",
            "no NAT gateway",
        ),
        ("/elasticFileSystem", json!({ "enabled": true }), "elasticFileSystem.id", "is missing"),
    ] {
        assert_problem(&with(given(), pointer, value), field, words);
    }
}

#[test]
fn tags_that_gardener_needs_cannot_be_ignored() {
    for (keys, prefixes, field) in [
        (json!(["Name"]), json!([]), "ignoreTags.keys[0]"),
        (json!(["kubernetes.io/cluster/x"]), json!([]), "ignoreTags.keys[0]"),
        (json!(["ok", "kubernetes.io/role/elb"]), json!([]), "ignoreTags.keys[1]"),
        (json!([""]), json!([]), "ignoreTags.keys[0]"),
        (json!(["é!"]), json!([]), "ignoreTags.keys[0]"),
        (json!(["x".repeat(129)]), json!([]), "ignoreTags.keys[0]"),
        (json!([]), json!(["kubernetes.io/"]), "ignoreTags.keyPrefixes[0]"),
        (json!([]), json!(["N"]), "ignoreTags.keyPrefixes[0]"),
        (json!([]), json!(["kubernetes.io/cluster/abc"]), "ignoreTags.keyPrefixes[0]"),
        (json!([]), json!([""]), "ignoreTags.keyPrefixes[0]"),
    ] {
        let config = with(managed(), "/ignoreTags", json!({ "keys": keys, "keyPrefixes": prefixes }));
        assert!(problems(&config).iter().any(|problem| problem.starts_with(field)), "{config}");
    }
    let fine =
        with(managed(), "/ignoreTags", json!({ "keys": ["Names"], "keyPrefixes": ["kubernetes.io/x"] }));
    assert_eq!(problems(&fine), Vec::<String>::new());
}

#[test]
fn what_may_change_and_what_may_not() {
    let step = |old: &Value, new: &Value| -> Vec<String> {
        let violations = validate(new, Some(old), &region(), &networking());
        violations.into_iter().map(|violation| violation.field).collect()
    };
    let old = managed();
    for (pointer, value) in [
        ("/networks/vpc/gatewayEndpoints", json!(["s3"])),
        ("/networks/zones/0/elasticIPAllocationID", json!("eipalloc-0123456789abcdef0")),
        ("/networks/zones", json!([zone('a', 0), zone('b', 10), zone('c', 20)])),
        ("/dualStack", json!({ "enabled": true })),
        ("/elasticFileSystem", json!({ "enabled": true })),
        ("/enableECRAccess", json!(false)),
        ("/enableDedicatedTenancyForVPC", json!(false)),
    ] {
        assert_eq!(step(&old, &with(old.clone(), pointer, value)), Vec::<String>::new(), "{pointer}");
    }
    for (pointer, value, fields) in [
        (
            "/networks/vpc",
            json!({ "id": "vpc-0123456789abcdef0" }),
            &["networks.vpc.id", "networks.vpc.cidr"][..],
        ),
        ("/networks/zones", json!([zone('a', 0)]), &["networks.zones"]),
        ("/networks/zones/0", zone('c', 0), &["networks.zones[0].name"]),
        ("/networks/zones/0/workers", json!("10.250.40.0/24"), &["networks.zones[0].workers"]),
        ("/networks/zones/0/public", json!("10.250.40.0/24"), &["networks.zones[0].public"]),
        ("/networks/zones/0/internal", json!("10.250.40.0/24"), &["networks.zones[0].internal"]),
        ("/enableDedicatedTenancyForVPC", json!(true), &["enableDedicatedTenancyForVPC"]),
    ] {
        assert_eq!(step(&old, &with(old.clone(), pointer, value)), fields, "{pointer}");
    }
    let dual = with(managed(), "/dualStack", json!({ "enabled": true }));
    assert_eq!(step(&dual, &managed()), ["dualStack.enabled"]);
    let efs = with(managed(), "/elasticFileSystem", json!({ "enabled": true }));
    assert_eq!(step(&efs, &managed()), ["elasticFileSystem"]);
    let other = with(given(), "/networks/zones/0/workersSubnetID", json!("subnet-5123456789abcdef0"));
    assert_eq!(step(&given(), &other), ["networks.zones[0].workersSubnetID"]);
    let other = with(given(), "/networks/nodesSecurityGroupID", json!("sg-5123456789abcdef0"));
    assert_eq!(step(&given(), &other), ["networks.nodesSecurityGroupID"]);
    // What was accepted once may hold fields that are unknown today.
    assert_eq!(step(&with(managed(), "/former", json!(1)), &managed()), Vec::<String>::new());
}
