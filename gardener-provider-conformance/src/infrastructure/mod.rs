//! Cases of the infrastructure.

mod apply;
mod bench;
mod refusals;
mod runs;

pub(crate) use bench::{Bench, Memory};

use crate::case::{Case, cases};

pub(crate) fn cases() -> Vec<Case> {
    cases! { Infrastructure:
        "infrastructure/plan", "Makes no call that changes anything, and says what apply then does.", apply::plan;
        "infrastructure/apply-again", "When it is as wanted already, no call that changes anything is made.", apply::apply_again;
        "infrastructure/status", "The infrastructure as it stands; get and apply agree with each other and with the cloud.", apply::status;
        "infrastructure/get-missing", "Not there, or not complete: NotFound.", apply::get_missing;
        "infrastructure/list", "Everything in the cloud that is marked as this cluster's.", apply::list;
        "infrastructure/state-lost", "Losing the state loses nothing; saved state is a hint, not the truth.", apply::state_lost;
        "infrastructure/change", "Makes the infrastructure as the config says, from any shape.", apply::change;
        "infrastructure/drift", "Makes the infrastructure as the config says, whatever was done by hand.", apply::drift;
        "infrastructure/under-lag", "What was created and does not show yet is not created twice.", apply::under_lag;
        "infrastructure/destroy", "Removes the infrastructure; afterwards list is empty.", apply::destroy;
        "infrastructure/destroy-nothing", "Nothing there: success.", apply::destroy_nothing;
        "infrastructure/destroy-leftovers", "Removes what the cluster left in it.", apply::destroy_leftovers;
        "infrastructure/neighbour", "Resources are recognised by exact tag or exact name: a neighbour's stay.", apply::neighbour;
        "infrastructure/duplicates", "Two that match where one is expected: MultipleMatches, naming both, and nothing is changed.", apply::duplicates;
        "infrastructure/progress", "Progress is told of every step, in order.", runs::progress;
        "infrastructure/cancel", "Stops at the next step boundary; the next run finishes.", runs::cancel;
        "infrastructure/state-store-fails", "The state is saved after every step that changed it; an error stops the run.", runs::state_store_fails;
        "infrastructure/concurrently", "Two runs at once end with one infrastructure, or with an error that names what is there twice.", runs::concurrently;
        "infrastructure/picture", "The graph of resources as a Mermaid flowchart. Makes no call.", runs::picture;
        "infrastructure/throttled", "Throttling is waited out.", refusals::throttled;
        "infrastructure/throttled-forever", "What remains of throttling is RateLimited.", refusals::throttled_forever;
        "infrastructure/unreachable", "A cloud that does not answer: Unavailable.", refusals::unreachable;
        "infrastructure/bad-credentials", "Credentials the cloud does not know or no longer accepts: Unauthenticated.", refusals::bad_credentials;
        "infrastructure/missing-credentials", "Without credentials: InvalidArgument naming the key.", refusals::missing_credentials;
        "infrastructure/bad-config", "A config that cannot be right: InvalidArgument naming the field, and changes nothing.", refusals::bad_config;
        "infrastructure/secrets", "Secrets are in no error, no Debug, no state and no log.", refusals::secrets;
    }
}
