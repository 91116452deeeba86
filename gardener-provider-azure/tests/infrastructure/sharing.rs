//! What others write into our resources, and at the same time as we do.

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_azure::api::{
    route_tables::RouteTableProperties, security_groups::SecurityGroupProperties, subnets::SubnetProperties,
    virtual_networks::VirtualNetworkProperties,
};
use gardener_provider_client::transport::TransportError;
use http::{Request, Response};

use super::*;

fn vnet(world: &World) -> ResourceId {
    world.own().network("virtualNetworks", CLUSTER)
}

/// Routes and rules of the cluster's cloud controller, and what people add by hand.
#[tokio::test(start_paused = true)]
async fn what_others_write_survives() {
    let world = World::new();
    world.apply(&world.request(with_nat(json!({})))).await.unwrap();
    let table = world.own().network("routeTables", "worker_route_table");
    world
        .edit::<RouteTableProperties>(&table, |table| {
            let route = json!({ "name": "node-1", "properties": {
                "addressPrefix": "100.64.0.0/24", "nextHopType": "VirtualAppliance", "nextHopIpAddress": "10.250.0.4",
            }});
            table.properties.more.insert("routes".to_owned(), json!([route]));
            table.tags = Some([("owner".to_owned(), "me".to_owned())].into());
        })
        .await;
    let group = world.own().network("networkSecurityGroups", "shoot--demo--app-workers");
    world
        .edit::<SecurityGroupProperties>(&group, |group| {
            let rule = json!({ "name": "lb-443", "properties": {
                "priority": 500, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
                "sourceAddressPrefix": "Internet", "sourcePortRange": "*",
                "destinationAddressPrefix": "*", "destinationPortRange": "443",
            }});
            group.properties.more.insert("securityRules".to_owned(), json!([rule]));
        })
        .await;
    world
        .edit::<VirtualNetworkProperties>(&vnet(&world), |vnet| {
            vnet.properties.address_space.address_prefixes.push("192.168.0.0/24".to_owned());
            let subnets = vnet.properties.more["subnets"].as_array_mut().unwrap();
            subnets.push(json!({ "name": "bastion", "properties": { "addressPrefix": "192.168.0.0/26" } }));
            vnet.properties.more.insert("dhcpOptions".to_owned(), json!({ "dnsServers": ["10.250.0.10"] }));
        })
        .await;
    let subnet = vnet(&world).child("subnets", "shoot--demo--app-nodes");
    world
        .edit::<SubnetProperties>(&subnet, |subnet| {
            subnet.properties.more.insert("privateEndpointNetworkPolicies".to_owned(), json!("Enabled"));
            let delegation =
                json!([{ "name": "d", "properties": { "serviceName": "Microsoft.Web/serverFarms" } }]);
            subnet.properties.more.insert("delegations".to_owned(), delegation);
        })
        .await;
    let mut config = with_nat(json!({ "idleConnectionTimeoutMinutes": 10 }));
    config["networks"]["vnet"]["cidr"] = json!("10.248.0.0/14");
    config["networks"]["serviceEndpoints"] = json!(["Microsoft.Storage"]);
    let request = world.request(config);
    world.apply(&request).await.unwrap();
    world.settled(&request).await;
    let table = world.get::<RouteTableProperties>(&table).await;
    assert_eq!(
        (table.properties.more["routes"][0]["name"].as_str(), table.tag("owner")),
        (Some("node-1"), Some("me"))
    );
    let rules = world.get::<SecurityGroupProperties>(&group).await.properties.more;
    assert_eq!(rules["securityRules"][0]["properties"]["destinationPortRange"], "443");
    let network = world.get::<VirtualNetworkProperties>(&vnet(&world)).await.properties;
    assert_eq!(network.address_space.address_prefixes, ["10.248.0.0/14", "192.168.0.0/24"]);
    assert_eq!(network.more["subnets"].as_array().unwrap().len(), 2);
    assert_eq!(network.more["dhcpOptions"]["dnsServers"], json!(["10.250.0.10"]));
    let subnet = world.get::<SubnetProperties>(&subnet).await.properties;
    assert_eq!(subnet.more["privateEndpointNetworkPolicies"], "Enabled");
    assert_eq!(subnet.more["delegations"][0]["name"], "d");
    assert!(subnet.reaches("Microsoft.Storage"));
}

/// Changes a subnet in the moment before our first write of one.
#[derive(Debug)]
struct Meddler {
    sandbox: Sandbox,
    meddle: Mutex<Option<Arc<Session>>>,
}

#[async_trait]
impl Transport for Meddler {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        if request.method() == Method::PUT && path.contains("/subnets/") {
            let session = self.meddle.lock().unwrap().take();
            if let Some(session) = session {
                let id: ResourceId = path.parse().unwrap();
                let mut subnet = session.run(&network::get::<SubnetProperties>(&id)).await.unwrap();
                subnet.properties.more.insert("privateEndpointNetworkPolicies".to_owned(), json!("Enabled"));
                session.change(&network::put(&id, &subnet, None)).await.unwrap();
            }
        }
        self.sandbox.send(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_at_the_same_time_is_not_lost() {
    let slot = Arc::new(Mutex::new(None));
    let world = World::through(|sandbox| {
        let meddler = Arc::new(Meddler { sandbox: sandbox.clone(), meddle: Mutex::new(None) });
        *slot.lock().unwrap() = Some(Arc::clone(&meddler));
        meddler
    });
    let meddler = slot.lock().unwrap().take().unwrap();
    world.apply(&world.request(single())).await.unwrap();
    *meddler.meddle.lock().unwrap() = Some(Arc::clone(&world.session));
    let mut config = single();
    config["networks"]["serviceEndpoints"] = json!(["Microsoft.Storage"]);
    let request = world.request(config);
    world.apply(&request).await.unwrap();
    assert!(meddler.meddle.lock().unwrap().is_none(), "it never meddled");
    let subnet = vnet(&world).child("subnets", "shoot--demo--app-nodes");
    let subnet = world.get::<SubnetProperties>(&subnet).await.properties;
    assert_eq!(subnet.more["privateEndpointNetworkPolicies"], "Enabled");
    assert!(subnet.reaches("Microsoft.Storage"));
    world.settled(&request).await;
}
