//! The cluster that a restored member boots into: member and cluster ids as etcd derives them.

use std::collections::BTreeMap;

use gardener_provider_core::{Error, Result};
use serde::Serialize;
use sha1::{Digest, Sha1};

/// The members that a restored cluster begins with. Every member is restored with the same cluster and its own name.
///
/// ```
/// # use gardener_etcd_backup::InitialCluster;
/// let cluster = InitialCluster::parse("m1=http://10.0.0.1:2380,m2=http://10.0.0.2:2380", "my-token")?;
/// assert_eq!(cluster.names().collect::<Vec<_>>(), ["m1", "m2"]);
/// # Ok::<(), gardener_provider_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialCluster {
    members: BTreeMap<String, Vec<String>>,
    token: String,
}

impl InitialCluster {
    /// One member of this name that other members would reach under this URL. The token is etcd's default.
    pub fn single(name: impl Into<String>, peer_url: impl Into<String>) -> Self {
        let members = BTreeMap::from([(name.into(), vec![peer_url.into()])]);
        Self { members, token: "etcd-cluster".to_owned() }
    }

    /// Members as etcd's `--initial-cluster` lists them, and its `--initial-cluster-token`. A name that is listed twice
    /// has both URLs.
    ///
    /// # Errors
    /// `InvalidArgument` for an entry without `=`, without a name or without an `http` or `https` URL.
    pub fn parse(members: &str, token: &str) -> Result<Self> {
        let mut parsed = BTreeMap::<String, Vec<String>>::new();
        for entry in members.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let (name, url) = entry.split_once('=').unwrap_or(("", entry));
            let has_scheme = url.starts_with("http://") || url.starts_with("https://");
            if name.is_empty() || !has_scheme {
                let problem = format!("{entry:?} is not of the form name=http://host:port");
                return Err(Error::invalid("initial-cluster", problem));
            }
            parsed.entry(name.to_owned()).or_default().push(url.to_owned());
        }
        if parsed.is_empty() {
            return Err(Error::invalid("initial-cluster", "it names no member"));
        }
        Ok(Self { members: parsed, token: token.to_owned() })
    }

    /// The members' names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(String::as_str)
    }

    /// The members sorted by id, as a restore lists them everywhere.
    pub(crate) fn members(&self) -> Result<Vec<Member>> {
        let mut members: Vec<_> =
            self.members.iter().map(|(name, urls)| Member::new(name, urls, &self.token)).collect();
        members.sort_by_key(|member| member.id);
        if members.windows(2).any(|pair| pair[0].id == pair[1].id) {
            return Err(Error::invalid("initial-cluster", "two members have the same peer URLs"));
        }
        Ok(members)
    }
}

impl Default for InitialCluster {
    /// etcd's own default: the member `default` at `http://localhost:2380`.
    fn default() -> Self {
        Self::single("default", "http://localhost:2380")
    }
}

/// A member as etcd describes it in its database and its log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Member {
    pub(crate) id: u64,
    #[serde(rename = "peerURLs")]
    pub(crate) peer_urls: Vec<String>,
    pub(crate) name: String,
}

impl Member {
    fn new(name: &str, urls: &[String], token: &str) -> Self {
        let mut peer_urls = urls.to_vec();
        peer_urls.sort();
        let id = first_eight(Sha1::new().chain_update(peer_urls.concat()).chain_update(token));
        Self { id, peer_urls, name: name.to_owned() }
    }

    pub(crate) fn hex_id(&self) -> String {
        format!("{:x}", self.id)
    }

    pub(crate) fn json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::internal(error.to_string()))
    }
}

/// The cluster's id; `members` are sorted by id.
pub(crate) fn cluster_id(members: &[Member]) -> u64 {
    let hash = members.iter().fold(Sha1::new(), |hash, member| hash.chain_update(member.id.to_be_bytes()));
    first_eight(hash)
}

fn first_eight(hash: Sha1) -> u64 {
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The numbers are those that etcdutl 3.5.1 gave the same clusters.
    #[test]
    fn ids_are_those_of_etcdutl() {
        let one = InitialCluster::default().members().unwrap();
        assert_eq!(one[0].hex_id(), "8e9e05c52164694d");
        assert_eq!(cluster_id(&one), 0xcdf8_1819_4e3a_8c32);
        let urls = "m1=http://127.0.0.1:12380,m2=http://127.0.0.1:22380,m3=http://127.0.0.1:32380";
        let three = InitialCluster::parse(urls, "etcd-cluster").unwrap().members().unwrap();
        let names: Vec<_> = three.iter().map(|member| member.name.as_str()).collect();
        assert_eq!(names, ["m3", "m2", "m1"]);
        assert_eq!(three[0].hex_id(), "628170c800dbcee");
        assert_eq!(cluster_id(&three), 0x7384_1b4a_9097_c907);
    }

    #[test]
    fn a_malformed_cluster_names_the_entry() {
        for bad in ["", "m1", "=http://a:1", "m1=ftp://a:1"] {
            let error = InitialCluster::parse(bad, "t").unwrap_err();
            assert!(error.to_string().contains("initial-cluster"), "{error}");
        }
    }

    #[test]
    fn two_members_at_the_same_url_are_refused() {
        let cluster = InitialCluster::parse("a=http://h:1,b=http://h:1", "t").unwrap();
        assert!(cluster.members().is_err());
    }
}
