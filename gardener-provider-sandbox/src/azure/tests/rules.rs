//! What the services check, one refusal each.

use super::*;

#[tokio::test]
async fn subnets_have_their_place() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let other = "Microsoft.Network/virtualNetworks/v/subnets/t";
    for (prefix, code) in [
        ("10.1.0.0/24", "NetcfgInvalidSubnet"),
        ("10.0.0.128/25", "NetcfgSubnetRangesOverlap"),
        ("10.0.1.1/24", "InvalidCIDRNotation"),
        ("10.0.1.0/30", "NetcfgInvalidIPAddressPrefix"),
        ("nonsense", "InvalidCIDRNotation"),
    ] {
        arm.refuses(Method::PUT, other, json!({ "properties": { "addressPrefix": prefix } }), 400, code)
            .await;
    }
    let foreign = "/subscriptions/x/resourceGroups/y/providers/Microsoft.Network/networkSecurityGroups/z";
    for (name, value, code) in [
        ("networkSecurityGroup", json!({ "id": foreign }), "InvalidResourceReference"),
        ("networkSecurityGroup", json!({ "id": arm.path(TABLE) }), "InvalidRequestFormat"),
        ("networkSecurityGroup", json!({ "id": "z" }), "LinkedInvalidPropertyId"),
        ("networkSecurityGroup", json!({}), "InvalidRequestFormat"),
        ("serviceEndpoints", json!([{ "service": "Contoso.Stuff" }]), "SubnetWithInvalidServiceEndpoint"),
        ("misspelt", json!(1), "InvalidRequestFormat"),
        ("serviceEndpoints", json!("text"), "InvalidRequestFormat"),
    ] {
        let mut body = json!({ "properties": { "addressPrefix": "10.0.1.0/24" } });
        body["properties"][name] = value;
        arm.refuses(Method::PUT, other, body, 400, code).await;
    }
    arm.interface("i").await;
    let moved = json!({ "properties": { "addressPrefix": "10.0.2.0/24" } });
    arm.refuses(Method::PUT, SUBNET, moved, 400, "InUseSubnetCannotBeUpdated").await;
    let mut smaller = vnet();
    smaller["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.1.0.0/16"]);
    arm.refuses(Method::PUT, VNET, smaller, 400, "InUsePrefixCannotBeDeleted").await;
    let mut without = vnet();
    without["properties"]["subnets"] = json!([]);
    arm.refuses(Method::PUT, VNET, without, 400, "InUseSubnetCannotBeDeleted").await;
    arm.put(VNET, vnet()).await;
    assert_eq!(
        arm.get(VNET).await["properties"]["subnets"].as_array().unwrap().len(),
        1,
        "not spoken of, not lost"
    );
}

#[tokio::test]
async fn a_refused_network_leaves_no_part_behind() {
    let arm = Caller::instant().group().await;
    let mut body = vnet();
    body["properties"]["subnets"] = json!([
        { "name": "good", "properties": { "addressPrefix": "10.0.0.0/24" } },
        { "name": "bad", "properties": { "addressPrefix": "10.9.0.0/24" } },
    ]);
    arm.refuses(Method::PUT, VNET, body, 400, "NetcfgInvalidSubnet").await;
    assert_eq!(arm.left(), ["resourceGroups"]);
}

#[tokio::test]
async fn a_subnet_runs_full() {
    let arm = Caller::instant().group().await;
    arm.put(VNET, vnet()).await;
    arm.put(SUBNET, json!({ "properties": { "addressPrefix": "10.0.0.0/29" } })).await;
    for at in 0..3 {
        arm.interface(&format!("i{at}")).await;
    }
    let nic = "Microsoft.Network/networkInterfaces/i";
    arm.refuses(Method::PUT, nic, interface(&arm.path(SUBNET)), 400, "SubnetIsFull").await;
    arm.delete("Microsoft.Network/networkInterfaces/i1").await;
    let nic = arm.put(nic, interface(&arm.path(SUBNET))).await;
    let address = &nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"];
    assert_eq!(address, "10.0.0.5", "the first four addresses and the last are Azure's");
    for (address, code) in [
        ("10.0.0.4", "PrivateIPAddressIsAllocated"),
        ("10.0.0.1", "PrivateIPAddressInReservedRange"),
        ("10.0.9.9", "PrivateIPAddressNotInSubnet"),
    ] {
        let mut body = interface(&arm.path(SUBNET));
        let settings = &mut body["properties"]["ipConfigurations"][0]["properties"];
        settings["privateIPAllocationMethod"] = "Static".into();
        settings["privateIPAddress"] = address.into();
        arm.refuses(Method::PUT, "Microsoft.Network/networkInterfaces/j", body, 400, code).await;
    }
}

