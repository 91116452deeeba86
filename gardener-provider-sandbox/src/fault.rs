//! Faults on demand: rules that match calls and say what goes wrong with them.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    call::{Call, Refusal},
    glob,
    ids::scatter,
};

/// One rule: which calls it hits, how often, and what it does to them.
///
/// A new rule hits every call of every service, always; `on`, `when`, `skip`, `times` and `probability` narrow it.
#[derive(Debug, Clone)]
pub struct Fault {
    service: String,
    operation: String,
    parameters: BTreeMap<String, String>,
    mutating_only: bool,
    skip: u64,
    times: Option<u64>,
    probability: f64,
    effect: Effect,
}

#[derive(Debug, Clone)]
pub(crate) enum Effect {
    Refuse(Refusal),
    Latency(Duration),
    RateLimit { burst: f64, per_second: f64 },
    NoConnection,
    ReplyLost,
    ReplyLate,
    MalformedReply,
    NoCapacity { kind: String, zone: String },
    OperationError { code: String, message: String },
}

impl Fault {
    /// The cloud answers with this error code of its own and the HTTP status it usually sends with it.
    pub fn error(code: impl Into<String>) -> Self {
        Self::refusing(Refusal::Code {
            code: code.into(),
            status: None,
            message: "An error asked for by a fault rule.".to_owned(),
        })
    }

    /// As [`Fault::error`], with another status and message.
    pub fn error_with(code: impl Into<String>, status: u16, message: impl Into<String>) -> Self {
        Self::refusing(Refusal::Code { code: code.into(), status: Some(status), message: message.into() })
    }

    /// The cloud says that there are too many requests (EC2: `RequestLimitExceeded`, 503).
    pub fn throttled() -> Self {
        Self::refusing(Refusal::Throttled)
    }

    /// The caller lacks the permission (EC2: `UnauthorizedOperation`, 403).
    pub fn denied() -> Self {
        Self::refusing(Refusal::Denied)
    }

    /// The caller's credentials have run out.
    pub fn expired_credentials() -> Self {
        Self::refusing(Refusal::ExpiredCredentials)
    }

    /// The service is broken: this HTTP status (500-599) and the error that goes with it.
    pub fn server_error(status: u16) -> Self {
        Self::refusing(Refusal::Broken(status))
    }

    /// The call takes so much longer.
    pub fn latency(duration: Duration) -> Self {
        Self::new(Effect::Latency(duration))
    }

    /// A token bucket over the calls that the rule matches: `burst` at once, then `per_second`; the rest is throttled.
    pub fn rate_limit(burst: u32, per_second: f64) -> Self {
        Self::new(Effect::RateLimit { burst: f64::from(burst), per_second })
    }

    /// No connection: the call is not carried out.
    pub fn no_connection() -> Self {
        Self::new(Effect::NoConnection)
    }

    /// The call is carried out, then the connection breaks: the caller cannot know.
    pub fn reply_lost() -> Self {
        Self::new(Effect::ReplyLost)
    }

    /// The call is carried out, but the caller's patience ends first.
    ///
    /// In process this is an immediate timeout error; on the server the connection is closed.
    pub fn reply_late() -> Self {
        Self::new(Effect::ReplyLate)
    }

    /// The call is carried out, and the second half of the reply's body is missing.
    pub fn malformed_reply() -> Self {
        Self::new(Effect::MalformedReply)
    }

    /// No machines of this type in this zone (`*` and `?` allowed); the cloud answers its own code for that.
    pub fn no_capacity(machine_type: impl Into<String>, zone: impl Into<String>) -> Self {
        Self::new(Effect::NoCapacity { kind: machine_type.into(), zone: zone.into() })
    }

