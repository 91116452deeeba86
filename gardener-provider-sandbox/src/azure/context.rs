//! What a call's handler knows besides the body.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::options::AzureOptions;
use crate::{call::Call, world::World};

/// One authenticated call on its way to its handler.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) world: &'a World,
    pub(crate) call: &'a Call,
    pub(crate) now: SystemTime,
    /// Scheme and host that the caller used: links in replies lead back there.
    pub(crate) base: String,
    /// The path as it was asked for.
    pub(crate) path: String,
    pub(crate) api_version: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) if_match: Option<String>,
    pub(crate) if_none_match: Option<String>,
}

impl Context<'_> {
    pub(crate) fn options(&self) -> &AzureOptions {
        &self.world.options.azure
    }

    pub(crate) fn max_page(&self) -> usize {
        self.world.max_page(self.options().max_page)
    }

    /// A query parameter; names are compared without regard to case.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// From when on a resource created now is seen: now, plus the eventual-consistency lag.
    pub(crate) fn visible_from(&self) -> SystemTime {
        self.now + self.world.lag().min(Duration::from_secs(100 * 365 * 86_400))
    }
}

/// A reply before it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

impl Reply {
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: 200, body: Some(body), headers: Vec::new() }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, body: None, headers: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}
