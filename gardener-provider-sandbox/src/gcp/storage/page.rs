//! One page of a list of objects.

use super::{
    super::error::GcpError,
    state::{Bucket, Version},
};

/// What is asked for.
pub(super) struct Asked<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// Names that are not greater are left out.
    pub(super) after: Option<&'a str>,
    /// Names before this one are left out.
    pub(super) from: Option<&'a str>,
    pub(super) token: Option<&'a str>,
    pub(super) versions: bool,
    pub(super) limit: usize,
}

/// What is found.
#[derive(Default)]
pub(super) struct Page<'a> {
    pub(super) objects: Vec<(&'a str, &'a Version)>,
    pub(super) prefixes: Vec<String>,
    pub(super) next: Option<String>,
}

impl<'a> Page<'a> {
    pub(super) fn of(bucket: &'a Bucket, asked: &Asked<'_>) -> Result<Self, GcpError> {
        let begin = asked.token.map(position).transpose()?;
        let mut page = Self::default();
        let mut last = None;
        for (name, versions) in bucket.objects.range(asked.prefix.to_owned()..) {
            if !name.starts_with(asked.prefix) {
                break;
            }
            if asked.after.is_some_and(|after| name.as_str() <= after)
                || asked.from.is_some_and(|from| name.as_str() < from)
            {
                continue;
            }
            let shown = versions.iter().filter(|version| asked.versions || version.noncurrent.is_none());
            for version in shown {
                let group = group(name, asked);
                let key = group
                    .clone()
                    .map_or_else(|| (name.clone(), version.generation), |group| (group, u64::MAX));
                let before = begin.as_ref().is_some_and(|begin| key <= *begin);
                if before || group.is_some() && page.prefixes.last() == group.as_ref() {
                    continue;
                }
                if page.objects.len() + page.prefixes.len() == asked.limit {
                    page.next = last.map(|(name, generation): (String, u64)| {
                        format!("{generation:x}.{}", hex::encode(name))
                    });
                    return Ok(page);
                }
                last = Some(key);
                match group {
                    Some(group) => page.prefixes.push(group),
                    None => page.objects.push((name, version)),
                }
            }
        }
        Ok(page)
    }
}

fn group(name: &str, asked: &Asked<'_>) -> Option<String> {
    let delimiter = asked.delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = name.strip_prefix(asked.prefix)?;
    let end = rest.find(delimiter)? + delimiter.len();
    Some(format!("{}{}", asked.prefix, &rest[..end]))
}

/// Where a page ended: tokens are opaque to clients.
fn position(token: &str) -> Result<(String, u64), GcpError> {
    let invalid = || GcpError::new(400, "invalid", "Invalid page token.");
    let (generation, name) = token.split_once('.').ok_or_else(invalid)?;
    let generation = u64::from_str_radix(generation, 16).map_err(|_| invalid())?;
    let name = hex::decode(name).ok().and_then(|name| String::from_utf8(name).ok());
    Ok((name.ok_or_else(invalid)?, generation))
}
