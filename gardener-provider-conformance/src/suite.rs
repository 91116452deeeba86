//! Runs the cases and reports.

use std::{
    collections::VecDeque,
    env, fmt,
    io::{self, Write},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    Tap, Testbed, Time,
    case::{Case, Context, Outcome, Stop},
};

/// Only cases whose name holds this text are run.
pub const CASE: &str = "CONFORMANCE_CASE";
/// When set, a known gap that is none (any more) fails the run.
pub const STRICT: &str = "CONFORMANCE_STRICT";

/// Runs the suite and panics if a case failed. What a cloud's `tests/conformance.rs` calls.
///
/// Each case is one line on standard output, which the test harness shows when the run fails or with `--nocapture`; the
/// summary goes to standard error, past the harness. [`CASE`] and [`STRICT`] in the environment are heeded.
///
/// # Panics
/// If a case failed.
pub fn run(testbed: &dyn Testbed) {
    let mut suite = Suite::new(testbed);
    if let Ok(part) = env::var(CASE) {
        suite = suite.only(part);
    }
    if env::var_os(STRICT).is_some() {
        suite = suite.strict();
    }
    suite.live = true;
    let report = suite.run();
    // A closed standard error must not fail the run.
    let _ = writeln!(io::stderr(), "{}", report.summary());
    assert!(report.is_success(), "{}", report.failures());
}

/// The suite, about to be run on one testbed.
#[derive(Debug)]
pub struct Suite<'a> {
    testbed: &'a dyn Testbed,
    part: String,
    strict: bool,
    live: bool,
}

/// How one case ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The provider does as its contract says.
    Passed,
    /// It does not.
    Failed(String),
    /// It does not, because the world cannot.
    KnownGap {
        /// Why the world cannot.
        reason: String,
        /// How it showed.
        problem: String,
    },
    /// There is nothing to test.
    NotApplicable(String),
}

/// How one case ended, and of what it was.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CaseReport {
    /// The case's name.
    pub name: String,
    /// The sentence of the contract.
    pub promise: String,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took, in real time.
    pub took: Duration,
}

/// How all cases ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The testbed's name.
    pub testbed: String,
    /// Every case, by name.
    pub cases: Vec<CaseReport>,
    /// How often a driver was cut off.
    pub kill_points: usize,
    /// How long it took, in real time.
    pub took: Duration,
}

impl<'a> Suite<'a> {
    /// The whole suite.
    pub fn new(testbed: &'a dyn Testbed) -> Self {
        Self { testbed, part: String::new(), strict: false, live: false }
    }

    /// Only the cases whose name holds `part`.
    #[must_use]
    pub fn only(mut self, part: impl Into<String>) -> Self {
        self.part = part.into();
        self
    }

