//! What a project finds in compute from the start.

use crate::gcp::options::{Image, MachineType};

/// The number of a project, or of anything else that is named.
pub(crate) fn project_number(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    100_000_000_000 + hash % 900_000_000_000
}

pub(crate) fn default_regions() -> Vec<(String, Vec<String>)> {
    [
        ("europe-west1", "bcd"),
        ("europe-west3", "abc"),
        ("us-central1", "abcf"),
        ("us-east1", "bcd"),
        ("asia-southeast1", "abc"),
    ]
    .into_iter()
    .map(|(region, zones)| {
        (region.to_owned(), zones.chars().map(|zone| format!("{region}-{zone}")).collect())
    })
    .collect()
}

pub(crate) fn default_images() -> Vec<Image> {
    let arm = |image: Image| Image { architecture: "ARM64".to_owned(), ..image };
    let big = |image: Image| Image { disk_size_gb: 20, ..image };
    vec![
        Image::new("debian-cloud", "debian-12-bookworm-v20260910", "debian-12"),
        Image::new("debian-cloud", "debian-12-bookworm-v20261110", "debian-12"),
        arm(Image::new("debian-cloud", "debian-12-bookworm-arm64-v20261110", "debian-12-arm64")),
        Image::new("ubuntu-os-cloud", "ubuntu-2404-noble-amd64-v20261101", "ubuntu-2404-lts-amd64"),
        Image::new("sap-se-gcp-gardenlinux", "gardenlinux-gcp-amd64-1877-2", "gardenlinux"),
        arm(Image::new("sap-se-gcp-gardenlinux", "gardenlinux-gcp-arm64-1877-2", "gardenlinux-arm64")),
        big(Image::new("rhel-cloud", "rhel-9-v20261105", "rhel-9")),
    ]
}

/// A few types of the kinds that differ: shared core, general, Arm, local disks, accelerators.
pub(crate) fn default_machine_types() -> Vec<MachineType> {
    let arm = |name, cpus, memory| MachineType {
        architecture: "ARM64".to_owned(),
        ..MachineType::new(name, cpus, memory)
    };
    vec![
        MachineType::new("e2-medium", 2, 4096),
        MachineType::new("e2-standard-2", 2, 8192),
        MachineType::new("e2-standard-4", 4, 16_384),
        MachineType { takes_accelerators: true, ..MachineType::new("n1-standard-1", 1, 3840) },
        MachineType { takes_accelerators: true, ..MachineType::new("n1-standard-2", 2, 7680) },
        MachineType { takes_accelerators: true, ..MachineType::new("n1-standard-4", 4, 15_360) },
        MachineType::new("n2-standard-2", 2, 8192),
        MachineType::new("n2-standard-4", 4, 16_384),
        MachineType::new("n2-standard-8", 8, 32_768),
        MachineType::new("c3-standard-4", 4, 16_384),
        arm("t2a-standard-2", 2, 8192),
        arm("c4a-standard-2", 2, 8192),
        MachineType {
            accelerators: Some(("nvidia-l4".to_owned(), 1)),
            ..MachineType::new("g2-standard-4", 4, 16_384)
        },
        MachineType {
            accelerators: Some(("nvidia-tesla-a100".to_owned(), 1)),
            ..MachineType::new("a2-highgpu-1g", 12, 87_040)
        },
    ]
}

/// Types of disks: name, default size in GB, smallest and largest size.
pub(super) const DISK_TYPES: [(&str, u64, &str); 9] = [
    ("pd-standard", 500, "10GB-65536GB"),
    ("pd-balanced", 100, "10GB-65536GB"),
    ("pd-ssd", 100, "10GB-65536GB"),
    ("pd-extreme", 1000, "500GB-65536GB"),
    ("hyperdisk-balanced", 100, "4GB-65536GB"),
    ("hyperdisk-extreme", 1000, "64GB-65536GB"),
    ("hyperdisk-throughput", 2048, "2048GB-32768GB"),
    ("hyperdisk-ml", 100, "4GB-65536GB"),
    ("local-ssd", 375, "375GB-375GB"),
];

/// Types of accelerators and how many an instance can have.
pub(super) const ACCELERATOR_TYPES: [(&str, u32); 6] = [
    ("nvidia-tesla-t4", 4),
    ("nvidia-tesla-p4", 4),
    ("nvidia-tesla-v100", 8),
    ("nvidia-tesla-p100", 4),
    ("nvidia-l4", 8),
    ("nvidia-tesla-a100", 16),
];
