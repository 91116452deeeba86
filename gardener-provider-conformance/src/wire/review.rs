//! Many requests and replies at once.

use std::collections::BTreeSet;

use bytes::Bytes;
use gardener_provider_client::rest::RestRequest;
use gardener_provider_core::Result;
use http::Request;
use url::Url;

use super::{Exchange, Problem, Wire};

/// What was found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Review {
    /// What is not as described, for people; each once.
    pub wrong: BTreeSet<String>,
    /// The operations that had a reply of success.
    pub successful: BTreeSet<String>,
}

impl Review {
    /// Does nothing if nothing is wrong.
    ///
    /// # Panics
    /// With all that is wrong.
    pub fn assert_clean(&self) {
        let lines: Vec<_> = self.wrong.iter().map(String::as_str).collect();
        assert!(lines.is_empty(), "{} problems:\n{}", lines.len(), lines.join("\n"));
    }
}

/// The request as it goes out to this address, without credentials.
///
/// # Errors
/// As [`RestRequest::call`].
pub fn on_the_wire(sample: &RestRequest, base: &Url) -> Result<Request<Bytes>> {
    let call = sample.call(base)?;
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = call.url.as_str().parse().unwrap_or_default();
    *request.headers_mut() = call.headers.clone();
    Ok(request)
}

impl Wire {
    /// Checks requests that say which operation they are. `known` are places, as operation and path without the numbers
    /// of items, where the description is known to differ from the service.
    pub fn review_samples<'a>(
        &mut self,
        samples: impl IntoIterator<Item = (&'a str, Request<Bytes>)>,
        known: &[(&str, &str)],
    ) -> Review {
        let mut review = Review::default();
        for (name, request) in samples {
            match self.request(&request) {
                Ok((operation, problems)) => {
                    if !is_same(name, &operation) {
                        review.wrong.insert(format!("{name}: is taken for {operation}"));
                    }
                    let left = unknown(&operation, problems, known);
                    review.wrong.extend(left.map(|problem| format!("{name}: {problem}")));
                }
                Err(problem) => drop(review.wrong.insert(format!("{name}: {problem}"))),
            }
        }
        review
    }

    /// Checks exchanges; `known` as for [`Wire::review_samples`].
    pub fn review_exchanges(&mut self, exchanges: &[Exchange], known: &[(&str, &str)]) -> Review {
        let mut review = Review::default();
        for Exchange { request, reply } in exchanges {
            let status = reply.status();
            let halves = [("request", self.request(request)), ("reply", self.reply(request, reply))];
            for (half, checked) in halves {
                match checked {
                    Ok((operation, problems)) => {
                        review.successful.extend(status.is_success().then(|| operation.clone()));
                        let left = unknown(&operation, problems, known);
                        let told =
                            left.map(|problem| format!("{half} {operation} {}: {problem}", status.as_u16()));
                        review.wrong.extend(told.collect::<Vec<_>>());
                    }
                    Err(problem) => drop(review.wrong.insert(format!("{half}: {problem}"))),
                }
            }
        }
        review
    }
}

fn unknown(operation: &str, problems: Vec<Problem>, known: &[(&str, &str)]) -> impl Iterator<Item = Problem> {
    problems.into_iter().filter(move |problem| !known.contains(&(operation, &problem.place())))
}

/// `VirtualMachines_CreateOrUpdate` is `virtualMachines.createOrUpdate`.
fn is_same(name: &str, operation: &str) -> bool {
    name.replace('_', ".").eq_ignore_ascii_case(operation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_operations_are_written_in_two_ways() {
        assert!(is_same("VirtualMachines_CreateOrUpdate", "virtualMachines.createOrUpdate"));
        assert!(is_same("compute.instances.insert", "compute.instances.insert"));
        assert!(!is_same("Disks_Get", "disks.list"));
    }

    #[test]
    fn what_is_known_is_left_out() {
        let problems = || vec![Problem::new("a.b[3].c", "x"), Problem::new("a.d", "y")];
        let left: Vec<_> = unknown("op", problems(), &[("op", "a.b.c")]).collect();
        assert_eq!(left, [Problem::new("a.d", "y")]);
        assert_eq!(unknown("other", problems(), &[("op", "a.b.c")]).count(), 2);
    }
}
