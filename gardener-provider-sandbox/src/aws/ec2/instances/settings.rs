//! What an instance was asked to be, checked.

use std::{borrow::Cow, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::aws::{InstanceType, ec2::kind::View, error::AwsError, iam, query::Params, xml::Xml};

/// The settings of an instance that only have to be remembered and shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    pub(crate) client_token: Option<String>,
    pub(crate) key_name: Option<String>,
    /// `spot`, `capacity-block` or `interruptible-capacity-reservation`; absent for on-demand.
    pub(crate) lifecycle: Option<String>,
    profile: Option<Profile>,
    pub(crate) ebs_optimized: bool,
    monitoring: bool,
    pub(crate) protected: bool,
    placement: Params,
    cpu: Option<Cpu>,
    metadata: Params,
    capacity: Params,
}

#[derive(Debug, Clone)]
enum Profile {
    Arn(String),
    Name(String),
}

#[derive(Debug, Clone)]
struct Cpu {
    cores: u32,
    threads: u32,
    amd_sev_snp: Option<String>,
}

fn error(code: &'static str, message: impl Into<Cow<'static, str>>) -> AwsError {
    AwsError::new(code, message.into().into_owned())
}

impl Settings {
    pub(crate) fn of(params: &Params, kind: &InstanceType) -> Result<Self, AwsError> {
        check_user_data(params)?;
        let owned = |name: &str| params.filled(name).map(str::to_owned);
        Ok(Self {
            client_token: owned("ClientToken"),
            key_name: owned("KeyName"),
            lifecycle: read_market(&params.sub("InstanceMarketOptions"))?,
            profile: read_profile(&params.sub("IamInstanceProfile"))?,
            ebs_optimized: params.flag("EbsOptimized")?.unwrap_or(false),
            monitoring: params.flag("Monitoring.Enabled")?.unwrap_or(false),
            protected: params.flag("DisableApiTermination")?.unwrap_or(false),
            placement: read_placement(params.sub("Placement"))?,
            cpu: read_cpu(&params.sub("CpuOptions"), kind)?,
            metadata: read_metadata(params.sub("MetadataOptions"))?,
            capacity: read_capacity(params.sub("CapacityReservationSpecification"))?,
        })
    }

    pub(crate) fn zone(&self) -> Option<&str> {
        self.placement.filled("AvailabilityZone")
    }

    pub(crate) fn tenancy(&self) -> &str {
        self.placement.filled("Tenancy").unwrap_or("default")
    }

    pub(crate) fn default_tenancy(&mut self, tenancy: &str) {
        if self.placement.filled("Tenancy").is_none() {
            self.placement.set("Tenancy", tenancy);
        }
    }

    pub(crate) fn profile_name(&self) -> Option<String> {
        Some(match self.profile.as_ref()? {
            Profile::Name(name) => name.clone(),
            Profile::Arn(arn) => arn.rsplit('/').next().unwrap_or(arn).to_owned(),
        })
    }

    pub(crate) fn check_profile(&self, iam: &iam::State, now: SystemTime) -> Result<(), AwsError> {
        let (member, name) = match &self.profile {
            None => return Ok(()),
            Some(Profile::Arn(arn)) => ("arn", arn),
            Some(Profile::Name(name)) => ("name", name),
        };
        if iam.profile(name, now).is_some() {
            return Ok(());
        }
        let message = format!(
            "Value ({name}) for parameter iamInstanceProfile.{member} is invalid. Invalid IAM Instance Profile {member}"
        );
        Err(error("InvalidParameterValue", message))
    }

    pub(crate) fn profile_arn(&self, view: &View<'_>) -> Option<String> {
        Some(match self.profile.as_ref()? {
            Profile::Arn(arn) => arn.clone(),
            Profile::Name(name) => {
                let context = view.context;
                format!("arn:{}:iam::{}:instance-profile/{name}", context.partition(), context.account())
            }
        })
    }

