//! Resource policies and reservations, as far as instances refer to them.
//!
//! <https://cloud.google.com/compute/docs/reference/rest/v1/resourcePolicies>,
//! <https://cloud.google.com/compute/docs/reference/rest/v1/reservations>

use super::kind::Kind;
use crate::gcp::{
    body::{Fields, Object, default},
    error::GcpError,
};

pub(super) fn insert(kind: Kind, mut body: Object) -> Result<Object, GcpError> {
    default(&mut body, "status", "READY");
    if kind == Kind::ResourcePolicy {
        let policies = [
            "groupPlacementPolicy",
            "snapshotSchedulePolicy",
            "instanceSchedulePolicy",
            "diskConsistencyGroupPolicy",
            "workloadPolicy",
        ];
        if policies.iter().filter(|policy| body.object(policy).is_some()).count() != 1 {
            let problem = format!("Exactly one of {} must be specified.", policies.join(", "));
            return Err(GcpError::invalid("resource", "", &problem));
        }
        return Ok(body);
    }
    let Some(specific) = body.object("specificReservation") else {
        return Err(GcpError::required("resource.specificReservation"));
    };
    if specific.number("count").is_none_or(|count| count < 1) {
        return Err(GcpError::required("resource.specificReservation.count"));
    }
    default(&mut body, "specificReservationRequired", false);
    Ok(body)
}