    /// The call is accepted, and the long-running operation that it starts fails with this error.
    ///
    /// For clouds that answer with such operations (Azure, GCP); elsewhere the rule hits nothing.
    pub fn operation_error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Effect::OperationError { code: code.into(), message: message.into() })
    }

    /// Only calls of this service and operation (`*` and `?` allowed).
    #[must_use]
    pub fn on(mut self, service: impl Into<String>, operation: impl Into<String>) -> Self {
        (self.service, self.operation) = (service.into(), operation.into());
        self
    }

    /// Only calls with such a parameter (`*` and `?` allowed in the value), named as on the wire: `Filter.1.Name`.
    #[must_use]
    pub fn when(mut self, parameter: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(parameter.into(), value.into());
        self
    }

    /// Only calls of kinds that change something.
    #[must_use]
    pub fn mutating(mut self) -> Self {
        self.mutating_only = true;
        self
    }

    /// Lets the first `calls` matching calls pass.
    #[must_use]
    pub fn skip(mut self, calls: u64) -> Self {
        self.skip = calls;
        self
    }

    /// Hits at most so many calls.
    #[must_use]
    pub fn times(mut self, calls: u64) -> Self {
        self.times = Some(calls);
        self
    }

    /// Hits the `n`-th matching call only, counted from 1.
    #[must_use]
    pub fn on_call(self, n: u64) -> Self {
        self.skip(n.saturating_sub(1)).times(1)
    }

    /// Hits each matching call with this probability (0 to 1), by dice that the sandbox's seed fixes.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    fn refusing(refusal: Refusal) -> Self {
        Self::new(Effect::Refuse(refusal))
    }

    fn new(effect: Effect) -> Self {
        Self {
            service: "*".to_owned(),
            operation: "*".to_owned(),
            parameters: BTreeMap::new(),
            mutating_only: false,
            skip: 0,
            times: None,
            probability: 1.0,
            effect,
        }
    }

    fn matches(&self, call: &Call) -> bool {
        glob::matches(&self.service, call.service)
            && glob::matches(&self.operation, &call.operation)
            && (call.mutating || !self.mutating_only)
            && self.parameters.iter().all(|(name, pattern)| {
                call.parameters.get(name).is_some_and(|value| glob::matches(pattern, value))
            })
    }
}

/// Names a rule that was added, to remove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(u64);

