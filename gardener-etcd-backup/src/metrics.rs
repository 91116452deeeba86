//! Metrics under the names and with the meanings that etcd-backup-restore gives them, so that alerts and dashboards made
//! for it go on working ([list](https://github.com/gardener/etcd-backup-restore/blob/master/docs/operations/metrics.md)).

use std::fmt;

use gardener_provider_core::{Error, Result};
use prometheus::{
    Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry, TextEncoder, core::Collector,
};

use crate::{Event, Kind, Observer};

const SUCCEEDED: &str = "succeeded";
const KIND: &str = "kind";
const KINDS: [&str; 3] = ["Full", "Incr", "Chunk"];
const OUTCOMES: [&str; 2] = ["true", "false"];

/// Keeps the metrics of one process, as an [`Observer`].
///
/// `etcdbr_defragmentation_duration_seconds` and those about members and the network are etcd-backup-restore's own, as
/// this crate does none of that.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    collected: IntCounterVec,
    revision: GaugeVec,
    timestamp: GaugeVec,
    required: GaugeVec,
    snapshot: HistogramVec,
    restoration: HistogramVec,
    validation: HistogramVec,
    deltas: Gauge,
    delta_revisions: Gauge,
    failure: IntCounterVec,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Metrics in a registry of their own.
    ///
    /// # Errors
    /// As [`Metrics::register`].
    pub fn new() -> Result<Self> {
        Self::register(&Registry::new())
    }

    /// Metrics in this registry, which may hold others.
    ///
    /// # Errors
    /// `AlreadyExists` if the registry has metrics of these names.
    pub fn register(registry: &Registry) -> Result<Self> {
        Self::made_in(registry).map_err(|error| {
            let kind = match error {
                prometheus::Error::AlreadyReg => gardener_provider_core::ErrorKind::AlreadyExists,
                _ => gardener_provider_core::ErrorKind::Internal,
            };
            Error::new(kind, format!("the metrics could not be registered: {error}"))
        })
    }

    fn made_in(registry: &Registry) -> prometheus::Result<Self> {
        let gauges = |name, help| in_registry(registry, GaugeVec::new(Opts::new(name, help), &[KIND])?);
        let gauge = |name, help| in_registry(registry, Gauge::new(name, help)?);
        let counters = |name, help, labels: &[&str]| {
            in_registry(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let histograms = |name, help, labels: &[&str]| {
            in_registry(registry, HistogramVec::new(HistogramOpts::new(name, help), labels)?)
        };
        let metrics = Self {
            collected: counters(
                "etcdbr_snapshot_gc_total",
                "Snapshots and leftover parts that the retention deleted or could not delete.",
                &[KIND, SUCCEEDED],
            )?,
            revision: gauges("etcdbr_snapshot_latest_revision", "Last revision of the newest snapshot.")?,
            timestamp: gauges(
                "etcdbr_snapshot_latest_timestamp",
                "When the newest snapshot was taken, in seconds of Unix time.",
            )?,
            required: gauges(
                "etcdbr_snapshot_required",
                "1 while etcd holds what no snapshot of this kind does.",
            )?,
            snapshot: histograms(
                "etcdbr_snapshot_duration_seconds",
                "How long it took to bring a snapshot into the store.",
                &[KIND, SUCCEEDED],
            )?,
            restoration: histograms(
                "etcdbr_restoration_duration_seconds",
                "How long a restore took.",
                &[SUCCEEDED],
            )?,
            validation: histograms(
                "etcdbr_validation_duration_seconds",
                "How long a verification took; succeeded is whether the backup was sound.",
                &[SUCCEEDED],
            )?,
            deltas: gauge("etcdbr_snapstore_latest_deltas_total", "Deltas after the newest full.")?,
            delta_revisions: gauge(
                "etcdbr_snapstore_latest_deltas_revisions_total",
                "Revisions in the deltas after the newest full.",
            )?,
            failure: counters(
                "etcdbr_snapshotter_failure",
                "Obstacles that the running backup met.",
                &["error"],
            )?,
            registry: registry.clone(),
        };
        metrics.begin();
        Ok(metrics)
    }

    /// Every series begins at zero, so that alerts on absence tell a missing process from a quiet one.
    fn begin(&self) {
        for kind in KINDS {
            for gauges in [&self.revision, &self.timestamp, &self.required] {
                gauges.with_label_values(&[kind]).set(0.0);
            }
            for succeeded in OUTCOMES {
                self.collected.with_label_values(&[kind, succeeded]);
                self.snapshot.with_label_values(&[kind, succeeded]);
            }
        }
        for succeeded in OUTCOMES {
            self.restoration.with_label_values(&[succeeded]);
            self.validation.with_label_values(&[succeeded]);
        }
        self.failure.with_label_values(&[""]);
    }

    /// All metrics of the registry in Prometheus' text format, for a `/metrics` endpoint.
    ///
    /// # Errors
    /// `Internal` if they cannot be written.
    pub fn text(&self) -> Result<String> {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .map_err(|error| Error::internal(format!("the metrics could not be written: {error}")))
    }
}

impl Observer for Metrics {
    #[allow(clippy::cast_precision_loss, reason = "revisions and times are far below 2^53")]
    fn event(&self, event: &Event) {
        match event {
            Event::Taken { snapshot, took } => {
                let kind = label(snapshot.name.kind);
                self.revision.with_label_values(&[kind]).set(snapshot.name.last as f64);
                self.timestamp.with_label_values(&[kind]).set(snapshot.name.created as f64);
                self.snapshot.with_label_values(&[kind, "true"]).observe(took.as_secs_f64());
            }
            Event::NotTaken { kind, took, error: _ } => {
                self.snapshot.with_label_values(&[label(*kind), "false"]).observe(took.as_secs_f64());
            }
            Event::Required { kind, required } => {
                self.required.with_label_values(&[label(*kind)]).set(f64::from(u8::from(*required)));
            }
            Event::Deltas { count, revisions } => {
                self.deltas.set(*count as f64);
                self.delta_revisions.set(*revisions as f64);
            }
            Event::Trouble { what } => self.failure.with_label_values(&[first_words(what)]).inc(),
            Event::Deleted { kind, gone } => {
                let kind = kind.map_or("Chunk", label);
                self.collected.with_label_values(&[kind, outcome(*gone)]).inc();
            }
            Event::Restored { took, succeeded } => {
                self.restoration.with_label_values(&[outcome(*succeeded)]).observe(took.as_secs_f64());
            }
            Event::Verified { took, sound } => {
                self.validation.with_label_values(&[outcome(*sound)]).observe(took.as_secs_f64());
            }
            Event::Progress { .. } => {}
        }
    }
}

/// What the matter is without its particulars: a label must not take endlessly many values.
fn first_words(what: &str) -> &str {
    what.split(':').next().unwrap_or_default()
}

fn in_registry<C: Collector + Clone + 'static>(registry: &Registry, collector: C) -> prometheus::Result<C> {
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Full => KINDS[0],
        Kind::Delta => KINDS[1],
    }
}

