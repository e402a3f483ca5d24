//! What each command does.
#![expect(clippy::print_stdout, reason = "commands answer on standard output")]

mod log;

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use router::auth::direct::unix_now;
use router::auth::random_bytes;
use serde_json::json;
use team_router::api::{
    ENROLL_LIFE, INVITE_LIFE, check_person, check_role_name, enroll_token, invite_link, token_hash,
};
use team_router::audit;
use team_router::roles::{Labels, Role, check_labels};
use team_router::store::{Binding, Invite, Lock, LockKind, Store, Subject};
use team_router::{Config, backup, certificate, run};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::cli::{AuditCommand, Bind, Cli, Command, HostCommand, LockCommand, RoleCommand, User};

/// Whoever may run this command and read the database is the administrator of the machine.
const CONSOLE: &str = "console";

pub(crate) async fn run(cli: Cli, events: mpsc::Receiver<audit::Event>) -> anyhow::Result<()> {
    if let Some(Command::Audit(AuditCommand::Verify(verify))) = &cli.command
        && verify.file.is_some()
    {
        drop(events);
        return log::verify_file(&cli.config, verify);
    }
    let config = Config::load(&cli.config)?;
    let Some(command) = cli.command else {
        return serve(config, events).await;
    };
    drop(events);
    // A database is made by what needs one; a restore wants none.
    if let Command::Restore { file } = &command {
        return restore(&config, file).await;
    }
    let store = Store::open(&config.database).await?;
    match command {
        Command::Backup { file } => {
            let rows = backup::write(&config, &file).await?;
            audit::note(&store, "RMV6010I", &json!({ "account": CONSOLE })).await?;
            if file.as_os_str() != "-" {
                println!("{rows} rows; keep {} as you keep a key", file.display());
            }
            Ok(())
        }
        Command::Restore { .. } => Ok(()),
        Command::CheckConfig => {
            let certificate = certificate::check(&config, unix_now())?;
            println!("{} is good, and its database answers", cli.config.display());
            if let Some(words) = certificate {
                println!("{words}");
            }
            Ok(())
        }
        Command::User(User::List) => {
            for (account, last) in store.accounts().await? {
                let groups = account.groups.join(",");
                println!(
                    "{}\t{}\t{}\t{}\t{groups}\t{last}",
                    account.id, account.name, account.provider, account.subject
                );
            }
            Ok(())
        }
        Command::User(User::Invite { name, admin }) => {
            check_person(&name).map_err(anyhow::Error::msg)?;
            if !admin && !config.passkeys {
                bail!(
                    "without `passkeys = true` in the configuration only --admin links are of use: people log in with a provider"
                );
            }
            let ((link, hash), now) = (invite_link(&config.public_url), unix_now());
            let invite = Invite { name, admin };
            store
                .add_invite(&hash, &invite, CONSOLE, now, now + INVITE_LIFE)
                .await?;
            let fields = json!({ "account": CONSOLE, "person": invite.name, "admin": admin });
            audit::note(&store, "RMV1009I", &fields).await?;
            println!("{link}");
            Ok(())
        }
        Command::User(User::ForgetPasskeys { id }) => {
            let forgotten = store.forget_passkeys(&id).await?;
            if forgotten == 0 {
                bail!("no account of the number {id:?} has a passkey; `user list` shows them");
            }
            let fields = json!({ "account": CONSOLE, "of": id, "forgotten": forgotten });
            audit::note(&store, "RMV1008I", &fields).await?;
            Ok(())
        }
        Command::Role(command) => role(&store, command).await,
        Command::Host(command) => host(&store, command).await,
        Command::EnrollToken { label } => {
            let labels = labels(&label)?;
            let ((token, prefix), now) = (enroll_token(), unix_now());
            store
                .add_enroll_token(
                    &token_hash(&token),
                    &prefix,
                    &labels,
                    CONSOLE,
                    now,
                    now + ENROLL_LIFE,
                )
                .await?;
            audit::note(
                &store,
                "RMV2000I",
                &json!({ "account": CONSOLE, "token": prefix }),
            )
            .await?;
            println!("{token}");
            Ok(())
        }
        Command::Lock(command) => lock(&store, command).await,
        Command::Audit(AuditCommand::Verify(verify)) => log::verify(&store, &config.state_dir, verify).await,
        Command::Audit(AuditCommand::Key) => log::key(&config.state_dir),
    }
}

async fn restore(config: &Config, file: &Path) -> anyhow::Result<()> {
    let rows = backup::restore(config, file).await?;
    let store = Store::open(&config.database).await?;
    audit::note(&store, "RMV6011W", &json!({ "account": CONSOLE })).await?;
    println!("{rows} rows; whoever is logged in logs in again");
    println!(
        "What was removed after the backup is back: look through `host list`, `role list` and `lock list`"
    );
    Ok(())
}