    /// A known gap that passes is a failure.
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Runs the cases.
    pub fn run(&self) -> Report {
        let start = Instant::now();
        let cases = crate::all_cases();
        let mut reports = self.unknown_gaps(&cases);
        let cases: VecDeque<_> = cases.into_iter().filter(|case| case.name.contains(&self.part)).collect();
        let (cases, done, kill_points) = (Mutex::new(cases), Mutex::default(), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..self.testbed.threads().max(1) {
                scope.spawn(|| self.work(&cases, &done, &kill_points));
            }
        });
        reports.extend(done.into_inner().unwrap_or_else(PoisonError::into_inner));
        reports.sort_by(|one: &CaseReport, other| one.name.cmp(&other.name));
        Report {
            testbed: self.testbed.name(),
            cases: reports,
            kill_points: kill_points.load(Ordering::Relaxed),
            took: start.elapsed(),
        }
    }

    fn work(&self, cases: &Mutex<VecDeque<Case>>, done: &Mutex<Vec<CaseReport>>, kill_points: &AtomicUsize) {
        loop {
            // Its own statement: the lock must not be held while the case runs.
            let next = cases.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(case) = next else { return };
            let start = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.run_case(&case, kill_points)));
            let outcome = outcome.unwrap_or_else(|panic| Err(Stop::Failed(panic_text(&*panic))));
            let report = CaseReport {
                verdict: self.verdict(&case.name, outcome),
                name: case.name,
                promise: case.promise,
                took: start.elapsed(),
            };
            if self.live {
                println!("{report}");
            }
            done.lock().unwrap_or_else(PoisonError::into_inner).push(report);
        }
    }

    fn run_case(&self, case: &Case, kill_points: &AtomicUsize) -> Outcome {
        let time = self.testbed.time();
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(time == Time::Virtual).build();
        let runtime = runtime.map_err(|problem| Stop::Failed(format!("no runtime: {problem}")))?;
        let context = Context { testbed: self.testbed, kill_points };
        let limit = match time {
            // Kill points of one case follow one another on one virtual clock, which cannot show much more than two years.
            Time::Virtual => Duration::from_secs(365 * 86_400),
            Time::Real => Duration::from_secs(600),
        };
        runtime.block_on(async {
            let provider = self.testbed.fresh().await.provider(&Tap::new()).await;
            if !provider.can(case.needs) {
                return Err(Stop::NotApplicable(format!("the provider has no {:?}", case.needs)));
            }
            match tokio::time::timeout(limit, (case.run)(&context)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Stop::Failed("it does not end".to_owned())),
            }
        })
    }

    fn verdict(&self, name: &str, outcome: Outcome) -> Verdict {
        let gaps = self.testbed.known_gaps();
        let gap = gaps.iter().find(|(gap, _)| matches(gap, name)).map(|(_, reason)| *reason);
        match (outcome, gap) {
            (Ok(()), Some(reason)) if self.strict => {
                Verdict::Failed(format!("it passes, though it is listed as a known gap: {reason}"))
            }
            (Ok(()), _) => Verdict::Passed,
            (Err(Stop::NotApplicable(reason)), _) => Verdict::NotApplicable(reason),
            (Err(Stop::Failed(problem)), None) => Verdict::Failed(problem),
            (Err(Stop::Failed(problem)), Some(reason)) => {
                Verdict::KnownGap { reason: reason.to_owned(), problem }
            }
        }
    }

    /// A gap that names no case hides nothing today, but its case under another name tomorrow.
    fn unknown_gaps(&self, cases: &[Case]) -> Vec<CaseReport> {
        let gaps = self.testbed.known_gaps();
        let unknown = gaps.iter().filter(|(gap, _)| !cases.iter().any(|case| matches(gap, &case.name)));
        unknown
            .map(|(gap, _)| CaseReport {
                name: (*gap).to_owned(),
                promise: "Every known gap is that of a case.".to_owned(),
                verdict: Verdict::Failed("there is no such case".to_owned()),
                took: Duration::ZERO,
            })
            .collect()
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panicked: {}", text.unwrap_or_default())
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, detail) = match &self.verdict {
            Verdict::Passed => ("ok", String::new()),
            Verdict::Failed(problem) => ("FAILED", format!(": {problem}")),
            Verdict::KnownGap { reason, problem } => ("known gap", format!(": {reason} [{problem}]")),
            Verdict::NotApplicable(reason) => ("not applicable", format!(": {reason}")),
        };
        write!(f, "{:<60} {:>6} ms  {word}{detail}", self.name, self.took.as_millis())
    }
}

impl Report {
    /// True if no case failed.
    pub fn is_success(&self) -> bool {
        !self.cases.iter().any(|case| matches!(case.verdict, Verdict::Failed(_)))
    }

    /// How a case ended.
    pub fn verdict(&self, name: &str) -> Option<&Verdict> {
        self.cases.iter().find(|case| case.name == name).map(|case| &case.verdict)
    }

    /// The names of the cases that failed.
    pub fn failed(&self) -> Vec<&str> {
        let failed = self.cases.iter().filter(|case| matches!(case.verdict, Verdict::Failed(_)));
        failed.map(|case| case.name.as_str()).collect()
    }

    /// One line: how many of each.
    pub fn summary(&self) -> String {
        let count = |test: fn(&Verdict) -> bool| self.cases.iter().filter(|case| test(&case.verdict)).count();
        format!(
            "conformance {}: {} passed, {} failed, {} known gaps, {} not applicable; kill points: {} ({:.1} s)",
            self.testbed,
            count(|verdict| matches!(verdict, Verdict::Passed)),
            count(|verdict| matches!(verdict, Verdict::Failed(_))),
            count(|verdict| matches!(verdict, Verdict::KnownGap { .. })),
            count(|verdict| matches!(verdict, Verdict::NotApplicable(_))),
            self.kill_points,
            self.took.as_secs_f32()
        )
    }

    fn failures(&self) -> String {
        let mut lines = vec![self.summary()];
        for case in &self.cases {
            if let Verdict::Failed(problem) = &case.verdict {
                lines.push(format!("{}\n    promised: {}\n    {problem}", case.name, case.promise));
            }
        }
        lines.join("\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.cases {
            writeln!(f, "{case}")?;
        }
        f.write_str(&self.summary())
    }
}
