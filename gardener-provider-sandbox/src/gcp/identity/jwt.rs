//! JWTs that a service account signed with its key (RFC 7523).

use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};

use super::State;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: String,
}

/// The claims that count.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    #[serde(rename = "iss")]
    pub(crate) issuer: String,
    #[serde(default, rename = "aud")]
    pub(crate) audience: String,
    #[serde(default)]
    pub(crate) scope: String,
    iat: u64,
    exp: u64,
}

impl Claims {
    pub(crate) fn lifetime(&self) -> Duration {
        Duration::from_secs(self.exp.saturating_sub(self.iat))
    }

    /// True if it is valid now, with the usual few minutes of tolerance for clocks that differ.
    fn is_current(&self, now: SystemTime) -> bool {
        const SKEW: u64 = 300;
        let now = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.iat <= now.saturating_add(SKEW) && now < self.exp.saturating_add(SKEW) && self.iat < self.exp
    }
}

/// Why a JWT is refused, in the token endpoint's words.
pub(crate) type Problem = &'static str;

/// The claims of a JWT that is signed with a key of its issuer and valid now.
pub(crate) fn verify(token: &str, known: &State, now: SystemTime) -> Result<Claims, Problem> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("Invalid JWT: it must have three parts.");
    };
    let signed = &token[..header.len() + 1 + claims.len()];
    let header: Header = decode(header).ok_or("Invalid JWT: failed to parse the header.")?;
    let claims: Claims = decode(claims).ok_or("Invalid JWT: failed to parse the claims.")?;
    if !known.exists(&claims.issuer) {
        return Err("Invalid grant: account not found");
    }
    let key = known.keys.get(&header.kid).filter(|(email, _)| *email == claims.issuer);
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let good = key.is_some_and(|(_, public)| {
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public);
        header.alg == "RS256" && public.verify(signed.as_bytes(), &signature).is_ok()
    });
    if !good {
        return Err("Invalid JWT Signature.");
    }
    if !claims.is_current(now) || claims.lifetime() > Duration::from_secs(43_200) {
        return Err(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. \
                    Check your iat and exp values in the JWT claim.",
        );
    }
    Ok(claims)
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
