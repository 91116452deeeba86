//! Requests as clients send them, and the replies that the documentation promises.

mod buckets;
mod listing;
mod locking;
mod multipart;
mod objects;
mod versions;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Request, Response};

use super::{S3, Visit};

const DAY: Duration = Duration::from_secs(86_400);

struct Cloud {
    s3: S3,
    visit: Visit,
}

impl Cloud {
    fn new() -> Self {
        let visit = Visit {
            now: SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000),
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            partition: "aws",
            request_id: "4442587FB7D0A2F9".to_owned(),
            secure: true,
        };
        Self { s3: S3::default(), visit }
    }

    /// With a bucket `bkt`.
    async fn with_bucket() -> Self {
        let cloud = Self::new();
        cloud.ok("PUT /bkt", &[], LOCATION).await;
        cloud
    }

    /// With a bucket `bkt` that keeps versions.
    async fn with_versions() -> Self {
        let cloud = Self::with_bucket().await;
        cloud.ok("PUT /bkt?versioning", &[], &versioning("Enabled")).await;
        cloud
    }

    fn wait(&mut self, time: Duration) {
        self.visit.now += time;
    }

    async fn send(&self, line: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response<Bytes> {
        let (method, target) = line.split_once(' ').unwrap();
        let mut request =
            Request::builder().method(method).uri(format!("https://s3.eu-west-1.amazonaws.com{target}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.into()).unwrap();
        let reply = self.s3.handle(self.visit.clone(), None, request.clone()).await;
        crate::aws::testing::check_reply(&request, &reply);
        reply
    }

    /// The body of a reply that must be a success.
    async fn ok(&self, line: &str, headers: &[(&str, &str)], body: &str) -> String {
        let reply = self.send(line, headers, body.to_owned()).await;
        let text = String::from_utf8(reply.body().to_vec()).unwrap();
        assert!(reply.status().is_success(), "{line}: {} {text}", reply.status());
        text
    }

    /// Status and code of a reply that must be an error.
    async fn error(&self, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let reply = self.send(line, headers, body.to_owned()).await;
        assert!(!reply.status().is_success(), "{line} succeeded");
        let code = reply.extensions().get::<crate::call::ErrorCode>().map(|code| code.0.clone());
        (reply.status().as_u16(), code.unwrap_or_default())
    }
}

const LOCATION: &str = "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";

fn versioning(status: &str) -> String {
    format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
}

/// The texts of all elements of this name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = xml.split(&open).skip(1);
    pieces.map(|piece| piece.split(&close).next().unwrap_or_default().to_owned()).collect()
}

fn element(xml: &str, name: &str) -> String {
    elements(xml, name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {xml}"))
}

fn error(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn header<'a>(reply: &'a Response<Bytes>, name: &str) -> &'a str {
    reply.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
