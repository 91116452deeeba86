//! AWS: botocore's descriptions of services.

mod find;
mod json;
mod query;
mod rest;
mod scalars;
mod shapes;
mod tree;
mod xml;

use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};

use self::shapes::{Description, Protocol};
use super::{Checked, Descriptions, Problem, Unreadable};

/// The services that a provider uses.
#[derive(Debug)]
pub(super) struct Services(Vec<Description>);

impl Services {
    /// Reads services from botocore's `data` folder.
    pub(super) fn load(data: &Path, services: &[&str]) -> Result<Self, Unreadable> {
        let file = |service: &&str| Description::load(&data.join(service).join("service-2.json.gz"));
        services.iter().map(file).collect::<Result<_, _>>().map(Self)
    }
}

impl Descriptions for Services {
    fn request(&self, request: &Request<Bytes>) -> Result<Checked, Problem> {
        let (service, operation) = find::operation(&self.0, request)?;
        let problems = match service.protocol {
            Protocol::Ec2 | Protocol::Query => query::check(service, operation, request),
            Protocol::RestXml | Protocol::RestJson => rest::check(service, operation, request),
        };
        Ok(Checked { service: service.id.clone(), operation: operation.to_owned(), problems })
    }

    fn reply(&self, request: &Request<Bytes>, reply: &Response<Bytes>) -> Result<Checked, Problem> {
        let (service, operation) = find::operation(&self.0, request)?;
        let problems = match service.protocol {
            Protocol::Ec2 | Protocol::Query => query::check_reply(service, operation, reply),
            Protocol::RestXml | Protocol::RestJson => rest::check_reply(service, operation, request, reply),
        };
        Ok(Checked { service: service.id.clone(), operation: operation.to_owned(), problems })
    }
}

#[cfg(test)]
mod tests;