#[tokio::test]
async fn gateways_and_their_addresses_fit() {
    let arm = Caller::instant().group().await;
    let nat = |sku: &str, zones: &[&str], address: &Value| {
        json!({
            "location": "westeurope", "sku": { "name": sku }, "zones": zones,
            "properties": { "publicIpAddresses": [{ "id": address["id"] }], "idleTimeoutInMinutes": 10 },
        })
    };
    arm.refuses(Method::PUT, ADDRESS, address("Basic"), 400, "IPv4BasicSkuPublicIpCountLimitReached").await;
    let plain = arm.put(ADDRESS, address("Standard")).await;
    let v2 = arm.put("Microsoft.Network/publicIPAddresses/v2", address("StandardV2")).await;
    let mut zonal = address("Standard");
    zonal["zones"] = json!(["1"]);
    let zonal = arm.put("Microsoft.Network/publicIPAddresses/z", zonal).await;
    for (body, code) in [
        (nat("Standard", &[], &v2), "NatGatewaySkuMismatchWithPublicIp"),
        (nat("StandardV2", &[], &plain), "NatGatewaySkuMismatchWithPublicIp"),
        (nat("Standard", &["2"], &zonal), "NatGatewayAndPublicIpZonesMismatch"),
        (nat("Standard", &["1", "2"], &plain), "NatGatewayWithMultipleZonesNotSupported"),
        (nat("Standard", &["9"], &plain), "InvalidAvailabilityZone"),
        (nat("Gold", &[], &plain), "InvalidParameter"),
    ] {
        arm.refuses(Method::PUT, NAT, body, 400, code).await;
    }
    arm.put(NAT, nat("Standard", &[], &plain)).await;
    let second = "Microsoft.Network/natGateways/second";
    arm.refuses(Method::PUT, second, nat("Standard", &[], &plain), 400, "PublicIPAddressInUse").await;
    arm.put(second, nat("StandardV2", &[], &v2)).await;
}

#[tokio::test]
async fn rules_and_routes_do_not_collide() {
    let arm = Caller::instant().group().await;
    arm.put(NSG, here()).await;
    arm.put(TABLE, here()).await;
    let rule = |priority: i64, port: &str| {
        json!({ "properties": {
            "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": priority,
            "sourcePortRange": "*", "destinationPortRange": port,
            "sourceAddressPrefix": "*", "destinationAddressPrefix": "*",
        } })
    };
    arm.put(&format!("{NSG}/securityRules/a"), rule(100, "22")).await;
    let other = format!("{NSG}/securityRules/b");
    arm.refuses(Method::PUT, &other, rule(100, "22"), 400, "SecurityRuleConflict").await;
    arm.refuses(Method::PUT, &other, rule(99, "22"), 400, "SecurityRuleInvalidPriority").await;
    arm.refuses(Method::PUT, &other, rule(101, "22-x"), 400, "SecurityRuleInvalidPortRange").await;
    assert_eq!(arm.get(NSG).await["properties"]["securityRules"][0]["name"], "a");
    arm.put(NSG, here()).await;
    assert_eq!(
        arm.get(NSG).await["properties"]["securityRules"],
        json!([]),
        "a write without rules is a write of none"
    );
    let route = |prefix: &str, hop: Value| json!({ "properties": { "addressPrefix": prefix, "nextHopType": "VirtualAppliance", "nextHopIpAddress": hop } });
    arm.put(&format!("{TABLE}/routes/a"), route("10.9.0.0/24", json!("10.0.0.4"))).await;
    let other = format!("{TABLE}/routes/b");
    arm.refuses(Method::PUT, &other, route("10.9.0.0/24", json!("10.0.0.5")), 400, "RouteConflict").await;
    arm.refuses(Method::PUT, &other, route("10.9.1.0/24", Value::Null), 400, "InvalidNextHopIpAddress").await;
}

