//! The sts service.

use super::{
    answer::unknown_action,
    context::{Context, Reply},
    query::Params,
};

/// Answers one call.
pub(crate) fn answer(context: &Context<'_>, _: &mut super::state::State, params: &Params) -> Reply {
    unknown_action(context, params)
}
