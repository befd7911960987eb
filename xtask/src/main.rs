//! What the project needs beyond cargo: `cargo xtask tidy | generate | services | test | deny`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for people on a terminal")]
#![expect(
    clippy::disallowed_methods,
    reason = "a developer's tool, no part of the service: it reads the environment and the clock"
)]

mod cargo;
mod deny;
mod generate;
mod project;
mod services;
mod steps;
mod test_run;
mod tidy;
mod told_secrets;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use services::Cache;

/// What went wrong, for a person to read.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own commands")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Checks the rules of the architecture and the style guide that no compiler knows
    Tidy,
    /// Writes docs/generated/ from the binary
    Generate {
        /// Write nothing; fail if a file is not what it would be
        #[arg(long)]
        check: bool,
    },
    /// Installs what the tests need into a cache outside the checkout
    Services {
        #[command(subcommand)]
        action: Option<ServicesAction>,
    },
    /// Runs every test: unit, end to end, documentation, the contract
    Test {
        /// Passed on to `cargo nextest run --workspace`, such as `-E 'package(domain)'`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        nextest: Vec<String>,
    },
    /// Checks licences, sources and crate owners (deny.toml)
    Deny,
}

#[derive(Subcommand)]
enum ServicesAction {
    /// Install what is missing (the default)
    Install,
    /// Say what is installed and what is missing
    Status,
    /// Run a command with the servers and the variables that `cargo xtask test` gives the tests
    Run {
        /// The command, such as `cargo nextest run -p storage-mongodb`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    let root = project::root()?;
    match command {
        Command::Tidy => tidy::run(&root),
        Command::Generate { check: true } => generate::check(&root),
        Command::Generate { check: false } => generate::write(&root),
        Command::Services { action } => match action.unwrap_or(ServicesAction::Install) {
            ServicesAction::Install => services::install(&Cache::locate()?, services::ALL),
            ServicesAction::Status => services::status(&Cache::locate()?),
            ServicesAction::Run { command } => services::run(&Cache::locate()?, &command),
        },
        Command::Test { nextest } => test_run::run(&root, &Cache::locate()?, &nextest),
        Command::Deny => deny::run(&root, &Cache::locate()?),
    }
}
