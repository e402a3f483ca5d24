//! The configuration file: every key it may have, and what is wrong with the others.

mod header;
mod most;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use ipnet::IpNet;
use router::auth::origin::normal_origin;
use serde::Deserialize;
use signaling_spec::IceServer;

use crate::audit::Address;
use crate::passkeys::Passkeys;

pub use header::TrustedHeader;
use header::WrittenHeader;
pub use most::Most;

/// Providers cannot be called what accounts without one come from.
const TAKEN: [&str; 2] = ["passkeys", "header"];

/// The file as it is written. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    public_url: String,
    #[serde(default = "everywhere")]
    listen: String,
    #[serde(default)]
    trusted_proxies: Vec<String>,
    #[serde(default)]
    drain_delay: u64,
    #[serde(default = "state_dir")]
    state_dir: PathBuf,
    database: Option<String>,
    tls: Option<Tls>,
    #[serde(default)]
    admins: Vec<Admin>,
    #[serde(default, rename = "provider")]
    providers: Vec<WrittenProvider>,
    #[serde(default)]
    passkeys: bool,
    trusted_header: Option<WrittenHeader>,
    #[serde(default, rename = "ice-server")]
    ice_servers: Vec<WrittenIce>,
    turn: Option<TurnConfig>,
    metrics_token_file: Option<PathBuf>,
    assets_dir: Option<PathBuf>,
    #[serde(default)]
    audit: WrittenAudit,
    #[serde(default)]
    limits: Most,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenAudit {
    file: Option<PathBuf>,
    syslog: Option<String>,
}

fn everywhere() -> String {
    "[::]:8443".to_owned()
}

fn state_dir() -> PathBuf {
    PathBuf::from("/var/lib/removid-router")
}

/// A certificate of one's own, read again when it changes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The chain in PEM.
    pub cert: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
}

/// Who administers from the beginning.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    /// `id` of the provider that they log in with.
    pub provider: String,
    /// What the provider calls them for ever (`sub`).
    pub subject: Option<String>,
    /// Or a group that the provider puts them in.
    pub group: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenProvider {
    id: String,
    name: Option<String>,
    issuer: String,
    client_id: String,
    client_secret_file: PathBuf,
    #[serde(default = "scopes")]
    scopes: Vec<String>,
    #[serde(default = "groups_claim")]
    groups_claim: String,
    #[serde(default)]
    acr_values: Vec<String>,
    #[serde(default = "yes")]
    end_session: bool,
    ca_file: Option<PathBuf>,
}

fn yes() -> bool {
    true
}

fn scopes() -> Vec<String> {
    ["openid", "profile", "email"].map(str::to_owned).to_vec()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

/// TURN servers that share a secret with this router.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TurnConfig {
    /// `turn:HOST[:PORT][?transport=udp|tcp]` and `turns:HOST[:PORT]` (RFC 7065), without credentials.
    pub urls: Vec<String>,
    /// Holds the secret, for this router's eyes alone.
    pub secret_file: PathBuf,
    /// How long credentials open new allocations, in seconds.
    #[serde(default = "ten_minutes")]
    pub lifetime: u64,
    /// Viewers and hosts see the relay's address only, never each other's.
    #[serde(default)]
    pub relay_only: bool,
}

