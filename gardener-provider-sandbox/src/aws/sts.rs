//! STS: who is calling, and temporary credentials.
//!
//! API version 2011-06-15, <https://docs.aws.amazon.com/STS/latest/APIReference/>.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{
    AccessKey, Aws,
    answer::unknown_action,
    context::{Context, Reply},
    error::AwsError,
    iam::Role,
    query::Params,
    state::State as Cloud,
    text,
    xml::Xml,
};

/// What the service remembers.
#[derive(Debug, Default)]
pub(crate) struct State {
    tokens: BTreeMap<String, WebIdentity>,
}

/// What an identity provider's token is good for.
#[derive(Debug, Clone)]
struct WebIdentity {
    subject: String,
    role_arn: String,
    expires: Option<SystemTime>,
}

impl Aws {
    /// Accepts `token` as a web identity token of `subject` for `AssumeRoleWithWebIdentity` on this role, until it expires.
    ///
    /// The role must exist. Any other token is answered with `InvalidIdentityToken`, one for another role with
    /// `AccessDenied`, one that has expired with `ExpiredTokenException`.
    pub fn accept_web_identity(
        &self,
        token: &str,
        subject: &str,
        role_arn: &str,
        expires: Option<SystemTime>,
    ) {
        let identity = WebIdentity { subject: subject.to_owned(), role_arn: role_arn.to_owned(), expires };
        self.inner.state().sts.tokens.insert(token.to_owned(), identity);
    }
}

/// Answers one call.
pub(crate) fn answer(context: &Context<'_>, state: &mut Cloud, params: &Params) -> Reply {
    match context.call.operation.as_str() {
        "GetCallerIdentity" => Ok(caller_identity(context, state)),
        "AssumeRole" => assume_role(context, state, params),
        "AssumeRoleWithWebIdentity" => assume_role_with_web_identity(context, state, params),
        _ => unknown_action(context, params),
    }
}

fn caller_identity(context: &Context<'_>, state: &Cloud) -> Xml {
    let account = context.account();
    let arn = caller_arn(context);
    let user = match arn.rsplit_once(":assumed-role/").and_then(|(_, session)| session.split_once('/')) {
        Some((role, session)) => {
            let id = state.iam.role(role).map_or("AROAUNKNOWN", |role| role.entity.id.as_str());
            format!("{id}:{session}")
        }
        None if context.caller.arn.is_none() => account.to_owned(),
        None => context.caller.access_key.replacen("AKIA", "AIDA", 1),
    };
    let mut xml = Xml::new();
    xml.text("Arn", arn).text("UserId", user).text("Account", account);
    xml
}

fn caller_arn(context: &Context<'_>) -> String {
    let root = || format!("arn:{}:iam::{}:root", context.partition(), context.account());
    context.caller.arn.clone().unwrap_or_else(root)
}

fn assume_role(context: &Context<'_>, state: &mut Cloud, params: &Params) -> Reply {
    let asked = Asked::of(params)?;
    let caller = caller_arn(context);
    let role = state.iam.role_by_arn(&asked.role_arn, context.now);
    let Some(role) = role.filter(|role| trusts(&role.trust, &caller, context.account())).cloned() else {
        let message = format!(
            "User: {caller} is not authorized to perform: sts:AssumeRole on resource: {}",
            asked.role_arn
        );
        return Err(AwsError::new("AccessDenied", message));
    };
    let mut xml = Xml::new();
    write_session(context, state, &asked, &role, &mut xml)?;
    Ok(xml)
}

/// True if the trust policy lets somebody with this ARN in.
fn trusts(policy: &str, caller: &str, account: &str) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else { return false };
    let statements = match &policy["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    statements.into_iter().any(|statement| {
        let principals = match &statement["Principal"]["AWS"] {
            Value::Array(list) => list.iter().collect(),
            Value::Null => vec![&statement["Principal"]],
            one => vec![one],
        };
        statement["Effect"] == "Allow"
            && principals.into_iter().filter_map(Value::as_str).any(|name| {
                name == "*"
                    || name == caller
                    || name == account
                    || name.ends_with(&format!("::{account}:root"))
            })
    })
}

fn assume_role_with_web_identity(context: &Context<'_>, state: &mut Cloud, params: &Params) -> Reply {
    let asked = Asked::of(params)?;
    let token = required(params, "WebIdentityToken")?;
    let Some(identity) = state.sts.tokens.get(token).cloned() else {
        return Err(AwsError::new(
            "InvalidIdentityToken",
            "No OpenIDConnect provider found in your account for the token.",
        ));
    };
    if identity.expires.is_some_and(|expires| expires <= context.now) {
        let error = AwsError::new(
            "ExpiredTokenException",
            "Token expired: the current time is after its expiration.",
        );
        return Err(AwsError { status: Some(400), ..error });
    }
    let role =
        state.iam.role_by_arn(&asked.role_arn, context.now).filter(|_| identity.role_arn == asked.role_arn);
    let role = role.cloned().ok_or_else(|| {
        AwsError::new("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
    })?;
    let mut xml = Xml::new();
    xml.text("SubjectFromWebIdentityToken", &identity.subject).text("Audience", "sts.amazonaws.com");
    write_session(context, state, &asked, &role, &mut xml)?;
    Ok(xml)
}

struct Asked {
    role_arn: String,
    session: String,
    seconds: u32,
}

impl Asked {
    fn of(params: &Params) -> Result<Self, AwsError> {
        let session = required(params, "RoleSessionName")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(plain) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{session}' at 'roleSessionName' is invalid"
            )));
        }
        let seconds = params.parsed("DurationSeconds")?.unwrap_or(3600);
        if seconds < 900 {
            return Err(invalid(format!(
                "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member \
                 must have value greater than or equal to 900"
            )));
        }
        Ok(Self { role_arn: required(params, "RoleArn")?.to_owned(), session: session.to_owned(), seconds })
    }
}

