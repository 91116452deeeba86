use std::time::Duration;

use super::Leftover;
use crate::aws::testing::{Caller, Network, element, elements};

const MINUTE: Duration = Duration::from_secs(61);

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn classic() -> (Caller, Network) {
    let elb = Caller::new("elasticloadbalancing", "2012-06-01");
    let network = Network::new(&elb).await;
    (elb, network)
}

const LISTENER: [(&str, &str); 3] = [
    ("Listeners.member.1.Protocol", "TCP"),
    ("Listeners.member.1.LoadBalancerPort", "80"),
    ("Listeners.member.1.InstancePort", "30080"),
];

#[tokio::test(start_paused = true)]
async fn a_classic_load_balancer_holds_its_subnet_until_some_time_after_it_is_deleted() {
    let (elb, network) = classic().await;
    let [subnet, _] = &network.subnets;
    let mut asked = vec![("LoadBalancerName", "lb"), ("Subnets.member.1", subnet.as_str())];
    asked.extend([("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "1")]);
    asked.extend(LISTENER);
    let dns = element(&elb.ok("CreateLoadBalancer", &asked).await, "DNSName");
    assert_eq!(element(&elb.ok("CreateLoadBalancer", &asked).await, "DNSName"), dns);
    let mut other = asked.clone();
    other[1].1 = &network.subnets[1];
    assert_eq!(elb.error("CreateLoadBalancer", &other).await, error(400, "DuplicateLoadBalancerName"));
    let shown = elb.ok("DescribeLoadBalancers", &[("LoadBalancerNames.member.1", "lb")]).await;
    assert_eq!(
        (element(&shown, "VPCId"), element(&shown, "LoadBalancerPort")),
        (network.vpc.clone(), "80".into())
    );
    let tags = elb.ok("DescribeTags", &[("LoadBalancerNames.member.1", "lb")]).await;
    assert_eq!((element(&tags, "Key"), element(&tags, "LoadBalancerName")), ("a".into(), "lb".into()));
    let interfaces = network.ec2.ok("DescribeNetworkInterfaces", &[]).await;
    assert_eq!(
        (element(&interfaces, "description"), element(&interfaces, "status")),
        ("ELB lb".into(), "in-use".into())
    );
    assert_eq!(network.delete_subnet(subnet).await, Err("DependencyViolation".to_owned()));
    elb.ok("DeleteLoadBalancer", &[("LoadBalancerName", "lb")]).await;
    elb.ok("DeleteLoadBalancer", &[("LoadBalancerName", "lb")]).await;
    assert_eq!(network.delete_subnet(subnet).await, Err("DependencyViolation".to_owned()));
    tokio::time::advance(MINUTE).await;
    assert_eq!(network.delete_subnet(subnet).await, Ok(()));
    let gone = elb.error("DescribeLoadBalancers", &[("LoadBalancerNames.member.1", "lb")]).await;
    assert_eq!(gone, error(400, "LoadBalancerNotFound"));
}

#[tokio::test]
async fn bad_classic_load_balancers() {
    let (elb, network) = classic().await;
    let with = |subnet: &str, name: &str| {
        let mut asked = vec![
            ("LoadBalancerName".to_owned(), name.to_owned()),
            ("Subnets.member.1".to_owned(), subnet.to_owned()),
        ];
        asked.extend(LISTENER.map(|(key, value)| (key.to_owned(), value.to_owned())));
        asked
    };
    for (asked, code) in [
        (with("subnet-0123456789abcdef0", "lb"), "SubnetNotFound"),
        (with(&network.subnets[0], "under_score"), "ValidationError"),
        (with(&network.subnets[0], "lb")[..2].to_vec(), "ValidationError"),
    ] {
        let asked: Vec<_> = asked.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(elb.error("CreateLoadBalancer", &asked).await, error(400, code));
    }
}

#[tokio::test(start_paused = true)]
async fn the_second_generation() {
    let elb = Caller::new("elasticloadbalancing", "2015-12-01");
    let network = Network::new(&elb).await;
    let [a, b] = network.subnets.each_ref().map(String::as_str);
    let one_zone = elb.error("CreateLoadBalancer", &[("Name", "lb"), ("Subnets.member.1", a)]).await;
    assert_eq!(one_zone, error(400, "ValidationError"));
    let asked = [("Name", "lb"), ("Subnets.member.1", a), ("Subnets.member.2", b)];
    let created = elb.ok("CreateLoadBalancer", &asked).await;
    let arn = element(&created, "LoadBalancerArn");
    assert!(arn.contains(":loadbalancer/app/lb/"), "{arn}");
    assert_eq!(element(&created, "Code"), "provisioning");
    tokio::time::advance(MINUTE).await;
    assert_eq!(
        element(&elb.ok("DescribeLoadBalancers", &[("Names.member.1", "lb")]).await, "Code"),
        "active"
    );

    let vpc = [("Name", "targets"), ("VpcId", network.vpc.as_str()), ("Protocol", "TCP"), ("Port", "80")];
    let group = element(&elb.ok("CreateTargetGroup", &vpc).await, "TargetGroupArn");
    assert_eq!(element(&elb.ok("CreateTargetGroup", &vpc).await, "TargetGroupArn"), group);
    let listener = [
        ("LoadBalancerArn", arn.as_str()),
        ("Protocol", "TCP"),
        ("Port", "80"),
        ("DefaultActions.member.1.Type", "forward"),
        ("DefaultActions.member.1.TargetGroupArn", group.as_str()),
    ];
    elb.ok("CreateListener", &listener).await;
    assert_eq!(elb.error("CreateListener", &listener).await, error(400, "DuplicateListener"));
    assert_eq!(
        elb.error("DeleteTargetGroup", &[("TargetGroupArn", &group)]).await,
        error(400, "ResourceInUse")
    );
    let shown = elb.ok("DescribeTargetGroups", &[("LoadBalancerArn", &arn)]).await;
    assert_eq!(elements(&element(&shown, "LoadBalancerArns"), "member"), vec![arn.clone()]);
    elb.ok("DescribeListeners", &[("LoadBalancerArn", &arn)]).await;
    elb.ok("DeleteLoadBalancer", &[("LoadBalancerArn", &arn)]).await;
    elb.ok("DeleteTargetGroup", &[("TargetGroupArn", &group)]).await;
    assert_eq!(
        elb.error("DescribeListeners", &[("LoadBalancerArn", &arn)]).await,
        error(400, "LoadBalancerNotFound")
    );
}

#[tokio::test(start_paused = true)]
async fn what_kubernetes_leaves_behind() {
    let elb = Caller::new("elasticloadbalancing", "2015-12-01");
    let network = Network::new(&elb).await;
    let nodes = network.group("nodes").await;
    let subnets = network.subnets.each_ref().map(String::as_str);
    let aws = elb.sandbox.aws();
    let leftover = Leftover::network("shoot--p--s", "eu-west-1", &subnets).with_nodes_security_group(&nodes);
    let planted = aws.plant_load_balancer(&leftover).unwrap();
    let classic =
        aws.plant_load_balancer(&Leftover::classic("shoot--p--s", "eu-west-1", &subnets[..1])).unwrap();
    assert_eq!((planted.interfaces.len(), classic.interfaces.len()), (2, 1));
    let kinds: Vec<_> = aws
        .inventory(None)
        .into_iter()
        .filter(|one| one.service == "elasticloadbalancing")
        .map(|one| one.kind)
        .collect();
    assert_eq!(kinds, ["classic-load-balancer", "load-balancer", "target-group"]);
    let (arn, group) = (planted.load_balancer.as_str(), planted.target_group.as_deref().unwrap());
    let tags =
        elb.ok("DescribeTags", &[("ResourceArns.member.1", arn), ("ResourceArns.member.2", group)]).await;
    assert_eq!(tags.matches("kubernetes.io/cluster/shoot--p--s").count(), 2);
    let groups = network
        .ec2
        .ok("DescribeSecurityGroups", &[("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "k8s-*")])
        .await;
    assert!(groups.contains(&planted.security_group) && groups.contains(&classic.security_group));

    assert_eq!(network.delete_subnet(subnets[0]).await, Err("DependencyViolation".to_owned()));
    elb.ok("DeleteLoadBalancer", &[("LoadBalancerArn", arn)]).await;
    elb.to("elasticloadbalancing", "2012-06-01")
        .ok("DeleteLoadBalancer", &[("LoadBalancerName", &classic.load_balancer)])
        .await;
    let own = [("GroupId", planted.security_group.as_str())];
    assert_eq!(network.ec2.error("DeleteSecurityGroup", &own).await, error(400, "DependencyViolation"));
    tokio::time::advance(MINUTE).await;
    assert_eq!(
        network.ec2.error("DeleteSecurityGroup", &own).await,
        error(400, "DependencyViolation"),
        "the nodes' group refers to it"
    );
    let rule = [
        ("GroupId", nodes.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.Groups.1.GroupId", planted.security_group.as_str()),
    ];
    network.ec2.ok("RevokeSecurityGroupIngress", &rule).await;
    network.ec2.ok("DeleteSecurityGroup", &own).await;
    for subnet in subnets {
        assert_eq!(network.delete_subnet(subnet).await, Ok(()));
    }
    let unknown = Leftover::classic("x", "eu-west-1", &["subnet-0123456789abcdef0"]);
    assert!(aws.plant_load_balancer(&unknown).unwrap_err().to_string().contains("subnet-0123456789abcdef0"));
}
