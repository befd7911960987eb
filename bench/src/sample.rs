use std::time::Duration;

use crate::Result;
use crate::figures::thread_cpu_seconds;

/// What was counted in a stretch of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) operations: u32,
    pub(crate) errors: u32,
    pub(crate) cpu_seconds: f64,
    pub(crate) wall_seconds: f64,
    /// In microseconds.
    pub(crate) latencies: Vec<u32>,
}

impl Sample {
    pub(crate) fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.errors += other.errors;
        self.cpu_seconds += other.cpu_seconds;
        self.wall_seconds += other.wall_seconds;
        self.latencies.extend(other.latencies);
    }

    pub(crate) fn per_cpu_second(&self) -> f64 {
        f64::from(self.operations) / self.cpu_seconds
    }

    pub(crate) fn per_second(&self) -> f64 {
        f64::from(self.operations) / self.wall_seconds
    }

    /// Milliseconds that `share` of the operations took at most.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        quantile_ms(&self.latencies, share)
    }

    /// As the table shows it: the rate, and how long one took.
    pub(crate) fn text(&self) -> String {
        let errors = match self.errors {
            0 => String::new(),
            errors => format!(", **{errors} errors**"),
        };
        format!(
            "{}/CPU-s; p50 {} ms, p99 {} ms{errors}",
            count(self.per_cpu_second()),
            ms(self.quantile_ms(0.5)),
            ms(self.quantile_ms(0.99))
        )
    }

    /// As the table shows a loop without requests.
    pub(crate) fn rate_text(&self) -> String {
        format!("{}/CPU-s", count(self.per_cpu_second()))
    }
}

/// Milliseconds that `share` of these microseconds do not exceed.
pub(crate) fn quantile_ms(microseconds: &[u32], share: f64) -> f64 {
    let mut sorted = microseconds.to_vec();
    sorted.sort_unstable();
    let share_of_thousand = (0..=1000_u32).rfind(|n| f64::from(*n) <= share * 1000.0);
    let thousandths = usize::try_from(share_of_thousand.unwrap_or(0)).unwrap_or(0);
    let index = (sorted.len() * thousandths / 1000).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(f64::NAN, |value| f64::from(*value) / 1000.0)
}

/// Runs `operation` for about `time` on this thread.
pub(crate) fn bare_loop(time: Duration, mut operation: impl FnMut()) -> Result<Sample> {
    // The clock is read once for many operations that are quicker than it.
    let mut chunk = 1;
    let started = std::time::Instant::now();
    let cpu = thread_cpu_seconds()?;
    let mut operations = 0;
    while started.elapsed() < time {
        let begun = std::time::Instant::now();
        for _ in 0..chunk {
            operation();
        }
        operations += chunk;
        if begun.elapsed() < Duration::from_millis(1) {
            chunk *= 2;
        }
    }
    Ok(Sample {
        operations,
        cpu_seconds: thread_cpu_seconds()? - cpu,
        wall_seconds: started.elapsed().as_secs_f64(),
        ..Sample::default()
    })
}

/// A count with three significant digits and separators.
pub(crate) fn count(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let magnitude = digits.len().saturating_sub(3);
    let rounded: String = digits
        .char_indices()
        .map(|(at, digit)| if at < digits.len() - magnitude { digit } else { '0' })
        .collect();
    let mut text = String::new();
    for (at, digit) in rounded.char_indices() {
        if at > 0 && (rounded.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Milliseconds with as many digits as mean something.
pub(crate) fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}
