//! The `removid` program: parses the command line and starts what it names.
#![expect(clippy::print_stderr, reason = "a program's last words to its user")]

use std::io::IsTerminal as _;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use clap::Parser as _;
use host_agent::cli::{Cli, Command};
use host_agent::media::{probe, sound, worker};
use host_agent::{config, direct, doctor, install, priority, tokens, uplink};
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

/// Any free port, of IPv6 and IPv4.
const ANY_PORT: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let told = log(cli.log.as_deref());
    match run(cli.command, told) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("removid: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn log(filter: Option<&str>) -> uplink::Told {
    let variable = std::env::var("REMOVID_LOG").ok();
    let text = filter
        .or(variable.as_deref())
        .unwrap_or("warn,audit=info,host_agent=info,router=info");
    let filter = EnvFilter::try_new(text).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_filter(filter.and(filter_fn(router::logs::may_be_written)));
    let (teller, told) = uplink::channel();
    tracing_subscriber::registry().with(lines).with(teller).init();
    told
}

fn run(command: Command, told: uplink::Told) -> anyhow::Result<ExitCode> {
    match command {
        Command::Direct(args) => {
            let config = match config::Config::load(*args) {
                Ok(config) => config,
                Err(error) => {
                    eprintln!("removid: {error:#}");
                    // As for a wrong flag: trying again would not help.
                    return Ok(ExitCode::from(2));
                }
            };
            runtime()?.block_on(Box::pin(direct::run(config)))
        }
        Command::Agent(mut args) => {
            // Its peers learn the port from its candidates; nobody types it.
            args.listen.get_or_insert(ANY_PORT);
            let config = match config::Config::load(*args) {
                Ok(config) => config,
                Err(error) => {
                    eprintln!("removid: {error:#}");
                    return Ok(ExitCode::from(2));
                }
            };
            runtime()?.block_on(Box::pin(uplink::run(config, told)))
        }
        Command::Enroll(args) => {
            let wish = uplink::Wish {
                url: args.url,
                token_file: args.token_file,
                ca: args.ca,
                state_dir: args.state_dir.map_or_else(config::default_state_dir, Ok)?,
                name: args.name,
            };
            let id = runtime()?.block_on(uplink::enroll(wish, |words| {
                let _ = say(words);
            }))?;
            return say(&format!(
                "This host is enrolled as {id}; share its desktop with: removid agent"
            ));
        }
        Command::RotateKey(args) => {
            let dir = args.state_dir.map_or_else(config::default_state_dir, Ok)?;
            let id = runtime()?.block_on(uplink::rotate(&dir))?;
            return say(&format!(
                "The host {id} has a new key. An agent that runs takes it within {} s.",
                uplink::LOOK_EVERY.as_secs()
            ));
        }
        Command::Token(args) => tokens::run(args),
        Command::Doctor(args) => return doctor::run(*args),
        Command::Install(args) => install::run(&args),
        Command::EncoderWorker { element } => worker::run(&element),
        Command::SoundWorker { check: true, .. } => return say(&sound::missing()?.join(" ")),
        // Whatever goes wrong, the agent was told, and says it.
        Command::SoundWorker { ours, account, .. } => {
            return Ok(if sound::run(ours, account.as_deref()).is_ok() {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            });
        }
        Command::EncoderList => print(&probe::list()?),
        Command::EncoderCheck { element } => print(&probe::check(&element)?),
    }?;
    Ok(ExitCode::SUCCESS)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(priority::raise)
        .enable_all()
        .build()
}

/// One line on standard output.
fn say(line: &str) -> anyhow::Result<ExitCode> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{line}")?;
    Ok(ExitCode::SUCCESS)
}

/// One line of JSON on standard output: the answer of a child to its agent.
fn print(value: &impl serde::Serialize) -> anyhow::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{}", serde_json::to_string(value)?)?;
    Ok(())
}
