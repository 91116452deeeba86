//! Names and ids as types that parse once and are right from then on.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $field:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Parses it.
            ///
            /// # Errors
            /// `InvalidArgument` that says what is wrong with it.
            pub fn new(text: impl Into<String>) -> Result<Self> {
                let text = text.into();
                let check: fn(&str) -> Result<(), String> = $check;
                match check(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(problem) => Err(Error::invalid($field, format!("{text:?} {problem}"))),
                }
            }

            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;
            fn try_from(text: String) -> Result<Self> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

fn dns_label(text: &str, longest: usize) -> Result<(), String> {
    if text.is_empty() || text.len() > longest {
        return Err(format!("must have 1 to {longest} characters"));
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err("may hold lower-case letters, digits and '-' only".to_owned());
    }
    if text.starts_with('-') || text.ends_with('-') {
        return Err("may neither start nor end with '-'".to_owned());
    }
    Ok(())
}

fn dns_subdomain(text: &str) -> Result<(), String> {
    if text.len() > 253 {
        return Err("must have 1 to 253 characters".to_owned());
    }
    text.split('.').try_for_each(|label| dns_label(label, 253))
}

fn token(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if let Some(bad) = text.chars().find(|c| c.is_control() || c.is_whitespace()) {
        return Err(format!(
            "holds the character {bad:?}; white space and control characters are not allowed"
        ));
    }
    Ok(())
}

id! {
    /// The technical id of a Shoot, `shoot--<project>--<name>`: it names and tags everything in the cloud.
    ClusterId, "technicalID", |text| dns_label(text, 63)
}
id! {
    /// The name of a Machine object, which is also the machine's name in the cloud.
    MachineName, "machine.metadata.name", dns_subdomain
}
id! {
    /// The UID of a Machine object. Creating a machine is idempotent by it.
    MachineUid, "machine.metadata.uid", token
}
id! {
    /// The id under which a provider finds a machine again, such as `aws:///eu-west-1/i-0123456789abcdef0`.
    ProviderId, "machine.spec.providerID", |text| {
        token(text)?;
        match text.split_once("://") {
            Some((scheme, rest)) if !scheme.is_empty() && !rest.trim_matches('/').is_empty() => Ok(()),
            _ => Err("must have the form <provider>://<path>".to_owned()),
        }
    }
}
id! {
    /// The name under which a machine joins the cluster as a Node.
    NodeName, "node.metadata.name", dns_subdomain
}
id! {
    /// A region of the cloud.
    Region, "region", token
}
id! {
    /// An availability zone of the cloud.
    Zone, "zone", token
}
id! {
    /// The cloud's id of a volume, as the cloud's API knows it.
    VolumeId, "volumeID", token
}
id! {
    /// The name of a bucket (AWS, GCP) or container (Azure).
    BucketName, "bucket.name", |text| {
        if !(3..=63).contains(&text.len()) {
            return Err("must have 3 to 63 characters".to_owned());
        }
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
        if !text.bytes().all(inner) {
            return Err("may hold lower-case letters, digits, '-' and '.' only".to_owned());
        }
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) || !text.ends_with(|c: char| c.is_ascii_alphanumeric())
        {
            return Err("must start and end with a letter or digit".to_owned());
        }
        Ok(())
    }
}

impl ProviderId {
    /// The part before `://`.
    pub fn scheme(&self) -> &str {
        self.0.split_once("://").map_or("", |(scheme, _)| scheme)
    }

    /// The path's segments after `://`, empty ones left out.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        let path = self.0.split_once("://").map_or("", |(_, path)| path);
        path.split('/').filter(|segment| !segment.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_parse_or_say_why_not() {
        assert!(ClusterId::new("shoot--dev--demo").is_ok());
        let error = ClusterId::new("Shoot_1").unwrap_err().to_string();
        assert!(error.contains("technicalID") && error.contains("lower-case"), "{error}");
        assert!(MachineName::new("a.b-c").is_ok());
        assert!(MachineName::new("a..b").is_err());
        assert!(BucketName::new("ab").is_err());
        assert!(BucketName::new("-abc").is_err());
        assert!(Zone::new("eu west").is_err());
        assert!(serde_json::from_str::<Region>("\"\"").is_err());
    }

    #[test]
    fn a_provider_id_falls_into_scheme_and_segments() {
        let id = ProviderId::new("aws:///eu-west-1/i-1").unwrap();
        assert_eq!(id.scheme(), "aws");
        assert_eq!(id.segments().collect::<Vec<_>>(), ["eu-west-1", "i-1"]);
        for bad in ["", "i-1", "aws://", "aws:///", "://x", "aws:///a b"] {
            assert!(ProviderId::new(bad).is_err(), "{bad}");
        }
    }
}