fn ten_minutes() -> u64 {
    600
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenIce {
    urls: Vec<String>,
}

/// An OpenID provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// In addresses and in the database; never changed.
    pub id: String,
    /// On the login page.
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub client_secret_file: PathBuf,
    pub scopes: Vec<String>,
    /// The ID token's claim that lists groups.
    pub groups_claim: String,
    /// What it is asked for, and must say (`acr`), when somebody proves anew who they are; one of these is enough. Empty:
    /// that they did it now is enough.
    pub acr_values: Vec<String>,
    /// Whether whoever logs out here logs out there as well, if it says where.
    pub end_session: bool,
    /// Certificates in PEM that are trusted for this provider beside the usual ones.
    pub ca_file: Option<PathBuf>,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// With TLS.
    Port(SocketAddr),
    /// Plain HTTP, for a proxy of the same machine that ends TLS.
    Unix(PathBuf),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// First parts of our own paths: none can be the path of the whole site, or the two could not be told apart.
const OWN: [&str; 14] = [
    "api", "auth", "src", "desktop", "admin", "audit", "invite", "device", "healthz", "readyz", "metrics",
    "join", "share", "approve",
];

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where browsers and hosts find this router, with a slash at the end.
    pub public_url: String,
    pub listen: Listen,
    /// Networks of the proxies that may say whose call it is.
    pub trusted_proxies: Vec<IpNet>,
    /// How long a router that is told to stop says so before it does, for a balancer to notice.
    pub drain_delay: Duration,
    pub state_dir: PathBuf,
    /// `sqlite:FILE` or `postgres://…`.
    pub database: String,
    pub tls: Option<Tls>,
    pub admins: Vec<Admin>,
    pub providers: Vec<Provider>,
    /// Whether there are accounts that have nothing but passkeys, by invitation.
    pub passkeys: bool,
    pub trusted_header: Option<TrustedHeader>,
    pub ice_servers: Vec<IceServer>,
    pub turn: Option<TurnConfig>,
    /// Holds the token that opens `/metrics`; without it nothing does.
    pub metrics_token_file: Option<PathBuf>,
    pub assets_dir: Option<PathBuf>,
    pub audit: AuditSinks,
    pub limits: Most,
}

/// Where the audit log goes beside the database.
#[derive(Clone, Debug, Default)]
pub struct AuditSinks {
    /// A file of JSON lines.
    pub file: Option<PathBuf>,
    pub syslog: Option<Address>,
}

impl Config {
    /// # Errors
    /// The file cannot be read, or a key in it is unknown, missing or wrong; the message says which.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        Self::parse(&text)
            .with_context(|| format!("{} is not a configuration of removid-router", path.display()))
    }

    /// The site's name, without scheme and port.
    pub fn site_name(&self) -> &str {
        let site = self.public_url.trim_start_matches("https://");
        let site = site.split('/').next().unwrap_or_default();
        match site.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => site.split(':').next().unwrap_or_default(),
        }
    }

    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let written: Written = toml::from_str(text)?;
        let mut public_url = written.public_url;
        ensure!(
            normal_origin(&public_url).is_some(),
            "public-url is not an https address: write the one that people type, like https://desk.example.org"
        );
        if !public_url.ends_with('/') {
            public_url.push('/');
        }
        check_home(home(&public_url))?;
        let listen = match written.listen.strip_prefix("unix:") {
            Some(path) => Listen::Unix(PathBuf::from(path)),
            None => Listen::Port(written.listen.parse().with_context(|| {
                format!(
                    "listen is an address and a port, or unix:FILE; {:?} is neither",
                    written.listen
                )
            })?),
        };
        let network = |text: &String| {
            let one = text.parse::<std::net::IpAddr>().map(IpNet::from);
            one.or_else(|_| text.parse::<IpNet>()).with_context(|| {
                format!("trusted-proxies: {text:?} is neither an address nor a network like 10.0.0.0/8")
            })
        };
        let trusted_proxies: Vec<IpNet> = written
            .trusted_proxies
            .iter()
            .map(network)
            .collect::<anyhow::Result<_>>()?;
        ensure!(
            trusted_proxies.iter().all(|net| net.prefix_len() > 0),
            "trusted-proxies names everybody: then anybody could claim any address"
        );
        let database = written
            .database
            .unwrap_or_else(|| format!("sqlite:{}", written.state_dir.join("router.db").display()));
        ensure!(
            ["sqlite:", "postgres:", "postgresql:"]
                .iter()
                .any(|kind| database.starts_with(kind)),
            "database is sqlite:FILE or postgres://USER@HOST/NAME"
        );
        let mut providers: Vec<Provider> = Vec::new();
        for provider in written.providers {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            ensure!(
                !provider.id.is_empty() && provider.id.len() <= 32 && provider.id.chars().all(plain),
                "a provider's id has 1 to 32 lower-case letters, digits and hyphens; {:?} has others",
                provider.id
            );
            ensure!(
                !TAKEN.contains(&provider.id.as_str()),
                "a provider cannot have the id {:?}: accounts without a provider have it",
                provider.id
            );
            ensure!(
                providers
                    .iter()
                    .all(|other| other.id != provider.id && other.issuer != provider.issuer),
                "provider {} is named twice",
                provider.id
            );
            ensure!(
                provider.scopes.iter().any(|scope| scope == "openid"),
                "provider {}: scopes must hold openid, or it gives no ID token",
                provider.id
            );
            providers.push(Provider {
                name: provider.name.unwrap_or_else(|| provider.id.clone()),
                id: provider.id,
                issuer: provider.issuer,
                client_id: provider.client_id,
                client_secret_file: provider.client_secret_file,
                scopes: provider.scopes,
                groups_claim: provider.groups_claim,
                acr_values: provider.acr_values,
                end_session: provider.end_session,
                ca_file: provider.ca_file,
            });
        }
        let trusted_header = written.trusted_header.map(WrittenHeader::read).transpose()?;
        if providers.is_empty() && !written.passkeys && trusted_header.is_none() {
            bail!(
                "there is no [[provider]], no `passkeys = true` and no [trusted-header]: nobody could log in"
            );
        }
        ensure!(
            !written.passkeys || Passkeys::new(&public_url).is_some(),
            "passkeys = true: passkeys belong to names, and public-url has a number; give it a name"
        );
        for admin in &written.admins {
            ensure!(
                providers.iter().any(|provider| provider.id == admin.provider)
                    || trusted_header.is_some() && admin.provider == "header",
                "admins name the provider {:?}, which is not configured",
                admin.provider
            );
            ensure!(
                admin.subject.is_some() != admin.group.is_some(),
                "an admin is named by `subject` or by `group`, and by one of them"
            );
        }
        let syslog = match written.audit.syslog {
            None => None,
            Some(text) => Some(Address::parse(&text).with_context(|| {
                format!("syslog is /dev/log, udp:HOST:PORT or tcp:HOST:PORT, not {text:?}")
            })?),
        };
        let ice = |ice: WrittenIce| IceServer {
            urls: ice.urls,
            username: None,
            credential: None,
        };
        Ok(Self {
            public_url,
            listen,
            trusted_proxies,
            drain_delay: Duration::from_secs(written.drain_delay.min(600)),
            state_dir: written.state_dir,
            database,
            tls: written.tls,
            admins: written.admins,
            providers,
            metrics_token_file: written.metrics_token_file,
            turn: written.turn.map(check_turn).transpose()?,
            passkeys: written.passkeys,
            trusted_header,
            ice_servers: written.ice_servers.into_iter().map(ice).collect(),
            assets_dir: written.assets_dir,
            limits: written.limits.check()?,
            audit: AuditSinks {
                file: written.audit.file,
                syslog,
            },
        })
    }
}

