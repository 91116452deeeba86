//! Everything the AWS part remembers.

use std::{collections::BTreeMap, time::SystemTime};

use super::{Durations, auth::AccessKeys, ec2, efs, elb, iam, sts};
use crate::{Resource, SandboxOptions, ids::Ids};

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) ids: Ids,
    pub(crate) keys: AccessKeys,
    /// EC2, by region.
    pub(crate) ec2: BTreeMap<String, ec2::Region>,
    pub(crate) iam: iam::State,
    pub(crate) sts: sts::State,
    /// Load balancing, by region.
    pub(crate) elb: BTreeMap<String, elb::State>,
    /// File systems, by region.
    pub(crate) efs: BTreeMap<String, efs::State>,
}

impl State {
    pub(crate) fn new(options: &SandboxOptions) -> Self {
        Self {
            ids: Ids::new(options.seed),
            keys: AccessKeys::new(&options.aws.access_keys),
            ec2: BTreeMap::new(),
            iam: iam::State::default(),
            sts: sts::State::default(),
            elb: BTreeMap::new(),
            efs: BTreeMap::new(),
        }
    }

    /// See [`Aws::inventory`](super::Aws::inventory); buckets are added there.
    pub(crate) fn inventory(&mut self, now: SystemTime, durations: &Durations) -> Vec<Resource> {
        let mut found = Vec::new();
        for (region, ec2) in &mut self.ec2 {
            ec2.settle(now, durations);
            found.extend(ec2.inventory(region));
        }
        found.extend(self.iam.inventory());
        for (region, elb) in &self.elb {
            found.extend(elb.inventory(region, now));
        }
        for (region, efs) in &self.efs {
            found.extend(efs.inventory(region, now));
        }
        found
    }
}
