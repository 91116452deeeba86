//! Microsoft.Compute.
//!
//! <https://learn.microsoft.com/en-us/rest/api/compute/>

mod actions;
mod capacity;
mod catalog;
mod disks;
mod images;
mod machine_fields;
mod machines;
mod network_profile;
mod os_profile;
mod scale_sets;
mod sets;
mod storage_profile;

use super::arm::kind::Kind;

pub(crate) const KINDS: &[&Kind] = &[
    &machines::MACHINE,
    &disks::DISK,
    &sets::AVAILABILITY_SET,
    &scale_sets::SCALE_SET,
    &capacity::GROUP,
    &capacity::RESERVATION,
    &images::IMAGE,
    &images::GALLERY,
    &images::GALLERY_IMAGE,
    &images::GALLERY_VERSION,
];
