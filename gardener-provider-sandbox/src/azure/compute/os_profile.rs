//! The user and the keys of a virtual machine.

use serde_json::{Value, json};

use crate::azure::{
    arm::draft::Draft,
    error::{Answer, ArmError},
};

/// A machine made of an image needs a user and a way in.
pub(super) fn check(draft: &Draft) -> Answer<()> {
    if draft.text("properties/storageProfile/osDisk/createOption") != Some("FromImage") {
        return Ok(());
    }
    let required = |name: &str| {
        ArmError::parameter(
            format!("osProfile.{name}"),
            format!("Required parameter 'osProfile.{name}' is missing (null)."),
        )
    };
    let name = draft.text("properties/osProfile/computerName").unwrap_or_else(|| draft.id.name());
    if name.len() > 64 || name.is_empty() {
        let message = format!("The computer name '{name}' is not valid: 1 to 64 characters.");
        return Err(ArmError::parameter("osProfile.computerName", message));
    }
    let Some(user) = draft.text("properties/osProfile/adminUsername") else {
        return Err(required("adminUsername"));
    };
    if ["admin", "root", "administrator", "test", "guest", "user"]
        .contains(&user.to_ascii_lowercase().as_str())
    {
        let message = "The Admin Username specified is not allowed.";
        return Err(ArmError::parameter("adminUsername", message));
    }
    let keys = draft.items("properties/osProfile/linuxConfiguration/ssh/publicKeys");
    let no_password = draft.get("properties/osProfile/linuxConfiguration/disablePasswordAuthentication");
    let old = draft.old.is_some();
    match (no_password == Some(&json!(true)), keys.is_empty()) {
        (true, true) => {
            let message = "Authentication using either SSH or by user name and password must be enabled in Linux profile.";
            return Err(ArmError::parameter("linuxConfiguration", message));
        }
        (false, true) if !old && draft.text("properties/osProfile/adminPassword").is_none() => {
            return Err(required("adminPassword"));
        }
        _ => {}
    }
    for key in keys {
        let data = key.get("keyData").and_then(Value::as_str).unwrap_or_default();
        if !data.starts_with("ssh-rsa ")
            && !data.starts_with("ssh-ed25519 ")
            && !data.starts_with("ecdsa-sha2-")
        {
            let message = "The value of parameter linuxConfiguration.ssh.publicKeys.keyData is invalid.";
            return Err(ArmError::parameter("linuxConfiguration.ssh.publicKeys.keyData", message));
        }
    }
    check_size(draft, "customData", 87_380)?;
    check_size(draft, "userData", 87_380)
}

fn check_size(draft: &Draft, name: &str, most: usize) -> Answer<()> {
    let pointer =
        if name == "customData" { "properties/osProfile/customData" } else { "properties/userData" };
    match draft.text(pointer) {
        Some(text) if text.len() > most => {
            let message = format!("The size of parameter '{name}' exceeds the limit of {most} characters.");
            Err(ArmError::parameter(name, message))
        }
        Some(text) if !is_base64(text) => {
            let message = format!("The parameter '{name}' must be a base64 encoded string.");
            Err(ArmError::parameter(name, message))
        }
        _ => Ok(()),
    }
}

fn is_base64(text: &str) -> bool {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.decode(text).is_ok()
}
