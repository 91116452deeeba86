//! Machines on the sandbox: what no other cloud has, and so the conformance suite does not ask for.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{sync::Arc, time::Duration};

use common::{account::Operator, machines, samples};
use gardener_provider_client::clock::{Clock, TokioClock};
use gardener_provider_conformance::MachineSamples;
use gardener_provider_core::{
    ErrorKind, MachineDriver, MachineDriverExt, MachineRequest, MachineState, MachineUid, ProviderId,
};
use gardener_provider_gcp::GcpProvider;
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};
use serde_json::{Value, json};

/// A driver on a sandbox of its own.
struct Bench {
    sandbox: Sandbox,
    clock: TokioClock,
    operator: Operator,
    machines: Arc<dyn MachineDriver>,
    samples: MachineSamples,
}

impl Bench {
    async fn new() -> Self {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(SandboxOptions::default().with_clock(Arc::new(clock)));
        let secret = samples::key_file(&sandbox.gcp().service_account_key());
        let builder = || {
            let transport = Arc::new(sandbox.clone());
            GcpProvider::builder().transport(transport).clock(Arc::new(clock)).rates(Vec::new()).seed(1)
        };
        let operator = Operator::new(builder(), &secret);
        operator.give_a_network().await;
        let machines = builder().build().unwrap().machines;
        Self { clock, operator, machines, samples: machines::samples(secret), sandbox }
    }

    /// The request for the n-th machine, its class changed.
    fn request(&self, n: usize, change: impl FnOnce(&mut Value)) -> MachineRequest {
        let mut request = self.samples.request(n);
        change(&mut request.class.provider_spec);
        request
    }

    async fn show(&self, request: &MachineRequest) -> Value {
        self.operator.instance(request.machine.name.as_str()).await
    }

    fn kinds(&self, kind: &str) -> usize {
        self.sandbox.gcp().inventory(None).iter().filter(|resource| resource.kind.contains(kind)).count()
    }

    async fn kind_of_creation(&self, request: &MachineRequest) -> ErrorKind {
        self.machines.create_machine(request).await.unwrap_err().kind()
    }
}

