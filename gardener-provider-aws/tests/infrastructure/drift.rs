//! What somebody changed by hand is put right with the calls that it takes; what is none of our business stays.

use gardener_provider_aws::api::{
    describe::Query,
    nat::delete_nat_gateway,
    query::Filter,
    routes::{
        Target, create_route, delete_route, describe_route_tables, disassociate_route_table, replace_route,
    },
    security_groups::{Direction, Peer, Rule, authorize, describe_security_groups, revoke},
    tags::{Tags, create_tags, delete_tags},
    vpcs::{VpcAttribute, associate_dhcp_options, modify_vpc_attribute},
};

use super::*;

async fn repaired(world: &World, request: &InfrastructureRequest) -> Vec<String> {
    world.calls();
    let plan = world.driver().plan(request).await.unwrap();
    assert!(!plan.is_empty());
    assert_eq!(world.changes(), Vec::<String>::new());
    world.apply(request).await.unwrap();
    let changes = world.changes();
    world.settled(request).await;
    changes
}

#[tokio::test(start_paused = true)]
async fn routes_that_lead_elsewhere_are_replaced_and_lost_ones_made() {
    let world = World::new();
    let request = world.request(managed("ab"));
    world.apply(&request).await.unwrap();
    let table = world.id("route-table", &format!("{CLUSTER}-private-eu-west-1a"));
    let gateway = Target::Gateway(world.id("internet-gateway", CLUSTER));
    world.run(replace_route(&table, "0.0.0.0/0", &gateway)).await;
    assert_eq!(repaired(&world, &request).await, ["ReplaceRoute"]);
    world.run(delete_route(&table, "0.0.0.0/0")).await;
    assert_eq!(repaired(&world, &request).await, ["CreateRoute"]);
    world.run(create_route(&table, "192.168.0.0/16", &gateway)).await;
    world.settled(&request).await;
    let found = world.run(describe_route_tables(&Query::ids([table]))).await.items.remove(0);
    assert!(
        found.routes.iter().any(|route| route.destination() == Some("192.168.0.0/16")),
        "not ours to remove"
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_nat_gateway_is_made_anew_and_its_routes_follow() {
    let world = World::new();
    let request = world.request(managed("a"));
    let made = world.apply(&request).await.unwrap();
    world.run(delete_nat_gateway(&world.id("natgateway", &format!("{CLUSTER}-natgw-z0")))).await;
    tokio::time::sleep(std::time::Duration::from_secs(120)).await;
    world.calls();
    let again = world.apply(&request).await.unwrap();
    let changes = world.changes();
    assert_eq!(changes.last().map(String::as_str), Some("ReplaceRoute"), "{changes:?}");
    assert!(
        changes[..changes.len() - 1].iter().all(|operation| operation == "CreateNatGateway"),
        "{changes:?}"
    );
    assert_eq!(again.egress_cidrs, made.egress_cidrs, "the address stays");
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn associations_and_attributes_are_put_right() {
    let world = World::new();
    let request = world.request(managed("a"));
    world.apply(&request).await.unwrap();
    let vpc = world.id("vpc", CLUSTER);
    world.run(modify_vpc_attribute(&vpc, VpcAttribute::DnsHostnames, false)).await;
    assert_eq!(repaired(&world, &request).await, ["ModifyVpcAttribute"]);
    world.run(associate_dhcp_options("default", &vpc)).await;
    assert_eq!(repaired(&world, &request).await, ["AssociateDhcpOptions"]);
    let query = Query::matching([Filter::tag("Name", format!("{CLUSTER}-private-eu-west-1a"))]);
    let table = world.run(describe_route_tables(&query)).await.items.remove(0);
    world.run(disassociate_route_table(&table.associations[0].id)).await;
    assert_eq!(repaired(&world, &request).await, ["AssociateRouteTable"]);
}

#[tokio::test(start_paused = true)]
async fn rules_are_allowed_before_others_are_forbidden() {
    let world = World::new();
    let request = world.request(managed("a"));
    world.apply(&request).await.unwrap();
    let id = world.id("security-group", &format!("{CLUSTER}-nodes"));
    let group = world.run(describe_security_groups(&Query::ids([&id]))).await.items.remove(0);
    let lost = group.rules().into_iter().find(|rule| rule.ports.is_some()).unwrap();
    let ssh = Rule { ports: Some((22, 22)), protocol: "tcp".into(), ..lost.clone() };
    world.run(revoke(&id, Direction::Ingress, &[lost])).await;
    assert_eq!(repaired(&world, &request).await, ["AuthorizeSecurityGroupIngress"]);
    world.run(authorize(&id, Direction::Ingress, std::slice::from_ref(&ssh))).await;
    assert_eq!(repaired(&world, &request).await, ["RevokeSecurityGroupIngress"]);
    let all: Vec<_> = group.rules().into_iter().filter(|rule| rule.direction == Direction::Ingress).collect();
    world.run(revoke(&id, Direction::Ingress, &all)).await;
    world.run(authorize(&id, Direction::Ingress, &[ssh])).await;
    assert_eq!(
        repaired(&world, &request).await,
        ["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_default_group_is_emptied_and_rules_of_load_balancers_stay() {
    let world = World::new();
    let request = world.request(managed("a"));
    world.apply(&request).await.unwrap();
    let vpc = world.id("vpc", CLUSTER);
    let filters = [Filter::is("vpc-id", vpc), Filter::is("group-name", "default")];
    let default = world.run(describe_security_groups(&Query::matching(filters))).await.items.remove(0);
    assert!(default.rules().is_empty());
    let all = |direction, peer| Rule { direction, protocol: "-1".into(), ports: None, peer };
    let anyone = Peer::V4("0.0.0.0/0".into());
    world.run(authorize(&default.group_id, Direction::Egress, &[all(Direction::Egress, anyone)])).await;
    assert_eq!(repaired(&world, &request).await, ["RevokeSecurityGroupEgress"]);
    let nodes = world.id("security-group", &format!("{CLUSTER}-nodes"));
    let balancer = all(Direction::Ingress, Peer::Group(default.group_id));
    world.run(authorize(&nodes, Direction::Ingress, &[balancer])).await;
    world.settled(&request).await;
}

#[tokio::test(start_paused = true)]
async fn tags_of_others_stay_and_ours_come_back() {
    let world = World::new();
    let request = world.request(managed("a"));
    world.apply(&request).await.unwrap();
    let kinds =
        ["vpc", "subnet", "route-table", "natgateway", "elastic-ip", "internet-gateway", "security-group"];
    let ids: Vec<_> =
        kinds.iter().flat_map(|kind| world.named(kind).into_values()).map(|resource| resource.id).collect();
    let foreign = Tags::from([("owner".to_owned(), "somebody".to_owned())]);
    for id in &ids {
        world.run(create_tags(&[id], &foreign)).await;
    }
    world.settled(&request).await;
    let vpc = world.id("vpc", CLUSTER);
    world.run(delete_tags(&[&vpc], &["Name"])).await;
    assert_eq!(repaired(&world, &request).await, ["CreateTags"]);
    let tagged = world.sandbox.aws().inventory(None);
    assert_eq!(tagged.iter().filter(|found| found.tags.contains_key("owner")).count(), ids.len());
}

#[tokio::test(start_paused = true)]
async fn what_gardener_tagged_with_one_is_found() {
    let world = World::new();
    let request = world.request(managed("a"));
    world.apply(&request).await.unwrap();
    let key = format!("kubernetes.io/cluster/{CLUSTER}");
    let legacy = Tags::from([(key.clone(), "1".to_owned())]);
    for resource in world.sandbox.aws().inventory(None) {
        if resource.service == "ec2" && resource.kind != "key-pair" {
            world.run(create_tags(&[&resource.id], &legacy)).await;
        }
    }
    world.settled(&request).await;
    world.destroy(&request).await.unwrap();
    assert_eq!(world.inventory(), BTreeMap::new());
}
