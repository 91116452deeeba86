//! Key pairs.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};
use sha2::Sha256;

use super::{
    Ec2, Region,
    filters::Filters,
    kind::{Getter, IdRules, Kind, View},
    tags::tags_for,
};
use crate::aws::{context::Reply, error::AwsError, query::Params, text::iso, xml::Xml};

/// An imported public key.
#[derive(Debug)]
pub(crate) struct KeyPair {
    pub(crate) id: String,
    pub(crate) name: String,
    kind: &'static str,
    fingerprint: String,
    public_key: String,
    created: SystemTime,
}

impl Kind for KeyPair {
    const ID: IdRules = IdRules {
        prefix: "key",
        label: "key pair",
        not_found: "InvalidKeyPair.NotFound",
        malformed: "InvalidKeyPair.Format",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.key_pairs
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.key_pairs
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "key-pair-id" => |key, _| vec![key.id.clone()],
            "key-name" => |key, _| vec![key.name.clone()],
            "fingerprint" => |key, _| vec![key.fingerprint.clone()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("keyPairId", &self.id).text("keyName", &self.name).text("keyFingerprint", &self.fingerprint);
        xml.text("keyType", self.kind).text("createTime", iso(self.created));
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn key_named(&self, name: &str) -> Result<&KeyPair, AwsError> {
        let mut keys = self.region.key_pairs.values();
        keys.find(|key| key.name == name && self.region.is_visible(&key.id, self.context.now))
            .ok_or_else(|| KeyPair::ID.missing(name))
    }

    pub(crate) fn import_key_pair(&mut self, params: &Params) -> Reply {
        let name = params.required("KeyName")?.to_owned();
        let material = params.required("PublicKeyMaterial")?;
        if name.chars().count() > 255 {
            return Err(params.invalid("KeyName", &name));
        }
        let malformed =
            || AwsError::new("InvalidKey.Format", "Key is not in valid OpenSSH public key format");
        let text = BASE64
            .decode(material)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(malformed)?;
        let (kind, blob) = read_public_key(&text).ok_or_else(malformed)?;
        if self.region.key_pairs.values().any(|key| key.name == name) {
            let message = format!("The keypair '{name}' already exists.");
            return Err(AwsError::new("InvalidKeyPair.Duplicate", message));
        }
        let tags = tags_for(params, "key-pair")?;
        let id = self.create_id("key", tags);
        let key = KeyPair {
            id: id.clone(),
            name,
            kind,
            fingerprint: fingerprint(kind, &blob),
            public_key: text,
            created: self.context.now,
        };
        let mut xml = Xml::new();
        xml.text("keyPairId", &id).text("keyName", &key.name).text("keyFingerprint", &key.fingerprint);
        self.view().write_tags(&mut xml, &id);
        self.region.key_pairs.insert(id, key);
        Ok(xml)
    }

    pub(crate) fn describe_key_pairs(&self, params: &Params) -> Reply {
        let names: BTreeSet<String> = params.list("KeyName").into_iter().collect();
        let ids: BTreeSet<String> = params.list("KeyPairId").into_iter().collect();
        for name in &names {
            self.key_named(name)?;
        }
        for id in &ids {
            self.find::<KeyPair>(id)?;
        }
        let filters = Filters::<KeyPair>::of(params)?;
        let with_key = params.flag("IncludePublicKey")?.unwrap_or(false);
        let view = self.view();
        let shown = self.region.key_pairs.values().filter(|key| {
            (names.is_empty() || names.contains(&key.name))
                && (ids.is_empty() || ids.contains(&key.id))
                && self.region.is_visible(&key.id, self.context.now)
                && filters.accept(key, &view)
        });
        let mut xml = Xml::new();
        xml.list("keySet", shown, |xml, key| {
            key.write(&view, xml);
            xml.opt("publicKey", with_key.then_some(&key.public_key));
        });
        Ok(xml)
    }

    /// Deleting a key pair that is not there succeeds.
    pub(crate) fn delete_key_pair(&mut self, params: &Params) -> Reply {
        let wanted = match params.filled("KeyPairId") {
            Some(id) => id,
            None => params.required("KeyName")?,
        };
        let found = self.region.key_pairs.values().find(|key| key.name == wanted || key.id == wanted);
        let id = found.map(|key| key.id.clone());
        if let Some(id) = &id {
            self.remove::<KeyPair>(id);
        }
        let mut xml = Xml::new();
        xml.text("return", true).opt("keyPairId", id);
        Ok(xml)
    }
}

/// The kind and the decoded key of an OpenSSH line, whose key repeats the kind at its start.
fn read_public_key(text: &str) -> Option<(&'static str, Vec<u8>)> {
    let mut words = text.split_whitespace();
    let algorithm = words.next()?;
    let kind = match algorithm {
        "ssh-rsa" => "rsa",
        "ssh-ed25519" => "ed25519",
        _ => return None,
    };
    let blob = BASE64.decode(words.next()?).ok()?;
    (field(&blob, 0)?.0 == algorithm.as_bytes()).then_some((kind, blob))
}

/// The length-prefixed field at `at`, and where the next one starts.
fn field(blob: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let length: [u8; 4] = blob.get(at..at + 4)?.try_into().ok()?;
    let end = at.checked_add(4)?.checked_add(u32::from_be_bytes(length) as usize)?;
    Some((blob.get(at + 4..end)?, end))
}

/// EC2 shows the MD5 of the DER form of imported RSA keys and the SHA-256 of the others.
///
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/verify-keys.html>
fn fingerprint(kind: &str, blob: &[u8]) -> String {
    if kind == "rsa"
        && let Some(der) = rsa_der(blob)
    {
        let hex: Vec<String> = Md5::digest(&der).iter().map(|byte| format!("{byte:02x}")).collect();
        return hex.join(":");
    }
    BASE64.encode(Sha256::digest(blob))
}

/// SubjectPublicKeyInfo of an RSA key.
fn rsa_der(blob: &[u8]) -> Option<Vec<u8>> {
    const ALGORITHM: [u8; 15] =
        [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let (_, next) = field(blob, 0)?;
    let (exponent, next) = field(blob, next)?;
    let (modulus, _) = field(blob, next)?;
    let numbers = [der(0x02, modulus), der(0x02, exponent)].concat();
    let bits = [&[0_u8][..], &der(0x30, &numbers)].concat();
    Some(der(0x30, &[&ALGORITHM[..], &der(0x03, &bits)].concat()))
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let length: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match (content.len(), u8::try_from(length.len())) {
        (0, _) => out.push(0),
        (short, _) if short < 128 => out.extend(&length),
        (_, count) => {
            out.push(0x80 | count.unwrap_or(0));
            out.extend(&length);
        }
    }
    out.extend(content);
    out
}
