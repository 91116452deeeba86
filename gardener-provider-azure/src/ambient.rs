//! Whoever is logged in with the `az` command.
//!
//! Source: <https://learn.microsoft.com/en-us/cli/azure/account#az-account-get-access-token>

use std::{fmt, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use futures::future::{Either, select};
use gardener_provider_client::clock::Clock;
use gardener_provider_core::{Error, ErrorKind, Result};

use crate::api::oauth::Token;

/// Gets tokens from the `az` command.
pub(crate) struct AzureCli {
    program: PathBuf,
    tenant: Option<String>,
    clock: Arc<dyn Clock>,
}

const LONGEST: Duration = Duration::from_secs(60);

impl AzureCli {
    pub(crate) fn new(tenant: Option<String>, clock: Arc<dyn Clock>) -> Self {
        Self { program: PathBuf::from("az"), tenant, clock }
    }

    /// A token for `resource`.
    pub(crate) async fn token(&self, resource: &str) -> Result<Token> {
        let mut command = tokio::process::Command::new(&self.program);
        command.args(["account", "get-access-token", "--output", "json", "--resource", resource]);
        if let Some(tenant) = &self.tenant {
            command.args(["--tenant", tenant]);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = Box::pin(command.output());
        let output = match select(output, self.clock.sleep(LONGEST)).await {
            Either::Left((output, _)) => {
                output.map_err(|error| refused(format!("cannot be run: {error}")))?
            }
            Either::Right(_) => {
                let message = format!("az gave no token within {LONGEST:?}");
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let line = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
            return Err(refused(format!("gives no token: {}", line.trim())));
        }
        // The error of the parser would show the token.
        serde_json::from_slice(&output.stdout).map_err(|_| refused("answers no token".to_owned()))
    }
}

fn refused(problem: String) -> Error {
    Error::new(ErrorKind::Unauthenticated, format!("the command az {problem}; log in with az login"))
        .with_operation("az account get-access-token")
}

impl fmt::Debug for AzureCli {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureCli").field("program", &self.program).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use gardener_provider_client::clock::SystemClock;

    use super::*;

    struct Program(PathBuf);

    impl Program {
        fn new(name: &str, script: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gardener-azure-{}-{name}", std::process::id()));
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            Self(path)
        }

        async fn token(&self, tenant: Option<&str>) -> Result<Token> {
            let mut cli = AzureCli::new(tenant.map(str::to_owned), Arc::new(SystemClock::default()));
            cli.program.clone_from(&self.0);
            cli.token("https://management.core.windows.net").await
        }
    }

    impl Drop for Program {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[tokio::test]
    async fn the_command_is_asked_for_the_audience_and_tenant() {
        let script = r#"printf '{"accessToken":"%s","expires_on":5}' "$(echo "$*" | tr ' ' '_')""#;
        let program = Program::new("ok", script);
        let token = program.token(Some("t-1")).await.unwrap();
        assert_eq!(
            token.access_token.expose(),
            "account_get-access-token_--output_json_--resource_https://management.core.windows.net_--tenant_t-1"
        );
    }

    #[tokio::test]
    async fn who_is_not_logged_in_is_told_so() {
        let program = Program::new("out", "echo \"ERROR: Please run 'az login'\" >&2; exit 1");
        let error = program.token(None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains("Please run 'az login'"), "{error}");
        let missing = Program(PathBuf::from("/nonexistent/az"));
        let error = missing.token(None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    }

    #[tokio::test]
    async fn what_is_no_token_is_not_shown() {
        let program = Program::new("garbage", "echo s3cr3t");
        let error = program.token(None).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
}
