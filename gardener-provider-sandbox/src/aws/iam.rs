//! The iam service.

use super::{
    answer::unknown_action,
    context::{Context, Reply},
    query::Params,
};
use crate::Resource;

/// What the service remembers.
#[derive(Debug, Default)]
pub(crate) struct State {}

impl State {
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        Vec::new()
    }
}

/// Answers one call.
pub(crate) fn answer(context: &Context<'_>, _: &mut super::state::State, params: &Params) -> Reply {
    unknown_action(context, params)
}
