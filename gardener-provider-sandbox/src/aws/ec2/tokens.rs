//! Idempotency tokens: the same call with the same token creates nothing new.
//!
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>

use std::collections::BTreeMap;

use super::Ec2;
use crate::aws::{error::AwsError, query::Params};

type Fingerprint = Vec<(String, String)>;

/// What was created with which token.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// By operation and token.
    created: BTreeMap<(String, String), (Fingerprint, Vec<String>)>,
    /// The token of each resource.
    by_id: BTreeMap<String, (String, String)>,
}

impl Tokens {
    /// A token ends with the last resource that it created.
    pub(crate) fn forget(&mut self, id: &str) {
        let Some(key) = self.by_id.remove(id) else { return };
        if let Some((_, ids)) = self.created.get_mut(&key) {
            ids.retain(|created| created != id);
            if ids.is_empty() {
                self.created.remove(&key);
            }
        }
    }
}

impl Ec2<'_> {
    /// The resources that this very call created before.
    pub(crate) fn replayed(&self, params: &Params) -> Result<Option<Vec<String>>, AwsError> {
        let Some(token) = params.filled("ClientToken") else { return Ok(None) };
        if token.len() > 64 {
            return Err(params.invalid("ClientToken", token));
        }
        let key = (self.context.call.operation.clone(), token.to_owned());
        match self.region.tokens.created.get(&key) {
            None => Ok(None),
            Some((before, ids)) if *before == fingerprint(params) => Ok(Some(ids.clone())),
            Some(_) => Err(AwsError::new(
                "IdempotentParameterMismatch",
                "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
            )),
        }
    }

    /// What this very call created before, or what it creates now.
    pub(crate) fn once(
        &mut self,
        params: &Params,
        create: impl FnOnce(&mut Self) -> Result<String, AwsError>,
    ) -> Result<String, AwsError> {
        if let Some(id) = self.replayed(params)?.and_then(|ids| ids.into_iter().next()) {
            return Ok(id);
        }
        let id = create(self)?;
        self.remember(params, std::slice::from_ref(&id));
        Ok(id)
    }

    /// Remembers what this call created.
    pub(crate) fn remember(&mut self, params: &Params, ids: &[String]) {
        let Some(token) = params.filled("ClientToken") else { return };
        let key = (self.context.call.operation.clone(), token.to_owned());
        for id in ids {
            self.region.tokens.by_id.insert(id.clone(), key.clone());
        }
        self.region.tokens.created.insert(key, (fingerprint(params), ids.to_vec()));
    }
}

fn fingerprint(params: &Params) -> Fingerprint {
    params
        .iter()
        .filter(|(name, _)| !matches!(*name, "Action" | "Version" | "DryRun") && !name.starts_with("X-Amz-"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
