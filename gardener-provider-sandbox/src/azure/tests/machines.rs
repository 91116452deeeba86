//! Virtual machines and their disks.

use super::*;

#[tokio::test]
async fn a_machine_takes_its_interface_and_disk_along() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let machine = arm.machine("m").await;
    assert_eq!(machine["properties"]["provisioningState"], "Succeeded");
    assert!(machine["properties"]["osProfile"].get("customData").is_none(), "{machine}");
    let disk = arm.get("Microsoft.Compute/disks/os").await;
    assert_eq!(disk["managedBy"], machine["id"]);
    arm.delete("Microsoft.Compute/virtualMachines/m").await;
    assert_eq!(arm.left(), ["subnets", "virtualNetworks", "resourceGroups"].map(|kind| kind).to_vec());
}
