//! What the identity services remember.

use std::{collections::BTreeMap, fmt, time::SystemTime};

use serde_json::{Value, json};

use crate::{
    Resource,
    gcp::{Gcp, GcpOptions, compute::project_number},
};

/// Service accounts, their keys, external identities and who may impersonate whom.
pub(crate) struct State {
    /// The account that the sandbox starts with.
    own: String,
    /// By email.
    pub(super) accounts: BTreeMap<String, Account>,
    /// By key id: the account's email and the public key (DER).
    pub(super) keys: BTreeMap<String, (String, Vec<u8>)>,
    /// By subject token.
    pub(super) external: BTreeMap<String, External>,
    /// By refresh token: the user's email.
    pub(super) refresh: BTreeMap<String, String>,
    /// Who may get tokens for which account.
    pub(super) impersonation: Vec<(String, String)>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("accounts", &self.accounts).finish_non_exhaustive()
    }
}

/// A service account.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) project: String,
    pub(super) email: String,
    pub(super) unique_id: u64,
    pub(super) display_name: String,
    pub(super) description: String,
    /// False for those that a project has from the start.
    pub(super) created: bool,
    /// How often it was changed.
    pub(super) version: u32,
    pub(super) disabled: bool,
}

/// What an identity provider's token is good for.
#[derive(Debug, Clone)]
pub(super) struct External {
    pub(super) audience: String,
    pub(super) principal: String,
    pub(super) expires: Option<SystemTime>,
}

impl State {
    pub(crate) fn new(options: &GcpOptions) -> Self {
        let mut accounts = BTreeMap::new();
        let project = options.projects.first().cloned().unwrap_or_default();
        let own = format!("sandbox@{project}.iam.gserviceaccount.com");
        let mut add = |project: &str, email: String| {
            let account = Account {
                project: project.to_owned(),
                unique_id: project_number(&email),
                email: email.clone(),
                display_name: String::new(),
                description: String::new(),
                created: false,
                version: 0,
                disabled: false,
            };
            accounts.insert(email, account);
        };
        add(&project, own.clone());
        for project in &options.projects {
            add(project, default_account(project));
        }
        Self {
            own,
            accounts,
            keys: BTreeMap::new(),
            external: BTreeMap::new(),
            refresh: BTreeMap::new(),
            impersonation: Vec::new(),
        }
    }

    /// The email of the account that the sandbox starts with.
    pub(crate) fn own_account(&self) -> &str {
        &self.own
    }

    pub(crate) fn exists(&self, email: &str) -> bool {
        self.accounts.contains_key(email)
    }

    pub(crate) fn inventory(&self) -> Vec<Resource> {
        let created = self.accounts.values().filter(|account| account.created);
        let shown = created.map(|account| {
            let mut resource = Resource::new("iam", "serviceAccount", "", &account.email);
            account.email.split('@').next().unwrap_or_default().clone_into(&mut resource.name);
            resource
        });
        shown.collect()
    }
}

impl Account {
    pub(super) fn show(&self) -> Value {
        let id = self.unique_id.to_string();
        let mut shown = json!({
            "name": format!("projects/{}/serviceAccounts/{}", self.project, self.email),
            "projectId": self.project,
            "uniqueId": id,
            "email": self.email,
            "etag": self.etag(),
            "oauth2ClientId": id,
        });
        for (name, value) in [("displayName", &self.display_name), ("description", &self.description)] {
            if !value.is_empty() {
                shown[name] = value.as_str().into();
            }
        }
        if self.disabled {
            shown["disabled"] = true.into();
        }
        shown
    }

    pub(super) fn etag(&self) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(format!("{:08}", self.version))
    }
}

/// The account that a project's instances use if no other is named.
pub(crate) fn default_account(project: &str) -> String {
    format!("{}-compute@developer.gserviceaccount.com", project_number(project))
}

impl Gcp {
    /// Accepts `token` at the token exchange as one of `subject` for this audience (a workload identity pool provider's full
    /// name, `//iam.googleapis.com/projects/…`), until it expires. Any other token is answered with `invalid_grant`.
    pub fn accept_subject_token(
        &self,
        token: &str,
        audience: &str,
        subject: &str,
        expires: Option<SystemTime>,
    ) {
        let pool = audience.trim_start_matches("//iam.googleapis.com/");
        let pool = pool.split("/providers/").next().unwrap_or_default();
        let principal = format!("principal://iam.googleapis.com/{pool}/subject/{subject}");
        let identity = External { audience: audience.to_owned(), principal, expires };
        self.inner.state().identity.external.insert(token.to_owned(), identity);
    }

    /// Accepts a user's refresh token, as `gcloud auth application-default login` stores it.
    pub fn accept_refresh_token(&self, token: &str, user: &str) {
        self.inner.state().identity.refresh.insert(token.to_owned(), user.to_owned());
    }

    /// Lets `principal` (a service account's email, or `principal://…`; `*` is anybody) get tokens for this service account.
    pub fn allow_impersonation(&self, principal: &str, account: &str) {
        let allowed = (principal.to_owned(), account.to_owned());
        self.inner.state().identity.impersonation.push(allowed);
    }
}
