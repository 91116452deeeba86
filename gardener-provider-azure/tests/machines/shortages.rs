//! No room, no quota, no addresses: told apart, and nothing is left.

use gardener_provider_azure::api::virtual_networks::VirtualNetworkProperties;
use gardener_provider_core::{ErrorKind, MachineState};
use gardener_provider_sandbox::Fault;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_shortage_leaves_nothing() {
    let table = [
        ("ZonalAllocationFailed", 409, "no room", ErrorKind::OutOfCapacity),
        ("AllocationFailed", 409, "no room", ErrorKind::OutOfCapacity),
        ("OverconstrainedZonalAllocationRequest", 409, "too picky", ErrorKind::OutOfCapacity),
        ("OverconstrainedAllocationRequest", 409, "too picky", ErrorKind::OutOfCapacity),
        ("SkuNotAvailable", 409, "not here", ErrorKind::OutOfCapacity),
        (
            "OperationNotAllowed",
            409,
            "exceeding approved Total Regional Cores quota",
            ErrorKind::QuotaExceeded,
        ),
        ("QuotaExceeded", 409, "full", ErrorKind::QuotaExceeded),
    ];
    for (code, status, message, kind) in table {
        let world = World::new().await;
        let fault = Fault::error_with(code, status, message).on("compute", "VirtualMachines_CreateOrUpdate");
        world.sandbox.faults().add(fault);
        let error = world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap_err();
        assert_eq!((error.kind(), error.cloud_code()), (kind, Some(code)));
        assert_eq!(world.left(), Vec::<String>::new(), "{code}");
    }
}

/// Azure takes the request, begins, and then finds that it has no room: the machine is there and has failed.
#[tokio::test(start_paused = true)]
async fn a_machine_that_failed_for_want_of_room_is_cleared_away() {
    let world = World::new().await;
    world.sandbox.faults().add(Fault::no_capacity("*", "1"));
    let error = world.driver().create_machine(&world.request(spec(CLUSTER))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfCapacity);
    assert_eq!(error.operation(), Some("VirtualMachines_CreateOrUpdate"));
    assert_eq!(world.left(), Vec::<String>::new());
    let elsewhere = with(spec(CLUSTER), "/properties/zone", json!(2));
    world.driver().create_machine(&world.request(elsewhere)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_subscriptions_quota_is_told_from_a_refusal() {
    let world = World::with(|options| options.azure.quotas.cores = 4).await;
    let mut request = world.request(plain());
    world.driver().create_machine(&request).await.unwrap();
    request.machine.name = MachineName::new("m-2").unwrap();
    let error = world.driver().create_machine(&request).await.unwrap_err();
    assert_eq!((error.kind(), error.cloud_code()), (ErrorKind::QuotaExceeded, Some("OperationNotAllowed")));
    assert_eq!(world.left(), ["disks/m-1-os-disk", "networkInterfaces/m-1-nic", "virtualMachines/m-1"]);
}

/// A subnet of eight addresses has three for machines.
#[tokio::test(start_paused = true)]
async fn a_full_subnet_is_a_shortage() {
    let world = World::new().await;
    let network = world.group().network("virtualNetworks", CLUSTER);
    let session = &world.operator.session;
    let vnet = gardener_provider_azure::api::network::get::<VirtualNetworkProperties>(&network);
    assert!(session.find(&vnet).await.unwrap().is_some());
    world.operator.subnet(&network.child("subnets", "small"), "10.250.128.0/29").await;
    let mut request = world.request(with(plain(), "/subnetInfo/subnetName", json!("small")));
    for n in 1..=3 {
        request.machine.name = MachineName::new(format!("m-{n}")).unwrap();
        world.driver().create_machine(&request).await.unwrap();
    }
    let before = world.left();
    request.machine.name = MachineName::new("m-4").unwrap();
    let error = world.driver().create_machine(&request).await.unwrap_err();
    assert_eq!((error.kind(), error.cloud_code()), (ErrorKind::OutOfCapacity, Some("SubnetIsFull")));
    assert_eq!(world.left(), before);
}

/// The process ended after the request: the next one finds the machine that has failed, and why.
#[tokio::test(start_paused = true)]
async fn a_failed_machine_of_an_interrupted_creation_is_cleared_away_too() {
    let world = World::new().await;
    world.sandbox.faults().add(Fault::no_capacity("*", "*").times(1));
    let request = world.request(plain());
    let interrupted = world.driver().create_machine(&request);
    let timeout = std::time::Duration::from_secs(20);
    if tokio::time::timeout(timeout, interrupted).await.is_err() {
        let provider = world.builder().build().unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        let status = provider.machines.get_machine_status(&request).await.unwrap();
        assert_eq!(status.state, MachineState::Incomplete);
        let error = provider.machines.create_machine(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OutOfCapacity, "{error}");
        assert_eq!(world.left(), Vec::<String>::new());
        provider.machines.create_machine(&request).await.unwrap();
    } else {
        panic!("the creation was over before it could be interrupted");
    }
}

/// A machine whose image has no agent never reports that it is up. It may run all the same, so it is not taken away; who
/// waits for its node in vain deletes it.
#[tokio::test(start_paused = true)]
async fn a_machine_that_failed_otherwise_is_kept_and_shown() {
    let world = World::new().await;
    let timeout = Fault::operation_error("OSProvisioningTimedOut", "OS Provisioning did not finish in time");
    world.sandbox.faults().add(timeout.on("compute", "VirtualMachines_CreateOrUpdate").times(1));
    let request = world.request(spec(CLUSTER));
    let error = world.driver().create_machine(&request).await.unwrap_err();
    assert_eq!((error.kind(), error.cloud_code()), (ErrorKind::Unavailable, Some("OSProvisioningTimedOut")));
    let status = world.driver().create_machine(&request).await.unwrap();
    assert_eq!(status.state, MachineState::Incomplete);
    assert_eq!(world.listed(spec(CLUSTER)).await, ["m-1"]);
    world.driver().delete_machine(&request).await.unwrap();
    assert_eq!(world.left(), Vec::<String>::new());
    assert_eq!(world.count("VirtualMachines_Update"), 0, "Azure refuses to update a machine that has failed");
}
