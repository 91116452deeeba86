//! Machine types.

use super::{Ec2, filters};
use crate::aws::{InstanceType, context::Reply, error::AwsError, query::Params, xml::Xml};

impl Ec2<'_> {
    pub(crate) fn instance_type(&self, name: &str) -> Result<&InstanceType, AwsError> {
        self.context.options().instance_types.iter().find(|kind| kind.name == name).ok_or_else(|| {
            let message = format!("Invalid value '{name}' for InstanceType.");
            AwsError::new("InvalidParameterValue", message)
        })
    }

    pub(crate) fn describe_instance_types(&self, params: &Params) -> Reply {
        let wanted = params.list("InstanceType");
        let known = &self.context.options().instance_types;
        let unknown: Vec<&str> = wanted
            .iter()
            .filter(|name| !known.iter().any(|kind| kind.name == **name))
            .map(String::as_str)
            .collect();
        if !unknown.is_empty() {
            let message =
                format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
            return Err(AwsError::new("InvalidInstanceType", message));
        }
        let mut shown = Vec::new();
        for kind in known {
            if (wanted.is_empty() || wanted.contains(&kind.name)) && passes(kind, params)? {
                shown.push(kind);
            }
        }
        let mut xml = Xml::new();
        xml.list("instanceTypeSet", shown, write);
        Ok(xml)
    }
}

fn passes(kind: &InstanceType, params: &Params) -> Result<bool, AwsError> {
    for filter in params.structs("Filter") {
        let name = filter.required("Name")?;
        let present = match name {
            "instance-type" => kind.name.clone(),
            "processor-info.supported-architecture" => kind.architecture.clone(),
            "vcpu-info.default-vcpus" => kind.vcpus.to_string(),
            "memory-info.size-in-mib" => kind.memory.to_string(),
            "network-info.efa-supported" => kind.efa.to_string(),
            "current-generation" => "true".to_owned(),
            "bare-metal" => "false".to_owned(),
            _ => return Err(filters::unknown(name)),
        };
        if !filters::any(&filter.list("Value"), &present) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn write(xml: &mut Xml, kind: &InstanceType) {
    xml.text("instanceType", &kind.name).text("currentGeneration", true).text("bareMetal", false);
    xml.text("hypervisor", "nitro");
    for (set, value) in [
        ("supportedUsageClasses", "on-demand"),
        ("supportedRootDeviceTypes", "ebs"),
        ("supportedVirtualizationTypes", "hvm"),
    ] {
        xml.list(set, [value], |xml, value| {
            xml.chars(value);
        });
    }
    xml.node("processorInfo", |xml| {
        xml.list("supportedArchitectures", [&kind.architecture], |xml, architecture| {
            xml.chars(architecture);
        });
    });
    xml.node("vCpuInfo", |xml| {
        xml.text("defaultVCpus", kind.vcpus).text("defaultCores", kind.vcpus / kind.threads_per_core.max(1));
        xml.text("defaultThreadsPerCore", kind.threads_per_core);
    });
    xml.node("memoryInfo", |xml| {
        xml.text("sizeInMiB", kind.memory);
    });
    xml.node("networkInfo", |xml| {
        xml.text("maximumNetworkInterfaces", kind.max_interfaces)
            .text("maximumNetworkCards", kind.network_cards);
        xml.text("defaultNetworkCardIndex", 0).text("ipv6Supported", true).text("enaSupport", "required");
        xml.text("efaSupported", kind.efa);
    });
    if kind.gpus > 0 {
        xml.node("gpuInfo", |xml| {
            xml.list("gpus", [kind.gpus], |xml, count| {
                xml.text("name", "A100").text("manufacturer", "NVIDIA").text("count", count);
            });
        });
    }
}