/// The rules in force. All rules that hit a call apply; of several refusals the oldest rule's wins.
#[derive(Debug, Default)]
pub struct Faults {
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    seed: u64,
    next: u64,
    rules: BTreeMap<u64, Rule>,
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    matched: u64,
    hits: u64,
    bucket: Option<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Duration,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rules: Mutex::new(Rules { seed, ..Rules::default() }) }
    }

    /// Adds a rule.
    pub fn add(&self, fault: Fault) -> FaultId {
        let mut rules = self.rules();
        rules.next += 1;
        let id = rules.next;
        rules.rules.insert(id, Rule { fault, matched: 0, hits: 0, bucket: None });
        FaultId(id)
    }

    /// Removes a rule; true if it was there.
    pub fn remove(&self, id: FaultId) -> bool {
        self.rules().rules.remove(&id.0).is_some()
    }

    /// How many calls the rule has hit; 0 for a rule that is not there.
    pub fn hits(&self, id: FaultId) -> u64 {
        self.rules().rules.get(&id.0).map_or(0, |rule| rule.hits)
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.rules().rules.clear();
    }

    /// What goes wrong with this call; `now` is the clock's monotonic time.
    pub(crate) fn decide(&self, call: &Call, now: Duration) -> Vec<Effect> {
        let mut rules = self.rules();
        let seed = rules.seed;
        let hit = rules.rules.iter_mut().filter_map(|(id, rule)| {
            let asked_later =
                matches!(rule.fault.effect, Effect::NoCapacity { .. } | Effect::OperationError { .. });
            if asked_later || !rule.fault.matches(call) || !rule.strikes(scatter(seed ^ id << 32)) {
                return None;
            }
            rule.effect(now)
        });
        hit.collect()
    }

    /// True if a rule takes away the capacity for this machine type in this zone.
    pub(crate) fn no_capacity(&self, call: &Call, machine_type: &str, in_zone: &str) -> bool {
        let mut rules = self.rules();
        let seed = rules.seed;
        rules.rules.iter_mut().any(|(id, rule)| {
            let Effect::NoCapacity { kind, zone } = &rule.fault.effect else { return false };
            glob::matches(kind, machine_type)
                && glob::matches(zone, in_zone)
                && rule.fault.matches(call)
                && rule.strikes(scatter(seed ^ id << 32))
        })
    }

    /// The code and message that a rule lets the operation end with which this call starts.
    pub(crate) fn operation_error(&self, call: &Call) -> Option<(String, String)> {
        let mut rules = self.rules();
        let seed = rules.seed;
        rules.rules.iter_mut().find_map(|(id, rule)| {
            let Effect::OperationError { code, message } = &rule.fault.effect else { return None };
            let error = (code.clone(), message.clone());
            (rule.fault.matches(call) && rule.strikes(scatter(seed ^ id << 32))).then_some(error)
        })
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rule {
    /// Counts a matching call and decides whether the rule hits it.
    fn strikes(&mut self, seed: u64) -> bool {
        self.matched += 1;
        if self.matched <= self.fault.skip || self.fault.times.is_some_and(|times| self.hits >= times) {
            return false;
        }
        let dice = (scatter(seed.wrapping_add(self.matched)) >> 40) as u32;
        if f64::from(dice) / f64::from(1_u32 << 24) >= self.fault.probability {
            return false;
        }
        self.hits += 1;
        true
    }

    fn effect(&mut self, now: Duration) -> Option<Effect> {
        let Effect::RateLimit { burst, per_second } = self.fault.effect else {
            return Some(self.fault.effect.clone());
        };
        let bucket = self.bucket.get_or_insert(Bucket { tokens: burst, at: now });
        let refill = now.saturating_sub(bucket.at).as_secs_f64() * per_second;
        bucket.tokens = (bucket.tokens + refill).min(burst);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            self.hits -= 1;
            return None;
        }
        Some(Effect::Refuse(Refusal::Throttled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(operation: &str) -> Call {
        Call {
            service: "ec2",
            operation: operation.to_owned(),
            mutating: !operation.starts_with("Describe"),
            ..Call::default()
        }
    }

    fn hits(faults: &Faults, operation: &str, calls: usize) -> Vec<bool> {
        (0..calls).map(|_| !faults.decide(&call(operation), Duration::ZERO).is_empty()).collect()
    }

    #[test]
    fn a_rule_hits_the_nth_matching_call_only() {
        let faults = Faults::new(1);
        let id = faults.add(Fault::throttled().on("ec2", "Create*").on_call(2));
        assert_eq!(hits(&faults, "DescribeVpcs", 2), [false, false]);
        assert_eq!(hits(&faults, "CreateVpc", 3), [false, true, false]);
        assert_eq!(faults.hits(id), 1);
        assert!(faults.remove(id));
    }

    #[test]
    fn mutating_rules_spare_reads() {
        let faults = Faults::new(1);
        faults.add(Fault::reply_lost().mutating());
        assert_eq!(hits(&faults, "DescribeVpcs", 1), [false]);
        assert_eq!(hits(&faults, "DeleteVpc", 1), [true]);
    }

    #[test]
    fn dice_follow_the_seed_and_the_probability() {
        let roll = |seed| {
            let faults = Faults::new(seed);
            faults.add(Fault::throttled().probability(0.25));
            hits(&faults, "CreateVpc", 1000)
        };
        assert_eq!(roll(7), roll(7));
        assert_ne!(roll(7), roll(8));
        let struck = roll(7).into_iter().filter(|hit| *hit).count();
        assert!((200..300).contains(&struck), "{struck} of 1000");
    }

    #[test]
    fn a_token_bucket_refills_with_time() {
        let faults = Faults::new(1);
        faults.add(Fault::rate_limit(2, 0.5));
        let throttled = |at| !faults.decide(&call("CreateVpc"), Duration::from_secs(at)).is_empty();
        assert_eq!([throttled(0), throttled(0), throttled(0)], [false, false, true]);
        assert_eq!([throttled(2), throttled(2)], [false, true]);
    }
}
