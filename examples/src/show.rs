//! What an example shows of its work.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{IsTerminal, Write},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use gardener_provider_core::{Action, Progress, ProgressSink};

/// Shows a run as it goes on: on a terminal one line that changes, elsewhere one line per step.
#[derive(Debug)]
pub struct LiveProgress {
    terminal: bool,
    state: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    steps: usize,
    done: usize,
    changed: usize,
    running: BTreeSet<String>,
}

impl Default for LiveProgress {
    fn default() -> Self {
        Self { terminal: std::io::stdout().is_terminal(), state: Mutex::default() }
    }
}

impl ProgressSink for LiveProgress {
    fn on(&self, progress: &Progress) {
        let mut counts = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let line = counts.take(progress);
        let mut out = std::io::stdout().lock();
        // A closed terminal is no reason to stop the work.
        let _ = match (line, self.terminal) {
            (Some(line), false) => writeln!(out, "  {line}"),
            (Some(line), true) => writeln!(out, "\r\x1b[2K  {line}"),
            (None, _) => Ok(()),
        };
        if self.terminal {
            let _ = write!(out, "\r\x1b[2K{}", counts.bar()).and_then(|()| out.flush());
        }
    }
}

impl Counts {
    /// Counts a piece of progress; a line if it is worth one.
    fn take(&mut self, progress: &Progress) -> Option<String> {
        match progress {
            Progress::Started { steps } => *self = Self { steps: *steps, ..Self::default() },
            Progress::StepStarted { node } => {
                self.running.insert(node.clone());
            }
            Progress::StepFinished { node, action, took } => {
                self.running.remove(node);
                self.done += 1;
                if *action != Action::Keep {
                    self.changed += 1;
                    return Some(format!("{:<8}{node} ({})", action.to_string(), seconds(*took)));
                }
            }
            Progress::StepFailed { node, error } => {
                self.running.remove(node);
                return Some(format!("FAILED  {node}: {error}"));
            }
            Progress::Finished { done, failed, skipped } => {
                self.running.clear();
                let mut line = format!("{done} steps done, {} of them changed something", self.changed);
                if failed + skipped > 0 {
                    let _ = write!(line, "; {failed} failed, {skipped} not begun");
                }
                return Some(line);
            }
            _ => {}
        }
        None
    }

    fn bar(&self) -> String {
        if self.running.is_empty() {
            return String::new();
        }
        let running: Vec<_> = self.running.iter().take(3).map(String::as_str).collect();
        let more = if self.running.len() > 3 { ", …" } else { "" };
        format!("  [{}/{}] {}{more}", self.done, self.steps, running.join(", "))
    }
}

/// One line of the closing table.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was done.
    pub what: String,
    /// What came of it.
    pub result: String,
    /// How many API calls it took.
    pub calls: u64,
    /// How long it took.
    pub took: Duration,
}

/// The closing table.
pub fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (what, result) = (width(|row| &row.what).max(4), width(|row| &row.result).max(6));
    let mut text = format!("{:<what$}  {:<result$}  {:>9}  {:>8}\n", "step", "result", "API calls", "time");
    for row in rows {
        let took = seconds(row.took);
        let _ = writeln!(text, "{:<what$}  {:<result$}  {:>9}  {took:>8}", row.what, row.result, row.calls);
    }
    let (calls, took) =
        (rows.iter().map(|row| row.calls).sum::<u64>(), rows.iter().map(|row| row.took).sum());
    let _ = writeln!(text, "{:<what$}  {:<result$}  {calls:>9}  {:>8}", "total", "", seconds(took));
    text
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_changed_something_get_a_line() {
        let mut counts = Counts::default();
        let node = "vpc".to_owned();
        assert_eq!(counts.take(&Progress::Started { steps: 2 }), None);
        assert_eq!(counts.take(&Progress::StepStarted { node: node.clone() }), None);
        assert_eq!(counts.bar(), "  [0/2] vpc");
        let took = Duration::from_millis(1500);
        let made = counts.take(&Progress::StepFinished { node: node.clone(), action: Action::Create, took });
        assert_eq!(made.unwrap(), "create  vpc (1.50 s)");
        assert_eq!(counts.take(&Progress::StepFinished { node, action: Action::Keep, took }), None);
        let end = counts.take(&Progress::Finished { done: 2, failed: 0, skipped: 0 });
        assert_eq!(end.unwrap(), "2 steps done, 1 of them changed something");
    }

    #[test]
    fn the_table_adds_up() {
        let row = |what: &str, calls| Row {
            what: what.to_owned(),
            result: "ok".to_owned(),
            calls,
            took: Duration::from_millis(500),
        };
        let table = table(&[row("plan", 3), row("apply", 40)]);
        let last = table.lines().last().unwrap();
        assert!(last.starts_with("total") && last.contains("43") && last.ends_with("1.00 s"), "{table}");
    }
}
