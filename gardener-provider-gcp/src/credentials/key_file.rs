//! Key files: what Google's tools write and users paste into secrets.
//!
//! A key file can name addresses and files, and whoever follows them blindly asks what its author wants asked
//! ([Google's warning](https://cloud.google.com/docs/authentication/external/externally-sourced-credentials)). So
//! every field is checked before any is used, only fields that are known are accepted, and no address in it is followed:
//! it must be Google's own, which [`Endpoints`](crate::endpoints::Endpoints) knows.

use std::path::{Path, PathBuf};

use gardener_provider_core::{Error, Redacted, Result};
use serde_json::{Map, Value};

use crate::ambient::Environment;

/// With what an access token is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Proof {
    /// The private key of a service account.
    Key(ServiceAccountKey),
    /// A token of another identity provider: workload identity federation.
    External(ExternalAccount),
    /// The refresh token of a user, from `gcloud auth application-default login`.
    User(User),
    /// Whoever `source` is acts as this service account.
    Impersonated { source: Box<Proof>, email: String, delegates: Vec<String> },
    /// The service account of the machine that this process runs on.
    Metadata,
    /// What the environment of this process gives.
    Ambient(Environment),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ServiceAccountKey {
    /// The key file's field in the secret, for errors.
    pub(crate) field: String,
    pub(crate) email: String,
    pub(crate) key_id: Option<String>,
    /// In PEM.
    pub(crate) private_key: Redacted<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct ExternalAccount {
    pub(crate) audience: String,
    pub(crate) subject_token_type: String,
    pub(crate) token_file: PathBuf,
    /// The field of the token in a file of JSON; a file that is the token if none.
    pub(crate) token_field: Option<String>,
    /// The service account that the workload then acts as.
    pub(crate) email: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct User {
    pub(crate) client_id: String,
    pub(crate) client_secret: Redacted<String>,
    pub(crate) refresh_token: Redacted<String>,
}

/// What a key file says.
#[derive(Debug)]
pub(crate) struct KeyFile {
    pub(crate) proof: Proof,
    pub(crate) project: Option<Named>,
}

/// A value and the field that holds it, for errors.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) field: String,
    pub(crate) value: String,
}

/// Who wrote a key file, and so what it may say.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Author<'a> {
    /// A user, in a secret: a service-account key, or a workload identity whose token is in this file.
    User { token_file: &'a Path },
    /// Who runs this program.
    Operator,
}

/// Reads a key file that stands in `field`.
///
/// # Errors
/// `InvalidArgument` naming the first field that is wrong, never with its value.
pub(crate) fn read(field: &str, text: &str, author: Author<'_>) -> Result<KeyFile> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        // The error's text could quote what it found.
        let place = format!("line {}, column {}", error.line(), error.column());
        Error::invalid(field, format!("is not JSON ({place}); paste the whole key file"))
    })?;
    let file = Fields::of(field, &value)?;
    let proof = match (file.required("type")?, author) {
        ("service_account", _) => service_account(&file)?,
        ("external_account", author) => external_account(&file, author)?,
        ("authorized_user", Author::Operator) => user(&file)?,
        ("impersonated_service_account", Author::Operator) => impersonated(&file)?,
        (_, Author::User { .. }) => {
            return Err(file.wrong("type", "is not accepted; use service_account or external_account"));
        }
        (_, Author::Operator) => {
            let known = "service_account, external_account, authorized_user or impersonated_service_account";
            return Err(file.wrong("type", &format!("is unknown; use {known}")));
        }
    };
    let named = |name: &str| {
        let value = file.text(name)?;
        let field = format!("{}.{name}", file.path);
        Ok::<_, Error>(value.map(|value| Named { field, value: value.to_owned() }))
    };
    let project = named("project_id")?.or(named("quota_project_id")?);
    Ok(KeyFile { proof, project })
}

const OAUTH_TOKEN: &[&str] =
    &["https://oauth2.googleapis.com/token", "https://accounts.google.com/o/oauth2/token"];
const STS_TOKEN: &[&str] = &["https://sts.googleapis.com/v1/token"];

fn service_account(file: &Fields<'_>) -> Result<Proof> {
    file.only(&[
        "type",
        "project_id",
        "private_key_id",
        "private_key",
        "client_email",
        "client_id",
        "auth_uri",
        "token_uri",
        "auth_provider_x509_cert_url",
        "client_x509_cert_url",
        "universe_domain",
    ])?;
    file.one_of("universe_domain", &["googleapis.com"])?;
    file.one_of("token_uri", OAUTH_TOKEN)?;
    file.one_of("auth_uri", &["https://accounts.google.com/o/oauth2/auth"])?;
    file.one_of("auth_provider_x509_cert_url", &["https://www.googleapis.com/oauth2/v1/certs"])?;
    let certificates = "https://www.googleapis.com/robot/v1/metadata/x509/";
    if file.text("client_x509_cert_url")?.is_some_and(|url| !url.starts_with(certificates)) {
        return Err(file.wrong("client_x509_cert_url", &format!("must begin with {certificates}")));
    }
    file.text("client_id")?;
    Ok(Proof::Key(ServiceAccountKey {
        field: file.path.clone(),
        email: email(file, "client_email", file.required("client_email")?)?,
        key_id: file.text("private_key_id")?.map(str::to_owned),
        private_key: Redacted::new(file.required("private_key")?.to_owned()),
    }))
}

