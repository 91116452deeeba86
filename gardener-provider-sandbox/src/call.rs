//! What faults and the journal know of a call, whichever cloud it goes to.

use std::{collections::BTreeMap, fmt, future::Future};

use bytes::Bytes;
use http::{Request, Response};

/// One recognised API call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call {
    /// The service's signing name: `ec2`, `iam`, `s3`, …
    pub(crate) service: &'static str,
    /// The operation's name in the vendor's description.
    pub(crate) operation: String,
    pub(crate) region: String,
    /// True if the call would change something.
    pub(crate) mutating: bool,
    /// The parameters, without secrets.
    pub(crate) parameters: BTreeMap<String, String>,
}

/// Why a fault rule refuses a call; each cloud renders it in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    Throttled,
    Denied,
    ExpiredCredentials,
    /// A server-side failure with this HTTP status.
    Broken(u16),
    /// An error code of the cloud's; without a status, the one the cloud usually sends with it.
    Code {
        code: String,
        status: Option<u16>,
        message: String,
    },
}

/// The cloud's own error code of a reply, for the journal.
#[derive(Debug, Clone)]
pub(crate) struct ErrorCode(pub(crate) String);

/// One cloud of the sandbox: how its calls are recognised and answered.
pub(crate) trait Cloud: Send + Sync + fmt::Debug {
    /// What else the cloud found out about the request while recognising it.
    type Route: Send + Sync;

    /// The call that `request` makes; `None` if it goes to no host of this cloud.
    fn recognise(&self, request: &Request<Bytes>) -> Option<(Call, Self::Route)>;

    /// Carries the call out.
    fn answer(
        &self,
        call: &Call,
        route: Self::Route,
        request: Request<Bytes>,
    ) -> impl Future<Output = Response<Bytes>> + Send;

    /// The reply of a call that is refused.
    fn refuse(&self, call: &Call, route: &Self::Route, refusal: &Refusal) -> Response<Bytes>;
}
