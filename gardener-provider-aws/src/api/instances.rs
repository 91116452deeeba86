//! EC2 instances ([reference](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html)).

use bytes::Bytes;
use gardener_provider_client::{call::Idempotency, pages::Page};
use gardener_provider_core::Result;
use http::Response;
use serde::Deserialize;

use super::{
    ApiRequest, Operation, family,
    query::{Filter, Form, items, text, xml},
    tags::{self, Tags},
};
use crate::{
    endpoints::Service,
    provider_spec::{BlockDevice, NetworkInterface, ProviderSpec},
};

/// An instance, as far as anybody here looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Instance {
    pub instance_id: String,
    pub instance_state: State,
    pub state_reason: StateReason,
    #[serde(deserialize_with = "text")]
    pub client_token: Option<String>,
    #[serde(deserialize_with = "text")]
    pub private_dns_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub dns_name: Option<String>,
    #[serde(deserialize_with = "text")]
    pub private_ip_address: Option<String>,
    #[serde(deserialize_with = "text")]
    pub ip_address: Option<String>,
    #[serde(deserialize_with = "text")]
    pub ipv6_address: Option<String>,
    #[serde(rename = "networkInterfaceSet", deserialize_with = "items")]
    pub network_interfaces: Vec<AttachedInterface>,
    #[serde(rename = "tagSet", deserialize_with = "tags::set")]
    pub tags: Tags,
}

/// The state of an instance: `pending`, `running`, `stopping`, `stopped`, `shutting-down` or `terminated`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct State {
    pub name: String,
}

/// Why an instance is in its state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct StateReason {
    pub code: String,
    pub message: String,
}

/// A network interface of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AttachedInterface {
    pub network_interface_id: String,
    #[serde(deserialize_with = "text")]
    pub interface_type: Option<String>,
    pub source_dest_check: Option<bool>,
    pub attachment: Attachment,
    #[serde(rename = "ipv6AddressesSet", deserialize_with = "items")]
    pub ipv6_addresses: Vec<Ipv6Address>,
    #[serde(rename = "ipv6PrefixSet", deserialize_with = "items")]
    pub ipv6_prefixes: Vec<Ipv6Prefix>,
}

/// Where a network interface is attached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Attachment {
    pub device_index: i32,
    pub network_card_index: i32,
}

/// An IPv6 address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ipv6Address {
    pub ipv6_address: String,
}

/// An IPv6 prefix.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ipv6Prefix {
    pub ipv6_prefix: String,
}

impl Instance {
    /// True if it is on its way out or gone; there is no way back.
    pub fn is_dead(&self) -> bool {
        matches!(self.instance_state.name.as_str(), "shutting-down" | "terminated")
    }

    /// True if nothing of it is left but its entry in the list.
    pub fn is_terminated(&self) -> bool {
        self.instance_state.name == "terminated"
    }
}

/// One page of the instances that match all filters.
pub fn describe_instances(filters: &[Filter], token: Option<&str>) -> Operation<Page<Instance>> {
    let request = Form::new().filters(filters).opt("NextToken", token).put("MaxResults", PAGE).request(
        Service::Ec2,
        "DescribeInstances",
        family::EC2_READ,
        Idempotency::Safe,
    );
    Operation::new(request, instances_page)
}

/// The most instances that a page holds.
const PAGE: u32 = 1000;

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reservation {
    #[serde(deserialize_with = "items")]
    instances_set: Vec<Instance>,
}

fn instances_page(reply: &Response<Bytes>) -> Result<Page<Instance>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        #[serde(default, deserialize_with = "items")]
        reservation_set: Vec<Reservation>,
        #[serde(default, deserialize_with = "text")]
        next_token: Option<String>,
    }
    let reply: Reply = xml(reply)?;
    let instances = reply.reservation_set.into_iter().flat_map(|reservation| reservation.instances_set);
    Ok(Page::new(instances.collect(), reply.next_token))
}