    pub(crate) fn show(&self, view: &View<'_>, xml: &mut Xml, zone: &str, kind: Option<&InstanceType>) {
        xml.opt("keyName", self.key_name.as_ref()).opt("clientToken", self.client_token.as_ref());
        xml.opt("instanceLifecycle", self.lifecycle.as_ref()).text("ebsOptimized", self.ebs_optimized);
        if let Some(arn) = self.profile_arn(view) {
            xml.node("iamInstanceProfile", |xml| {
                xml.text("arn", arn).text("id", "AIPASANDBOX0000000000");
            });
        }
        xml.node("monitoring", |xml| {
            xml.text("state", if self.monitoring { "enabled" } else { "disabled" });
        });
        xml.node("placement", |xml| {
            xml.text("availabilityZone", zone).text("tenancy", self.tenancy());
            for (name, element) in [
                ("GroupName", "groupName"),
                ("GroupId", "groupId"),
                ("HostId", "hostId"),
                ("Affinity", "affinity"),
                ("PartitionNumber", "partitionNumber"),
            ] {
                xml.opt(element, self.placement.filled(name));
            }
        });
        self.show_options(xml, kind);
    }

    fn show_options(&self, xml: &mut Xml, kind: Option<&InstanceType>) {
        let (cores, threads) = match (&self.cpu, kind) {
            (Some(cpu), _) => (cpu.cores, cpu.threads),
            (None, Some(kind)) => (kind.vcpus / kind.threads_per_core.max(1), kind.threads_per_core),
            (None, None) => (1, 1),
        };
        xml.node("cpuOptions", |xml| {
            xml.text("coreCount", cores).text("threadsPerCore", threads);
            xml.opt("amdSevSnp", self.cpu.as_ref().and_then(|cpu| cpu.amd_sev_snp.as_ref()));
        });
        xml.node("capacityReservationSpecification", |xml| {
            let target = self.capacity.sub("CapacityReservationTarget");
            if target.is_empty() {
                let preference = self.capacity.filled("CapacityReservationPreference").unwrap_or("open");
                xml.text("capacityReservationPreference", preference);
                return;
            }
            xml.node("capacityReservationTarget", |xml| {
                xml.opt("capacityReservationId", target.filled("CapacityReservationId"));
                let arn = target.filled("CapacityReservationResourceGroupArn");
                xml.opt("capacityReservationResourceGroupArn", arn);
            });
        });
        xml.node("metadataOptions", |xml| {
            let shown =
                |name: &str, default: &'static str| self.metadata.filled(name).unwrap_or(default).to_owned();
            xml.text("state", "applied").text("httpTokens", shown("HttpTokens", "required"));
            xml.text("httpPutResponseHopLimit", shown("HttpPutResponseHopLimit", "2"));
            xml.text("httpEndpoint", shown("HttpEndpoint", "enabled"));
            xml.text("httpProtocolIpv6", shown("HttpProtocolIpv6", "disabled"));
            xml.text("instanceMetadataTags", shown("InstanceMetadataTags", "disabled"));
        });
    }
}

fn check_user_data(params: &Params) -> Result<(), AwsError> {
    let Some(text) = params.filled("UserData") else { return Ok(()) };
    match BASE64.decode(text) {
        Err(_) => Err(error("InvalidParameterValue", "Invalid BASE64 encoding of user data.")),
        Ok(data) if data.len() > 16_384 => {
            Err(error("InvalidParameterValue", "User data is limited to 16384 bytes"))
        }
        Ok(_) => Ok(()),
    }
}

fn read_market(market: &Params) -> Result<Option<String>, AwsError> {
    if market.is_empty() {
        return Ok(None);
    }
    const KINDS: [&str; 3] = ["spot", "capacity-block", "interruptible-capacity-reservation"];
    let kind = market.one_of("MarketType", &KINDS)?.unwrap_or("spot");
    let spot = market.sub("SpotOptions");
    if kind != "spot" && !spot.is_empty() {
        let message = "Spot options are only for the market type spot";
        return Err(error("InvalidParameterCombination", message));
    }
    spot.one_of("SpotInstanceType", &["one-time", "persistent"])?;
    match spot.parsed::<f64>("MaxPrice")? {
        // The sandbox's price of everything.
        Some(price) if price < 0.01 => {
            let message = format!(
                "Your Spot request price of {price} is lower than the minimum required Spot request fulfillment price of 0.01."
            );
            Err(error("SpotMaxPriceTooLow", message))
        }
        _ => Ok(Some(kind.to_owned())),
    }
}