#[tokio::test(start_paused = true)]
async fn user_data_goes_where_its_reader_looks() {
    let bench = Bench::new().await;
    for (n, data, key) in [(1, "#cloud-config\nruncmd: []", "user-data"), (2, "#!/bin/sh", "startup-script")]
    {
        let mut request = bench.request(n, |_| {});
        request.secret.insert("userData", data);
        bench.machines.create_machine(&request).await.unwrap();
        let shown = bench.show(&request).await;
        assert_eq!(shown["metadata"]["items"], json!([{ "key": key, "value": data }]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_spot_machine_is_asked_for_as_one() {
    let bench = Bench::new().await;
    let request = bench.request(1, |spec| {
        spec["scheduling"] = json!({
            "automaticRestart": false, "onHostMaintenance": "TERMINATE",
            "provisioningModel": "SPOT", "instanceTerminationAction": "DELETE",
        });
    });
    bench.machines.create_machine(&request).await.unwrap();
    let shown = bench.show(&request).await;
    assert_eq!(shown["scheduling"]["provisioningModel"], "SPOT");
    assert_eq!(shown["scheduling"]["instanceTerminationAction"], "DELETE");
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_failed_is_tried_anew_once_its_request_id_is_spent() {
    let bench = Bench::new().await;
    let request = bench.request(1, |_| {});
    let fault = bench.sandbox.faults().add(
        Fault::operation_error(
            "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS",
            "The zone has not enough resources.",
        )
        .on("compute", "instances.insert"),
    );
    assert_eq!(bench.kind_of_creation(&request).await, ErrorKind::OutOfCapacity);
    bench.sandbox.faults().remove(fault);
    assert_eq!(bench.kinds("instance"), 0);
    // Google answers the same request id with the same failure: that is no news, and soon it is history.
    assert_eq!(bench.kind_of_creation(&request).await, ErrorKind::OutOfCapacity);
    bench.clock.sleep(Duration::from_secs(60)).await;
    bench.machines.create_machine(&request).await.unwrap();
    assert_eq!(bench.kinds("instance"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_instance_has_gone_gets_another_under_the_same_uid() {
    let bench = Bench::new().await;
    let request = bench.request(1, |_| {});
    for _ in 0..3 {
        bench.machines.create_machine(&request).await.unwrap();
        assert_eq!(bench.kinds("instance"), 1);
        bench.machines.delete_machine(&request).await.unwrap();
        assert_eq!((bench.kinds("instance"), bench.kinds("disk")), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_joined_though_its_user_data_has_changed() {
    let bench = Bench::new().await;
    let first = bench.request(1, |_| {});
    let mut second = first.clone();
    second.secret.insert("userData", "#cloud-config\nbootstrap-token: another");
    let (one, other) =
        futures::future::join(bench.machines.create_machine(&first), bench.machines.create_machine(&second))
            .await;
    assert_eq!(one.unwrap().provider_id, other.unwrap().provider_id);
    assert_eq!(bench.kinds("instance"), 1);
}

#[tokio::test(start_paused = true)]
async fn disks_that_stayed_are_listed_found_and_deleted() {
    let bench = Bench::new().await;
    let request = bench.request(1, |_| {});
    bench.machines.create_machine(&request).await.unwrap();
    let name = request.machine.name.as_str();
    bench.operator.keep_disks(name).await;
    bench.operator.delete_instance(name).await;
    assert_eq!((bench.kinds("instance"), bench.kinds("disk")), (0, 2));
    let list =
        gardener_provider_core::ListMachinesRequest::new(request.class.clone(), request.secret.clone());
    let listed = bench.machines.all_machines(list).await.unwrap();
    assert_eq!(listed.iter().map(|machine| machine.name.as_str()).collect::<Vec<_>>(), [name]);
    bench.machines.delete_machine(&request).await.unwrap();
    assert_eq!(bench.kinds("disk"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_the_class_keeps_stays() {
    let bench = Bench::new().await;
    let request = bench.request(1, |spec| spec["disks"][1]["autoDelete"] = json!(false));
    bench.machines.create_machine(&request).await.unwrap();
    bench.machines.delete_machine(&request).await.unwrap();
    assert_eq!((bench.kinds("instance"), bench.kinds("disk")), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_protected_is_not_deleted_and_the_error_says_so() {
    let bench = Bench::new().await;
    let request = bench.request(1, |spec| spec["deletionProtection"] = json!(true));
    bench.machines.create_machine(&request).await.unwrap();
    let error = bench.machines.delete_machine(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
    assert!(error.to_string().contains("deletionProtection"), "{error}");
    assert_eq!(bench.kinds("instance"), 1);
}

/// An instance by the Go driver has the tags, and none of our labels.
#[tokio::test(start_paused = true)]
async fn a_machine_of_the_go_driver_is_found_adopted_listed_and_deleted() {
    let bench = Bench::new().await;
    let request = bench.request(1, |_| {});
    let name = request.machine.name.as_str();
    let tags = request.class.provider_spec["tags"].clone();
    bench.operator.give_an_instance(name, json!({ "items": tags }), json!({ "name": "app" })).await;
    let status = bench.machines.get_machine_status(&request).await.unwrap();
    assert_eq!((status.node_name.as_str(), status.state), (name, MachineState::Running));
    assert_eq!(bench.machines.create_machine(&request).await.unwrap().provider_id, status.provider_id);
    let list =
        gardener_provider_core::ListMachinesRequest::new(request.class.clone(), request.secret.clone());
    assert_eq!(bench.machines.all_machines(list).await.unwrap().len(), 1);
    bench.machines.delete_machine(&request).await.unwrap();
    assert_eq!(bench.kinds("instance"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_the_same_name_without_the_clusters_tags_is_left_alone() {
    let bench = Bench::new().await;
    let mut request = bench.request(1, |_| {});
    let name = request.machine.name.to_string();
    bench.operator.give_an_instance(&name, Value::Null, json!({})).await;
    let error = bench.machines.create_machine(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    assert_eq!(bench.machines.get_machine_status(&request).await.unwrap_err().kind(), ErrorKind::NotFound);
    bench.machines.delete_machine(&request).await.unwrap();
    request.machine.provider_id =
        Some(ProviderId::new(format!("gce:///sandbox-project/europe-west1-b/{name}")).unwrap());
    let error = bench.machines.delete_machine(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition, "{error}");
    assert_eq!(bench.kinds("instance"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_machine_keeps_its_instance_when_its_uid_changes_with_the_seed() {
    let bench = Bench::new().await;
    let mut request = bench.request(1, |_| {});
    let status = bench.machines.create_machine(&request).await.unwrap();
    request.machine.uid = MachineUid::new("00000000-1111-4222-8333-444444444444").unwrap();
    assert_eq!(bench.kind_of_creation(&request).await, ErrorKind::AlreadyExists);
    request.machine.provider_id = Some(status.provider_id.clone());
    assert_eq!(bench.machines.create_machine(&request).await.unwrap().provider_id, status.provider_id);
    bench.machines.delete_machine(&request).await.unwrap();
    assert_eq!(bench.kinds("instance"), 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_are_told_apart() {
    let bench = Bench::new().await;
    let request = bench.request(1, |_| {});
    for (code, status, kind) in [
        ("quotaExceeded", 403, ErrorKind::QuotaExceeded),
        ("forbidden", 403, ErrorKind::PermissionDenied),
        ("invalid", 400, ErrorKind::InvalidArgument),
    ] {
        let fault = Fault::error_with(code, status, "no").on("compute", "instances.insert").times(1);
        bench.sandbox.faults().add(fault);
        assert_eq!(bench.kind_of_creation(&request).await, kind, "{code}");
    }
    let nowhere = bench.request(2, |spec| spec["networkInterfaces"][0]["subnetwork"] = json!("nowhere"));
    assert_eq!(bench.kind_of_creation(&nowhere).await, ErrorKind::InvalidArgument);
    let no_type = bench.request(3, |spec| spec["machineType"] = json!("z9-standard-2"));
    assert_eq!(bench.kind_of_creation(&no_type).await, ErrorKind::OutOfCapacity);
    assert_eq!(bench.kinds("instance"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deletion_waits_for_a_creation_that_was_left_alone() {
    let bench = Bench::new().await;
    let request = bench.request(1, |_| {});
    // The caller goes away while Google is still at it.
    let creation = tokio::time::timeout(Duration::from_secs(3), bench.machines.create_machine(&request));
    assert!(creation.await.is_err());
    bench.machines.delete_machine(&request).await.unwrap();
    bench.clock.sleep(Duration::from_secs(300)).await;
    assert_eq!((bench.kinds("instance"), bench.kinds("disk")), (0, 0));
}
