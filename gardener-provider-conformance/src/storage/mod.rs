//! Cases of object storage.

mod bench;
mod buckets;
mod objects;
mod refusals;

pub(crate) use bench::{Bench, fill};

use crate::case::{Case, cases};

pub(crate) fn cases() -> Vec<Case> {
    cases! { ObjectStorage:
        "storage/create", "Creates the bucket; get, list and open find it.", buckets::create;
        "storage/create-again", "As wanted already: no call that changes anything.", buckets::create_again;
        "storage/create-concurrently", "By however many callers, one bucket.", buckets::create_concurrently;
        "storage/create-foreign", "A bucket of that name that belongs to somebody else: AlreadyExists.", buckets::create_foreign;
        "storage/get-missing", "None of that name: NotFound.", buckets::get_missing;
        "storage/delete", "Deletes the bucket and all in it. None of that name: success.", buckets::delete;
        "storage/list-pages", "The names of the buckets that the credentials own, all pages.", buckets::list_pages;
        "storage/versioning", "Keeps old versions of objects; deleting takes them too.", buckets::versioning;
        "storage/retention", "A change that the cloud does not allow: InvalidArgument before any call that changes something.", buckets::retention;
        "storage/objects", "Opens the bucket for reading and writing objects.", objects::objects;
        "storage/conditional-put", "An object that is to be created is not overwritten.", objects::conditional_put;
        "storage/multipart", "Large objects are written in parts.", objects::multipart;
        "storage/list-objects", "Lists all objects below a prefix, all pages, from an offset.", objects::list_objects;
        "storage/open", "Opening makes no call.", objects::open;
        "storage/delete-prefix", "Deletes all objects below prefix and nothing else. No bucket: success.", objects::delete_prefix;
        "storage/throttled", "Throttling is waited out.", refusals::throttled;
        "storage/unreachable", "A cloud that does not answer: Unavailable.", refusals::unreachable;
        "storage/bad-credentials", "Credentials the cloud does not know or no longer accepts: Unauthenticated.", refusals::bad_credentials;
        "storage/missing-credentials", "Without credentials: InvalidArgument naming the key.", refusals::missing_credentials;
        "storage/bad-spec", "A spec that cannot be right: InvalidArgument naming the field, and no call that changes anything.", refusals::bad_spec;
        "storage/secrets", "Secrets are in no error, no Debug and no log.", refusals::secrets;
    }
}
