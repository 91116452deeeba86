//! Creation of a bucket, and the way back to its settings if they drifted.

use gardener_provider_core::{Bucket, Error, ErrorKind, Result};

use super::{
    Scope, delete,
    settings::{self, Settings, Wanted},
};
use crate::{
    api::{
        resource_groups::{self, ResourceGroup},
        storage_accounts::{self, StorageAccount},
    },
    bucket_config::TERMS,
};

pub(super) async fn run(scope: &Scope, wanted: &Wanted) -> Result<Bucket> {
    scope
        .patiently(|| async {
            let account = ensure_account(scope, wanted).await?;
            scope.at_home(&account).map_err(|problem| scope.taken(problem))?;
            let settings = Settings::read(scope, account).await?;
            let in_force = settings.retention();
            if let Some(forbidden) = in_force.and_then(|old| TERMS.forbidden_change(old, wanted.retention)) {
                return Err(forbidden.into());
            }
            settings.converge(scope, wanted).await
        })
        .await?;
    settings::outcome(scope, wanted).await
}

async fn ensure_account(scope: &Scope, wanted: &Wanted) -> Result<StorageAccount> {
    let session = &scope.session;
    let create = storage_accounts::create(&scope.account, &wanted.account(scope.region.as_str()));
    match session.find(&storage_accounts::get(&scope.account)).await? {
        // Begun by somebody at the same time, or by us before an interruption.
        Some(account) if account.is_being_made() && scope.at_home(&account).is_ok() => {
            return session.change(&create).await;
        }
        Some(account) => return Ok(account),
        None => {}
    }
    let name = scope.account.name();
    let check = session.run(&storage_accounts::check_name(session.subscription(), name)).await?;
    if !check.name_available {
        // Between the two questions somebody may have made it, maybe another of us.
        let there = session.find(&storage_accounts::get(&scope.account)).await?;
        return there.ok_or_else(|| foreign(scope));
    }
    ensure_group(scope).await?;
    match session.change(&create).await {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            delete::group_if_empty(scope).await?;
            Err(foreign(scope).with_source(error))
        }
        created => created,
    }
}

fn foreign(scope: &Scope) -> Error {
    let account = scope.account.name();
    scope.taken(format!(
        "cannot be had: its storage account {account} belongs to somebody else; choose another name"
    ))
}

async fn ensure_group(scope: &Scope) -> Result<()> {
    let session = &scope.session;
    // One that is there may lie anywhere: only what is in it has to be in the region.
    if session.find(&resource_groups::get(&scope.group)).await?.is_some() {
        return Ok(());
    }
    let mut group = ResourceGroup { location: scope.region.to_string(), ..ResourceGroup::default() };
    group.tags.insert("managed-by-gardener".to_owned(), "true".to_owned());
    session.run(&resource_groups::create_or_update(&scope.group, &group)).await.map(drop)
}
