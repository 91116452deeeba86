//! File systems.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Efs, Failure, Life, Outcome, State, required, seconds, tags_json};
use crate::aws::{context::Context, ec2::Tags, error::AwsError};

#[derive(Debug, Clone)]
pub(super) struct FileSystem {
    pub(super) id: String,
    token: String,
    pub(super) life: Life,
    pub(super) tags: Tags,
    encrypted: bool,
    kms_key: Option<String>,
    performance: String,
    throughput: String,
}

impl FileSystem {
    fn describe(&self, state: &State, context: &Context<'_>) -> Value {
        let targets = state.targets.values().filter(|target| target.system == self.id).count();
        let mut value = json!({
            "OwnerId": context.account(),
            "CreationToken": self.token,
            "FileSystemId": self.id,
            "FileSystemArn": self.arn(context),
            "CreationTime": seconds(self.life.created),
            "LifeCycleState": self.life.state(context.now),
            "NumberOfMountTargets": targets,
            "SizeInBytes": { "Value": 6144, "ValueInIA": 0, "ValueInStandard": 6144, "ValueInArchive": 0 },
            "PerformanceMode": self.performance,
            "ThroughputMode": self.throughput,
            "Encrypted": self.encrypted,
            "Tags": tags_json(&self.tags),
            "FileSystemProtection": { "ReplicationOverwriteProtection": "ENABLED" },
        });
        if let Some(name) = self.tags.get("Name") {
            value["Name"] = json!(name);
        }
        if let Some(key) = &self.kms_key {
            value["KmsKeyId"] = json!(key);
        }
        value
    }

    pub(super) fn arn(&self, context: &Context<'_>) -> String {
        context.arn("elasticfilesystem", &format!("file-system/{}", self.id))
    }
}

impl Efs<'_> {
    /// <https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html>
    pub(super) fn create_file_system(&mut self) -> Outcome {
        let token = required(&self.body, "CreationToken")?.to_owned();
        if let Some(other) = self.region().systems.values().find(|other| other.token == token) {
            let message = format!("File system '{}' already exists with creation token '{token}'", other.id);
            let more = json!({ "FileSystemId": other.id });
            return Err(Failure { error: AwsError::new("FileSystemAlreadyExists", message), more });
        }
        let tags = super::tags::of(&self.body["Tags"])?;
        let encrypted = self.body["Encrypted"].as_bool().unwrap_or(false);
        let kms_key = self.body["KmsKeyId"].as_str().map(str::to_owned);
        if kms_key.is_some() && !encrypted {
            return Err(super::bad("KmsKeyId is only for encrypted file systems").into());
        }
        let text = |name: &str, default: &str| self.body[name].as_str().unwrap_or(default).to_owned();
        let system = FileSystem {
            performance: text("PerformanceMode", "generalPurpose"),
            throughput: text("ThroughputMode", "bursting"),
            id: self.state.ids.hex17("fs"),
            token,
            life: Life::begin(self.context),
            tags,
            encrypted,
            kms_key,
        };
        let context = self.context;
        let state = self.region();
        let reply = system.describe(state, context);
        state.systems.insert(system.id.clone(), system);
        Ok((StatusCode::CREATED, reply))
    }

    pub(super) fn describe_file_systems(&mut self) -> Outcome {
        let (id, token) = (self.asked("FileSystemId"), self.asked("CreationToken"));
        let context = self.context;
        let Some(state) = self.state.efs.get(context.region()) else {
            return self.page("FileSystems", Vec::new());
        };
        let found: Vec<Value> = state
            .systems
            .values()
            .filter(|one| one.life.visible_from <= context.now)
            .filter(|one| id.is_none_or(|id| one.id == id || one.arn(context) == id))
            .filter(|one| token.is_none_or(|token| one.token == token))
            .map(|one| one.describe(state, context))
            .collect();
        match id {
            Some(id) if found.is_empty() => Err(no_system(id).into()),
            _ => self.page("FileSystems", found),
        }
    }

    pub(super) fn delete_file_system(&mut self) -> Outcome {
        let (id, context) = (self.id.clone(), self.context);
        let state = self.region();
        let system = state.systems.get_mut(&id).ok_or_else(|| no_system(&id))?;
        if state.targets.values().any(|target| target.system == id) {
            let message = format!("The file system '{id}' has mount targets and cannot be deleted");
            return Err(AwsError::new("FileSystemInUse", message).into());
        }
        system.life.end(context);
        Ok((StatusCode::NO_CONTENT, Value::Null))
    }
}

pub(super) fn no_system(id: &str) -> AwsError {
    AwsError::new("FileSystemNotFound", format!("File system '{id}' does not exist."))
}