fn outcome(succeeded: bool) -> &'static str {
    if succeeded { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gardener_provider_core::ErrorKind;

    use super::*;
    use crate::{Compression, Snapshot, SnapshotName};

    #[test]
    fn events_become_the_metrics_that_gardener_knows() {
        let metrics = Metrics::new().unwrap();
        let created = std::time::UNIX_EPOCH + Duration::from_secs(1_795_334_400);
        let name = SnapshotName::full(42, created, Compression::Gzip);
        let snapshot = Snapshot::new(name, "p/v2/x".into(), 7);
        let took = Duration::from_secs(2);
        for event in [
            Event::Taken { snapshot, took },
            Event::NotTaken { kind: Kind::Delta, took, error: "no".to_owned() },
            Event::Required { kind: Kind::Delta, required: true },
            Event::Deltas { count: 3, revisions: 99 },
            Event::Deleted { kind: None, gone: false },
            Event::Restored { took, succeeded: true },
            Event::Trouble { what: "the watch is lost: 127.0.0.1 said no".to_owned() },
        ] {
            metrics.event(&event);
        }
        let text = metrics.text().unwrap();
        for line in [
            "etcdbr_snapshot_latest_revision{kind=\"Full\"} 42",
            "etcdbr_snapshot_latest_revision{kind=\"Incr\"} 0",
            "etcdbr_snapshot_latest_timestamp{kind=\"Full\"} 1795334400",
            "etcdbr_snapshot_required{kind=\"Incr\"} 1",
            "etcdbr_snapshot_duration_seconds_count{kind=\"Incr\",succeeded=\"false\"} 1",
            "etcdbr_snapstore_latest_deltas_total 3",
            "etcdbr_snapstore_latest_deltas_revisions_total 99",
            "etcdbr_snapshot_gc_total{kind=\"Chunk\",succeeded=\"false\"} 1",
            "etcdbr_restoration_duration_seconds_sum{succeeded=\"true\"} 2",
            "etcdbr_snapshotter_failure{error=\"the watch is lost\"} 1",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_registry_takes_them_once() {
        let registry = Registry::new();
        Metrics::register(&registry).unwrap();
        assert_eq!(Metrics::register(&registry).unwrap_err().kind(), ErrorKind::AlreadyExists);
    }
}
