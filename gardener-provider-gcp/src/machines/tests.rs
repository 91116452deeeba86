use gardener_provider_client::fake::FakeTransport;
use gardener_provider_core::{
    AddressKind, ErrorKind, Machine, MachineClass, MachineDriverExt, MachineName, MachineState, MachineUid,
    Provider, ProviderId,
};
use serde_json::{Value, json};

use super::{create::request_id, status::place, *};
use crate::{
    api::instances::Instance,
    testing::{TOKEN, builder, secret},
};

const UID: &str = "7c0f3d6e-0001-4a51-9a3b-00005eed0001";

fn spec() -> Value {
    json!({
        "disks": [{ "boot": true, "sizeGb": 50, "type": "pd-ssd", "image": "projects/p/global/images/i" }],
        "labels": { "name": "app" },
        "machineType": "n2-standard-2",
        "networkInterfaces": [{ "subnetwork": "nodes", "disableExternalIP": true }],
        "scheduling": { "automaticRestart": true, "onHostMaintenance": "MIGRATE" },
        "tags": ["kubernetes-io-cluster-shoot--demo--app", "kubernetes-io-role-node"],
        "region": "europe-west1",
        "zone": "europe-west1-b",
    })
}

fn request(name: &str, uid: &str) -> MachineRequest {
    let machine = Machine::new(MachineName::new(name).unwrap(), MachineUid::new(uid).unwrap());
    let secret = secret().with("userData", "#cloud-config");
    MachineRequest::new(machine, MachineClass::new("class", spec()), secret)
}

fn provider(script: &FakeTransport) -> Provider {
    builder(script).build().unwrap()
}

/// The queries of the requests after that for the token.
fn filters(script: &FakeTransport) -> Vec<String> {
    let requests = script.requests();
    let pairs = requests[1..].iter().map(|request| {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        url::form_urlencoded::parse(query).into_owned().find(|(key, _)| key == "filter")
    });
    pairs.map(|pair| pair.map(|(_, filter)| filter).unwrap_or_default()).collect()
}

const NONE: &str = r#"{"items":{"zones/europe-west1-b":{"warning":{"code":"NO_RESULTS_ON_PAGE"}}}}"#;

#[test]
fn the_first_request_id_is_the_uid_and_every_other_is_made_from_it() {
    let uid = MachineUid::new(UID).unwrap();
    let ids: Vec<_> = (0..3).map(|generation| request_id(&uid, generation)).collect();
    assert_eq!(ids[0], UID);
    assert!(ids[1] != ids[0] && ids[2] != ids[1] && ids[2] != ids[0]);
    assert_eq!(request_id(&uid, 1), ids[1]);
    for text in ["00000000-0000-0000-0000-000000000000", "uid-1"] {
        let id = request_id(&MachineUid::new(text).unwrap(), 0);
        assert!(uuid::Uuid::parse_str(&id).is_ok_and(|id| !id.is_nil()), "{id}");
    }
}

#[test]
fn a_provider_id_says_where_and_of_nobody_else() {
    let read = |text: &str| place(&ProviderId::new(text).unwrap(), "my-project", "europe-west1");
    for text in ["gce:///my-project/europe-west1-c/m-1", "gce://my-project/europe-west1-c/m-1"] {
        let place = read(text).unwrap();
        assert_eq!((place.zone.as_str(), place.name.as_str()), ("europe-west1-c", "m-1"));
    }
    for (text, problem) in [
        ("aws:///eu-west-1/i-1", "not of this provider"),
        ("gce:///my-project/m-1", "not of this provider"),
        ("gce:///my-project/europe-west1-c/M_1", "names no zone and instance"),
        ("gce:///other/europe-west1-c/m-1", "another project"),
        ("gce:///my-project/europe-west12-a/m-1", "another region"),
        ("gce:///my-project/us-east1-b/m-1", "another region"),
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with("machine.spec.providerID") && error.contains(problem), "{error}");
    }
}

