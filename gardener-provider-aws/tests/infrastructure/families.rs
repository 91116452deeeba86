//! IPv6: beside IPv4 and alone.

use gardener_provider_aws::api::{describe::Query, routes::describe_route_tables, subnets::describe_subnets};
use gardener_provider_core::IpFamily;
use serde_json::Value;

use super::*;

async fn routes(world: &World, table: &str) -> Vec<(String, String)> {
    let id = world.id("route-table", table);
    let table = world.run(describe_route_tables(&Query::ids([id]))).await.items.remove(0);
    let mut routes: Vec<_> = table
        .routes
        .iter()
        .filter(|route| route.target() != Some("local"))
        .map(|route| {
            let target = route.target().unwrap_or_default().split('-').next().unwrap_or_default();
            (route.destination().unwrap_or_default().to_owned(), target.to_owned())
        })
        .collect();
    routes.sort();
    routes
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
}

#[tokio::test(start_paused = true)]
async fn dual_stack_can_be_added_to_what_stands() {
    let world = World::new();
    let mut config = managed("ab");
    world.apply(&world.request(config.clone())).await.unwrap();
    config["dualStack"] = json!({ "enabled": true });
    let request = world.request(config);
    let made = world.apply(&request).await.unwrap();
    world.settled(&request).await;
    let ipv6 = made.ipv6.expect("the IPv6 networks");
    assert_eq!(made.networking.nodes.as_deref(), Some("10.250.0.0/16"));
    assert!(
        ipv6.nodes.as_ref().is_some_and(|nodes| nodes.ends_with("/56")) && ipv6.pods == ipv6.nodes,
        "{ipv6:?}"
    );
    assert!(ipv6.services.is_some_and(|services| services.contains(':')));
    assert_eq!(world.inventory()["egress-only-internet-gateway"], 1);
    let subnets = world
        .run(describe_subnets(&Query::ids(world.named("subnet").into_values().map(|s| s.id))))
        .await
        .items;
    let mut blocks: Vec<_> = subnets.iter().map(|subnet| subnet.ipv6_block().unwrap().to_owned()).collect();
    blocks.sort();
    blocks.dedup();
    assert_eq!(blocks.len(), 6);
    assert!(subnets.iter().all(|subnet| subnet.assign_ipv6_address_on_creation && !subnet.ipv6_native));
    assert_eq!(routes(&world, CLUSTER).await, pairs(&[("0.0.0.0/0", "igw"), ("::/0", "igw")]));
    assert_eq!(
        routes(&world, &format!("{CLUSTER}-private-eu-west-1a")).await,
        pairs(&[("0.0.0.0/0", "nat"), ("64:ff9b::/96", "nat"), ("::/0", "eigw")])
    );
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn nodes_with_ipv6_only() {
    let world = World::new();
    let mut config = managed("ab");
    for zone in config["networks"]["zones"].as_array_mut().unwrap() {
        zone["workers"] = Value::Null;
    }
    let mut request = world.request(config);
    request.networking = Networking::default().with_ip_families([IpFamily::V6]);
    let made = world.apply(&request).await.unwrap();
    world.settled(&request).await;
    let nodes = world.id("subnet", &format!("{CLUSTER}-nodes-z0"));
    let nodes = world.run(describe_subnets(&Query::ids([nodes]))).await.items.remove(0);
    assert!(nodes.ipv6_native && nodes.enable_dns64 && nodes.cidr_block.is_none(), "{nodes:?}");
    let block = nodes.ipv6_block().unwrap();
    let services = made.networking.services.unwrap();
    assert!(services.ends_with("/108"), "{services}");
    assert!(services.starts_with(block.trim_end_matches("::/64")), "{services} in {block}");
    assert!(made.networking.nodes.unwrap().ends_with("/56"));
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_block_in_use_makes_the_next_one_be_taken() {
    use gardener_provider_aws::api::subnets::{NewSubnet, create_subnet};
    let world = World::new();
    let mut config = managed("a");
    config["dualStack"] = json!({ "enabled": true });
    let request = world.request(config);
    world.apply(&request).await.unwrap();
    let vpc = world.id("vpc", CLUSTER);
    let workers = world.id("subnet", &format!("{CLUSTER}-nodes-z0"));
    let block =
        world.run(describe_subnets(&Query::ids([workers]))).await.items[0].ipv6_block().unwrap().to_owned();
    // The place of the second zone's nodes.
    let taken = block
        .replace("::/64", "")
        .rsplit_once(':')
        .map(|(head, last)| format!("{head}:{:x}::/64", u16::from_str_radix(last, 16).unwrap() + 3));
    let new = NewSubnet {
        vpc: &vpc,
        zone: "eu-west-1c",
        cidr: Some("10.250.200.0/24"),
        ipv6: taken.as_deref(),
        native: false,
    };
    world.run(create_subnet(&new, &BTreeMap::new())).await;
    let mut config = request.config.clone();
    config["networks"]["zones"] = zones("ab");
    let request = world.request(config);
    world.apply(&request).await.unwrap();
    world.settled(&request).await;
}