/// What [`run_instances`] is told.
#[derive(Debug, Clone, Copy)]
pub struct RunInstances<'a> {
    /// How the machine is.
    pub spec: &'a ProviderSpec,
    /// The name of the image's disk.
    pub root_device: Option<&'a str>,
    /// The tags of the instance and of all that comes with it.
    pub tags: &'a Tags,
    /// What the machine runs first, in base64.
    pub user_data: &'a str,
    /// Repeating the call with the same token answers the same instance.
    pub client_token: &'a str,
}

/// Creates one instance.
pub fn run_instances(run: &RunInstances<'_>) -> Operation<Vec<Instance>> {
    let spec = run.spec;
    let form = Form::new()
        .put("ImageId", &spec.ami)
        .put("InstanceType", &spec.machine_type)
        .put("MinCount", 1)
        .put("MaxCount", 1)
        .put("ClientToken", run.client_token)
        .opt("UserData", given(run.user_data))
        .opt("KeyName", spec.key_name.as_ref())
        .opt("EbsOptimized", spec.ebs_optimized.then_some(true))
        .opt("Monitoring.Enabled", spec.monitoring.then_some(true))
        .opt("IamInstanceProfile.Arn", given(&spec.iam.arn))
        .opt("IamInstanceProfile.Name", given(&spec.iam.name))
        .each("BlockDeviceMapping", &spec.block_devices, |form, device| {
            let sole = spec.block_devices.len() == 1;
            block_device(form, device, run.root_device.filter(|_| sole || device.device_name == "/root"))
        })
        .each("NetworkInterface", spec.network_interfaces.iter().enumerate(), |form, (index, interface)| {
            network_interface(form, index, interface)
        })
        .tag_specifications(["instance", "volume", "network-interface"].map(|kind| (kind, run.tags)));
    let request = options(form, spec).request(
        Service::Ec2,
        "RunInstances",
        family::EC2_RUN,
        // By its client token.
        Idempotency::Idempotent,
    );
    Operation::new(request, |reply| {
        let reservation: Reservation = xml(reply)?;
        Ok(reservation.instances_set)
    })
}

/// Go's zero values stand for "not given".
fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn block_device(form: Form, device: &BlockDevice, root: Option<&str>) -> Form {
    let form = form
        .put("DeviceName", root.unwrap_or(&device.device_name))
        .opt("NoDevice", given(&device.no_device).map(|_| ""))
        .opt("VirtualName", given(&device.virtual_name));
    if !device.no_device.is_empty() || !device.virtual_name.is_empty() {
        return form;
    }
    let ebs = &device.ebs;
    form.nested("Ebs", |form| {
        form.put("DeleteOnTermination", ebs.delete_on_termination.unwrap_or(true))
            .put("VolumeSize", ebs.volume_size)
            .put("VolumeType", &ebs.volume_type)
            .opt("Iops", Some(ebs.iops).filter(|iops| *iops > 0))
            .opt("Throughput", ebs.throughput)
            .opt("SnapshotId", ebs.snapshot_id.as_ref())
            // Saying `false` would fail for an encrypted snapshot, so only `true` is said.
            .opt("Encrypted", (ebs.encrypted || ebs.kms_key_id.is_some()).then_some(true))
            .opt("KmsKeyId", ebs.kms_key_id.as_ref())
    })
}

fn network_interface(form: Form, index: usize, interface: &NetworkInterface) -> Form {
    let positive = |count: Option<i32>| count.filter(|count| *count > 0);
    form.put("DeviceIndex", device_index(index, interface))
        .opt("NetworkCardIndex", interface.network_card_index)
        .opt("InterfaceType", interface.interface_type.as_ref())
        .put("SubnetId", &interface.subnet_id)
        .list("SecurityGroupId", &interface.security_group_ids)
        .put("DeleteOnTermination", interface.delete_on_termination.unwrap_or(true))
        .opt("Description", interface.description.as_ref())
        .opt("AssociatePublicIpAddress", interface.associate_public_ip_address)
        .opt("Ipv6AddressCount", positive(interface.ipv6_address_count))
        .opt("PrimaryIpv6", interface.primary_ipv6)
}

