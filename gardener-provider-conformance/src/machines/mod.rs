//! Cases of the machine lifecycle.

mod bench;
mod life;
mod lists;
mod refusals;

pub(crate) use bench::Bench;

use crate::case::{Case, cases};

pub(crate) fn cases() -> Vec<Case> {
    cases! { Machines:
        "machine/create", "Returns once the machine can be found by get_machine_status.", life::create;
        "machine/create-again", "However often it is called, exactly one machine exists.", life::create_again;
        "machine/create-concurrently", "By however many callers, exactly one machine exists.", life::create_concurrently;
        "machine/create-other-uid", "A machine of that name that belongs to another UID: AlreadyExists.", life::create_other_uid;
        "machine/create-under-lag", "Interrupted anywhere, read late: exactly one machine exists.", life::create_under_lag;
        "machine/create-recreated", "A name that was deleted can be created again, with another UID.", life::create_recreated;
        "machine/initialize", "The status says initialized: false until it is done; doing it again changes nothing.", life::initialize;
        "machine/initialize-nothing-to-do", "Nothing to do: answers like get_machine_status.", life::initialize_nothing_to_do;
        "machine/initialize-missing", "No such machine: NotFound.", life::initialize_missing;
        "machine/delete", "Deletes the machine and all that came with it: disks, network interfaces, addresses.", life::delete;
        "machine/delete-again", "No such machine: success.", life::delete_again;
        "machine/delete-by-name", "Found by provider id if the Machine has one, else by name and cluster.", life::delete_by_name;
        "machine/delete-concurrently", "Methods may be called at the same time, for the same machine too.", life::delete_concurrently;
        "machine/delete-neighbour", "Never touches what is not marked as this cluster's.", life::delete_neighbour;
        "machine/delete-by-foreign-id", "Never touches what is not marked as this cluster's, by id either.", life::delete_by_foreign_id;
        "machine/status-missing", "No such machine, or one that is gone: NotFound.", life::status_missing;
        "machine/duplicates", "More than one: MultipleMatches, naming them; several that match are all deleted.", life::duplicates;
        "machine/list", "Lists all machines of the class's cluster; machines that are gone are not listed.", lists::list;
        "machine/list-nothing", "No machine: an empty stream.", lists::list_nothing;
        "machine/list-pages", "All pages.", lists::list_pages;
        "machine/list-neighbour", "Lists the machines of the class's cluster, by exact tag or name.", lists::list_neighbour;
        "machine/provider-id", "The id to store in spec.providerID: the machine is found by it.", lists::provider_id;
        "machine/volume-ids", "The cloud's ids of those volumes that belong to this cloud, in order. Makes no call.", lists::volume_ids;
        "machine/many", "Reads of many machines are coalesced into few API calls.", lists::many;
        "machine/no-capacity", "No capacity: OutOfCapacity. Leaves no parts behind.", refusals::no_capacity;
        "machine/throttled", "Throttling is waited out.", refusals::throttled;
        "machine/throttled-forever", "What remains of throttling is RateLimited.", refusals::throttled_forever;
        "machine/unreachable", "A cloud that does not answer: Unavailable.", refusals::unreachable;
        "machine/silent", "A cloud that does not answer: Unavailable, in finite time.", refusals::silent;
        "machine/bad-credentials", "Credentials the cloud does not know or no longer accepts: Unauthenticated.", refusals::bad_credentials;
        "machine/missing-credentials", "Without credentials: InvalidArgument naming the key.", refusals::missing_credentials;
        "machine/bad-class", "A provider spec that cannot be right: InvalidArgument naming the field, and no call that changes anything.", refusals::bad_class;
        "machine/secrets", "Secrets are in no error, no Debug and no log.", refusals::secrets;
    }
}
