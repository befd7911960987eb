use std::io::{self, IsTerminal};

use settings::{LogFormat, LogLevel, LogSettings};
use tracing::level_filters::LevelFilter;

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
    let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr);
    if is_json {
        lines.json().flatten_event(true).with_target(false).init();
    } else {
        lines.with_target(false).with_ansi(io::stderr().is_terminal()).init();
    }
}