impl Config {
    /// The path under which everything of ours lies, with slashes at both ends.
    pub fn home(&self) -> &str {
        home(&self.public_url)
    }
}

/// Of an https address that ends in a slash.
fn home(public_url: &str) -> &str {
    let path = public_url
        .get(8..)
        .and_then(|rest| rest.find('/').map(|at| at + 8));
    path.map_or("/", |at| &public_url[at..])
}

fn check_turn(turn: TurnConfig) -> anyhow::Result<TurnConfig> {
    let right = |url: &String| {
        let place = url.strip_prefix("turn:").or_else(|| url.strip_prefix("turns:"));
        place.is_some_and(|place| !place.is_empty() && !place.contains('@'))
    };
    ensure!(
        !turn.urls.is_empty() && turn.urls.len() <= 8 && turn.urls.iter().all(right),
        "[turn] has one to eight urls like turn:turn.example.org:3478?transport=udp, without names and passwords"
    );
    ensure!(
        (60..=86_400).contains(&turn.lifetime),
        "[turn] lifetime is between 60 and 86400 seconds"
    );
    Ok(turn)
}

fn check_home(home: &str) -> anyhow::Result<()> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./".contains(&b);
    ensure!(
        home.len() <= 128
            && home.bytes().all(plain)
            && !home.contains("//")
            && home.split('/').all(|part| part != "." && part != ".."),
        "the path of public-url has letters, digits, hyphens and single slashes only: {home}"
    );
    let first = home.split('/').nth(1).unwrap_or_default();
    ensure!(
        !OWN.contains(&first),
        "the path of public-url cannot begin with /{first}/, which is one of this router's own; choose another"
    );
    Ok(())
}

#[cfg(test)]
mod tests;
