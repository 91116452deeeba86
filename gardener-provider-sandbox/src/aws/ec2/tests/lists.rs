//! Filters, pages and tags.

use super::*;
use crate::aws::testing::elements;

async fn machines(ec2: &Caller, count: &str) {
    let Network { subnet, .. } = ec2.network().await;
    let tags = [
        ("MinCount", count),
        ("MaxCount", count),
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "Name"),
        ("TagSpecification.1.Tag.1.Value", "shoot--a--b"),
    ];
    element(&ec2.run(&subnet, &tags).await, "reservationId");
}

#[tokio::test]
async fn pages_hold_every_machine_once() {
    let ec2 = ec2();
    machines(&ec2, "12").await;
    let (mut seen, mut sizes, mut token) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let mut parameters = vec![("MaxResults", "5")];
        parameters.extend(token.iter().map(|token| ("NextToken", token.as_str())));
        let page = ec2.ok("DescribeInstances", &parameters).await;
        let ids = elements(&page, "instanceId");
        sizes.push(ids.len());
        seen.extend(ids);
        token = elements(&page, "nextToken").into_iter().next();
        if token.is_none() {
            break;
        }
    }
    seen.dedup();
    assert_eq!((sizes, seen.len()), (vec![5, 5, 2], 12));
    ec2.fails("DescribeInstances", &[("NextToken", "?")], "InvalidNextToken").await;
    ec2.fails("DescribeInstances", &[("MaxResults", "4")], "InvalidParameterValue").await;
    let both = [("MaxResults", "5"), ("InstanceId.1", seen[0].as_str())];
    ec2.fails("DescribeInstances", &both, "InvalidParameterCombination").await;
}

#[tokio::test]
async fn the_cloud_pages_even_when_it_is_not_asked_to() {
    let mut options = SandboxOptions::instant();
    options.aws.max_page = 3;
    let ec2 = with(options);
    machines(&ec2, "4").await;
    let page = ec2.ok("DescribeInstances", &[]).await;
    assert_eq!((elements(&page, "instanceId").len(), elements(&page, "nextToken").len()), (3, 1));
}

#[tokio::test]
async fn filters_match_values_tags_and_wildcards() {
    let ec2 = ec2();
    machines(&ec2, "2").await;
    let count = async |name: &str, value: &str| {
        let filter = [("Filter.1.Name", name), ("Filter.1.Value.1", value)];
        elements(&ec2.ok("DescribeInstances", &filter).await, "instanceId").len()
    };
    assert_eq!(count("tag:Name", "shoot--*").await, 2);
    assert_eq!(count("tag:Name", "shoot").await, 0);
    assert_eq!(count("tag-key", "Na?e").await, 2);
    assert_eq!(count("instance-state-name", "running").await, 2);
    assert_eq!(count("instance-state-name", "stopped").await, 0);
    let two = [
        ("Filter.1.Name", "tag-key"),
        ("Filter.1.Value.1", "Name"),
        ("Filter.2.Name", "instance-type"),
        ("Filter.2.Value.1", "c5.large"),
        ("Filter.2.Value.2", "m5.large"),
    ];
    assert_eq!(elements(&ec2.ok("DescribeInstances", &two).await, "instanceId").len(), 2);
    ec2.fails(
        "DescribeInstances",
        &[("Filter.1.Name", "colour"), ("Filter.1.Value.1", "red")],
        "InvalidParameterValue",
    )
    .await;
    ec2.fails("DescribeVpcs", &[("Filter.1.Name", "vpc-id")], "InvalidParameterValue").await;
}

