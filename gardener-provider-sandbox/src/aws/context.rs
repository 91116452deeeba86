//! What a call's handler knows besides the parameters.

use std::time::{Duration, SystemTime};

use super::{AwsOptions, auth::Caller, error::AwsError};
use crate::{call::Call, world::World};

/// One authenticated call on its way to its handler.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) call: &'a Call,
    pub(crate) caller: Caller,
    pub(crate) request_id: String,
    pub(crate) now: SystemTime,
}

/// What a handler returns: the content of the reply.
pub(crate) type Reply = Result<super::xml::Xml, AwsError>;

impl Context<'_> {
    pub(crate) fn options(&self) -> &AwsOptions {
        &self.world.options.aws
    }

    pub(crate) fn region(&self) -> &str {
        &self.call.region
    }

    pub(crate) fn account(&self) -> &str {
        &self.options().account
    }

    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub(crate) fn partition(&self) -> &'static str {
        partition(self.region())
    }

    /// The ARN of a regional resource of this account.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.partition(), self.region(), self.account())
    }

    /// The time in so long; a duration beyond all calendars is a century.
    pub(crate) fn after(&self, duration: Duration) -> SystemTime {
        const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
        self.now + duration.min(CENTURY)
    }

    /// From when on a resource created now is seen: now, plus the eventual-consistency lag.
    pub(crate) fn visible_from(&self) -> SystemTime {
        self.after(self.world.lag())
    }
}

/// The partition of a region.
pub(crate) fn partition(region: &str) -> &'static str {
    match region.split_once('-') {
        Some(("cn", _)) => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
