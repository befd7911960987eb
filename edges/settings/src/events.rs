use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};

/// Who is told what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSettings {
    /// Where each event goes; perhaps nowhere.
    pub sinks: Vec<EventSink>,
}

/// Where events go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSink {
    /// The log.
    Log,
}

/// Sinks that are planned.
const LATER_SINKS: [&str; 2] = ["webhook", "eventbridge"];

pub(crate) fn read(reader: &mut Reader) -> Result<EventSettings, Refused> {
    Ok(EventSettings { sinks: reader.list("events.sinks", parse)? })
}

fn parse(text: &str) -> Result<EventSink, Wrong> {
    match text {
        "log" => Ok(EventSink::Log),
        later if LATER_SINKS.contains(&later) => {
            Err(Wrong::new(format!("this version has no {later} sink"), "write log"))
        }
        other => Err(Wrong::not_one_of(other, ["log"])),
    }
}
