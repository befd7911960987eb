//! The Doorward binary: composition only. It alone knows both backends and edges.

mod background;
mod cli;
mod compose;
mod config_commands;
mod console;
mod credentials;
mod data_key;
mod doctor;
mod elsewhere;
mod failure;
mod healthcheck;
mod key_commands;
mod logging;
mod mail_commands;
mod mails;
mod migrate;
mod outbox_commands;
mod rotation;
mod serve;
mod signing;
mod stores;
mod system;
mod user_commands;

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};
use settings::{Loaded, Settings, Sources};

use cli::{Cli, Command, ConfigCommand, Page};
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| discreet(error).exit());
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console::complain(&failure);
            failure.exit_code()
        }
    }
}

/// Does not repeat what stands where nothing should: it may be a password, and errors end up in the
/// logs of pipelines.
fn discreet(mut error: clap::Error) -> clap::Error {
    if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
        && !argument.starts_with('-')
    {
        error.insert(ContextKind::InvalidArg, ContextValue::String("…".to_owned()));
    }
    error
}

fn run(cli: Cli) -> Result<(), Failure> {
    match &cli.command {
        Command::Openapi => return console::print(&web::openapi_json()),
        Command::Reference { page: Page::Settings } => {
            return console::print(&settings::reference_markdown());
        }
        Command::Reference { page: Page::ErrorCodes } => {
            return console::print(&web::error_codes_markdown());
        }
        _ => {}
    }
    let loaded = Settings::load(&Sources::from_process(cli.config))?;
    match cli.command {
        Command::Serve => serve_everything(&loaded),
        Command::Migrate { check } => migrate::migrate(&loaded.settings, check, cli.json),
        Command::User { command } => user_commands::run(&loaded.settings, command, cli.json),
        Command::Key { command } => key_commands::run(&loaded.settings, command, cli.json),
        Command::Mail { command } => mail_commands::run(&loaded.settings, command, cli.json),
        Command::Outbox { command } => outbox_commands::run(&loaded.settings, command, cli.json),
        Command::Doctor => doctor::run(&loaded, cli.json),
        Command::Config { command: ConfigCommand::Check } => {
            config_commands::check(&loaded, cli.json)
        }
        Command::Config { command: ConfigCommand::Show } => {
            config_commands::show(&loaded, cli.json)
        }
        Command::Healthcheck => console::runtime()?.block_on(healthcheck::run(&loaded.settings)),
        Command::Openapi | Command::Reference { .. } => Ok(()),
    }
}

fn serve_everything(loaded: &Loaded) -> Result<(), Failure> {
    logging::start(loaded.settings.log);
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    serve::serve(&loaded.settings)
}
