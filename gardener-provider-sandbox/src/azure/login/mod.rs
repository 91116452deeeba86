//! Microsoft Entra ID as far as programs log in with it: the token endpoint, managed identities, access tokens.
//!
//! <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>

mod assertion;
mod error;
mod managed;
mod token;
mod tokens;

pub(super) use error::refuse;
pub(super) use managed::managed;
pub(super) use token::{discovery, token};
pub(crate) use tokens::{Tokens, check, storage_grant};
