//! `removid enroll`: this host becomes one of a router's, by a token that an administrator made, or by a code that one types.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use router::auth::signed::Signer;
use router::tls::private_file;
use signaling_spec::api::{EnrollAsk, EnrollRequest, EnrollWaits, Enrolled};

use super::membership::Membership;
use super::socket::{Address, ConnectError};
use crate::identity::{Identity, KEY_FILE};

const PATH: &str = "api/v1/enroll";
const ASK_PATH: &str = "api/v1/enroll/ask";
const MAX_TOKEN: usize = 256;
/// How long a code is waited for, with all that follow it.
const PATIENCE: Duration = Duration::from_secs(3600);
/// Whatever a router says, it is not asked more or less often.
const INTERVAL: std::ops::RangeInclusive<u64> = 1..=30;

/// What `removid enroll` was told.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The router's address, as people type it.
    pub url: String,
    /// Without it somebody at the router approves this host.
    pub token_file: Option<PathBuf>,
    pub ca: Option<PathBuf>,
    pub state_dir: PathBuf,
    /// The machine's name in lists; without it the one that it has.
    pub name: Option<String>,
}

/// Enrols; returns the host's number. `show` tells people what they have to do.
///
/// # Errors
/// The router cannot be reached, or refuses; the message says what helps.
pub async fn enroll(wish: Wish, show: impl Fn(&str)) -> anyhow::Result<String> {
    private_file::directory(&wish.state_dir)?;
    let identity = Identity::open(&wish.state_dir)?;
    let (signer, _) = Signer::open(&wish.state_dir.join(KEY_FILE))?;
    let token = wish.token_file.as_deref().map(read_token).transpose()?;
    let ca = wish
        .ca
        .map(|file| {
            file.canonicalize()
                .with_context(|| format!("{} is not there", file.display()))
        })
        .transpose()?;
    let mut membership = Membership {
        url: format!("{}/", wish.url.trim_end_matches('/')),
        router_pub: String::new(),
        ca,
        name: wish.name.unwrap_or_else(|| identity.name.clone()),
    };
    let address = Address::new(&membership)?;
    let enrolled = match token {
        Some(token) => {
            let request = EnrollRequest {
                token,
                host_pub: identity.public_key(),
                proof: membership.assertion(&signer, &identity.id)?,
                name: membership.name.clone(),
            };
            let answer = address
                .post(PATH, serde_json::to_string(&request)?)
                .await
                .with_context(|| format!("this host could not be enrolled at {}", membership.url))?;
            read(&answer)?
        }
        None => approved(&address, &membership, &identity, &signer, show).await?,
    };
    ensure!(
        enrolled.host_id == identity.id,
        "the router gave this host another number than its key has; it is not to be trusted"
    );
    membership.router_pub = enrolled.router_pub;
    ensure!(
        membership.router_key()?.len() == router::auth::signed::PUBLIC_KEY_BYTES,
        "the router's key is not an Ed25519 key"
    );
    membership.save(&wish.state_dir)?;
    Ok(identity.id.0)
}

/// Asks until somebody has typed the code, with a fresh proof each time.
async fn approved(
    address: &Address,
    membership: &Membership,
    identity: &Identity,
    signer: &Signer,
    show: impl Fn(&str),
) -> anyhow::Result<Enrolled> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Answer {
        Enrolled(Enrolled),
        Waits(EnrollWaits),
    }
    let (until, mut shown) = (Instant::now() + PATIENCE, String::new());
    while Instant::now() < until {
        let request = EnrollAsk {
            host_pub: identity.public_key(),
            proof: membership.assertion(signer, &identity.id)?,
            name: membership.name.clone(),
        };
        let interval = match address.post(ASK_PATH, serde_json::to_string(&request)?).await {
            Ok(answer) => match read(&answer)? {
                Answer::Enrolled(enrolled) => return Ok(enrolled),
                Answer::Waits(waits) => {
                    let code: String = waits
                        .user_code
                        .chars()
                        .filter(char::is_ascii_graphic)
                        .take(16)
                        .collect();
                    if shown != code {
                        show(&format!(
                            "Ask an administrator of {} to open {}approve and to type {code}\n\
                             There this host must be called {} and have the number {}. Waiting…",
                            membership.url, membership.url, membership.name, identity.id
                        ));
                        shown = code;
                    }
                    waits.interval
                }
            },
            // It was reached before: it may come back.
            Err(ConnectError::Refused { code, .. }) if code == "too_many" || code == "stopping" => {
                *INTERVAL.end()
            }
            Err(error) if shown.is_empty() || matches!(error, ConnectError::Refused { .. }) => {
                return Err(error)
                    .with_context(|| format!("this host could not be enrolled at {}", membership.url));
            }
            Err(error) => {
                tracing::warn!(%error, "The router cannot be reached; trying again");
                *INTERVAL.end()
            }
        };
        let wait = interval.clamp(*INTERVAL.start(), *INTERVAL.end());
        tokio::time::sleep(Duration::from_secs(wait)).await;
    }
    bail!("nobody approved this host within an hour; ask an administrator, then try again")
}

fn read<T: serde::de::DeserializeOwned>(answer: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(answer).context("the answer is not one of a router of this kind")
}

fn read_token(file: &Path) -> anyhow::Result<String> {
    let token = std::fs::read_to_string(file)
        .with_context(|| format!("{} cannot be read; it holds the enrolment token", file.display()))?;
    let token = token.trim();
    ensure!(
        token.starts_with("rmve_") && token.len() <= MAX_TOKEN,
        "{} does not hold an enrolment token, which begins with rmve_; make one with: removid-router enroll-token",
        file.display()
    );
    Ok(token.to_owned())
}
