//! What must not be in the tracked files.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    problem::{Context, Problem, Result},
    process::output,
    workspace::Workspace,
};

const LONG: usize = 600;

/// Words split so that this file does not hold them.
const FORBIDDEN_IN_RUST: [(&str, &str); 3] = [("#[ign", "ore"), ("tod", "o!("), ("unimplem", "ented!(")];
const REGISTRY_HOSTS: [(&str, &str); 7] = [
    ("index.cra", "tes.io"),
    ("static.cra", "tes.io"),
    ("pypi", ".org"),
    ("files.python", "hosted.org"),
    ("registry.npm", "js.org"),
    ("deb.deb", "ian.org"),
    ("proxy.gol", "ang.org"),
];
const LOCK_SOURCE: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

/// Checks every tracked file; long ones are only listed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let files = tracked(workspace)?;
    let places = machine_places(workspace);
    let (mut violations, mut long) = (Vec::new(), Vec::new());
    for path in &files {
        let Ok(text) = fs::read_to_string(workspace.root.join(path)) else { continue };
        violations.extend(check(path, &text, &places));
        violations.extend(dead_links(&workspace.root, path, &text));
        if path.extension().is_some_and(|extension| extension == "rs") && text.lines().count() > LONG {
            long.push(format!("{}: {} lines", path.display(), text.lines().count()));
        }
    }
    for line in &long {
        println!("warning: {line}, more than {LONG}");
    }
    if violations.is_empty() {
        println!("guard: {} files, no violation", files.len());
        return Ok(());
    }
    Err(Problem::new(format!("guard:\n  {}", violations.join("\n  "))))
}

fn tracked(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let list = output(Command::new("git").current_dir(&workspace.root).args(["ls-files", "-z"]))
        .context("the guard reads the list of files from git")?;
    // A file that was removed but is not yet committed has nothing to check.
    Ok(list.split('\0').map(PathBuf::from).filter(|path| workspace.root.join(path).is_file()).collect())
}

/// Paths that exist on one machine only, beside the well-known ones.
fn machine_places(workspace: &Workspace) -> Vec<String> {
    let mut places = vec![format!("..{}", "/shared"), format!("/wo{}", "rk/"), format!("/Us{}", "ers/")];
    if workspace.root.components().count() > 2 {
        places.push(workspace.root.display().to_string());
    }
    if let Some(home) = env::var_os("HOME").filter(|home| home != "/") {
        places.push(format!("{}/", Path::new(&home).display()));
    }
    places
}

fn check(path: &Path, text: &str, places: &[String]) -> Vec<String> {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let mut report = |what: &str| found.push(format!("{}:{number}: {what}", path.display()));
        if extension == "rs" {
            for (head, tail) in FORBIDDEN_IN_RUST {
                if line.contains(&format!("{head}{tail}")) {
                    report(&format!("{head}{tail} has no place here"));
                }
            }
        }
        for place in places.iter().filter(|place| holds_path(line, place)) {
            report(&format!("{place} is a path of one machine"));
        }
        if path.ends_with("Cargo.lock") {
            if line.starts_with("source = ") && line != LOCK_SOURCE {
                report("not from the public registry");
            }
        } else if let Some((head, tail)) =
            REGISTRY_HOSTS.iter().find(|(head, tail)| line.contains(&format!("{head}{tail}")))
        {
            report(&format!("{head}{tail} is a registry's host: clients know it, files need not"));
        }
    }
    found
}

/// True if the line has the path, not as the later part of another path or of a URL.
fn holds_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_ascii_alphanumeric() || "._-/}".contains(before))
    })
}

/// Links of a Markdown file to files that are not there.
fn dead_links(root: &Path, path: &Path, text: &str) -> Vec<String> {
    if path.extension().is_none_or(|extension| extension != "md") {
        return Vec::new();
    }
    let folder = root.join(path.parent().unwrap_or(Path::new("")));
    links(text)
        .filter(|(_, link)| !folder.join(link).exists())
        .map(|(number, link)| format!("{}:{number}: there is no {link}", path.display()))
        .collect()
}

/// The links to files in Markdown, with their line numbers; code blocks are left out.
fn links(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    let prose = (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    });
    prose.flat_map(|(number, line)| {
        line.split("](").skip(1).filter_map(move |rest| {
            let link = rest.split([')', '#', ' ']).next().unwrap_or_default();
            let is_file = !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:");
            is_file.then_some((number, link))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(path: &str, text: &str) -> Vec<String> {
        check(Path::new(path), text, &["/home/somebody/".to_owned(), format!("..{}", "/shared")])
    }

    #[test]
    fn ignored_and_unfinished_rust_is_found() {
        for (head, tail) in FORBIDDEN_IN_RUST {
            let found = checked("a/src/lib.rs", &format!("fn f() {{}}\n    {head}{tail}"));
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].starts_with("a/src/lib.rs:2: "), "{found:?}");
            assert!(checked("README.md", &format!("{head}{tail}")).is_empty(), "only Rust is checked");
        }
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        assert_eq!(checked("ci", "cd /home/somebody/src").len(), 1);
        assert_eq!(checked("ci", &format!("cat ..{}/x", "/shared")).len(), 1);
        assert!(checked("ci", "https://example.com/home/somebody/x").is_empty());
    }

    #[test]
    fn other_registries_are_found() {
        for (head, tail) in REGISTRY_HOSTS {
            assert_eq!(checked("ci", &format!("https://{head}{tail}/x")).len(), 1);
        }
        assert!(checked("Cargo.lock", LOCK_SOURCE).is_empty());
        assert_eq!(checked("Cargo.lock", "source = \"git+https://example.com/fork\"").len(), 1);
    }

    #[test]
    fn links_to_missing_files_are_found() {
        let text = "see [a](there.md#part), [b](gone.md) and [c](https://example.com)\n```\n[d](in-code.md)\n```\n[e](#here)";
        let found: Vec<_> = links(text).collect();
        assert_eq!(found, [(1, "there.md"), (1, "gone.md")]);
        let root = Workspace::locate().root;
        assert_eq!(dead_links(&root, Path::new("x.md"), "[a](Cargo.toml) [b](no-such-file)").len(), 1);
    }
}
