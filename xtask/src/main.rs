//! Project tasks: `cargo xtask demo`, `cargo xtask test` and their like. Only the standard library, so that it builds in a
//! second before anything else.

mod bench;
mod demo;
mod deny;
mod deps;
mod etcd34;
mod faults;
mod guard;
mod npm;
mod problem;
mod process;
mod recordings;
mod stamp;
mod test;
mod tools;
mod tree;
mod venv;
mod workspace;

use std::{env, process::ExitCode};

use problem::{Problem, Result};
use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask TASK

  demo [--cloud aws|azure|gcp|all] [--target sandbox|emulator|cloud] [--yes]
                     the whole job on a real etcd and a cloud: infrastructure, machines, backup, restore, removal;
                     all: each of them, and a Shoot on one cloud whose Seed is on another
  test [--all] [ARGS]
                     install what the tests need, run them, list what was skipped;
                     --all also runs the long ones, ARGS go to `cargo test` (default: --workspace --all-features)
  bench [--peers] [ARGS]
                     run the benches, or with --peers those of the peers they are compared with
  faults [POINTS]    the fault campaign of the etcd backup at full size, on every etcd that is installed
  tools [--all]      install what tests and demo need into target/tools
  deps               check which crate depends on which
  deny [CHECKS]      check licences, unwanted crates and sources of all dependencies by deny.toml
  guard              check the tracked files: no ignored tests, no dead links, no machine's own paths
";

fn main() -> ExitCode {
    let mut arguments: Vec<String> = env::args().skip(1).collect();
    let task = if arguments.is_empty() { String::new() } else { arguments.remove(0) };
    match run(&task, &arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &str, arguments: &[String]) -> Result<()> {
    let workspace = Workspace::locate();
    match task {
        "demo" => demo::run(&workspace, arguments),
        "test" => test::run(&workspace, arguments),
        "bench" => bench::run(&workspace, arguments),
        "faults" => faults::run(&workspace, arguments),
        "tools" => tools::run(&workspace, arguments),
        "deps" => deps::run(&workspace),
        "deny" => deny::run(&workspace, arguments),
        "guard" => guard::run(&workspace),
        "" | "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        other => Err(Problem::new(format!("no task named {other:?}\n\n{USAGE}"))),
    }
}