/// Makes credentials that speak for the role, and writes them.
fn write_session(
    context: &Context<'_>,
    state: &mut Cloud,
    asked: &Asked,
    role: &Role,
    xml: &mut Xml,
) -> Result<(), AwsError> {
    if asked.seconds > role.longest_session {
        let message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
        return Err(invalid(message.to_owned()));
    }
    let expires = context.now + Duration::from_secs(asked.seconds.into());
    let (partition, account) = (context.partition(), context.account());
    let (name, session) = (&role.entity.name, &asked.session);
    let arn = format!("arn:{partition}:sts::{account}:assumed-role/{name}/{session}");
    let id = state.ids.upper("ASIA", 20);
    let (secret, token) = (state.ids.upper("", 40), state.ids.upper("FwoGZXIvYXdzE", 200));
    xml.node("Credentials", |xml| {
        xml.text("AccessKeyId", &id)
            .text("SecretAccessKey", &secret)
            .text("SessionToken", &token)
            .text("Expiration", text::iso(expires));
    });
    xml.node("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", format!("{}:{session}", role.entity.id)).text("Arn", &arn);
    });
    state.keys.add(AccessKey::new(id, secret).with_session_token(token, expires).with_arn(arn));
    Ok(())
}

fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, AwsError> {
    params.filled(name).ok_or_else(|| {
        invalid(format!("1 validation error detected: Value null at '{name}' must not be null"))
    })
}

fn invalid(message: String) -> AwsError {
    AwsError::new("ValidationError", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::testing::{Caller, element};

    const ROLE: &str = "arn:aws:iam::123456789012:role/nodes";

    async fn with_role() -> Caller {
        let iam = Caller::new("iam", "2010-05-08");
        let trust = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}}"#;
        iam.ok("CreateRole", &[("RoleName", "nodes"), ("AssumeRolePolicyDocument", trust)]).await;
        iam.to("sts", "2011-06-15")
    }

    fn key_of(reply: &str) -> AccessKey {
        let far = SystemTime::UNIX_EPOCH;
        AccessKey::new(element(reply, "AccessKeyId"), element(reply, "SecretAccessKey"))
            .with_session_token(element(reply, "SessionToken"), far)
    }

    #[tokio::test(start_paused = true)]
    async fn temporary_credentials_expire() {
        let sts = with_role().await;
        let me = sts.ok("GetCallerIdentity", &[]).await;
        assert_eq!(
            (element(&me, "Account"), element(&me, "Arn")),
            ("123456789012".into(), "arn:aws:iam::123456789012:root".into())
        );
        let asked = [("RoleArn", ROLE), ("RoleSessionName", "me"), ("DurationSeconds", "900")];
        let session = sts.with_key(key_of(&sts.ok("AssumeRole", &asked).await));
        let me = session.ok("GetCallerIdentity", &[]).await;
        assert_eq!(element(&me, "Arn"), "arn:aws:sts::123456789012:assumed-role/nodes/me");
        assert!(element(&me, "UserId").ends_with(":me"));
        tokio::time::advance(Duration::from_secs(901)).await;
        assert_eq!(session.error("GetCallerIdentity", &[]).await, (403, "ExpiredToken".to_owned()));
    }

    #[tokio::test]
    async fn roles_are_assumed_by_those_they_trust() {
        let sts = with_role().await;
        let unknown = ROLE.replace("nodes", "other");
        let refused = sts.error("AssumeRole", &[("RoleArn", &unknown), ("RoleSessionName", "me")]).await;
        assert_eq!(refused, (403, "AccessDenied".to_owned()));
        let short = [("RoleArn", ROLE), ("RoleSessionName", "me"), ("DurationSeconds", "10")];
        assert_eq!(sts.error("AssumeRole", &short).await, (400, "ValidationError".to_owned()));
        let long = [("RoleArn", ROLE), ("RoleSessionName", "me"), ("DurationSeconds", "7200")];
        assert_eq!(sts.error("AssumeRole", &long).await, (400, "ValidationError".to_owned()));
        assert!(!trusts(
            r#"{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"}}}"#,
            "x",
            "1"
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn web_identities() {
        let sts = with_role().await;
        let aws = sts.sandbox.aws();
        let expires = sts.sandbox.options().clock.now() + Duration::from_secs(60);
        aws.accept_web_identity("good", "system:serviceaccount:a:b", ROLE, Some(expires));
        aws.accept_web_identity("elsewhere", "x", &ROLE.replace("nodes", "other"), None);
        let asked = |token| [("RoleArn", ROLE), ("RoleSessionName", "me"), ("WebIdentityToken", token)];
        let operation = "AssumeRoleWithWebIdentity";
        let reply = sts.ok(operation, &asked("good")).await;
        assert_eq!(element(&reply, "SubjectFromWebIdentityToken"), "system:serviceaccount:a:b");
        sts.with_key(key_of(&reply)).ok("GetCallerIdentity", &[]).await;
        assert_eq!(sts.error(operation, &asked("bad")).await, (400, "InvalidIdentityToken".to_owned()));
        assert_eq!(sts.error(operation, &asked("elsewhere")).await, (403, "AccessDenied".to_owned()));
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(sts.error(operation, &asked("good")).await, (400, "ExpiredTokenException".to_owned()));
    }
}
