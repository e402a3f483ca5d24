//! The command line of `removid-router`: what can be said to it, and nothing about how it is done.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// The router of a team: people log in, see the hosts that their roles give them, and join one.
#[derive(Debug, Parser)]
#[command(name = "removid-router", version, about)]
pub(crate) struct Cli {
    /// The configuration, in TOML.
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        default_value = "/etc/removid/router.toml"
    )]
    pub(crate) config: PathBuf,
    /// What to log, e.g. `debug` or `team_router=trace`; the variable REMOVID_LOG says the same.
    #[arg(long, global = true, value_name = "FILTER")]
    pub(crate) log: Option<String>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Without a command it serves.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what is wrong with the configuration, and whether its parts answer.
    CheckConfig,
    /// Who has logged in.
    #[command(subcommand)]
    User(User),
    /// Roles, and who has them.
    #[command(subcommand)]
    Role(RoleCommand),
    /// The hosts of the team.
    #[command(subcommand)]
    Host(HostCommand),
    /// Make a token that enrols one host within an hour.
    EnrollToken {
        /// Labels of the host, as NAME=VALUE; may be given more than once.
        #[arg(long, value_name = "NAME=VALUE")]
        label: Vec<String>,
    },
    /// Shut out a person, a role or a host; whoever is in goes within two seconds.
    #[command(subcommand)]
    Lock(LockCommand),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write everything that this router knows, and the keys that hosts know it by, to a new file for your eyes alone.
    Backup {
        /// `-` writes to standard output, e.g. into a program that encrypts.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Read a backup into an empty database and state directory, of whichever kind.
    Restore {
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Everybody who has logged in.
    List,
    /// Make a link that is good for one person, once, within a day: for an account with a passkey, or to administrate.
    Invite {
        /// What others see.
        name: String,
        /// Whoever uses it administers this router; with a provider, they log in first.
        #[arg(long)]
        admin: bool,
    },
    /// Forget all passkeys of an account, when they are lost.
    ForgetPasskeys {
        /// Its number, as `user list` shows it.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleCommand {
    /// Every role and who has it.
    List,
    /// Make or change a role.
    Set {
        name: String,
        /// The role in JSON; `-` reads standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove a role, from everybody too.
    Remove { name: String },
    /// Give a role.
    Bind(Bind),
    /// Take a role.
    Unbind(Bind),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Bind {
    pub(crate) role: String,
    #[arg(long)]
    pub(crate) provider: String,
    /// The person, as the provider calls them (`sub`).
    #[arg(long, required_unless_present = "group")]
    pub(crate) subject: Option<String>,
    /// Or a group that the provider puts people in.
    #[arg(long, conflicts_with = "subject")]
    pub(crate) group: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    List,
    /// Give a host its labels, all of them.
    Label {
        #[arg(allow_hyphen_values = true)]
        id: String,
        #[arg(value_name = "NAME=VALUE")]
        labels: Vec<String>,
    },
    /// Remove a host: its key opens nothing any more.
    Remove {
        #[arg(allow_hyphen_values = true)]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LockCommand {
    List,
    Add {
        /// account, role or host.
        kind: String,
        /// The number of the account or host, or the role's name.
        #[arg(allow_hyphen_values = true)]
        target: String,
        /// What whoever is shut out reads.
        #[arg(long, default_value = "an administrator has locked this")]
        reason: String,
        /// How long, e.g. 8h; without it until it is lifted.
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        ttl: Option<std::time::Duration>,
    },
    Lift {
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check the chain and the signed checkpoints; name the first row that was changed, removed, moved or cut off.
    Verify(Verify),
    /// Print the public key of this node's checkpoints, to be kept elsewhere.
    Key,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The log's end as it was seen before, as `NUMBER:HASH`; this command prints it.
    #[arg(long, value_name = "NUMBER:HASH")]
    pub(crate) head: Option<String>,
    /// A file that the log was written to, instead of the database; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// The public key of another node's checkpoints; `audit key` prints it there.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Vec<String>,
}
