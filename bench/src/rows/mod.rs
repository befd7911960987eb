//! The rows of the table, a file for each group.

pub(crate) mod bearer;
pub(crate) mod enumeration;
pub(crate) mod growth;
pub(crate) mod mixed;
pub(crate) mod overload;
pub(crate) mod passwords;
pub(crate) mod peers;
pub(crate) mod refresh;
pub(crate) mod start;
pub(crate) mod stores;
pub(crate) mod verify;

use crate::figures::{cpu_model, syncs_per_second};
use crate::sample::count;
use crate::{Bench, Result};

/// A machine that does more than this has no two quiet cores.
const QUIET_LOAD_MAX: f64 = 0.5;

/// What stands above the table: which machine, when, and how quiet.
pub(crate) fn introduction(bench: &Bench, load: f64, is_quick: bool) -> Result<String> {
    let now = jiff::Timestamp::now().to_string();
    let day = now.split('T').next().unwrap_or_default();
    let syncs = count(syncs_per_second(&bench.folder)?);
    let mut text = format!(
        "{day}, {} cores of {}; this disk makes {syncs} writes of a page durable a second, one \
         after the other; load average at the start {load:.2}.",
        bench.cores,
        cpu_model()?,
    );
    if load > QUIET_LOAD_MAX {
        text.push_str(
            "\n\n**The machine was busy.** Ratios still compare; latencies, cores and whatever \
             is counted by the wall clock are worse than on a quiet one.",
        );
    }
    if is_quick {
        text.push_str("\n\n**A quick run**: too short to believe.");
    }
    Ok(text)
}