#[tokio::test]
async fn tags_are_added_removed_and_found() {
    let ec2 = ec2();
    let vpc = ec2.vpc().await;
    let tags = [
        ("ResourceId.1", vpc.as_str()),
        ("Tag.1.Key", "Name"),
        ("Tag.1.Value", "a"),
        ("Tag.2.Key", "kubernetes.io/cluster/x"),
        ("Tag.2.Value", "owned"),
    ];
    ec2.ok("CreateTags", &tags).await;
    let shown = ec2.ok("DescribeVpcs", &[("Filter.1.Name", "tag:Name"), ("Filter.1.Value.1", "a")]).await;
    assert_eq!(elements(&shown, "key"), ["Name", "kubernetes.io/cluster/x"]);
    ec2.ok("DeleteTags", &[tags[0], ("Tag.1.Key", "Name"), ("Tag.1.Value", "other")]).await;
    let filter = [("Filter.1.Name", "resource-id"), ("Filter.1.Value.1", vpc.as_str())];
    assert_eq!(
        elements(&ec2.ok("DescribeTags", &filter).await, "key").len(),
        2,
        "another value is left alone"
    );
    ec2.ok("DeleteTags", &[tags[0], ("Tag.1.Key", "Name")]).await;
    let rest = ec2.ok("DescribeTags", &filter).await;
    assert_eq!((elements(&rest, "key").len(), element(&rest, "resourceType").as_str()), (1, "vpc"));
    let missing = [("ResourceId.1", "vpc-00000000000000000"), tags[1], tags[2]];
    ec2.fails("CreateTags", &missing, "InvalidVpcID.NotFound").await;
    ec2.fails("CreateTags", &[tags[0], ("Tag.1.Key", "aws:x"), tags[2]], "InvalidParameterValue").await;
    let nonsense = [("ResourceId.1", "thing-1"), tags[1], tags[2]];
    ec2.fails("CreateTags", &nonsense, "InvalidID").await;
}

#[tokio::test]
async fn regions_zones_images_and_types_are_there_from_the_start() {
    let ec2 = ec2();
    let zones = ec2.ok("DescribeAvailabilityZones", &[]).await;
    assert_eq!(elements(&zones, "zoneName"), ["eu-west-1a", "eu-west-1b", "eu-west-1c"]);
    assert_eq!(elements(&zones, "zoneId")[0], "euw1-az1");
    let regions = ec2.ok("DescribeRegions", &[]).await;
    assert!(!elements(&regions, "regionName").contains(&"cn-north-1".to_owned()), "another partition");
    let image = ec2.ok("DescribeImages", &[("ImageId.1", AMI)]).await;
    assert_eq!(element(&image, "rootDeviceName"), "/dev/xvda");
    let types = ec2.ok("DescribeInstanceTypes", &[("InstanceType.1", "m5.large")]).await;
    assert_eq!(element(&types, "defaultVCpus"), "2");
    ec2.fails("DescribeInstanceTypes", &[("InstanceType.1", "z9.huge")], "InvalidInstanceType").await;
    let default =
        ec2.ok("DescribeSubnets", &[("Filter.1.Name", "default-for-az"), ("Filter.1.Value.1", "true")]).await;
    assert_eq!(elements(&default, "subnetId").len(), 3);
    assert!(left(&ec2.sandbox).is_empty());
}

#[tokio::test]
async fn keys_are_imported_once_and_deleted_any_number_of_times() {
    let ec2 = ec2();
    // An OpenSSH line of an Ed25519 key, in base64 as the API wants it.
    let line = "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUEgbWU=";
    let import = [("KeyName", "k"), ("PublicKeyMaterial", line)];
    ec2.ok("ImportKeyPair", &import).await;
    ec2.fails("ImportKeyPair", &import, "InvalidKeyPair.Duplicate").await;
    ec2.fails("ImportKeyPair", &[("KeyName", "l"), ("PublicKeyMaterial", "aGVsbG8=")], "InvalidKey.Format")
        .await;
    let shown = ec2.ok("DescribeKeyPairs", &[("KeyName.1", "k")]).await;
    assert_eq!(element(&shown, "keyType"), "ed25519");
    ec2.ok("DeleteKeyPair", &import[..1]).await;
    ec2.ok("DeleteKeyPair", &import[..1]).await;
    ec2.fails("DescribeKeyPairs", &[("KeyName.1", "k")], "InvalidKeyPair.NotFound").await;
}
