//! URLs of resources. The same resource has several: full ones at either of two hosts, and partial ones
//! ([source](https://cloud.google.com/compute/docs/reference/rest/v1#resource-uris)).

/// What is the same in all URLs of a resource: the path from `projects/` on.
pub(crate) fn path(link: &str) -> &str {
    match link.find("/projects/") {
        Some(at) => &link[at + 1..],
        None => link.trim_start_matches('/'),
    }
}

/// True if both are URLs of the same resource.
pub(crate) fn same(one: &str, other: &str) -> bool {
    path(one) == path(other)
}

/// The name of a resource: the end of its URL.
pub(crate) fn name(link: &str) -> &str {
    link.rsplit('/').next().unwrap_or(link)
}

/// The zone and the name in the URL of an instance.
pub(crate) fn instance(link: &str) -> Option<(&str, &str)> {
    let mut parts = path(link).split('/').skip(2);
    match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()) {
        ("zones", zone, "instances", name, None) => Some((zone, name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "https://www.googleapis.com/compute/v1/projects/p/global/networks/n";

    #[test]
    fn urls_of_one_resource_are_the_same() {
        let other = "https://compute.googleapis.com/compute/v1/projects/p/global/networks/n";
        assert!(same(FULL, other) && same(other, "projects/p/global/networks/n"));
        assert!(!same(FULL, "projects/p/global/networks/n2"));
        assert!(!same(FULL, "projects/q/global/networks/n"));
        assert_eq!(name(FULL), "n");
    }

    #[test]
    fn an_instance_is_read_from_its_url_and_nothing_else_is() {
        let base = "https://www.googleapis.com/compute/v1/projects/p";
        assert_eq!(instance(&format!("{base}/zones/z/instances/i")), Some(("z", "i")));
        for odd in ["", "zones", "projects/p/zones/z/instances", "projects/p/zones/z/instances/i/x", FULL] {
            assert_eq!(instance(odd), None, "{odd}");
        }
    }
}
