use super::*;

#[tokio::test(start_paused = true)]
async fn a_machine_is_gone_when_its_deletion_returns_and_deleting_it_again_is_success() {
    let bench = Bench::new();
    let created = bench.provider.machines.create_machine(&request("m")).await.unwrap();
    let mut named = request("m");
    named.machine.provider_id = Some(created.provider_id);
    bench.provider.machines.delete_machine(&named).await.unwrap();
    assert_eq!(bench.world().vms[0].state, "terminated");
    let error = bench.provider.machines.get_machine_status(&named).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    bench.provider.machines.delete_machine(&named).await.unwrap();
    bench.world().vms.clear();
    bench.provider.machines.delete_machine(&named).await.unwrap();
    assert_eq!(bench.world().count("TerminateInstances"), 1);
}

#[tokio::test(start_paused = true)]
async fn without_a_provider_id_all_of_its_name_in_its_cluster_go_and_no_others() {
    let bench = Bench::new();
    let ids = [bench.vm("m", Some("uid-m")), bench.vm("m", None)];
    let stays = [bench.vm("m2", None), bench.vm("m", None), bench.vm("m", None)];
    {
        let mut world = bench.world();
        let other_cluster = &mut world.vms[3].tags;
        other_cluster.remove(CLUSTER);
        other_cluster.insert(format!("{CLUSTER}-2"), "1".to_owned());
        world.vms[4].tags.remove(ROLE);
    }
    bench.provider.machines.delete_machine(&request("m")).await.unwrap();
    let world = bench.world();
    let alive: Vec<_> = world.alive().iter().map(|vm| vm.id.clone()).collect();
    assert_eq!(alive, stays);
    assert!(ids.iter().all(|id| !alive.contains(id)));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_clusters_is_not_touched_even_by_its_id() {
    let bench = Bench::new();
    let id = bench.vm("m", None);
    bench.world().vms[0].tags = [("Name".to_owned(), "m".to_owned())].into();
    let error = bench.provider.machines.delete_machine(&with_id(request("m"), &id)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FailedPrecondition);
    assert!(error.to_string().contains(CLUSTER), "{error}");
    assert_eq!(bench.world().count("TerminateInstances"), 0);
}

#[tokio::test(start_paused = true)]
async fn leftovers_of_the_machine_go_too_and_those_of_others_stay() {
    let bench = Bench::new();
    let part = |id: &str, status, instance: Option<&str>, name: &str| Part {
        id: id.to_owned(),
        status,
        instance: instance.map(str::to_owned),
        tags: owned(name),
    };
    {
        let mut world = bench.world();
        world.volumes = vec![
            part("vol-1", "available", None, "m"),
            part("vol-2", "in-use", Some("i-f"), "m"),
            part("vol-3", "available", None, "m2"),
        ];
        world.interfaces =
            vec![part("eni-1", "available", None, "m"), part("eni-2", "in-use", Some("i-f"), "m")];
    }
    bench.provider.machines.delete_machine(&request("m")).await.unwrap();
    let left = |parts: &[Part]| parts.iter().map(|part| part.id.clone()).collect::<Vec<_>>();
    assert_eq!(left(&bench.world().volumes), ["vol-2", "vol-3"]);
    assert_eq!(left(&bench.world().interfaces), ["eni-2"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_class_says_to_keep_is_kept() {
    let bench = Bench::new();
    bench.world().volumes =
        vec![Part { id: "vol-1".to_owned(), status: "available", instance: None, tags: owned("m") }];
    let disks = json!([{ "ebs": { "volumeSize": 5, "volumeType": "gp3", "deleteOnTermination": false } }]);
    let request = with_spec(request("m"), "blockDevices", disks);
    bench.provider.machines.delete_machine(&request).await.unwrap();
    assert_eq!(bench.world().volumes.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_waited_until_disks_let_go_of_an_instance_that_ended() {
    let bench = Bench::new();
    let id = bench.vm("m", None);
    bench.world().volumes =
        vec![Part { id: "vol-1".to_owned(), status: "in-use", instance: Some(id), tags: owned("m") }];
    let machines = Arc::clone(&bench.provider.machines);
    let deletion = tokio::spawn(async move { machines.delete_machine(&request("m")).await });
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    assert!(!deletion.is_finished());
    bench.world().volumes[0].instance = None;
    bench.world().volumes[0].status = "available";
    deletion.await.unwrap().unwrap();
    assert!(bench.world().volumes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn parts_of_a_living_namesake_are_left_alone() {
    let bench = Bench::new();
    let (doomed, _stays) = (bench.vm("m", Some("uid-m")), bench.vm("m", None));
    bench.world().interfaces =
        vec![Part { id: "eni-1".to_owned(), status: "available", instance: None, tags: owned("m") }];
    bench.provider.machines.delete_machine(&with_id(request("m"), &doomed)).await.unwrap();
    let world = bench.world();
    assert_eq!((world.alive().len(), world.interfaces.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn many_deletions_need_few_calls_and_unknown_ids_spoil_nothing() {
    let bench = Bench::new();
    let ids: Vec<_> = (0..100).map(|n| bench.vm(&format!("m{n}"), None)).collect();
    let fleet_session = {
        let sessions = AwsProvider::builder()
            .transport(Arc::clone(&bench.ec2) as _)
            .clock(Arc::new(TokioClock::starting_at(day())))
            .retry(RetryPolicy::none())
            .sessions()
            .unwrap();
        sessions.get(&secret(), &crate::testing::region()).unwrap()
    };
    let unknown = ["i-aaaa".to_owned(), "i-bbbb".to_owned()];
    let all = ids.iter().chain(&unknown).map(|id| fleet_session.fleet().terminate(id));
    assert!(futures::future::join_all(all).await.into_iter().all(|result| result.is_ok()));
    assert!(bench.world().alive().is_empty());
    assert!(bench.world().count("TerminateInstances") <= 4, "{}", bench.world().count("TerminateInstances"));
}

#[tokio::test(start_paused = true)]
async fn one_protected_instance_does_not_save_the_others() {
    let bench = Bench::new();
    let names: Vec<_> = (0..8).map(|n| format!("m{n}")).collect();
    for name in &names {
        bench.vm(name, None);
    }
    bench.fault("TerminateInstances", Fault::Refuse("OperationNotPermitted"));
    let requests: Vec<_> = names.iter().map(|name| request(name)).collect();
    let deletions = requests.iter().map(|request| bench.provider.machines.delete_machine(request));
    futures::future::try_join_all(deletions).await.unwrap();
    assert!(bench.world().alive().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_deletion_is_an_error_for_each_of_its_callers() {
    let bench = Bench::new();
    bench.vm("a", None);
    bench.vm("b", None);
    bench.fault("TerminateInstances", Fault::Refuse("RequestLimitExceeded"));
    let (a, b) = (request("a"), request("b"));
    let (one, two) = futures::future::join(
        bench.provider.machines.delete_machine(&a),
        bench.provider.machines.delete_machine(&b),
    )
    .await;
    let kinds = [one, two].map(|result| result.map_err(|error| error.kind()));
    assert!(kinds.contains(&Err(ErrorKind::RateLimited)), "{kinds:?}");
}