fn external_account(file: &Fields<'_>, author: Author<'_>) -> Result<Proof> {
    file.only(&[
        "type",
        "universe_domain",
        "audience",
        "subject_token_type",
        "token_url",
        "service_account_impersonation_url",
        "credential_source",
        "quota_project_id",
    ])?;
    file.one_of("universe_domain", &["googleapis.com"])?;
    file.required("token_url")?;
    file.one_of("token_url", STS_TOKEN)?;
    file.required("subject_token_type")?;
    file.one_of("subject_token_type", &["urn:ietf:params:oauth:token-type:jwt"])?;
    let url = file.text("service_account_impersonation_url")?;
    let email = url.map(|url| impersonation(file, url)).transpose()?;
    let source = file.object("credential_source")?;
    source.only(&["file", "format"])?;
    let token_file = PathBuf::from(source.required("file")?);
    if let Author::User { token_file: expected } = author
        && token_file != expected
    {
        return Err(source.wrong("file", &format!("must be {}", expected.display())));
    }
    Ok(Proof::External(ExternalAccount {
        audience: file.required("audience")?.to_owned(),
        subject_token_type: file.required("subject_token_type")?.to_owned(),
        token_file,
        token_field: token_field(&source)?,
        email,
    }))
}

fn token_field(source: &Fields<'_>) -> Result<Option<String>> {
    if !source.object.contains_key("format") {
        return Ok(None);
    }
    let format = source.object("format")?;
    format.only(&["type", "subject_token_field_name"])?;
    format.one_of("type", &["text", "json"])?;
    match format.text("type")? {
        Some("json") => format.required("subject_token_field_name").map(|name| Some(name.to_owned())),
        _ => Ok(None),
    }
}

fn user(file: &Fields<'_>) -> Result<Proof> {
    file.only(&[
        "type",
        "account",
        "client_id",
        "client_secret",
        "refresh_token",
        "quota_project_id",
        "universe_domain",
    ])?;
    file.one_of("universe_domain", &["googleapis.com"])?;
    Ok(Proof::User(User {
        client_id: file.required("client_id")?.to_owned(),
        client_secret: Redacted::new(file.required("client_secret")?.to_owned()),
        refresh_token: Redacted::new(file.required("refresh_token")?.to_owned()),
    }))
}

fn impersonated(file: &Fields<'_>) -> Result<Proof> {
    let name = "service_account_impersonation_url";
    file.only(&["type", name, "source_credentials", "delegates", "quota_project_id", "universe_domain"])?;
    file.one_of("universe_domain", &["googleapis.com"])?;
    let source = file.object("source_credentials")?;
    let proof = match source.required("type")? {
        "service_account" => service_account(&source)?,
        "external_account" => external_account(&source, Author::Operator)?,
        "authorized_user" => user(&source)?,
        _ => return Err(source.wrong("type", "cannot be impersonated from")),
    };
    let delegates = match file.object.get("delegates") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| file.wrong("delegates", "must hold texts"))?,
        Some(_) => return Err(file.wrong("delegates", "must be a list")),
    };
    let email = impersonation(file, file.required(name)?)?;
    Ok(Proof::Impersonated { source: Box::new(proof), email, delegates })
}

/// The service account in the address of its impersonation.
fn impersonation(file: &Fields<'_>, url: &str) -> Result<String> {
    let name = "service_account_impersonation_url";
    let begin = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/";
    let account = url.strip_prefix(begin).and_then(|rest| rest.strip_suffix(":generateAccessToken"));
    let account =
        account.ok_or_else(|| file.wrong(name, &format!("must be {begin}<account>:generateAccessToken")))?;
    email(file, name, account)
}

fn email(file: &Fields<'_>, name: &str, email: &str) -> Result<String> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._@+".contains(&byte);
    if email.contains('@') && email.bytes().all(is_good) {
        return Ok(email.to_owned());
    }
    Err(file.wrong(name, "names no service account; expected <name>@<project>.iam.gserviceaccount.com"))
}

/// An object whose fields are read one by one, as no error may quote them.
struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(path: &str, value: &'a Value) -> Result<Self> {
        match value {
            Value::Object(object) => Ok(Self { path: path.to_owned(), object }),
            _ => Err(Error::invalid(path, "must be a JSON object")),
        }
    }

    fn wrong(&self, name: &str, problem: &str) -> Error {
        Error::invalid(format!("{}.{name}", self.path), problem)
    }

    fn only(&self, allowed: &[&str]) -> Result<()> {
        match self.object.keys().find(|name| !allowed.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => {
                Err(self.wrong(name, &format!("is not allowed; allowed are {}", allowed.join(", "))))
            }
        }
    }

    fn text(&self, name: &str) -> Result<Option<&'a str>> {
        match self.object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(name, "must be a text")),
        }
    }

    fn required(&self, name: &str) -> Result<&'a str> {
        self.text(name)?.ok_or_else(|| self.wrong(name, "is missing; paste the whole key file"))
    }

    fn one_of(&self, name: &str, allowed: &[&str]) -> Result<()> {
        match self.text(name)? {
            Some(text) if !allowed.contains(&text) => {
                Err(self.wrong(name, &format!("must be {}", allowed.join(" or "))))
            }
            _ => Ok(()),
        }
    }

    fn object(&self, name: &str) -> Result<Fields<'a>> {
        match self.object.get(name) {
            None => Err(self.wrong(name, "is missing; paste the whole key file")),
            Some(value) => Fields::of(&format!("{}.{name}", self.path), value),
        }
    }
}