fn read_profile(profile: &Params) -> Result<Option<Profile>, AwsError> {
    match (profile.filled("Arn"), profile.filled("Name")) {
        (Some(_), Some(_)) => {
            let message = "The parameter iamInstanceProfile.name may not be used in combination with iamInstanceProfile.arn";
            Err(error("InvalidParameterCombination", message))
        }
        (Some(arn), None) if !arn.contains(":instance-profile/") => Err(error(
            "InvalidParameterValue",
            format!(
                "Value ({arn}) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance Profile ARN"
            ),
        )),
        (Some(arn), None) => Ok(Some(Profile::Arn(arn.to_owned()))),
        (None, Some(name)) => Ok(Some(Profile::Name(name.to_owned()))),
        (None, None) => Ok(None),
    }
}

fn read_placement(placement: Params) -> Result<Params, AwsError> {
    placement.one_of("Tenancy", &["default", "dedicated", "host"])?;
    placement.one_of("Affinity", &["default", "host"])?;
    placement.parsed::<u32>("PartitionNumber")?;
    if placement.filled("HostId").is_some()
        && placement.filled("Tenancy").is_some_and(|tenancy| tenancy != "host")
    {
        return Err(error("InvalidParameterCombination", "A host ID needs the tenancy host"));
    }
    if placement.filled("GroupId").is_some() && placement.filled("GroupName").is_some() {
        let message = "The parameters groupId and groupName cannot be used together";
        return Err(error("InvalidParameterCombination", message));
    }
    Ok(placement)
}

fn read_cpu(options: &Params, kind: &InstanceType) -> Result<Option<Cpu>, AwsError> {
    if options.is_empty() {
        return Ok(None);
    }
    let amd_sev_snp = options.one_of("AmdSevSnp", &["enabled", "disabled"])?.map(str::to_owned);
    let supports = ["m6a.", "c6a.", "r6a."].iter().any(|family| kind.name.starts_with(family));
    if amd_sev_snp.as_deref() == Some("enabled") && !supports {
        let message = format!("The instance type {} does not support AMD SEV-SNP.", kind.name);
        return Err(error("InvalidParameterCombination", message));
    }
    let most = kind.vcpus / kind.threads_per_core.max(1);
    let (cores, threads) = match (options.parsed("CoreCount")?, options.parsed("ThreadsPerCore")?) {
        (Some(cores), Some(threads)) => (cores, threads),
        (None, None) => (most, kind.threads_per_core),
        _ => {
            let message = "CPU options need both a core count and the threads per core";
            return Err(error("InvalidParameterCombination", message));
        }
    };
    if cores == 0 || cores > most || threads == 0 || threads > kind.threads_per_core {
        let message =
            format!("{cores} cores of {threads} threads are not valid for the instance type {}.", kind.name);
        return Err(error("InvalidParameterValue", message));
    }
    Ok(Some(Cpu { cores, threads, amd_sev_snp }))
}

fn read_metadata(options: Params) -> Result<Params, AwsError> {
    options.one_of("HttpTokens", &["optional", "required"])?;
    options.one_of("HttpEndpoint", &["enabled", "disabled"])?;
    options.one_of("HttpProtocolIpv6", &["enabled", "disabled"])?;
    options.one_of("InstanceMetadataTags", &["enabled", "disabled"])?;
    match options.parsed::<u32>("HttpPutResponseHopLimit")? {
        Some(limit) if !(1..=64).contains(&limit) => {
            Err(options.invalid("HttpPutResponseHopLimit", &limit.to_string()))
        }
        _ => Ok(options),
    }
}

fn read_capacity(specification: Params) -> Result<Params, AwsError> {
    specification.one_of("CapacityReservationPreference", &["open", "none", "capacity-reservations-only"])?;
    let target = specification.sub("CapacityReservationTarget");
    let (id, arn) =
        (target.filled("CapacityReservationId"), target.filled("CapacityReservationResourceGroupArn"));
    if id.is_some() && arn.is_some() {
        let message = "A capacity reservation is named by its ID or its resource group, not both";
        return Err(error("InvalidParameterCombination", message));
    }
    match id {
        Some(id) if !id.starts_with("cr-") => {
            let message = format!("Invalid id: \"{id}\" (expecting \"cr-...\")");
            Err(error("InvalidCapacityReservationId.Malformed", message))
        }
        _ => Ok(specification),
    }
}
