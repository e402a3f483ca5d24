//! Passkeys: Web Authentication (Level 2), always with user verification. The only place that names the library.
//!
//! A ceremony is begun for one purpose, by one login where there is one, and kept here until its answer comes: once, for
//! the same purpose, within [`PATIENCE`]. Whatever is answered, its challenge is gone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use router::auth::{random_secret, sha256};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    CreationChallengeResponse, DiscoverableAuthentication, DiscoverableKey, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, RequestChallengeResponse, Url,
    Uuid, Webauthn, WebauthnBuilder, WebauthnError,
};

use crate::store::Kept;

/// Where accounts come from that have nothing but passkeys; no provider has this name.
pub const PASSKEYS: &str = "passkeys";
/// How long a person may take over a prompt.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Ceremonies under way, of people who are logged in, and of strangers; the oldest makes room.
const UNDER_WAY: usize = 10_000;
/// Passkeys of one account.
pub const MOST: usize = 16;

/// What a ceremony is for. Its answer serves nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A further passkey of this login's account.
    Register { login: String },
    /// This login's account shows that it is still there.
    Confirm { login: String },
    /// One session on one host.
    Session { login: String, host: String },
    /// A login with nothing else.
    LogIn,
    /// The first passkey of whoever was invited by the link of this hash.
    Invite { hash: String },
}

impl Purpose {
    fn is_of_a_stranger(&self) -> bool {
        matches!(self, Self::LogIn)
    }
}

/// What the page needs for its prompt.
#[derive(Clone, Debug)]
pub struct Asked {
    /// A secret that names the ceremony.
    pub ceremony: String,
    /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
    pub options: Value,
}

impl Asked {
    pub fn body(&self) -> Value {
        json!({ "ceremony": self.ceremony, "options": self.options })
    }
}

/// A passkey that was made or used: what to keep of it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The credential's name, in base64url.
    pub id: String,
    pub json: String,
    pub counter: u64,
}

/// Why a passkey was refused.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    #[error("no such ceremony is under way: it was used, took too long, or was begun for something else")]
    NoCeremony,
    #[error("the answer is not one of the browser's")]
    Shape,
    #[error("the passkey is not known here")]
    Unknown,
    #[error("the authenticator counts less than before: it was copied")]
    Copied,
    #[error("a passkey that was kept cannot be read")]
    Damaged,
    #[error("the passkey's answer is not good")]
    Refused(#[source] WebauthnError),
}

#[derive(Debug)]
enum State {
    Register(PasskeyRegistration),
    Assert(PasskeyAuthentication),
    LogIn(DiscoverableAuthentication),
}

#[derive(Debug)]
struct Ceremony {
    at: Instant,
    purpose: Purpose,
    state: State,
}

type Book = Mutex<BTreeMap<[u8; 32], Box<Ceremony>>>;

/// See the module documentation.
#[derive(Debug)]
pub struct Passkeys {
    webauthn: Webauthn,
    known: Book,
    strangers: Book,
}

