//! What the user gave: used, marked where Kubernetes needs it, never deleted.

use gardener_provider_aws::api::{
    addresses::allocate_address,
    gateways::{attach_internet_gateway, create_internet_gateway},
    security_groups::create_security_group,
    subnets::{NewSubnet, create_subnet},
    tags::{Tags, create_tags},
    vpcs::{VpcAttribute, associate_dhcp_options, create_dhcp_options, create_vpc, modify_vpc_attribute},
};
use gardener_provider_core::ErrorKind;

use super::*;

fn named(name: &str) -> Tags {
    Tags::from([("Name".to_owned(), name.to_owned())])
}

/// A VPC of the user's, with all that one needs unless told otherwise.
async fn vpc(world: &World, gateway: bool, names: bool) -> String {
    let vpc = world.run(create_vpc("10.250.0.0/16", None, &named("theirs"))).await.vpc_id;
    if names {
        world.run(modify_vpc_attribute(&vpc, VpcAttribute::DnsHostnames, true)).await;
    }
    let options: &[(&str, &[&str])] =
        &[("domain-name", &["eu-west-1.compute.internal"]), ("domain-name-servers", &["AmazonProvidedDNS"])];
    let options = world.run(create_dhcp_options(options, &named("theirs"))).await.dhcp_options_id;
    world.run(associate_dhcp_options(&options, &vpc)).await;
    if gateway {
        let gateway = world.run(create_internet_gateway(&named("theirs"))).await.internet_gateway_id;
        world.run(attach_internet_gateway(&gateway, &vpc)).await;
    }
    vpc
}

async fn subnet(world: &World, vpc: &str, zone: &str, third: u8) -> String {
    let cidr = format!("10.250.{third}.0/24");
    let new = NewSubnet { vpc, zone, cidr: Some(&cidr), ipv6: None, native: false };
    world.run(create_subnet(&new, &named(&format!("theirs-{third}")))).await.subnet_id
}

fn in_vpc(vpc: &str, letters: &str) -> Value {
    json!({ "networks": { "vpc": { "id": vpc, "gatewayEndpoints": ["s3"] }, "zones": zones(letters) } })
}

