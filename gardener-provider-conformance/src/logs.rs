//! What a driver writes to its log.

use std::{
    fmt::{self, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

use crate::case::{Outcome, ensure};

/// Everything this thread logs while it lives, at every level.
pub(crate) struct Logs {
    text: Arc<Mutex<String>>,
    _guard: DefaultGuard,
}

impl Logs {
    pub(crate) fn capture() -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let recorder = Recorder { text: Arc::clone(&text), spans: AtomicU64::new(1) };
        Self { text, _guard: tracing::subscriber::set_default(recorder) }
    }

    /// None of the secret texts is in the log or in what was `told` otherwise.
    pub(crate) fn expect_none_of(&self, secrets: &[String], told: &[String]) -> Outcome {
        let log = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            ensure!(!secret.trim().is_empty(), "a sample of a confidential text is empty");
            if let Some(line) = log.lines().find(|line| line.contains(secret.as_str())) {
                ensure!(false, "the log shows a secret: {}", line.replace(secret.as_str(), "***"));
            }
            if let Some(text) = told.iter().find(|text| text.contains(secret.as_str())) {
                ensure!(false, "a secret shows in: {}", text.replace(secret.as_str(), "***"));
            }
        }
        Ok(())
    }
}

struct Recorder {
    text: Arc<Mutex<String>>,
    spans: AtomicU64,
}

impl Recorder {
    fn line(&self, what: &str, record: impl FnOnce(&mut Line<'_>)) {
        let mut text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.push_str(what);
        record(&mut Line(&mut text));
        text.push('\n');
    }
}

struct Line<'a>(&'a mut String);

impl Visit for Line<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail; a Debug that does is no leak.
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        self.line(attributes.metadata().name(), |line| attributes.record(line));
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _span: &span::Id, values: &span::Record<'_>) {
        self.line("", |line| values.record(line));
    }

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.line(event.metadata().target(), |line| event.record(line));
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_events_spans_and_texts() {
        let logs = Logs::capture();
        tracing::trace!(user = "anna", "calls");
        assert!(logs.expect_none_of(&["hunter2".to_owned()], &["fine".to_owned()]).is_ok());
        assert!(logs.expect_none_of(&["hunter2".to_owned()], &["my hunter2".to_owned()]).is_err());
        let _span = tracing::debug_span!("call", password = "hunter2").entered();
        assert!(logs.expect_none_of(&["hunter2".to_owned()], &[]).is_err());
    }
}