/// Which device of its network card an interface is: what the spec says, else its place in the list.
pub fn device_index(index: usize, interface: &NetworkInterface) -> i32 {
    interface.device_index.unwrap_or_else(|| i32::try_from(index).unwrap_or(i32::MAX))
}

fn options(form: Form, spec: &ProviderSpec) -> Form {
    let form = market(form, spec);
    let form = match &spec.capacity_reservation {
        Some(reservation) => form.nested("CapacityReservationSpecification", |form| {
            form.opt("CapacityReservationPreference", given(&reservation.capacity_reservation_preference))
                .opt(
                    "CapacityReservationTarget.CapacityReservationId",
                    reservation.capacity_reservation_id.as_ref(),
                )
                .opt(
                    "CapacityReservationTarget.CapacityReservationResourceGroupArn",
                    reservation.capacity_reservation_resource_group_arn.as_ref(),
                )
        }),
        None => form,
    };
    let form = match &spec.instance_metadata_options {
        Some(options) => form.nested("MetadataOptions", |form| {
            form.opt("HttpEndpoint", given(&options.http_endpoint))
                .opt("HttpPutResponseHopLimit", options.http_put_response_hop_limit)
                .opt("HttpTokens", given(&options.http_tokens))
                .opt("HttpProtocolIpv6", given(&options.http_protocol_ipv6))
        }),
        None => form,
    };
    let form = match &spec.cpu_options {
        Some(options) => form.nested("CpuOptions", |form| {
            form.opt("CoreCount", options.core_count)
                .opt("ThreadsPerCore", options.threads_per_core)
                .opt("AmdSevSnp", options.amd_sev_snp.as_ref())
        }),
        None => form,
    };
    match &spec.placement {
        Some(placement) => form.nested("Placement", |form| {
            form.opt("GroupId", placement.group_id.as_ref())
                .opt("Tenancy", placement.tenancy.as_deref().and_then(given))
                .opt("HostId", placement.host_id.as_ref())
                .opt("PartitionNumber", placement.partition_number)
                .opt("Affinity", placement.affinity.as_deref().and_then(given))
        }),
        None => form,
    }
}

fn market(form: Form, spec: &ProviderSpec) -> Form {
    let market = match (&spec.instance_market_options, &spec.spot_price) {
        (Some(options), _) => options.market_type.as_str(),
        (None, Some(_)) => "spot",
        (None, None) => return form,
    };
    form.nested("InstanceMarketOptions", |form| {
        form.put("MarketType", market).opt("SpotOptions.MaxPrice", spec.spot_price.as_deref().and_then(given))
    })
}

/// How an instance's state changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StateChange {
    pub instance_id: String,
    pub current_state: State,
}

/// Terminates instances; all or, if one of them is unknown, none.
pub fn terminate_instances<T: AsRef<str>>(ids: &[T]) -> Operation<Vec<StateChange>> {
    let request = Form::new().list("InstanceId", ids.iter().map(AsRef::as_ref)).request(
        Service::Ec2,
        "TerminateInstances",
        family::EC2_TERMINATE,
        Idempotency::Idempotent,
    );
    Operation::new(request, |reply| {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Reply {
            #[serde(default, deserialize_with = "items")]
            instances_set: Vec<StateChange>,
        }
        xml::<Reply>(reply).map(|reply| reply.instances_set)
    })
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "m".to_owned())]);
    let run = |spec: &ProviderSpec| {
        let run = RunInstances {
            spec,
            root_device: Some("/dev/xvda"),
            tags: &tags,
            user_data: "IyEvYmluL3No",
            client_token: "token",
        };
        run_instances(&run).request
    };
    let specs = crate::provider_spec::samples();
    let mut samples = vec![
        describe_instances(&[Filter::tag("Name", "m")], Some("token")).request,
        terminate_instances(&["i-1", "i-2"]).request,
    ];
    samples.extend(specs.iter().map(run));
    samples
}

#[cfg(test)]
mod tests;
