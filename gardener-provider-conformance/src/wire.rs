//! Wire truth: are requests and replies what the vendor's own description of the API says?
//!
//! A sandbox of ours proves only that we agree with ourselves. So every request that a provider can build, and every
//! reply that the sandbox gives, is held against the description that the vendor's SDKs are made from: is there such an
//! operation, such a parameter at this place, of this type, and is nothing missing that must be there?
//!
//! AWS: [`botocore`](https://github.com/boto/botocore)'s `service-2.json`, for the protocols EC2, Query, REST-XML and
//! REST-JSON ([source](https://smithy.io/2.0/aws/protocols/index.html)).

mod find;
mod json;
mod query;
mod record;
mod rest;
mod scalars;
mod shapes;
mod tree;
mod xml;

use std::{collections::BTreeSet, fmt, path::Path};

use bytes::Bytes;
use http::{Request, Response};

pub use record::{Exchange, Recorder};
pub use shapes::{Description, Unreadable};

use shapes::Protocol;

/// One thing that is not as the description says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// Where, as the wire names it: `BlockDeviceMapping.1.Ebs.VolumeType`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl Problem {
    fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.problem),
            path => write!(f, "{path}: {}", self.problem),
        }
    }
}

/// The descriptions of the services of AWS that a provider uses.
#[derive(Debug, Default)]
pub struct Wire {
    services: Vec<Description>,
    operations: BTreeSet<(String, String)>,
    requests: u64,
    replies: u64,
}

impl Wire {
    /// No services.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads services from botocore's `data` folder: `ec2/2016-11-15` and so on.
    ///
    /// # Errors
    /// The first description that cannot be read.
    pub fn botocore(data: &Path, services: &[&str]) -> Result<Self, Unreadable> {
        let mut wire = Self::new();
        for service in services {
            wire.add(Description::load(&data.join(service).join("service-2.json.gz"))?);
        }
        Ok(wire)
    }

    /// Adds a service.
    pub fn add(&mut self, service: Description) {
        self.services.push(service);
    }

    /// Checks a request. Answers the name of its operation with the problems.
    ///
    /// Of S3, path-style requests only.
    ///
    /// # Errors
    /// If it is no request to an operation of these services.
    pub fn request(&mut self, request: &Request<Bytes>) -> Result<(String, Vec<Problem>), Problem> {
        let (service, operation) = self.find(request)?;
        let problems = match service.protocol {
            Protocol::Ec2 | Protocol::Query => query::check(service, operation, request),
            Protocol::RestXml | Protocol::RestJson => rest::check(service, operation, request),
        };
        let key = (service.id.clone(), operation.to_owned());
        let name = operation.to_owned();
        self.requests += 1;
        self.operations.insert(key);
        Ok((name, problems))
    }

    /// Checks a reply to this request.
    ///
    /// # Errors
    /// If the request is none to an operation of these services.
    pub fn reply(
        &mut self,
        request: &Request<Bytes>,
        reply: &Response<Bytes>,
    ) -> Result<(String, Vec<Problem>), Problem> {
        let (service, operation) = self.find(request)?;
        let problems = match service.protocol {
            Protocol::Ec2 | Protocol::Query => query::check_reply(service, operation, reply),
            Protocol::RestXml | Protocol::RestJson => rest::check_reply(service, operation, request, reply),
        };
        let key = (service.id.clone(), operation.to_owned());
        let name = operation.to_owned();
        self.replies += 1;
        self.operations.insert(key);
        Ok((name, problems))
    }

    fn find<'a>(&'a self, request: &Request<Bytes>) -> Result<(&'a Description, &'a str), Problem> {
        find::operation(&self.services, request)
    }

    /// The operations that were checked so far, as service and name.
    pub fn operations(&self) -> &BTreeSet<(String, String)> {
        &self.operations
    }
}

/// `wire truth: N requests, M replies, K operations validated`
impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.operations.len();
        write!(
            f,
            "wire truth: {} requests, {} replies, {operations} operations validated",
            self.requests, self.replies
        )
    }
}

#[cfg(test)]
mod tests;
