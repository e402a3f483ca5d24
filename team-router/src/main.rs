//! `removid-router`: the router of a team.

mod cli;
mod commands;

use clap::Parser as _;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use cli::Cli;

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    let filter = cli
        .log
        .clone()
        .or_else(|| std::env::var("REMOVID_LOG").ok())
        .unwrap_or_else(|| "info".to_owned());
    let filter = match EnvFilter::try_new(&filter) {
        Ok(filter) => filter,
        Err(error) => return refuse(&anyhow::anyhow!("--log {filter:?}: {error}")),
    };
    let (layer, events) = team_router::audit::channel();
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_filter(filter.and(filter_fn(router::logs::may_be_written)));
    tracing_subscriber::registry().with(lines).with(layer).init();
    // Every host holds a socket: the soft limit is for programs that cannot count beyond it (select).
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&error.into()),
    };
    match runtime.block_on(commands::run(cli, events)) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => refuse(&error),
    }
}

#[expect(clippy::print_stderr, reason = "a command's last word")]
fn refuse(error: &anyhow::Error) -> std::process::ExitCode {
    eprintln!("removid-router: {error:#}");
    std::process::ExitCode::FAILURE
}
