//! Wire truth: are requests and replies what the vendor's own description of the API says?
//!
//! A sandbox of ours proves only that we agree with ourselves. So every request that a provider can build, and every
//! reply that the sandbox gives, is held against the description that the vendor's SDKs are made from: is there such an
//! operation, such a parameter at this place, of this type, and is nothing missing that must be there?
//!
//! - AWS: [`botocore`](https://github.com/boto/botocore)'s `service-2.json`, for the protocols EC2, Query, REST-XML and
//!   REST-JSON ([source](https://smithy.io/2.0/aws/protocols/index.html)).
//! - Azure: the operations and types in the [packages of Azure's SDK for JavaScript](https://www.npmjs.com/org/azure), as
//!   `cargo xtask tools` makes JSON of them.
//! - Google Cloud: the [discovery documents](https://developers.google.com/discovery/v1/reference/apis).

mod aws;
mod azure;
mod body;
pub mod flows;
mod google;
mod path;
mod record;
mod review;

use std::{collections::BTreeSet, fmt, path::Path};

use bytes::Bytes;
use http::{Request, Response};

pub use record::{Exchange, Recorder};
pub use review::{Review, on_the_wire};

/// A description that cannot be read.
#[derive(Debug)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

/// One thing that is not as the description says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// Where, as the wire names it: `BlockDeviceMapping.1.Ebs.VolumeType`, `properties.storageProfile.dataDisks[0].lun`.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl Problem {
    fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { path: path.into(), problem: problem.into() }
    }

    /// The path without the numbers of list items.
    pub fn place(&self) -> String {
        let steps = self.path.split('.').map(|step| step.split('[').next().unwrap_or_default());
        steps.collect::<Vec<_>>().join(".")
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

/// What a description says of one half of an exchange.
struct Checked {
    service: String,
    operation: String,
    problems: Vec<Problem>,
}

/// The descriptions of a cloud's APIs.
trait Descriptions: fmt::Debug + Send {
    /// Checks a request; an error if it is none to an operation of these APIs.
    fn request(&self, request: &Request<Bytes>) -> Result<Checked, Problem>;

    /// Checks the reply to this request.
    fn reply(&self, request: &Request<Bytes>, reply: &Response<Bytes>) -> Result<Checked, Problem>;
}

/// The descriptions of the APIs that a provider uses.
#[derive(Debug)]
pub struct Wire {
    descriptions: Box<dyn Descriptions>,
    operations: BTreeSet<(String, String)>,
    requests: u64,
    replies: u64,
}

impl Wire {
    fn of(descriptions: impl Descriptions + 'static) -> Self {
        let descriptions = Box::new(descriptions);
        Self { descriptions, operations: BTreeSet::new(), requests: 0, replies: 0 }
    }

    /// Reads services of AWS from botocore's `data` folder: `ec2/2016-11-15` and so on. Of S3, path-style requests are
    /// known only.
    ///
    /// # Errors
    /// The first description that cannot be read.
    pub fn botocore(data: &Path, services: &[&str]) -> Result<Self, Unreadable> {
        aws::Services::load(data, services).map(Self::of)
    }

    /// Reads services of Azure's resource manager from the folder of [`tools::ARM`](crate::tools::ARM): `arm-compute` and
    /// so on.
    ///
    /// # Errors
    /// The first description that cannot be read.
    pub fn arm(folder: &Path, packages: &[&str]) -> Result<Self, Unreadable> {
        azure::Packages::load(folder, packages).map(Self::of)
    }

    /// Reads services of Google Cloud from the folder of [`tools::DISCOVERY`](crate::tools::DISCOVERY): `compute.v1` and so
    /// on.
    ///
    /// # Errors
    /// The first document that cannot be read.
    pub fn discovery(folder: &Path, documents: &[&str]) -> Result<Self, Unreadable> {
        google::Documents::load(folder, documents).map(Self::of)
    }

    /// Checks a request. Answers the name of its operation with the problems.
    ///
    /// # Errors
    /// If it is no request to an operation of these services.
    pub fn request(&mut self, request: &Request<Bytes>) -> Result<(String, Vec<Problem>), Problem> {
        let checked = self.descriptions.request(request)?;
        self.requests += 1;
        Ok(self.note(checked))
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
        let checked = self.descriptions.reply(request, reply)?;
        self.replies += 1;
        Ok(self.note(checked))
    }

    fn note(&mut self, checked: Checked) -> (String, Vec<Problem>) {
        self.operations.insert((checked.service, checked.operation.clone()));
        (checked.operation, checked.problems)
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
