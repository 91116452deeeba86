//! Which crate may depend on which: core <- client <- clouds.

use std::collections::BTreeMap;

use crate::{
    problem::{Problem, Result},
    process::{cargo, output},
    tree::Tree,
    workspace::Workspace,
};

const CORE: &str = "gardener-provider-core";
const CLIENT: &str = "gardener-provider-client";
const CLOUDS: [&str; 3] = ["gardener-provider-aws", "gardener-provider-azure", "gardener-provider-gcp"];
const ETCD_BACKUP: &str = "gardener-etcd-backup";
const SANDBOX: &str = "gardener-provider-sandbox";
const CONFORMANCE: &str = "gardener-provider-conformance";

/// Not published; they may depend on everything.
const FREE: [&str; 3] = ["gardener-provider-examples", "gardener-provider-benches", "xtask"];

/// What must not be anywhere below the core: HTTP clients and servers, and runtimes.
const NOT_IN_CORE: [&str; 15] = [
    "async-std",
    "axum",
    "curl",
    "embassy-executor",
    "h2",
    "hyper",
    "hyper-util",
    "isahc",
    "reqwest",
    "smol",
    "surf",
    "tokio",
    "tower",
    "tower-http",
    "ureq",
];

/// The crates of the family that a crate may depend on; `None` for a crate that is not known here.
fn allowed(package: &str) -> Option<&'static [&'static str]> {
    match package {
        CORE => Some(&[]),
        CLIENT | ETCD_BACKUP => Some(&[CORE]),
        SANDBOX | CONFORMANCE => Some(&[CORE, CLIENT]),
        cloud if CLOUDS.contains(&cloud) => Some(&[CORE, CLIENT]),
        _ => None,
    }
}

/// Reads the trees from cargo and reports every violation.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let built = tree(workspace, &["--workspace", "-e", "normal,build", "--target", "all"])?;
    let tested = tree(workspace, &["--workspace", "-e", "dev", "--depth", "1", "--target", "all"])?;
    // Of this machine's target only: for WebAssembly object_store names tokio without using its runtime.
    let core = tree(workspace, &["-p", CORE, "-e", "normal,build"])?;
    let members = members(workspace)?;
    let violations =
        [direct_violations(&members, &built), development_violations(&tested), core_violations(&core)]
            .concat();
    if violations.is_empty() {
        println!("dependency rule: {} crates, no violation", members.len());
        return Ok(());
    }
    Err(Problem::new(format!("dependency rule:\n  {}", violations.join("\n  "))))
}

fn tree(workspace: &Workspace, selection: &[&str]) -> Result<Tree> {
    let mut command = cargo(&workspace.root);
    command.args("tree --quiet --all-features --prefix depth --format {p}".split(' ')).args(selection);
    output(&mut command).map(|text| Tree::parse(&text))
}

fn members(workspace: &Workspace) -> Result<Vec<String>> {
    let roots = tree(workspace, &["--workspace", "--depth", "0"])?;
    Ok(roots.packages().map(String::from).collect())
}

/// Dependencies among the members that the rule does not allow.
fn direct_violations(members: &[String], tree: &Tree) -> Vec<String> {
    let mut violations = Vec::new();
    for package in members.iter().map(String::as_str).filter(|package| !FREE.contains(package)) {
        let Some(allowed) = allowed(package) else {
            violations.push(format!("{package} is not in the rule; add it to xtask/src/deps.rs"));
            continue;
        };
        for other in tree.direct(package) {
            if members.iter().any(|member| member == other) && !allowed.contains(&other) {
                violations.push(format!("{package} must not depend on {other}"));
            }
        }
    }
    violations
}

/// Even for their tests clouds do not depend on each other.
fn development_violations(tree: &Tree) -> Vec<String> {
    let others: BTreeMap<_, Vec<_>> = CLOUDS
        .iter()
        .map(|cloud| (cloud, tree.direct(cloud).filter(|other| CLOUDS.contains(other)).collect()))
        .collect();
    others
        .into_iter()
        .flat_map(|(cloud, others)| {
            others.into_iter().map(move |other| format!("the tests of {cloud} must not depend on {other}"))
        })
        .collect()
}

/// The core has neither an HTTP client nor a runtime below it.
fn core_violations(tree: &Tree) -> Vec<String> {
    NOT_IN_CORE
        .iter()
        .filter_map(|package| tree.way(CORE, package))
        .map(|way| format!("the core must do without: {}", way.join(" -> ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = "\
0gardener-provider-core v0.1.0
1serde v1.0.0
0gardener-provider-client v0.1.0
1gardener-provider-core v0.1.0 (*)
1reqwest v0.13.5
0gardener-provider-aws v0.1.0
1gardener-provider-client v0.1.0 (*)
0gardener-etcd-backup v0.1.0
1gardener-provider-core v0.1.0 (*)
0gardener-provider-examples v0.1.0
1gardener-provider-sandbox v0.1.0
";

    fn members(tree: &Tree) -> Vec<String> {
        tree.packages().filter(|name| name.starts_with("gardener-")).map(String::from).collect()
    }

    fn direct(text: &str) -> Vec<String> {
        let tree = Tree::parse(text);
        direct_violations(&members(&tree), &tree)
    }

    #[test]
    fn a_sound_tree_has_no_violation() {
        assert_eq!(direct(SOUND), Vec::<String>::new());
        assert_eq!(core_violations(&Tree::parse(SOUND)), Vec::<String>::new());
    }

    #[test]
    fn violations_are_named() {
        for (package, other) in [
            (CORE, CLIENT),
            (CLIENT, "gardener-provider-aws"),
            ("gardener-provider-aws", "gardener-provider-gcp"),
            ("gardener-provider-azure", SANDBOX),
            ("gardener-provider-gcp", CONFORMANCE),
            (ETCD_BACKUP, CLIENT),
            (ETCD_BACKUP, "gardener-provider-aws"),
            (CONFORMANCE, "gardener-provider-aws"),
        ] {
            let text = format!("{SOUND}0{package} v0.1.0\n1{other} v0.1.0\n");
            assert_eq!(direct(&text), [format!("{package} must not depend on {other}")]);
        }
    }

    #[test]
    fn an_unknown_crate_must_be_given_a_place() {
        let violations = direct("0gardener-provider-openstack v0.1.0\n");
        assert!(violations[0].contains("gardener-provider-openstack is not in the rule"), "{violations:?}");
    }

    #[test]
    fn the_core_does_without_a_runtime_however_deep() {
        let text = format!(
            "{SOUND}0gardener-provider-core v0.1.0\n1object_store v0.14.2\n2reqwest v0.13.5\n3tokio v1.0.0\n"
        );
        let violations = core_violations(&Tree::parse(&text));
        assert_eq!(violations.len(), 2, "{violations:?}");
        assert!(
            violations[1].ends_with("gardener-provider-core -> object_store -> reqwest -> tokio"),
            "{violations:?}"
        );
    }

    #[test]
    fn tests_of_clouds_keep_apart_too() {
        let text = "0gardener-provider-aws v0.1.0\n1gardener-provider-sandbox v0.1.0\n1gardener-provider-azure v0.1.0\n";
        let violations = development_violations(&Tree::parse(text));
        assert_eq!(
            violations,
            ["the tests of gardener-provider-aws must not depend on gardener-provider-azure"]
        );
    }
}
