//! `removid token`: the tokens that open this host.

use std::io::Write as _;
use std::path::PathBuf;

use router::auth::direct::DirectStore;
use router::tls::private_file;
use signaling_spec::Rights;

use crate::announce::Place;
use crate::cli::{TokenArgs, TokenCommand};
use crate::config::default_state_dir;
use crate::identity::Identity;

/// # Errors
/// One sentence with the remedy.
pub fn run(args: TokenArgs) -> anyhow::Result<()> {
    let dir: PathBuf = args.state_dir.map_or_else(default_state_dir, Ok)?;
    anyhow::ensure!(
        dir.exists(),
        "there is no state directory {}; start `removid direct` once, or name the right one with --state-dir",
        dir.display()
    );
    private_file::directory(&dir)?;
    let identity = Identity::open(&dir)?;
    let store = DirectStore::open(&dir, identity.id.clone())?;
    let mut out = std::io::stdout().lock();
    match args.command {
        TokenCommand::Show { announce } => {
            let token = store.permanent()?.ok_or_else(|| {
                anyhow::anyhow!("there is no permanent token; make one with: removid token rotate")
            })?;
            drop(out);
            Place::kept(&dir)?.announce(announce, &token, &dir)
        }
        TokenCommand::New {
            view_only,
            ttl,
            label,
            announce,
        } => {
            let place = Place::kept(&dir)?;
            let rights = if view_only { Rights::view_only() } else { guest() };
            let (_, token) = store.issue(&label, rights, ttl.into())?;
            drop(out);
            place.announce(announce, &token, &dir)
        }
        TokenCommand::Rotate { announce } => {
            let place = Place::kept(&dir)?;
            let token = store.rotate()?;
            drop(out);
            place.announce(announce, &token, &dir)
        }
        TokenCommand::List { json } => {
            let listed = store.list()?;
            if json {
                writeln!(out, "{}", serde_json::to_string_pretty(&listed)?)?;
                return Ok(());
            }
            for entry in listed {
                let ends = std::time::UNIX_EPOCH + std::time::Duration::from_secs(entry.expires);
                writeln!(
                    out,
                    "{}  {:<16} until {}  {}",
                    entry.jti,
                    entry.label,
                    humantime::format_rfc3339_seconds(ends),
                    entry.rights.canonical()
                )?;
            }
            Ok(())
        }
        TokenCommand::Revoke { token } => {
            let struck = store.revoke(&token)?;
            writeln!(out, "{struck} revoked; sessions that it opened end now.")?;
            Ok(())
        }
    }
}

/// A guest works like the owner, but does not send others away.
fn guest() -> Rights {
    Rights::all()
        .iter()
        .filter(|right| *right != signaling_spec::Right::SessionManage)
        .collect()
}
