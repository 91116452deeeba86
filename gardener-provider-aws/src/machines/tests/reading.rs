use super::*;

#[tokio::test(start_paused = true)]
async fn a_machine_is_found_by_name_or_by_its_id() {
    let bench = Bench::new();
    let id = bench.vm("m", None);
    let status = bench.provider.machines.get_machine_status(&request("m")).await.unwrap();
    assert!(status.provider_id.as_str().ends_with(&id));
    bench.world().vms[0].tags.remove("Name");
    let error = bench.provider.machines.get_machine_status(&request("m")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(bench.provider.machines.get_machine_status(&with_id(request("m"), &id)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_is_dying_is_not_there() {
    let bench = Bench::new();
    let id = bench.vm("m", None);
    bench.world().vms[0].state = "shutting-down";
    let error = bench.provider.machines.get_machine_status(&with_id(request("m"), &id)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_provider_id_of_elsewhere_is_refused() {
    let bench = Bench::new();
    for (id, problem) in [
        ("aws:///us-east-1/i-1", "another region"),
        ("aws:///eu-west-1/vol-1", "instance id"),
        ("aws:///i-1", "expected aws:///<region>"),
        ("gce:///eu-west-1/i-1", "not of this provider"),
        ("aws:///eu-west-11/i-1", "another region"),
        ("aws:///x/i-1", "names no region"),
    ] {
        let mut request = request("m");
        request.machine.provider_id = Some(ProviderId::new(id).unwrap());
        let error = bench.provider.machines.get_machine_status(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains(problem), "{id}: {error}");
    }
    let mut of_a_node = request("m");
    of_a_node.machine.provider_id = Some(ProviderId::new("aws:///eu-west-1a/i-1").unwrap());
    let error = bench.provider.machines.get_machine_status(&of_a_node).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn many_lookups_need_few_calls_and_each_gets_its_own() {
    let bench = Bench::new();
    let names: Vec<_> = (0..300).map(|n| format!("m{n}")).collect();
    let ids: Vec<_> = names.iter().map(|name| bench.vm(name, None)).collect();
    let requests: Vec<_> = names.iter().map(|name| request(name)).collect();
    let lookups = requests.iter().map(|request| bench.provider.machines.get_machine_status(request));
    let found = futures::future::try_join_all(lookups).await.unwrap();
    assert!(found.iter().zip(&ids).all(|(status, id)| status.provider_id.as_str().ends_with(id)));
    assert!(bench.world().count("DescribeInstances") <= 4, "{}", bench.world().count("DescribeInstances"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_lookup_fails_for_all_who_asked() {
    let bench = Bench::new();
    bench.fault("DescribeInstances", Fault::Refuse("UnauthorizedOperation"));
    bench.fault("DescribeInstances", Fault::Refuse("UnauthorizedOperation"));
    bench.fault("DescribeInstances", Fault::Refuse("UnauthorizedOperation"));
    let requests: Vec<_> = ["a", "b", "c"].map(request).into();
    let lookups = requests.iter().map(|request| bench.provider.machines.get_machine_status(request));
    for result in futures::future::join_all(lookups).await {
        let error = result.unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (ErrorKind::PermissionDenied, Some("DescribeInstances"))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_clusters_machines_are_listed_and_no_others() {
    let bench = Bench::new();
    let ids: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| bench.vm(name, None)).collect();
    {
        let mut world = bench.world();
        world.vms[1].state = "terminated";
        world.vms[2].tags.remove(CLUSTER);
        world.vms[3].tags.remove("Name");
    }
    let list = || ListMachinesRequest::new(MachineClass::new("c", spec()), secret());
    let listed = bench.provider.machines.all_machines(list()).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|m| (m.provider_id.as_str(), m.name.as_str())).collect();
    let id = |n: usize| format!("aws:///eu-west-1/{}", ids[n]);
    assert_eq!(listed, [(id(0).as_str(), "a"), (id(3).as_str(), ids[3].as_str())]);
    let bad = ListMachinesRequest::new(MachineClass::new("c", json!({})), secret());
    assert_eq!(
        bench.provider.machines.all_machines(bad).await.unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[tokio::test(start_paused = true)]
async fn no_secret_shows_anywhere() {
    let bench = Bench::new();
    let mut request = request("m");
    request.secret.insert("userData", "hunter2-in-user-data");
    let mut texts = vec![format!("{:?} {request:?}", bench.provider)];
    for code in ["AuthFailure", "InvalidParameterValue", "InternalError"] {
        bench.fault("RunInstances", Fault::Refuse(code));
        let error = bench.provider.machines.create_machine(&request).await.unwrap_err();
        texts.push(format!("{error} {error:?} {}", error.machine_status_text()));
    }
    bench.provider.machines.create_machine(&request).await.unwrap();
    texts.push(format!("{:?}", bench.provider));
    for text in texts {
        for secret in [KEY, SECRET, "hunter2", "aHVudGVyMi1pbi11c2VyLWRhdGE"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}