#[tokio::test(start_paused = true)]
async fn an_existing_vpc_is_used_and_survives() {
    let world = World::new();
    let vpc = vpc(&world, true, true).await;
    let before = world.sandbox.aws().inventory(None);
    let request = world.request(in_vpc(&vpc, "abc"));
    for _ in 0..2 {
        // Twice: the same names in the same VPC must not be answered what was deleted before.
        let made = world.apply(&request).await.unwrap();
        assert_eq!(made.status["vpc"]["id"], vpc);
        let inventory = world.inventory();
        assert_eq!(
            (inventory["vpc"], inventory["subnet"], inventory["natgateway"]),
            (1, 9, 3),
            "{inventory:?}"
        );
        assert_eq!(inventory["internet-gateway"], 1);
        world.settled(&request).await;
        world.destroy(&request).await.unwrap();
        assert_eq!(world.sandbox.aws().inventory(None), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_an_existing_vpc_is_said() {
    let world = World::new();
    let no_gateway = vpc(&world, false, true).await;
    let no_names = vpc(&world, true, false).await;
    let bare = world.run(create_vpc("10.250.0.0/16", None, &named("bare"))).await.vpc_id;
    world.run(modify_vpc_attribute(&bare, VpcAttribute::DnsHostnames, true)).await;
    let gateway = world.run(create_internet_gateway(&named("bare"))).await.internet_gateway_id;
    world.run(attach_internet_gateway(&gateway, &bare)).await;
    let options = create_dhcp_options(&[("domain-name", &["corp.example"])], &named("bare"));
    let options = world.run(options).await.dhcp_options_id;
    world.run(associate_dhcp_options(&options, &bare)).await;
    for (vpc, words) in [
        ("vpc-0123456789abcdef0", "does not exist in eu-west-1"),
        (no_gateway.as_str(), "has no internet gateway"),
        (&no_names, "must have enableDnsHostnames set"),
        (&bare, "DHCP options"),
    ] {
        let request = world.request(in_vpc(vpc, "a"));
        for error in
            [world.apply(&request).await.unwrap_err(), world.driver().plan(&request).await.unwrap_err()]
        {
            let text = error.to_string();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
            assert!(text.contains("networks.vpc.id: ") && text.contains(words), "{text}");
        }
    }
    assert!(!world.inventory().contains_key("role"), "nothing was made");
    world.destroy(&world.request(in_vpc("vpc-0123456789abcdef0", "a"))).await.unwrap();
}

async fn given_zones(world: &World, vpc: &str) -> Value {
    let mut zones = Vec::new();
    for (n, letter) in [(0, 'a'), (10, 'b')] {
        let zone = format!("eu-west-1{letter}");
        zones.push(json!({
            "name": zone,
            "workersSubnetID": subnet(world, vpc, &zone, n).await,
            "publicSubnetID": subnet(world, vpc, &zone, n + 1).await,
        }));
    }
    json!(zones)
}

#[tokio::test(start_paused = true)]
async fn existing_subnets_and_a_security_group_are_only_marked() {
    let world = World::new();
    let vpc = vpc(&world, false, true).await;
    let zones = given_zones(&world, &vpc).await;
    let group = world.run(create_security_group(&vpc, "theirs", "theirs", &named("theirs"))).await;
    let role = Tags::from([("kubernetes.io/role/elb".to_owned(), "yes".to_owned())]);
    world.run(create_tags(&[zones[1]["publicSubnetID"].as_str().unwrap()], &role)).await;
    let before = world.sandbox.aws().inventory(None);
    let request = world.request(json!({
        "networks": { "vpc": { "id": vpc }, "nodesSecurityGroupID": group, "zones": zones },
    }));
    let made = world.apply(&request).await.unwrap();
    assert_eq!(made.status["vpc"]["securityGroups"][0]["id"], group);
    assert_eq!(made.status["vpc"]["subnets"].as_array().unwrap().len(), 4);
    assert_eq!(made.egress_cidrs, Vec::<String>::new());
    world.settled(&request).await;
    let key = format!("kubernetes.io/cluster/{CLUSTER}");
    let subnets = world.named("subnet");
    assert!(subnets.values().all(|subnet| subnet.tags[&key] == "shared"), "{subnets:#?}");
    assert_eq!(subnets["theirs-1"].tags["kubernetes.io/role/elb"], "1");
    assert_eq!(subnets["theirs-11"].tags["kubernetes.io/role/elb"], "yes", "theirs");
    assert_eq!(world.named("security-group")["theirs"].tags[&key], "shared");
    world.destroy(&request).await.unwrap();
    assert_eq!(world.sandbox.aws().inventory(None), before);
    world.destroy(&request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_existing_subnets_is_said() {
    let world = World::new();
    let vpc = vpc(&world, true, true).await;
    let other = world.run(create_vpc("10.251.0.0/16", None, &named("other"))).await.vpc_id;
    let new =
        NewSubnet { vpc: &other, zone: "eu-west-1a", cidr: Some("10.251.0.0/24"), ipv6: None, native: false };
    let elsewhere = world.run(create_subnet(&new, &named("elsewhere"))).await.subnet_id;
    let in_b = subnet(&world, &vpc, "eu-west-1b", 5).await;
    let in_a = subnet(&world, &vpc, "eu-west-1a", 6).await;
    let group = world.run(create_security_group(&other, "theirs", "theirs", &named("theirs"))).await;
    let config = |workers: &str, group: Option<&str>| {
        json!({ "networks": {
            "vpc": { "id": vpc }, "nodesSecurityGroupID": group,
            "zones": [{ "name": "eu-west-1a", "workersSubnetID": workers }],
        }})
    };
    for (config, field, words) in [
        (config("subnet-0123456789abcdef0", None), "networks.zones[0].workersSubnetID", "does not exist"),
        (config(&elsewhere, None), "networks.zones[0].workersSubnetID", "not in vpc-"),
        (config(&in_b, None), "networks.zones[0].workersSubnetID", "is in the zone eu-west-1b"),
        (config(&in_a, Some(&group)), "networks.nodesSecurityGroupID", "not in vpc-"),
        (config(&in_a, Some("sg-0123456789abcdef0")), "networks.nodesSecurityGroupID", "does not exist"),
    ] {
        let error = world.apply(&world.request(config)).await.unwrap_err().to_string();
        assert!(error.contains(&format!("{field}: ")) && error.contains(words), "{error}");
    }
    let mut request = world.request(config(&in_a, None));
    request.networking.nodes = Some("10.0.0.0/16".to_owned());
    let error = world.apply(&request).await.unwrap_err().to_string();
    assert!(
        error.contains("networks.zones[0].workersSubnetID: ") && error.contains("networking.nodes"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_address_can_be_given_and_taken_back() {
    let world = World::new();
    let theirs = world.run(allocate_address(&named("theirs"))).await;
    let (own, mut config) = (managed("a"), managed("a"));
    config["networks"]["zones"][0]["elasticIPAllocationID"] = json!(theirs.allocation_id);
    let (own, given) = (world.request(own), world.request(config.clone()));
    let made = world.apply(&given).await.unwrap();
    assert_eq!(made.egress_cidrs, [format!("{}/32", theirs.public_ip)]);
    assert_eq!(world.inventory()["elastic-ip"], 1);
    world.settled(&given).await;
    let changed = world.apply(&own).await.unwrap();
    assert_ne!(changed.egress_cidrs, made.egress_cidrs);
    assert_eq!((world.inventory()["elastic-ip"], world.inventory()["natgateway"]), (2, 1));
    world.settled(&own).await;
    assert_eq!(world.apply(&given).await.unwrap().egress_cidrs, made.egress_cidrs);
    assert_eq!(
        (world.inventory()["elastic-ip"], world.inventory()["natgateway"]),
        (1, 1),
        "ours was released"
    );
    world.settled(&given).await;
    world.destroy(&given).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::from([("elastic-ip", 1)]));
    config["networks"]["zones"][0]["elasticIPAllocationID"] = json!("eipalloc-0123456789abcdef0");
    let error = world.apply(&world.request(config)).await.unwrap_err().to_string();
    assert!(
        error.contains("networks.zones[0].elasticIPAllocationID: ") && error.contains("does not exist"),
        "{error}"
    );
}
