//! What `cargo tree --prefix depth --format {p}` prints, read into edges.

use std::collections::{BTreeMap, BTreeSet};

/// The dependencies of packages, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    edges: BTreeMap<String, BTreeSet<String>>,
}

impl Tree {
    /// Reads lines of a depth and a package: `2tokio v1.54.1 (*)`. Other lines are not part of a tree.
    pub(crate) fn parse(text: &str) -> Self {
        let mut tree = Self::default();
        let mut path: Vec<&str> = Vec::new();
        for (depth, name) in text.lines().filter_map(package) {
            path.truncate(depth);
            tree.edges.entry(name.to_owned()).or_default();
            if let Some(parent) = path.last() {
                tree.edges.entry((*parent).to_owned()).or_default().insert(name.to_owned());
            }
            path.push(name);
        }
        tree
    }

    /// Every package.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        self.edges.keys().map(String::as_str)
    }

    /// What the package depends on directly.
    pub(crate) fn direct(&self, package: &str) -> impl Iterator<Item = &str> {
        self.edges.get(package).into_iter().flatten().map(String::as_str)
    }

    /// A shortest way from one package to another, both included.
    pub(crate) fn way(&self, from: &str, to: &str) -> Option<Vec<String>> {
        let mut seen = BTreeSet::from([from.to_owned()]);
        let mut ways = vec![vec![from.to_owned()]];
        while !ways.is_empty() {
            let mut longer = Vec::new();
            for way in ways {
                let end = way.last().map_or("", String::as_str);
                if end == to {
                    return Some(way);
                }
                for next in self.direct(end).filter(|next| seen.insert((*next).to_owned())) {
                    longer.push([way.as_slice(), &[next.to_owned()]].concat());
                }
            }
            ways = longer;
        }
        None
    }
}

fn package(line: &str) -> Option<(usize, &str)> {
    let digits = line.find(|c: char| !c.is_ascii_digit())?;
    let depth = line[..digits].parse().ok()?;
    line[digits..].split_whitespace().next().map(|name| (depth, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
0core v0.1.0 (/somewhere/core)
1async-trait v0.1.92 (proc-macro)
2syn v3.0.9
1object_store v0.14.2
2http v1.5.0

0client v0.1.0 (/somewhere/client)
1core v0.1.0 (/somewhere/core) (*)
1reqwest v0.13.5
2http v1.5.0
";

    #[test]
    fn depths_become_edges() {
        let tree = Tree::parse(TEXT);
        assert_eq!(tree.direct("core").collect::<Vec<_>>(), ["async-trait", "object_store"]);
        assert_eq!(tree.direct("client").collect::<Vec<_>>(), ["core", "reqwest"]);
        assert_eq!(tree.direct("http").count(), 0);
        assert_eq!(tree.packages().count(), 7);
    }

    #[test]
    fn ways_go_through_trees_printed_elsewhere() {
        let tree = Tree::parse(TEXT);
        assert_eq!(tree.way("client", "syn").unwrap(), ["client", "core", "async-trait", "syn"]);
        assert_eq!(tree.way("core", "reqwest"), None);
    }

    #[test]
    fn other_lines_are_ignored() {
        assert_eq!(Tree::parse("\nwarning: nothing\n[dev-dependencies]\n"), Tree::default());
    }
}