#[test]
fn a_status_tells_state_and_addresses() {
    let instance: Instance = serde_json::from_value(json!({
        "name": "m-1", "zone": "https://x/zones/europe-west1-b", "status": "STAGING",
        "networkInterfaces": [{
            "networkIP": "10.0.0.2", "ipv6Address": "fd00::2",
            "accessConfigs": [{ "natIP": "34.1.2.3" }, {}], "ipv6AccessConfigs": [{ "externalIpv6": "2600::1" }],
        }, {}],
    }))
    .unwrap();
    let status = status::of(&instance, "example.com:my-project").unwrap();
    assert_eq!(status.provider_id.as_str(), "gce:///example.com:my-project/europe-west1-b/m-1");
    assert_eq!((status.node_name.as_str(), status.state), ("m-1", MachineState::Pending));
    let addresses: Vec<_> = status.addresses.iter().map(|one| (one.kind, one.address.as_str())).collect();
    assert_eq!(
        addresses,
        [
            (AddressKind::InternalIp, "10.0.0.2"),
            (AddressKind::InternalIp, "fd00::2"),
            (AddressKind::ExternalIp, "34.1.2.3"),
            (AddressKind::ExternalIp, "2600::1"),
            (AddressKind::InternalDns, "m-1.europe-west1-b.c.my-project.example.com.internal"),
            (AddressKind::Hostname, "m-1"),
        ]
    );
    for (text, state) in [
        ("PROVISIONING", MachineState::Pending),
        ("RUNNING", MachineState::Running),
        ("REPAIRING", MachineState::Running),
        ("STOPPING", MachineState::Stopped),
        ("TERMINATED", MachineState::Stopped),
        ("SUSPENDED", MachineState::Stopped),
        ("DEPROVISIONING", MachineState::Terminating),
    ] {
        assert_eq!(status::state(text), state, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_and_uids_that_no_instance_can_have_are_refused_before_any_call() {
    let script = FakeTransport::new();
    for (request, field) in [
        (request("a.b", UID), "machine.metadata.name"),
        (request("0abc", UID), "machine.metadata.name"),
        (request("m-1", "UID/1"), "machine.metadata.uid"),
    ] {
        let error = provider(&script).machines.create_machine(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().starts_with(field), "{error}");
    }
    let large = vec![b'x'; 256 * 1024 + 1];
    for (data, problem) in [(&b"\xff\xfe"[..], "UTF-8"), (b"", "empty"), (&large, "smaller")] {
        let mut request = request("m-1", UID);
        request.secret.insert("userData", data);
        let error = provider(&script).machines.create_machine(&request).await.unwrap_err().to_string();
        assert!(error.starts_with("secret.userData") && error.contains(problem), "{error}");
    }
    assert!(script.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_does_not_answer_is_not_an_empty_one() {
    let silent = r#"{"items":{"zones/ZONE":{"warning":{"code":"UNREACHABLE","message":"gone"}}}}"#;
    let script = FakeTransport::new().reply(200, TOKEN).reply(200, silent.replace("ZONE", "europe-west1-c"));
    let machines = provider(&script).machines;
    let error = machines.get_machine_status(&request("m-1", UID)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    // Another region's is none of our business.
    let script = FakeTransport::new()
        .reply(200, TOKEN)
        .reply(200, silent.replace("ZONE", "us-east1-b"))
        .reply(404, r#"{"error":{"errors":[{"reason":"notFound"}]}}"#);
    let error = provider(&script).machines.get_machine_status(&request("m-1", UID)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_project_that_does_not_exist_does_not_say_that_its_machines_do_not() {
    let missing = r#"{"error":{"code":404,"message":"The resource 'projects/my-project' was not found",
        "errors":[{"reason":"notFound"}]}}"#;
    let script = FakeTransport::new().reply(200, TOKEN).reply(404, missing);
    let error = provider(&script).machines.delete_machine(&request("m-1", UID)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().starts_with("secret.projectID: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn lookups_that_are_asked_for_together_go_out_together() {
    let script = FakeTransport::new().reply(200, TOKEN).reply(200, NONE).reply(200, NONE).reply(200, NONE);
    let sessions = builder(&script).sessions().unwrap();
    let session = sessions.get(&secret()).unwrap();
    let find = |n: usize| {
        let lookup = fleet::Lookup { name: format!("m-{n}"), region: "europe-west1".to_owned() };
        session.fleet().instances(lookup)
    };
    let found = futures::future::join_all((0..60).map(find)).await;
    assert!(found.iter().all(|found| found.as_ref().is_ok_and(Vec::is_empty)));
    let filters = filters(&script);
    assert!(filters.len() <= 3, "{} calls", filters.len());
    assert!(
        filters.iter().any(|filter| filter.contains(r#"(name = "m-7") OR (name = "m-8")"#)),
        "{filters:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_list_asks_for_the_clusters_label_and_that_of_older_machines() {
    let instances = json!({ "items": { "zones/europe-west1-c": { "instances": [
        { "name": "ours", "zone": "z/europe-west1-c", "tags": { "items": spec()["tags"] } },
        { "name": "without-tags", "zone": "z/europe-west1-c" },
        { "name": "other-role", "zone": "z/europe-west1-c",
          "tags": { "items": ["kubernetes-io-cluster-shoot--demo--app", "kubernetes-io-role-storage"] } },
    ] } } });
    let disk = |machine: &str, zone: &str, users: Value| {
        json!({ "name": format!("{machine}-d"), "zone": format!("z/{zone}"), "users": users,
                "labels": { "k8s-cluster-name": "shoot--demo--app", "gardener-machine": machine } })
    };
    let disks = json!({ "items": { "zones/europe-west1-c": { "disks": [
        disk("left", "europe-west1-c", json!([])),
        disk("left", "europe-west1-c", json!([])),
        disk("ours", "europe-west1-c", json!([])),
        disk("in-use", "europe-west1-c", json!(["https://x/zones/europe-west1-c/instances/in-use"])),
        disk("elsewhere", "us-east1-b", json!([])),
        { "name": "pvc-1", "zone": "z/europe-west1-c", "labels": { "k8s-cluster-name": "shoot--demo--app" } },
    ] } } });
    let script = FakeTransport::new()
        .reply(200, TOKEN)
        .reply(200, instances.to_string())
        .reply(200, disks.to_string());
    let list = ListMachinesRequest::new(MachineClass::new("class", spec()), secret());
    let listed = provider(&script).machines.all_machines(list).await.unwrap();
    let names: Vec<_> = listed.iter().map(|machine| machine.name.as_str()).collect();
    assert_eq!(names, ["left", "ours"]);
    assert_eq!(listed[0].provider_id.as_str(), "gce:///my-project/europe-west1-c/left");
    assert_eq!(
        filters(&script),
        [
            r#"(labels.k8s-cluster-name = "shoot--demo--app") OR (labels.name = "app")"#,
            r#"(labels.k8s-cluster-name = "shoot--demo--app")"#,
        ]
    );
}
