//! Service accounts
//! ([iam.projects.serviceAccounts](https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts)).

use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{Operation, RestRequest, iam};

/// A service account.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ServiceAccount {
    /// `projects/<project>/serviceAccounts/<email>`
    pub name: String,
    /// By which everything else names it.
    pub email: String,
    /// Another one for each that had this email.
    pub unique_id: String,
}

/// The email of the account of this id in a project. The part of a project's id before its `:` goes behind the rest
/// ([source](https://cloud.google.com/iam/docs/service-account-types#user-managed)).
pub fn email(project: &str, account: &str) -> String {
    match project.split_once(':') {
        Some((domain, project)) => format!("{account}@{project}.{domain}.iam.gserviceaccount.com"),
        None => format!("{account}@{project}.iam.gserviceaccount.com"),
    }
}

fn accounts(operation: &'static str, method: Method, project: &str) -> RestRequest {
    iam(operation, method).segments(["projects", project, "serviceAccounts"])
}

/// The account of this email.
pub fn get_service_account(project: &str, email: &str) -> Operation<ServiceAccount> {
    Operation::json(accounts("iam.projects.serviceAccounts.get", Method::GET, project).segments([email]))
}

/// Makes an account of this id.
pub fn create_service_account(project: &str, account: &str) -> Operation<ServiceAccount> {
    let body = json!({ "accountId": account, "serviceAccount": { "displayName": account } });
    Operation::json(accounts("iam.projects.serviceAccounts.create", Method::POST, project).json(&body))
}

/// Deletes the account of this email.
pub fn delete_service_account(project: &str, email: &str) -> Operation<()> {
    let request = accounts("iam.projects.serviceAccounts.delete", Method::DELETE, project);
    Operation::nothing(request.segments([email]))
}

pub(super) fn samples() -> Vec<RestRequest> {
    vec![
        get_service_account("p", "a@p.iam.gserviceaccount.com").request,
        create_service_account("p", "account").request,
        delete_service_account("p", "a@p.iam.gserviceaccount.com").request,
    ]
}

#[cfg(test)]
mod tests {
    use super::email;

    #[test]
    fn the_domain_of_a_project_goes_behind_it() {
        assert_eq!(email("p-1", "a"), "a@p-1.iam.gserviceaccount.com");
        assert_eq!(email("example.com:p-1", "a"), "a@p-1.example.com.iam.gserviceaccount.com");
    }
}
