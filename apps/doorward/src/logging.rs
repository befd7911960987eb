use std::io::{self, IsTerminal};

use settings::{LogFormat, LogLevel, LogSettings};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Libraries that log what they send, records and secrets among it, to whoever asks for their
/// details.
const TALKATIVE: [&str; 8] =
    ["aws", "hyper", "mongodb", "redis", "reqwest", "rustls", "tokio_postgres", "lettre"];

/// Sends log lines to standard error: for people on a terminal, else as JSON, unless the settings
/// say otherwise.
pub(crate) fn start(settings: LogSettings) {
    let level = match settings.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let is_json = match settings.format {
        LogFormat::Json => true,
        LogFormat::Pretty => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_target(false).with_writer(io::stderr);
    let lines = if is_json {
        lines.json().flatten_event(true).boxed()
    } else {
        lines.with_ansi(io::stderr().is_terminal()).boxed()
    };
    let quiet = TALKATIVE.map(|target| (target, level.min(LevelFilter::INFO)));
    let levels = Targets::new().with_default(level).with_targets(quiet);
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
}
