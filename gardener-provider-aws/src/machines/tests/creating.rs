use super::*;

#[tokio::test(start_paused = true)]
async fn a_machine_is_created_with_its_tags_token_and_user_data() {
    let bench = Bench::new();
    let status = bench.provider.machines.create_machine(&request("m")).await.unwrap();
    assert_eq!(status.provider_id.as_str(), "aws:///eu-west-1/i-0001");
    assert_eq!(status.node_name.as_str(), "ip-i-0001.internal");
    assert_eq!((status.state, status.initialized), (MachineState::Running, true));
    let world = bench.world();
    let run = world.calls.iter().find(|form| form["Action"] == "RunInstances").unwrap();
    assert_eq!(run["ClientToken"], "uid-m");
    assert_eq!(run["UserData"], "IyEvYmluL3No");
    assert_eq!(run["BlockDeviceMapping.1.DeviceName"], "/dev/xvda");
    let wanted = [("Name", "m"), (UID_TAG, "uid-m"), (CLUSTER, "1"), (ROLE, "1")];
    assert!(
        wanted.iter().all(|(key, value)| world.vms[0].tags.get(*key).map(String::as_str) == Some(*value))
    );
}

#[tokio::test(start_paused = true)]
async fn creating_again_or_at_the_same_time_makes_no_second_one() {
    let bench = Bench::new();
    bench.world().lag = 3;
    let request = request("m");
    let creates = (0..5).map(|_| bench.provider.machines.create_machine(&request));
    let statuses = futures::future::try_join_all(creates).await.unwrap();
    assert!(statuses.iter().all(|status| *status == statuses[0]));
    bench.provider.machines.create_machine(&request).await.unwrap();
    assert_eq!(bench.world().vms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_and_a_new_process_make_no_second_one() {
    let bench = Bench::new();
    bench.world().lag = 4;
    bench.fault("RunInstances", Fault::LoseReply);
    let error = bench.provider.machines.create_machine(&request("m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let status = provider(&bench.ec2).machines.create_machine(&request("m")).await.unwrap();
    assert_eq!(status.provider_id.as_str(), "aws:///eu-west-1/i-0001");
    assert_eq!(bench.world().vms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn user_data_that_changed_since_adopts_the_instance_of_the_token() {
    let bench = Bench::new();
    bench.world().lag = 4;
    bench.fault("RunInstances", Fault::LoseReply);
    bench.provider.machines.create_machine(&request("m")).await.unwrap_err();
    let mut again = request("m");
    again.secret.insert("userData", "another bootstrap token");
    let status = bench.provider.machines.create_machine(&again).await.unwrap();
    assert_eq!(status.provider_id.as_str(), "aws:///eu-west-1/i-0001");
    assert_eq!(bench.world().vms.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_dead_instance_is_not_used_again() {
    for tells_terminated in [false, true] {
        dead_tokens(tells_terminated).await;
    }
}

async fn dead_tokens(tells_terminated: bool) {
    let bench = Bench::new();
    bench.world().tells_terminated = tells_terminated;
    let create = || async { bench.provider.machines.create_machine(&request("m")).await.unwrap() };
    create().await;
    bench.world().vms[0].state = "terminated";
    create().await;
    assert_eq!(bench.world().vms[1].token, "uid-m-1");
    // Dead ones leave the list after an hour, and EC2 still answers their token with them.
    let tokens_before = bench.world().count("RunInstances");
    bench.world().vms.iter_mut().for_each(|vm| {
        vm.state = "terminated";
        vm.hidden = u32::MAX;
    });
    create().await;
    let world = bench.world();
    assert_eq!((world.vms.len(), world.vms[2].token.as_str()), (3, "uid-m-2"));
    assert_eq!(world.count("RunInstances") - tokens_before, 3);
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_call_left_nothing_is_given_up() {
    let bench = Bench::new();
    bench.fault("RunInstances", Fault::Refuse("IdempotentParameterMismatch"));
    bench.provider.machines.create_machine(&request("m")).await.unwrap();
    assert_eq!(bench.world().vms[0].token, "uid-m-1");
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_dies_at_birth_gives_its_reason_and_the_next_attempt_a_new_one() {
    let bench = Bench::new();
    bench.world().stillborn = Some("terminated");
    let error = bench.provider.machines.create_machine(&request("m")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.machine_code()),
        (ErrorKind::OutOfCapacity, MachineCode::ResourceExhausted)
    );
    assert_eq!(error.cloud_code(), Some("Server.InsufficientInstanceCapacity"));
    bench.provider.machines.create_machine(&request("m")).await.unwrap();
    assert_eq!(bench.world().alive().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_waited_for_the_name_of_the_node() {
    let bench = Bench::new();
    bench.vm("m", Some("uid-m"));
    bench.world().vms[0].has_dns = false;
    let error = bench.provider.machines.create_machine(&request("m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(error.to_string().contains("i-e000"), "{error}");
    let error = bench.provider.machines.get_machine_status(&request("m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_another_uid_holds_is_taken() {
    let bench = Bench::new();
    let id = bench.vm("m", Some("another"));
    let error = bench.provider.machines.create_machine(&request("m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(error.to_string().contains(&id) && error.to_string().contains("another"), "{error}");
    // A Machine that moved to another seed has a new UID and keeps its provider id.
    let moved = with_id(request("m"), &id);
    assert!(bench.provider.machines.create_machine(&moved).await.is_ok());
    assert_eq!(bench.world().count("RunInstances"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_instance_of_the_go_driver_is_taken_over() {
    let bench = Bench::new();
    let id = bench.vm("m", None);
    let status = bench.provider.machines.create_machine(&request("m")).await.unwrap();
    assert!(status.provider_id.as_str().ends_with(&id));
}

#[tokio::test(start_paused = true)]
async fn duplicates_are_named_and_nothing_is_created() {
    let bench = Bench::new();
    let ids = [bench.vm("m", Some("uid-m")), bench.vm("m", Some("uid-m"))];
    for error in [
        bench.provider.machines.create_machine(&request("m")).await.unwrap_err(),
        bench.provider.machines.get_machine_status(&request("m")).await.unwrap_err(),
        bench.provider.machines.initialize_machine(&request("m")).await.unwrap_err(),
    ] {
        assert_eq!(
            (error.kind(), error.machine_code()),
            (ErrorKind::MultipleMatches, MachineCode::OutOfRange)
        );
        assert!(ids.iter().all(|id| error.to_string().contains(id)), "{error}");
    }
    assert_eq!(bench.world().count("RunInstances"), 0);
}

#[tokio::test(start_paused = true)]
async fn refusals_keep_their_kind_and_leave_nothing() {
    for (code, kind) in [
        ("InsufficientInstanceCapacity", ErrorKind::OutOfCapacity),
        ("VcpuLimitExceeded", ErrorKind::QuotaExceeded),
        ("UnauthorizedOperation", ErrorKind::PermissionDenied),
        ("AuthFailure", ErrorKind::Unauthenticated),
        ("RequestLimitExceeded", ErrorKind::RateLimited),
        ("InvalidSubnetID.NotFound", ErrorKind::InvalidArgument),
    ] {
        let bench = Bench::new();
        bench.fault("RunInstances", Fault::Refuse(code));
        let error = bench.provider.machines.create_machine(&request("m")).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (kind, Some("RunInstances")), "{code}");
        assert!(bench.world().vms.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn bad_input_makes_no_call_that_changes_something() {
    let mut no_user_data = request("m");
    no_user_data.secret = secret();
    let mut empty_user_data = request("m");
    empty_user_data.secret.insert("userData", "");
    let mut large_user_data = request("m");
    large_user_data.secret.insert("userData", vec![b'x'; 16 * 1024 + 1]);
    let mut no_key = request("m");
    no_key.secret = SecretData::new().with("userData", "x");
    let mut long_uid = request("m");
    long_uid.machine.uid = MachineUid::new("u".repeat(61)).unwrap();
    let mut foreign_id = request("m");
    foreign_id.machine.provider_id = Some(ProviderId::new("gce:///p/z/m").unwrap());
    let table = [
        (no_user_data, "secret.userData: is missing"),
        (empty_user_data, "secret.userData: is empty"),
        (large_user_data, "secret.userData: has 16385 bytes"),
        (no_key, "secret.providerAccessKeyId or secret.accessKeyID: is missing"),
        (long_uid, "machine.metadata.uid: "),
        (foreign_id, "machine.spec.providerID: "),
        (with_id(request("m"), "vol-1"), "machine.spec.providerID: "),
        (with_spec(request("m"), "amii", json!("x")), "providerSpec.amii: is not a field"),
        (with_spec(request("m"), "monitoring", json!("yes")), "providerSpec.monitoring: invalid type"),
        (with_spec(request("m"), "region", json!("mars")), "providerSpec.region: "),
    ];
    for (request, wanted) in table {
        let bench = Bench::new();
        let error = bench.provider.machines.create_machine(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().starts_with(wanted), "{error}");
        assert!(bench.world().calls.is_empty(), "{wanted}");
        assert!(!format!("{error:?}").contains(SECRET));
    }
}

#[tokio::test(start_paused = true)]
async fn the_largest_user_data_passes() {
    let bench = Bench::new();
    let mut request = request("m");
    request.secret.insert("userData", vec![b'x'; 16 * 1024]);
    bench.provider.machines.create_machine(&request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_image_is_asked_for_once_and_not_without_disks() {
    let bench = Bench::new();
    for name in ["a", "b", "c"] {
        bench.provider.machines.create_machine(&request(name)).await.unwrap();
    }
    assert_eq!(bench.world().count("DescribeImages"), 1);
    let bench = Bench::new();
    let bare = with_spec(request("m"), "blockDevices", json!([]));
    bench.provider.machines.create_machine(&bare).await.unwrap();
    assert_eq!(bench.world().count("DescribeImages"), 0);
}

#[tokio::test(start_paused = true)]
async fn initialization_does_what_is_missing_and_only_that() {
    let bench = Bench::new();
    let request = with_spec(request("m"), "srcAndDstChecksEnabled", json!(false));
    let nic = json!([{ "subnetID": "s", "securityGroupIDs": ["g"], "ipv6PrefixCount": 2 }]);
    let request = with_spec(request, "networkInterfaces", nic);
    let created = bench.provider.machines.create_machine(&request).await.unwrap();
    assert!(!created.initialized);
    let status = bench.provider.machines.initialize_machine(&request).await.unwrap();
    assert!(status.initialized);
    let vm = bench.world().vms[0].clone();
    assert_eq!((vm.source_dest_check, vm.prefixes), (false, 2));
    bench.provider.machines.initialize_machine(&request).await.unwrap();
    let world = bench.world();
    assert_eq!((world.count("ModifyNetworkInterfaceAttribute"), world.count("AssignIpv6Addresses")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_network_interface_that_does_not_show_yet_is_waited_for() {
    let bench = Bench::new();
    let request = with_spec(request("m"), "srcAndDstChecksEnabled", json!(false));
    bench.provider.machines.create_machine(&request).await.unwrap();
    let refusal = || Fault::Refuse("InvalidNetworkInterfaceID.NotFound");
    bench.fault("ModifyNetworkInterfaceAttribute", refusal());
    bench.fault("ModifyNetworkInterfaceAttribute", refusal());
    assert!(bench.provider.machines.initialize_machine(&request).await.unwrap().initialized);
}

#[tokio::test(start_paused = true)]
async fn prefixes_that_do_not_show_yet_are_not_assigned_twice() {
    let bench = Bench::new();
    let nic = json!([{ "subnetID": "s", "securityGroupIDs": ["g"], "ipv6PrefixCount": 1 }]);
    let request = with_spec(request("m"), "networkInterfaces", nic);
    bench.provider.machines.create_machine(&request).await.unwrap();
    bench.world().stale_prefixes = 3;
    assert!(bench.provider.machines.initialize_machine(&request).await.unwrap().initialized);
    assert_eq!(bench.world().vms[0].prefixes, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failed_initialization_says_so_and_is_seen_in_the_status() {
    let bench = Bench::new();
    let request = with_spec(request("m"), "srcAndDstChecksEnabled", json!(false));
    let error = bench.provider.machines.initialize_machine(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    bench.provider.machines.create_machine(&request).await.unwrap();
    bench.fault("ModifyNetworkInterfaceAttribute", Fault::Refuse("UnauthorizedOperation"));
    let error = bench.provider.machines.initialize_machine(&request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(!bench.provider.machines.get_machine_status(&request).await.unwrap().initialized);
    let status = bench.provider.machines.ensure_machine(&request).await.unwrap();
    assert!(status.initialized);
}

#[tokio::test(start_paused = true)]
async fn elastic_fabric_adapters_have_no_check_to_disable() {
    let bench = Bench::new();
    let request = with_spec(request("m"), "srcAndDstChecksEnabled", json!(false));
    let nic = json!([{ "subnetID": "s", "securityGroupIDs": ["g"], "interfaceType": "efa" }]);
    let request = with_spec(request, "networkInterfaces", nic);
    assert!(bench.provider.machines.create_machine(&request).await.unwrap().initialized);
}
