//! What the machine drivers of all clouds say alike.

use gardener_provider_core::{Error, ErrorKind, Redacted, Result, SecretData};

/// The secret's `userData`: what a machine runs first.
///
/// # Errors
/// `InvalidArgument` if it is missing, empty, or has more bytes than `cloud` takes.
pub fn user_data<'a>(secret: &'a SecretData, cloud: &str, most: usize) -> Result<Redacted<&'a [u8]>> {
    let wrong = |problem: String| Err(Error::invalid("secret.userData", problem));
    match secret.get("userData").map(|data| data.expose().as_slice()) {
        None => wrong("is missing; add it to the secret".to_owned()),
        Some([]) => wrong("is empty; give it a value".to_owned()),
        Some(data) if data.len() > most => {
            wrong(format!("has {} bytes, and {cloud} takes {most} at most; make it smaller", data.len()))
        }
        Some(data) => Ok(Redacted::new(data)),
    }
}

/// The only one of what was found for a machine; none if there is none.
///
/// # Errors
/// `MultipleMatches` with the names that `name` gives them.
pub fn only<T>(machine: &str, mut found: Vec<T>, name: impl Fn(&T) -> String) -> Result<Option<T>> {
    if found.len() <= 1 {
        return Ok(found.pop());
    }
    let mut names: Vec<_> = found.iter().map(name).collect();
    names.sort_unstable();
    let message = format!("{} instances are machine {machine}: {}", names.len(), names.join(", "));
    Err(Error::new(ErrorKind::MultipleMatches, message))
}

/// What a creation did not find is something that the class refers to: a subnet, an image, a key. That the machine does
/// not exist is not news to who creates it. Any other error stays as it is.
pub fn dangling(error: Error) -> Error {
    if !error.is_not_found() {
        return error;
    }
    let message = format!("providerSpec refers to something that does not exist: {}", error.message());
    let mut dangling = Error::new(ErrorKind::InvalidArgument, message);
    if let Some(operation) = error.operation() {
        dangling = dangling.with_operation(operation.to_owned());
    }
    if let Some(code) = error.cloud_code() {
        dangling = dangling.with_cloud_code(code);
    }
    if let Some(id) = error.request_id() {
        dangling = dangling.with_request_id(id);
    }
    dangling.with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_data_must_be_there_and_fit() {
        let secret = |data: &str| SecretData::new().with("userData", data);
        assert_eq!(*user_data(&secret("abc"), "EC2", 3).unwrap().expose(), b"abc");
        for (secret, problem) in [
            (SecretData::new(), "is missing"),
            (secret(""), "is empty"),
            (secret("abcd"), "has 4 bytes, and EC2 takes 3 at most"),
        ] {
            let error = user_data(&secret, "EC2", 3).unwrap_err().to_string();
            assert!(error.starts_with("secret.userData: ") && error.contains(problem), "{error}");
        }
    }

    #[test]
    fn more_than_one_is_an_error_that_names_them() {
        assert_eq!(only("m", Vec::<u8>::new(), ToString::to_string).unwrap(), None);
        assert_eq!(only("m", vec![7], ToString::to_string).unwrap(), Some(7));
        let error = only("m", vec![2, 1], ToString::to_string).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MultipleMatches);
        assert_eq!(error.message(), "2 instances are machine m: 1, 2");
    }

    #[test]
    fn what_is_not_found_is_the_classs_mistake() {
        let error = Error::not_found("subnet-1").with_operation("RunInstances").with_cloud_code("X.NotFound");
        let dangling = dangling(error);
        assert_eq!(
            (dangling.kind(), dangling.cloud_code()),
            (ErrorKind::InvalidArgument, Some("X.NotFound"))
        );
        assert_eq!(dangling.operation(), Some("RunInstances"));
        assert_eq!(super::dangling(Error::internal("x")).kind(), ErrorKind::Internal);
    }
}
