//! Faults as Azure renders them, and the journal.

use gardener_provider_client::transport::{Transport, TransportErrorKind};
use http::Request;

use super::*;

#[tokio::test]
async fn each_fault_has_arms_code_and_status() {
    for (fault, status, code) in [
        (Fault::throttled(), 429, "TooManyRequests"),
        (Fault::denied(), 403, "AuthorizationFailed"),
        (Fault::expired_credentials(), 401, "ExpiredAuthenticationToken"),
        (Fault::server_error(500), 500, "InternalServerError"),
        (Fault::server_error(503), 503, "ServiceUnavailable"),
        (Fault::error("SkuNotAvailable"), 409, "SkuNotAvailable"),
        (Fault::error("ResourceNotFound"), 404, "ResourceNotFound"),
        (Fault::error_with("Odd", 418, "a teapot"), 418, "Odd"),
    ] {
        let arm = Caller::instant().group().await;
        arm.sandbox.faults().add(fault.on("network", "NetworkSecurityGroups_CreateOrUpdate"));
        arm.refuses(Method::PUT, NSG, here(), status, code).await;
        assert_eq!(arm.left(), ["resourceGroups"], "a refused call changes nothing");
        let reply = arm.send(Method::PUT, NSG, here().to_string()).await;
        assert_eq!(header(&reply, "retry-after"), if status == 429 { "5" } else { "" });
        arm.put(TABLE, here()).await;
    }
}

#[tokio::test]
async fn a_lost_reply_is_no_lost_change() {
    for (fault, kind, left) in [
        (Fault::no_connection(), TransportErrorKind::Connect, 1),
        (Fault::reply_lost(), TransportErrorKind::Broken, 2),
        (Fault::reply_late(), TransportErrorKind::Timeout, 2),
    ] {
        let arm = Caller::instant().group().await;
        arm.sandbox.faults().add(fault.on("network", "*"));
        let request =
            Request::put(format!("https://management.azure.com{}?api-version=2024-10-01", arm.path(NSG)))
                .header("authorization", format!("Bearer {}", arm.token))
                .body(here().to_string().into())
                .unwrap();
        assert_eq!(arm.sandbox.send(request).await.unwrap_err().kind, kind);
        assert_eq!(arm.left().len(), left);
    }
}

#[tokio::test(start_paused = true)]
async fn without_capacity_a_machine_is_there_and_failed() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let nic = arm.interface("m-nic").await;
    let rule = arm.sandbox.faults().add(Fault::no_capacity("Standard_D*", "1"));
    let reply = arm.send(Method::PUT, VM, machine(&nic).to_string()).await;
    assert_eq!(reply.status(), 201, "the call is taken");
    let operation = json(&arm.follow(header(&reply, "azure-asyncoperation")).await);
    assert_eq!(
        (&operation["status"], &operation["error"]["code"]),
        (&json!("Failed"), &json!("ZonalAllocationFailed"))
    );
    assert_eq!(arm.get(VM).await["properties"]["provisioningState"], "Failed");
    assert_eq!(arm.get(&format!("{VM}/instanceView")).await["statuses"].as_array().unwrap().len(), 1);
    arm.sandbox.faults().remove(rule);
    arm.put(VM, machine(&nic)).await;
    assert_eq!(arm.get(VM).await["properties"]["provisioningState"], "Succeeded", "tried again");
    arm.sandbox.faults().add(Fault::no_capacity("*", "*"));
    arm.delete(VM).await;
    assert_eq!(arm.left(), ["subnets", "virtualNetworks", "resourceGroups"]);
}

#[tokio::test(start_paused = true)]
async fn each_lack_of_capacity_has_its_code() {
    for (zone, ultra, code) in [
        (Some("1"), false, "ZonalAllocationFailed"),
        (None, false, "AllocationFailed"),
        (Some("1"), true, "OverconstrainedZonalAllocationRequest"),
        (None, true, "OverconstrainedAllocationRequest"),
    ] {
        let arm = Caller::instant().group().await;
        arm.subnet().await;
        let mut body = machine(&arm.interface("i").await);
        body["zones"] = zone.map_or(Value::Null, |zone| json!([zone]));
        body["properties"]["additionalCapabilities"] = json!({ "ultraSSDEnabled": ultra });
        arm.sandbox.faults().add(Fault::no_capacity("*", "*"));
        let reply = arm.send(Method::PUT, VM, body.to_string()).await;
        let operation = json(&arm.follow(header(&reply, "azure-asyncoperation")).await);
        assert_eq!(operation["error"]["code"], code);
    }
    let mut options = SandboxOptions::instant();
    options.azure.vm_sizes =
        vec![crate::azure::VmSize::new("Standard_D2s_v5", 2, 8192).restricted_in("westeurope")];
    let arm = Caller::new(options).group().await;
    arm.subnet().await;
    let body = machine(&arm.interface("i").await);
    arm.refuses(Method::PUT, VM, body, 409, "SkuNotAvailable").await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_can_fail_after_it_was_taken() {
    let arm = Caller::instant().group().await;
    arm.sandbox
        .faults()
        .add(Fault::operation_error("InternalExecutionError", "Something broke.").on("network", "*_Delete"));
    arm.put(NSG, here()).await;
    let reply = arm.send(Method::DELETE, NSG, "").await;
    assert_eq!(reply.status(), 202);
    let operation = json(&arm.follow(header(&reply, "azure-asyncoperation")).await);
    assert_eq!(
        (&operation["status"], &operation["error"]["code"]),
        (&json!("Failed"), &json!("InternalExecutionError"))
    );
    assert_eq!(arm.get(NSG).await["properties"]["provisioningState"], "Failed");
}

#[tokio::test]
async fn the_journal_tells_what_was_done_without_secrets() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    arm.machine("m").await;
    arm.get(VM).await;
    let journal = arm.sandbox.journal();
    assert_eq!(journal.count("compute", "VirtualMachines_CreateOrUpdate"), 1);
    assert_eq!(journal.count("compute", "VirtualMachines_Get"), 1);
    assert_eq!(journal.count("network", "Subnets_CreateOrUpdate"), 1);
    assert_eq!(journal.count("resources", "ResourceGroups_CreateOrUpdate"), 1);
    let made = journal.mutating_calls().into_iter().find(|call| call.service == "compute").unwrap();
    assert_eq!((made.region.as_str(), made.status), ("westeurope", Some(201)));
    assert_eq!(made.parameters["properties.hardwareProfile.vmSize"], "Standard_D2s_v5");
    assert_eq!(made.parameters["name"], "m");
    let all = format!("{:?}", journal.calls());
    assert!(!all.contains("c2VjcmV0") && !all.contains(&arm.token) && !all.contains("ssh-rsa"), "{all}");
}

#[tokio::test]
async fn rules_look_at_parameters() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let rule = Fault::error("QuotaExceeded")
        .on("compute", "*")
        .when("properties.hardwareProfile.vmSize", "Standard_D*");
    arm.sandbox.faults().add(rule.when("name", "bad-*"));
    let nic = arm.interface("i").await;
    arm.refuses(Method::PUT, "Microsoft.Compute/virtualMachines/bad-1", machine(&nic), 409, "QuotaExceeded")
        .await;
    arm.put("Microsoft.Compute/virtualMachines/good", machine(&nic)).await;
}
