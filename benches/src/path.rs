//! The longest way through a graph.

use std::{collections::BTreeMap, time::Duration};

/// The longest way through a graph as [`picture`] draws it, when each node takes as long as `took` says: its length and
/// its nodes in order. Nodes that `took` does not name take no time.
///
/// [`picture`]: gardener_provider_core::InfrastructureDriver::picture
pub fn longest(picture: &str, took: &BTreeMap<String, Duration>) -> (Duration, Vec<String>) {
    let mut names = BTreeMap::new();
    let mut edges = BTreeMap::<usize, Vec<usize>>::new();
    for line in picture.lines().map(str::trim) {
        if let Some((from, to)) = line.split_once(" --> ").and_then(|(a, b)| Some((number(a)?, number(b)?))) {
            edges.entry(to).or_default().push(from);
        } else if let Some((node, name)) = node(line) {
            names.insert(node, name);
        }
    }
    // A node's number is higher than those of the nodes it depends on.
    let mut ways = BTreeMap::<usize, (Duration, Vec<String>)>::new();
    for (node, name) in names {
        let before = edges.get(&node).into_iter().flatten().filter_map(|before| ways.get(before));
        let (length, mut way) = before.max_by_key(|(length, _)| *length).cloned().unwrap_or_default();
        let own = took.get(&name).copied().unwrap_or_default();
        way.push(name);
        ways.insert(node, (length + own, way));
    }
    ways.into_values().max_by_key(|(length, _)| *length).unwrap_or_default()
}

fn number(word: &str) -> Option<usize> {
    word.strip_prefix('n')?.parse().ok()
}

/// `n1["name<br/>…` or `n1(["name<br/>…`
fn node(line: &str) -> Option<(usize, String)> {
    let (id, rest) = line.split_once(['[', '('])?;
    let (_, quoted) = rest.split_once('"')?;
    let (name, _) = quoted.split_once("<br/>")?;
    Some((number(id)?, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PICTURE: &str = r#"flowchart LR
    n0["vpc<br/><i>VPC</i>"]
    n1(["address<br/><i>elastic IP</i>"])
    style n1 stroke-dasharray: 4
    n2["subnet<br/><i>subnet</i>"]
    n0 --> n2
    n3["nat<br/><i>NAT gateway</i>"]
    n1 --> n3
    n2 --> n3
"#;

    fn length(times: &[(&str, u64)]) -> (u64, Vec<String>) {
        let took = times.iter().map(|(node, ms)| ((*node).to_owned(), Duration::from_millis(*ms))).collect();
        let (length, way) = longest(PICTURE, &took);
        (u64::try_from(length.as_millis()).unwrap(), way)
    }

    #[test]
    fn the_longest_way_counts() {
        let (ms, way) = length(&[("vpc", 2), ("address", 4), ("subnet", 3), ("nat", 10)]);
        assert_eq!((ms, way.join(" ")), (15, "vpc subnet nat".to_owned()));
        let (ms, way) = length(&[("vpc", 2), ("address", 40), ("subnet", 3), ("nat", 10)]);
        assert_eq!((ms, way.join(" ")), (50, "address nat".to_owned()));
    }

    #[test]
    fn nothing_has_no_length() {
        assert_eq!(longest("flowchart LR\n", &BTreeMap::new()), (Duration::ZERO, Vec::new()));
    }
}
