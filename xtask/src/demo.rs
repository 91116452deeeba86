//! `cargo xtask demo`: fetches what the demo needs and becomes it.

use std::process::Command;

use crate::{
    problem::{Problem, Result},
    process::{cargo, replace, run as execute, without_cloud_settings},
    tools::{Tool, install},
    workspace::Workspace,
};

/// With the features that the tests are built with, so that demo and tests share what they build.
const BUILD: [&str; 5] = ["build", "--workspace", "--all-features", "--example", EXAMPLE];
const EXAMPLE: &str = "quickstart";

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Sandbox,
    Emulator,
    Cloud,
}

/// Installs, builds and runs the quickstart example.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (cloud, target, arguments) = parse(arguments)?;
    let installed = install(workspace, &tools(&cloud, target))?;
    installed.explain();
    execute(cargo(&workspace.root).args(BUILD))?;
    let program = workspace.target.join("debug").join("examples").join(EXAMPLE);
    let mut command = Command::new(program);
    if target != Target::Cloud {
        without_cloud_settings(&mut command);
    }
    replace(installed.tell(&mut command).args(arguments))
}

/// What the demo needs beside the sandbox: etcd, and where the objects lie that the sandbox does not keep.
fn tools(cloud: &str, target: Target) -> Vec<Tool> {
    let beside: &[Tool] = match (target, cloud) {
        (Target::Emulator, _) => &[Tool::Aws],
        (Target::Sandbox, "azure") => &[Tool::Azurite],
        (Target::Sandbox, "gcp") => &[Tool::Gcp],
        (Target::Sandbox, "all") => &[Tool::Azurite, Tool::Gcp],
        _ => &[],
    };
    [&[Tool::Etcd], beside].concat()
}

/// Cloud and target, and the arguments with what was left out filled in.
fn parse(arguments: &[String]) -> Result<(String, Target, Vec<String>)> {
    let (mut cloud, mut target, mut others) = ("aws".to_owned(), "sandbox".to_owned(), Vec::new());
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let (name, joined) =
            word.split_once('=').map_or((word.as_str(), None), |(name, value)| (name, Some(value)));
        let slot = match name {
            "--cloud" => &mut cloud,
            "--target" => &mut target,
            _ => {
                others.push(word.clone());
                continue;
            }
        };
        let value = joined.or_else(|| words.next().map(String::as_str));
        value.ok_or_else(|| Problem::new(format!("{name} needs a value")))?.clone_into(slot);
    }
    let kind = match target.as_str() {
        "sandbox" => Target::Sandbox,
        "emulator" => Target::Emulator,
        "cloud" => Target::Cloud,
        other => {
            return Err(Problem::new(format!("--target {other}: choose sandbox, emulator or cloud")));
        }
    };
    let mut complete = vec!["--cloud".to_owned(), cloud.clone(), "--target".to_owned(), target];
    complete.extend(others);
    Ok((cloud, kind, complete))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(Target, String)> {
        let words: Vec<_> = line.split_whitespace().map(String::from).collect();
        parse(&words).map(|(_, target, words)| (target, words.join(" ")))
    }

    #[test]
    fn the_sandbox_answers_by_default() {
        assert_eq!(parsed("").unwrap(), (Target::Sandbox, "--cloud aws --target sandbox".to_owned()));
    }

    #[test]
    fn both_spellings_are_read_and_the_rest_is_passed_on() {
        let expected = "--cloud aws --target cloud --yes";
        assert_eq!(parsed("--target=cloud --yes").unwrap(), (Target::Cloud, expected.to_owned()));
        assert_eq!(parsed("--yes --target cloud --cloud aws").unwrap(), (Target::Cloud, expected.to_owned()));
        assert_eq!(parsed("--target emulator").unwrap().0, Target::Emulator);
    }

    #[test]
    fn each_cloud_gets_the_servers_that_it_needs() {
        assert_eq!(tools("aws", Target::Sandbox), [Tool::Etcd]);
        assert_eq!(tools("aws", Target::Emulator), [Tool::Etcd, Tool::Aws]);
        assert_eq!(tools("gcp", Target::Sandbox), [Tool::Etcd, Tool::Gcp]);
        assert_eq!(tools("all", Target::Sandbox), [Tool::Etcd, Tool::Azurite, Tool::Gcp]);
        assert_eq!(tools("azure", Target::Cloud), [Tool::Etcd]);
    }

    #[test]
    fn a_wrong_or_missing_target_is_an_error() {
        assert!(parsed("--target moon").unwrap_err().to_string().contains("moon"));
        assert!(parsed("--target").unwrap_err().to_string().contains("needs a value"));
    }
}
