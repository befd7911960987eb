//! What Linux says of processes and of the machine.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Result;

/// The ticks of `/proc/<pid>/stat`: 100 a second on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds that a process has used, in user and kernel mode, by all its threads.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold anything; utime and stime are the 14th and 15th field.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in stat")?;
    let mut ticks = 0.0;
    for field in fields.split_whitespace().skip(11).take(2) {
        ticks += field.parse::<f64>()?;
    }
    Ok(ticks / TICKS_PER_SECOND)
}

/// CPU seconds of the calling thread, to the microsecond.
pub(crate) fn thread_cpu_seconds() -> Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().ok_or("no schedstat")?.parse()?;
    Ok(nanoseconds / 1e9)
}

/// A line of `/proc/<pid>/status` in MiB, such as `VmRSS` or `VmHWM`.
pub(crate) fn memory_mib(pid: u32, name: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next())
        .ok_or_else(|| format!("no {name} in status"))?;
    Ok(value.parse::<f64>()? / 1024.0)
}

/// The load of the last minute.
pub(crate) fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split_whitespace().next().ok_or("no load")?.parse()?)
}

/// The processor's name.
pub(crate) fn cpu_model() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo")?;
    let line = text.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim());
    let has_avx512 = text.contains(" avx512f");
    Ok(format!("{}{}", name.unwrap_or("unknown"), if has_avx512 { " with AVX-512" } else { "" }))
}

/// How many writes of one page a second the disk makes durable, one after the other.
pub(crate) fn syncs_per_second(folder: &Path) -> Result<f64> {
    let mut file = File::create(folder.join("sync"))?;
    let page = [7; 4096];
    let started = Instant::now();
    let mut syncs = 0_u32;
    while started.elapsed() < Duration::from_secs(1) {
        file.write_all(&page)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / started.elapsed().as_secs_f64())
}
