//! Session descriptions, kept out of logs, and the one line of them that is signed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// SDP text (RFC 8866). It holds ICE passwords and addresses, so `Debug` shows its size only.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Sdp(pub String);

impl fmt::Debug for Sdp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sdp({} bytes)", self.0.len())
    }
}

/// SHA-256 of a DTLS certificate (RFC 8122), as upper-case hex bytes joined by colons: 95 characters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("pattern" = "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$")))]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Fingerprint(String);

/// Why a text is not one SHA-256 fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FingerprintError {
    #[error("not a SHA-256 fingerprint: 32 hex bytes joined by colons are expected")]
    Malformed,
    #[error("the session description has no SHA-256 fingerprint")]
    Missing,
    #[error("the session description has fingerprints that differ or are not SHA-256")]
    Ambiguous,
}

impl Fingerprint {
    /// Takes `AB:CD:…` in either case.
    ///
    /// # Errors
    /// Anything but 32 hex bytes joined by colons.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        let bytes: Vec<&str> = text.split(':').collect();
        let hex = |b: &&str| b.len() == 2 && b.bytes().all(|c| c.is_ascii_hexdigit());
        if bytes.len() != 32 || !bytes.iter().all(hex) {
            return Err(FingerprintError::Malformed);
        }
        Ok(Self(text.to_ascii_uppercase()))
    }

    pub fn from_digest(digest: &[u8; 32]) -> Self {
        let hex: Vec<String> = digest.iter().map(|byte| format!("{byte:02X}")).collect();
        Self(hex.join(":"))
    }

    /// The one fingerprint of a description: every `a=fingerprint` line must name the same SHA-256.
    ///
    /// # Errors
    /// No such line, a line with another hash, or lines that differ.
    pub fn of_sdp(sdp: &Sdp) -> Result<Self, FingerprintError> {
        let mut found: Option<Self> = None;
        for line in sdp.0.lines() {
            let Some(value) = line.trim_end().strip_prefix("a=fingerprint:") else {
                continue;
            };
            let (hash, value) = value.split_once(' ').ok_or(FingerprintError::Malformed)?;
            if !hash.eq_ignore_ascii_case("sha-256") {
                return Err(FingerprintError::Ambiguous);
            }
            let this = Self::parse(value.trim())?;
            if found.as_ref().is_some_and(|other| *other != this) {
                return Err(FingerprintError::Ambiguous);
            }
            found = Some(this);
        }
        found.ok_or(FingerprintError::Missing)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash itself.
    pub fn digest(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        for (byte, hex) in digest.iter_mut().zip(self.0.split(':')) {
            *byte = u8::from_str_radix(hex, 16).unwrap_or_default();
        }
        digest
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F";

    fn sdp(lines: &str) -> Sdp {
        Sdp(format!("v=0\r\n{lines}"))
    }

    #[test]
    fn a_hash_is_read_as_it_was_written() {
        let digest = std::array::from_fn(|n| u8::try_from(n * 8).unwrap());
        assert_eq!(Fingerprint::from_digest(&digest).digest(), digest);
    }

    #[test]
    fn descriptions_stay_out_of_logs() {
        assert_eq!(
            format!("{:?}", Sdp("a=ice-pwd:hunter2".to_owned())),
            "Sdp(17 bytes)"
        );
    }

    #[test]
    fn one_value_on_every_line_is_taken() {
        let text = sdp(&format!(
            "a=fingerprint:sha-256 {ONE}\r\na=fingerprint:SHA-256 {}\r\n",
            ONE.to_lowercase()
        ));
        assert_eq!(Fingerprint::of_sdp(&text).unwrap().as_str(), ONE);
    }

    #[test]
    fn two_values_or_another_hash_are_refused() {
        let other = ONE.replace("00:", "FF:");
        for lines in [
            format!("a=fingerprint:sha-256 {ONE}\r\na=fingerprint:sha-256 {other}\r\n"),
            format!("a=fingerprint:sha-256 {ONE}\r\na=fingerprint:sha-1 {ONE}\r\n"),
        ] {
            assert_eq!(
                Fingerprint::of_sdp(&sdp(&lines)),
                Err(FingerprintError::Ambiguous)
            );
        }
        assert_eq!(Fingerprint::of_sdp(&sdp("")), Err(FingerprintError::Missing));
    }
}