async fn serve(config: Config, events: mpsc::Receiver<audit::Event>) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let url = config.public_url.clone();
    let running = run::start(config, Some(events)).await?;
    tracing::info!(listen = %running.local_addr, url, "Serving");
    println!("{url}");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("Stopping; sessions go on. Once more stops at once");
    tokio::select! {
        () = running.drain() => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

fn labels(pairs: &[String]) -> anyhow::Result<Labels> {
    let labels = pairs
        .iter()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .with_context(|| format!("{pair:?} is not NAME=VALUE"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect::<anyhow::Result<Labels>>()?;
    check_labels(&labels).map_err(anyhow::Error::msg)?;
    Ok(labels)
}

fn binding(bind: Bind) -> anyhow::Result<Binding> {
    let subject = match (bind.subject, bind.group) {
        (Some(subject), None) => Subject::Account(subject),
        (None, Some(group)) => Subject::Group(group),
        _ => bail!("name one of --subject and --group"),
    };
    Ok(Binding {
        provider: bind.provider,
        subject,
        role: bind.role,
    })
}

async fn role(store: &Store, command: RoleCommand) -> anyhow::Result<()> {
    match command {
        RoleCommand::List => {
            let bindings = store.bindings().await?;
            for (name, role) in store.roles().await? {
                println!("{name}\t{}", serde_json::to_string(&role)?);
                for binding in bindings.iter().filter(|binding| binding.role == name) {
                    match &binding.subject {
                        Subject::Account(subject) => println!("\t{} subject {subject}", binding.provider),
                        Subject::Group(group) => println!("\t{} group {group}", binding.provider),
                    }
                }
            }
        }
        RoleCommand::Set { name, file } => {
            check_role_name(&name).map_err(anyhow::Error::msg)?;
            let text = if file.as_os_str() == "-" {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text)?;
                text
            } else {
                std::fs::read_to_string(&file)
                    .with_context(|| format!("{} cannot be read", file.display()))?
            };
            let role = Role::parse(&text).map_err(|why| anyhow::anyhow!("that is no role: {why}"))?;
            store.set_role(&name, &role, unix_now()).await?;
            audit::note(store, "RMV6001I", &json!({ "account": CONSOLE, "role": name })).await?;
        }
        RoleCommand::Remove { name } => {
            if !store.remove_role(&name).await? {
                bail!("there is no role {name:?}; `role list` shows them");
            }
            audit::note(store, "RMV6002I", &json!({ "account": CONSOLE, "role": name })).await?;
        }
        RoleCommand::Bind(bind) => {
            let binding = binding(bind)?;
            if !store.roles().await?.iter().any(|(name, _)| *name == binding.role) {
                bail!("there is no role {:?}; `role list` shows them", binding.role);
            }
            store.bind_role(&binding).await?;
            audit::note(
                store,
                "RMV6003I",
                &json!({ "account": CONSOLE, "role": binding.role }),
            )
            .await?;
        }
        RoleCommand::Unbind(bind) => {
            let binding = binding(bind)?;
            if !store.unbind_role(&binding).await? {
                bail!("nobody of that name has the role {:?}", binding.role);
            }
            audit::note(
                store,
                "RMV6004I",
                &json!({ "account": CONSOLE, "role": binding.role }),
            )
            .await?;
        }
    }
    Ok(())
}

async fn host(store: &Store, command: HostCommand) -> anyhow::Result<()> {
    let unknown = |id: &str| anyhow::anyhow!("there is no host {id:?}; `host list` shows them");
    match command {
        HostCommand::List => {
            for host in store.hosts().await? {
                let labels: Vec<String> = host
                    .labels
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                println!(
                    "{}\t{}\t{}\t{}\t{}",
                    host.id,
                    host.name,
                    labels.join(","),
                    host.version,
                    host.last_seen
                );
            }
        }
        HostCommand::Label { id, labels: pairs } => {
            if !store.set_labels(&id, &labels(&pairs)?).await? {
                return Err(unknown(&id));
            }
            audit::note(store, "RMV2009I", &json!({ "account": CONSOLE, "host": id })).await?;
        }
        HostCommand::Remove { id } => {
            if !store.remove_host(&id).await? {
                return Err(unknown(&id));
            }
            audit::note(store, "RMV2010I", &json!({ "account": CONSOLE, "host": id })).await?;
        }
    }
    Ok(())
}

async fn lock(store: &Store, command: LockCommand) -> anyhow::Result<()> {
    match command {
        LockCommand::List => {
            for lock in store.locks(unix_now()).await? {
                let until = lock.expires.map_or_else(|| "-".to_owned(), |at| at.to_string());
                println!(
                    "{}\t{}\t{}\t{until}\t{}",
                    lock.id,
                    lock.kind.name(),
                    lock.target,
                    lock.reason
                );
            }
        }
        LockCommand::Add {
            kind,
            target,
            reason,
            ttl,
        } => {
            let kind = LockKind::parse(&kind).context("a lock's kind is account, role or host")?;
            let id: String = random_bytes::<6>()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let now = unix_now();
            let lock = Lock {
                id: format!("k-{id}"),
                kind,
                target,
                reason,
                expires: ttl.map(|ttl| now.saturating_add(ttl.as_secs())),
            };
            store.add_lock(&lock, CONSOLE, now).await?;
            let fields =
                json!({ "account": CONSOLE, "lock": lock.id, "kind": kind.name(), "target": lock.target });
            audit::note(store, "RMV6005I", &fields).await?;
            println!("{}", lock.id);
        }
        LockCommand::Lift { id } => {
            if !store.lift_lock(&id).await? {
                bail!("there is no lock {id:?}; `lock list` shows them");
            }
            audit::note(store, "RMV6006I", &json!({ "account": CONSOLE, "lock": id })).await?;
        }
    }
    Ok(())
}
