//! Ctrl-C: what is left is said, and how to remove it.

use std::sync::{Arc, Mutex, PoisonError};

use gardener_provider_core::{CancelToken, Error, ErrorKind, Result};

/// Keeps a note of what exists in the cloud, for the case that the user interrupts.
#[derive(Debug, Clone, Default)]
pub struct Leftovers(Arc<Mutex<Vec<(String, String)>>>);

impl Leftovers {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// `what` is about to exist; `remedy` says how to remove it by hand.
    pub fn add(&self, what: impl Into<String>, remedy: impl Into<String>) {
        self.lock().push((what.into(), remedy.into()));
    }

    /// `what` is gone.
    pub fn gone(&self, what: &str) {
        self.lock().retain(|(other, _)| other != what);
    }

    /// What is left and how to remove it; empty if nothing is left.
    pub fn report(&self) -> String {
        self.lock()
            .iter()
            .rev()
            .fold(String::new(), |text, (what, remedy)| text + "  " + what + "\n      " + remedy + "\n")
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs `work` until it ends or the user presses Ctrl-C: then `cancel` is set, so that a run of the infrastructure
/// stops at the next step boundary, and what is left is printed. A second Ctrl-C stops at once.
///
/// # Errors
/// What `work` fails with; `Cancelled` if it was interrupted.
pub async fn run<T>(
    leftovers: &Leftovers,
    cancel: &CancelToken,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut work = Box::pin(work);
    let result = tokio::select! {
        result = &mut work => result,
        _ = tokio::signal::ctrl_c() => {
            eprintln!("\nstopping after the steps under way; press Ctrl-C again to stop at once");
            cancel.cancel();
            tokio::select! {
                result = &mut work => result,
                _ = tokio::signal::ctrl_c() => Err(Error::new(ErrorKind::Cancelled, "interrupted")),
            }
        }
    };
    let left = leftovers.report();
    if result.is_err() && !left.is_empty() {
        eprintln!("\nThis is left in the cloud:\n{left}");
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_is_not_reported_and_the_newest_comes_first() {
        let left = Leftovers::new();
        left.add("infrastructure x", "run it again");
        left.add("bucket b", "aws s3 rb --force s3://b");
        left.add("machine m", "terminate it");
        left.gone("bucket b");
        assert_eq!(
            left.report(),
            "  machine m\n      terminate it\n  infrastructure x\n      run it again\n"
        );
    }

    #[tokio::test]
    async fn the_result_of_the_work_is_passed_on() {
        let done = run(&Leftovers::new(), &CancelToken::new(), async { Ok(7) }).await;
        assert_eq!(done.unwrap(), 7);
    }
}
