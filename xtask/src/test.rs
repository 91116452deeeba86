//! `cargo xtask test`: every test, with the servers it needs.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    problem::{Context, Problem, Result},
    process::{cargo, run as execute, without_cloud_settings},
    tools::{install, of_tests},
    workspace::Workspace,
};

/// Names the file that collects the lines of skipped tests.
pub(crate) const SKIPS: &str = "GARDENER_TEST_SKIPS";
/// Set when the tests that take minutes shall run too.
pub(crate) const ALL: &str = "GARDENER_TEST_ALL";

/// Installs the tools, builds, runs the tests, and lists those that were skipped.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (all, given): (Vec<_>, Vec<_>) =
        arguments.iter().map(String::as_str).partition(|word| *word == "--all");
    let installed = install(workspace, &of_tests(!all.is_empty()))?;
    installed.explain();
    let skips = workspace.tools().join("skipped.txt");
    fs::write(&skips, "").context(skips.display())?;
    let (selection, harness) = split(&given);
    // Built apart, with the environment as it is: fetching crates may need the settings that the tests must not see.
    execute(cargo(&workspace.root).arg("test").args(&selection).arg("--no-run"))?;
    let mut command = cargo(&workspace.root);
    without_cloud_settings(&mut command);
    installed.tell(&mut command).env(SKIPS, &skips);
    if !all.is_empty() {
        command.env(ALL, "1");
    }
    let outcome = execute(command.arg("test").args(&selection).arg("--no-fail-fast").args(&harness));
    report(&skips)?;
    installed.explain();
    outcome.map_err(|_| Problem::new("tests failed; their names stand above"))
}

/// cargo's part of the arguments, which chooses tests, and the part from `--` on, which is the test program's.
fn split<'a>(given: &[&'a str]) -> (Vec<&'a str>, Vec<&'a str>) {
    let border = given.iter().position(|word| *word == "--").unwrap_or(given.len());
    let (selection, harness) = given.split_at(border);
    if selection.is_empty() {
        (vec!["--workspace", "--all-features"], harness.to_vec())
    } else {
        (selection.to_vec(), harness.to_vec())
    }
}

fn report(path: &Path) -> Result<()> {
    let lines = fs::read_to_string(path).context(path.display())?;
    print!("\n{}", summary(&lines));
    Ok(())
}

/// The lines in order, each once, with how often it came.
fn summary(lines: &str) -> String {
    let mut counts = BTreeMap::new();
    for line in lines.lines().filter(|line| !line.is_empty()) {
        *counts.entry(line).or_insert(0_usize) += 1;
    }
    let mut text = vec![format!("skipped tests: {}\n", counts.values().sum::<usize>())];
    text.extend(counts.into_iter().map(|(line, count)| match count {
        1 => format!("  {line}\n"),
        _ => format!("  {line} ({count} times)\n"),
    }));
    text.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_workspace_unless_something_was_chosen() {
        assert_eq!(split(&[]).0, ["--workspace", "--all-features"]);
        let (selection, harness) = split(&["-p", "xtask", "--", "--nocapture"]);
        assert_eq!((selection, harness), (vec!["-p", "xtask"], vec!["--", "--nocapture"]));
        assert_eq!(split(&["--", "name"]).0, ["--workspace", "--all-features"]);
    }

    #[test]
    fn skipped_tests_are_counted_and_named() {
        let text = summary("skipped: b: no moto\nskipped: a: no etcd\nskipped: b: no moto\n");
        assert_eq!(text, "skipped tests: 3\n  skipped: a: no etcd\n  skipped: b: no moto (2 times)\n");
        assert_eq!(summary(""), "skipped tests: 0\n");
    }
}
