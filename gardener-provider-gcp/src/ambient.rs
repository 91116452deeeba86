//! Application default credentials: what the environment of this process gives.
//!
//! Source: <https://cloud.google.com/docs/authentication/application-default-credentials>

use std::{
    env,
    path::{Path, PathBuf},
};

use gardener_provider_core::{Error, ErrorKind, Result};
use url::Url;

use crate::credentials::key_file::{self, Author, Proof};

/// Where application default credentials are looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Environment {
    /// `GOOGLE_APPLICATION_CREDENTIALS`
    pub(crate) named: Option<PathBuf>,
    /// What `gcloud auth application-default login` writes.
    pub(crate) login: Option<PathBuf>,
    /// `GCE_METADATA_HOST`
    pub(crate) metadata_host: Option<String>,
    /// `GOOGLE_CLOUD_PROJECT`
    pub(crate) project: Option<String>,
}

impl Environment {
    /// That of this process.
    pub(crate) fn of_process() -> Self {
        let path = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let text = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let config = path("CLOUDSDK_CONFIG").or_else(|| path("HOME").map(|home| home.join(".config/gcloud")));
        Self {
            named: path("GOOGLE_APPLICATION_CREDENTIALS"),
            login: config.map(|folder| folder.join("application_default_credentials.json")),
            metadata_host: text("GCE_METADATA_HOST"),
            project: text("GOOGLE_CLOUD_PROJECT"),
        }
    }

    /// Where the metadata server is, if it is said.
    pub(crate) fn metadata_server(&self) -> Option<Url> {
        Url::parse(&format!("http://{}/", self.metadata_host.as_deref()?)).ok()
    }

    /// The key file that is named, else that of the login, else the metadata server.
    ///
    /// # Errors
    /// `Unauthenticated` if the file that is named cannot be read, `InvalidArgument` if one cannot be right.
    pub(crate) async fn discover(&self) -> Result<Proof> {
        if let Some(path) = &self.named {
            let text = tokio::fs::read_to_string(path).await.map_err(|error| {
                let message = format!("GOOGLE_APPLICATION_CREDENTIALS: {}: {error}", path.display());
                Error::new(ErrorKind::Unauthenticated, message)
            })?;
            return proof(path, &text);
        }
        if let Some(path) = &self.login
            && let Ok(text) = tokio::fs::read_to_string(path).await
        {
            return proof(path, &text);
        }
        Ok(Proof::Metadata)
    }
}

fn proof(path: &Path, text: &str) -> Result<Proof> {
    key_file::read(&path.display().to_string(), text, Author::Operator).map(|file| file.proof)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("gardener-provider-gcp-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    }

    const USER: &str =
        r#"{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r"}"#;

    #[tokio::test]
    async fn a_named_file_comes_before_the_login_and_the_metadata_server_last() {
        let (named, login) = (file("named", "{\"type\": \"gdch\"}"), file("login", USER));
        let mut environment =
            Environment { named: Some(named.clone()), login: Some(login.clone()), ..Environment::default() };
        let error = environment.discover().await.unwrap_err();
        assert!(error.to_string().contains("named.type: is unknown"), "{error}");
        environment.named = None;
        assert!(matches!(environment.discover().await.unwrap(), Proof::User(_)));
        std::fs::remove_file(login).unwrap();
        assert_eq!(environment.discover().await.unwrap(), Proof::Metadata);
        std::fs::remove_file(&named).unwrap();
        environment.named = Some(named);
        assert_eq!(environment.discover().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
    }

    #[tokio::test]
    async fn an_impersonating_login_is_read() {
        let text = format!(
            r#"{{"type":"impersonated_service_account","delegates":["d@p.iam.gserviceaccount.com"],
            "service_account_impersonation_url":
            "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com:generateAccessToken",
            "source_credentials":{USER}}}"#
        );
        let login = file("impersonating", &text);
        let environment = Environment { login: Some(login.clone()), ..Environment::default() };
        let proof = environment.discover().await;
        std::fs::remove_file(login).unwrap();
        let Proof::Impersonated { source, email, delegates } = proof.unwrap() else {
            panic!("another proof")
        };
        assert!(matches!(*source, Proof::User(_)));
        assert_eq!((email.as_str(), delegates.len()), ("a@p.iam.gserviceaccount.com", 1));
    }
}
