//! What a subscription finds in Azure from the start.

use super::options::{Image, VmSize};

pub(super) fn default_locations() -> Vec<(String, Vec<String>)> {
    let zonal = [
        "westeurope",
        "northeurope",
        "germanywestcentral",
        "eastus",
        "eastus2",
        "westus2",
        "chinanorth3",
        "usgovvirginia",
    ];
    let plain = ["westus", "ukwest", "chinaeast2", "usgovtexas"];
    let zones: Vec<String> = ["1", "2", "3"].map(str::to_owned).to_vec();
    let zonal = zonal.map(|name| (name.to_owned(), zones.clone()));
    zonal.into_iter().chain(plain.map(|name| (name.to_owned(), Vec::new()))).collect()
}

pub(super) fn default_images() -> Vec<Image> {
    vec![
        Image::new("sap", "gardenlinux", "greatest", "1877.2.0").with_plan(),
        Image::new("sap", "gardenlinux", "greatest", "1877.3.0").with_plan(),
        Image::new("sap", "gardenlinux", "greatest-arm64", "1877.3.0").with_plan().with_architecture("Arm64"),
        Image::new("Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-gen2", "22.04.202610010"),
        Image::new("Canonical", "0001-com-ubuntu-server-jammy", "22_04-lts-arm64", "22.04.202610010")
            .with_architecture("Arm64"),
        Image::new("Canonical", "ubuntu-24_04-lts", "server", "24.04.202610010"),
        Image::new("SUSE", "sles-15-sp5", "gen2", "2026.10.01"),
    ]
}

pub(super) fn default_vm_sizes() -> Vec<VmSize> {
    let mut sizes = vec![
        VmSize { accelerated_networking: false, ..VmSize::new("Standard_B2s", 2, 4096) },
        VmSize { accelerated_networking: false, ..VmSize::new("Standard_A4_v2", 4, 8192) },
        VmSize::new("Standard_B2s_v2", 2, 8192),
        VmSize::new("Standard_DS1_v2", 1, 3584),
        VmSize::new("Standard_DS2_v2", 2, 7168),
        VmSize::new("Standard_DC4as_v5", 4, 16_384),
        VmSize::new("Standard_NC6s_v3", 6, 114_688),
        VmSize::new("Standard_D2ps_v5", 2, 8192).with_architecture("Arm64"),
        VmSize::new("Standard_D4ps_v5", 4, 16_384).with_architecture("Arm64"),
    ];
    for (family, memory_per_core) in [("D", 4096), ("E", 8192), ("F", 2048)] {
        for generation in ["v3", "v4", "v5", "v6"] {
            for cores in [2, 4, 8, 16, 32] {
                let name = format!("Standard_{family}{cores}s_{generation}");
                sizes.push(VmSize {
                    max_data_disks: cores as usize * 2,
                    ..VmSize::new(name, cores, cores * memory_per_core)
                });
            }
        }
    }
    sizes
}