#[tokio::test]
async fn load_balancers_have_parts_and_let_go() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let address = arm.put(ADDRESS, address("Standard")).await;
    let path = "Microsoft.Network/loadBalancers/lb";
    let part = |list: &str| format!("{}/{list}/x", arm.path(path));
    let body = |pool: &str| {
        json!({
            "location": "westeurope", "sku": { "name": "Standard" },
            "properties": {
                "frontendIPConfigurations": [{ "name": "x", "properties": { "publicIPAddress": { "id": address["id"] } } }],
                "backendAddressPools": [{ "name": "x" }],
                "probes": [{ "name": "x", "properties": { "protocol": "Tcp", "port": 80 } }],
                "loadBalancingRules": [{ "name": "x", "properties": {
                    "frontendIPConfiguration": { "id": part("frontendIPConfigurations") },
                    "backendAddressPool": { "id": pool }, "probe": { "id": part("probes") },
                    "protocol": "Tcp", "frontendPort": 80, "backendPort": 80,
                } }],
            }
        })
    };
    arm.refuses(Method::PUT, path, body(&part("nowhere")), 400, "InvalidResourceReference").await;
    arm.put(path, body(&part("backendAddressPools"))).await;
    arm.refuses(Method::DELETE, ADDRESS, Value::Null, 400, "PublicIPAddressCannotBeDeleted").await;
    let mut nic = interface(&arm.path(SUBNET));
    nic["properties"]["ipConfigurations"][0]["properties"]["loadBalancerBackendAddressPools"] =
        json!([{ "id": part("backendAddressPools") }]);
    arm.put("Microsoft.Network/networkInterfaces/i", nic).await;
    let pool = arm.get(path).await["properties"]["backendAddressPools"][0].clone();
    assert!(
        pool["properties"]["backendIPConfigurations"][0]["id"]
            .as_str()
            .unwrap()
            .ends_with("/i/ipConfigurations/ip")
    );
    arm.delete(path).await;
    arm.delete(ADDRESS).await;
}

#[tokio::test]
async fn networks_are_peered_from_both_sides() {
    let arm = Caller::instant().group().await;
    arm.put(VNET, vnet()).await;
    let mut other = vnet();
    let far = "Microsoft.Network/virtualNetworks/w";
    arm.put(far, other.clone()).await;
    let peering = |to: &str| json!({ "properties": { "remoteVirtualNetwork": { "id": arm.path(to) } } });
    let (near_half, far_half) =
        (format!("{VNET}/virtualNetworkPeerings/p"), format!("{far}/virtualNetworkPeerings/p"));
    arm.refuses(Method::PUT, &near_half, peering(far), 400, "VnetAddressSpacesOverlap").await;
    other["properties"]["addressSpace"]["addressPrefixes"] = json!(["10.1.0.0/16"]);
    arm.put(far, other).await;
    assert_eq!(arm.put(&near_half, peering(far)).await["properties"]["peeringState"], "Initiated");
    assert_eq!(arm.put(&far_half, peering(VNET)).await["properties"]["peeringState"], "Connected");
    assert_eq!(arm.get(&near_half).await["properties"]["peeringState"], "Connected");
}

#[tokio::test]
async fn quotas_are_what_the_options_say() {
    let mut options = SandboxOptions::instant();
    options.azure.quotas.cores = 3;
    options.azure.quotas.public_ip_addresses = 1;
    options.azure.quotas.resource_groups = 1;
    let arm = Caller::new(options).group().await;
    arm.subnet().await;
    arm.machine("m").await;
    let nic = arm.interface("i").await;
    let (status, body) = arm.call(Method::PUT, "Microsoft.Compute/virtualMachines/n", &machine(&nic)).await;
    assert_eq!((status, body["error"]["code"].as_str()), (409, Some("OperationNotAllowed")));
    assert!(
        body["error"]["message"].as_str().unwrap().contains("exceeding approved Total Regional Cores quota")
    );
    arm.put(ADDRESS, address("Standard")).await;
    let more = "Microsoft.Network/publicIPAddresses/b";
    arm.refuses(Method::PUT, more, address("Standard"), 400, "PublicIPCountLimitReached").await;
    let group = arm.path("").replace("/g", "/h");
    arm.refuses(Method::PUT, &group, here(), 409, "ResourceGroupQuotaExceeded").await;
}