/// What authenticators call an account: not its number, which stands in lists.
fn handle(account: &str) -> Uuid {
    let hash = sha256(format!("removid-passkey {account}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Uuid::from_bytes(bytes)
}

fn read(kept: &Kept) -> Result<Passkey, PasskeyError> {
    serde_json::from_str(&kept.json).map_err(|_| PasskeyError::Damaged)
}

fn name(id: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

impl Passkeys {
    /// For the site at that address. `None`: it has no name, and passkeys belong to names.
    pub fn new(public_url: &str) -> Option<Self> {
        let url = Url::parse(public_url).ok()?;
        let site = url.domain()?.to_owned();
        let webauthn = WebauthnBuilder::new(&site, &url)
            .ok()?
            .rp_name("REMOVID")
            .timeout(PATIENCE)
            .build()
            .ok()?;
        Some(Self {
            webauthn,
            known: Mutex::default(),
            strangers: Mutex::default(),
        })
    }

    /// Begins to make a passkey for an account, beside those that it has.
    ///
    /// # Errors
    /// One of these cannot be read.
    pub fn register(
        &self,
        purpose: Purpose,
        account: &str,
        person: &str,
        kept: &[Kept],
        now: Instant,
    ) -> Result<Asked, PasskeyError> {
        let have = kept
            .iter()
            .map(|kept| Ok(read(kept)?.cred_id().clone()))
            .collect::<Result<Vec<_>, PasskeyError>>()?;
        let (asked, state) = self
            .webauthn
            .start_passkey_registration(handle(account), person, person, Some(have))
            .map_err(PasskeyError::Refused)?;
        let CreationChallengeResponse { public_key } = asked;
        let mut options = serde_json::to_value(public_key).map_err(|_| PasskeyError::Shape)?;
        // One that can be found without a name: a person without a provider logs in with it alone.
        options["authenticatorSelection"]["residentKey"] = json!("required");
        options["authenticatorSelection"]["requireResidentKey"] = json!(true);
        Ok(self.put(purpose, State::Register(state), options, now))
    }

    /// Begins to ask for one of an account's passkeys.
    ///
    /// # Errors
    /// There is none, or one cannot be read.
    pub fn assert(&self, purpose: Purpose, kept: &[Kept], now: Instant) -> Result<Asked, PasskeyError> {
        let have = kept.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if have.is_empty() {
            return Err(PasskeyError::Unknown);
        }
        let (asked, state) = self
            .webauthn
            .start_passkey_authentication(&have)
            .map_err(PasskeyError::Refused)?;
        self.ask(purpose, State::Assert(state), asked, now)
    }

    /// Begins to ask for any passkey of this site.
    ///
    /// # Errors
    /// The library has none to give.
    pub fn log_in(&self, now: Instant) -> Result<Asked, PasskeyError> {
        let (asked, state) = self
            .webauthn
            .start_discoverable_authentication()
            .map_err(PasskeyError::Refused)?;
        self.ask(Purpose::LogIn, State::LogIn(state), asked, now)
    }

    /// The passkey that was made, for that purpose.
    ///
    /// # Errors
    /// Whatever is not the answer to that ceremony.
    pub fn registered(
        &self,
        ceremony: &str,
        purpose: &Purpose,
        answer: &Value,
        now: Instant,
    ) -> Result<Shown, PasskeyError> {
        let State::Register(state) = self.take(ceremony, purpose, now)? else {
            return Err(PasskeyError::NoCeremony);
        };
        let answer: RegisterPublicKeyCredential =
            serde_json::from_value(answer.clone()).map_err(|_| PasskeyError::Shape)?;
        let passkey = self
            .webauthn
            .finish_passkey_registration(&answer, &state)
            .map_err(PasskeyError::Refused)?;
        Ok(Shown {
            id: name(passkey.cred_id()),
            json: serde_json::to_string(&passkey).map_err(|_| PasskeyError::Damaged)?,
            counter: 0,
        })
    }

    /// Which passkey an answer is by. Nothing is proven yet.
    pub fn named(answer: &Value) -> Option<String> {
        answer.get("id").and_then(Value::as_str).map(str::to_owned)
    }

    /// The passkey that was shown, for that purpose; `kept` is what is known of it, and whose it is.
    ///
    /// # Errors
    /// Whatever is not the answer to that ceremony by that passkey. The challenge is gone in any case.
    pub fn asserted(
        &self,
        ceremony: &str,
        purpose: &Purpose,
        answer: &Value,
        kept: Option<&Kept>,
        now: Instant,
    ) -> Result<Shown, PasskeyError> {
        let state = self.take(ceremony, purpose, now)?;
        let kept = kept.ok_or(PasskeyError::Unknown)?;
        let answer: PublicKeyCredential =
            serde_json::from_value(answer.clone()).map_err(|_| PasskeyError::Shape)?;
        let mut passkey = read(kept)?;
        if name(passkey.cred_id()) != name(answer.get_credential_id()) {
            return Err(PasskeyError::Unknown);
        }
        let result = match state {
            State::Register(_) => return Err(PasskeyError::NoCeremony),
            State::Assert(state) => self.webauthn.finish_passkey_authentication(&answer, &state),
            State::LogIn(state) => {
                let (account, _) = self
                    .webauthn
                    .identify_discoverable_authentication(&answer)
                    .map_err(PasskeyError::Refused)?;
                if account != handle(&kept.account) {
                    return Err(PasskeyError::Unknown);
                }
                let key = DiscoverableKey::from(&passkey);
                self.webauthn
                    .finish_discoverable_authentication_v2(&answer, state, &key)
            }
        }
        .map_err(PasskeyError::Refused)?;
        let counter = u64::from(result.counter());
        if counter <= kept.counter && (counter, kept.counter) != (0, 0) {
            return Err(PasskeyError::Copied);
        }
        passkey.update_credential(&result);
        Ok(Shown {
            id: name(passkey.cred_id()),
            json: serde_json::to_string(&passkey).map_err(|_| PasskeyError::Damaged)?,
            counter,
        })
    }

    fn ask(
        &self,
        purpose: Purpose,
        state: State,
        asked: RequestChallengeResponse,
        now: Instant,
    ) -> Result<Asked, PasskeyError> {
        let options = serde_json::to_value(asked.public_key).map_err(|_| PasskeyError::Shape)?;
        Ok(self.put(purpose, state, options, now))
    }

    fn book(&self, purpose: &Purpose) -> &Book {
        if purpose.is_of_a_stranger() {
            &self.strangers
        } else {
            &self.known
        }
    }

    fn put(&self, purpose: Purpose, state: State, options: Value, now: Instant) -> Asked {
        let ceremony = random_secret();
        let mut book = self.book(&purpose).lock().unwrap_or_else(PoisonError::into_inner);
        book.retain(|_, kept| now.saturating_duration_since(kept.at) < PATIENCE);
        if book.len() >= UNDER_WAY {
            let oldest = book.iter().min_by_key(|(_, kept)| kept.at).map(|(name, _)| *name);
            oldest.map(|name| book.remove(&name));
        }
        let kept = Ceremony {
            at: now,
            purpose,
            state,
        };
        book.insert(sha256(ceremony.as_bytes()), Box::new(kept));
        Asked { ceremony, options }
    }

    /// Takes it out, whoever asks.
    fn take(&self, ceremony: &str, purpose: &Purpose, now: Instant) -> Result<State, PasskeyError> {
        let mut book = self.book(purpose).lock().unwrap_or_else(PoisonError::into_inner);
        let kept = book
            .remove(&sha256(ceremony.as_bytes()))
            .ok_or(PasskeyError::NoCeremony)?;
        let in_time = now.saturating_duration_since(kept.at) < PATIENCE;
        if in_time && kept.purpose == *purpose {
            Ok(kept.state)
        } else {
            Err(PasskeyError::NoCeremony)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceremony_serves_its_purpose_once_and_in_time() {
        let passkeys = Passkeys::new("https://desk.example.org/").unwrap();
        let now = Instant::now();
        let invite = |hash: &str| Purpose::Invite {
            hash: hash.to_owned(),
        };
        let begin = || {
            passkeys
                .register(invite("a"), "u-1", "Ada", &[], now)
                .unwrap()
                .ceremony
        };
        assert!(passkeys.take(&begin(), &invite("a"), now).is_ok());
        let used = begin();
        assert!(passkeys.take(&used, &invite("b"), now).is_err(), "for another");
        assert!(
            passkeys.take(&used, &invite("a"), now).is_err(),
            "and gone with the attempt"
        );
        assert!(
            passkeys.take(&begin(), &invite("a"), now + PATIENCE).is_err(),
            "too late"
        );
        assert!(passkeys.take("", &invite("a"), now).is_err());
    }

    #[test]
    fn what_the_browser_is_asked_for() {
        let passkeys = Passkeys::new("https://desk.example.org:8443/").unwrap();
        let now = Instant::now();
        let asked = passkeys
            .register(
                Purpose::Register {
                    login: "l".to_owned(),
                },
                "u-1",
                "Ada",
                &[],
                now,
            )
            .unwrap()
            .options;
        assert_eq!(asked["rp"]["id"], "desk.example.org");
        assert_eq!(asked["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(asked["authenticatorSelection"]["residentKey"], "required");
        let asked = passkeys.log_in(now).unwrap().options;
        assert_eq!(asked["userVerification"], "required");
        assert!(
            Passkeys::new("https://192.0.2.7/").is_none(),
            "an address is no name"
        );
    }

    #[test]
    fn strangers_cannot_push_out_who_is_known() {
        let passkeys = Passkeys::new("https://desk.example.org/").unwrap();
        let now = Instant::now();
        let purpose = Purpose::Invite { hash: "a".to_owned() };
        let kept = passkeys
            .register(purpose.clone(), "u-1", "Ada", &[], now)
            .unwrap();
        for _ in 0..UNDER_WAY + 5 {
            let _ = passkeys.log_in(now).unwrap();
        }
        assert_eq!(passkeys.strangers.lock().unwrap().len(), UNDER_WAY);
        assert!(passkeys.take(&kept.ceremony, &purpose, now).is_ok());
    }
}
