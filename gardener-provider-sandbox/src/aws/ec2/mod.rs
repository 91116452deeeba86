//! EC2, API version 2016-11-15.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/>

pub(crate) mod catalog;

use std::time::SystemTime;

use super::{
    answer::unknown_action,
    context::{Context, Reply},
    query::Params,
    state::State,
};
use crate::Resource;

/// All of EC2 in one region.
#[derive(Debug, Default)]
pub(crate) struct Region {}

impl Region {
    pub(crate) fn inventory(&self, _region: &str, _now: SystemTime) -> Vec<Resource> {
        Vec::new()
    }
}

/// Answers one call.
pub(crate) fn answer(context: &Context<'_>, state: &mut State, params: &Params) -> Reply {
    let _ = state.ec2.entry(context.region().to_owned()).or_default();
    match context.call.operation.as_str() {
        "DescribeRegions" => {
            let mut xml = super::xml::Xml::new();
            xml.list("regionInfo", &context.options().regions, |xml, (region, _)| {
                xml.text("regionName", region);
            });
            Ok(xml)
        }
        _ => unknown_action(context, params),
    }
}
