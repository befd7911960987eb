use std::time::Duration;

use crate::mistake::{Wrong, quoted};

/// The longest duration that any setting takes: ten years, so that no sum of them overflows.
const DAYS_MAX: u64 = 3650;

/// The units by their letter, in seconds, the longest first.
const UNITS: [(char, u64); 4] = [('d', 24 * 60 * 60), ('h', 60 * 60), ('m', 60), ('s', 1)];

/// Reads a duration: a number and one unit, such as `15m`.
pub(crate) fn parse(text: &str) -> Result<Duration, Wrong> {
    let wrong = || {
        Wrong::new(
            format!("{} is not a duration", quoted(text)),
            "write a number and a unit: 10s, 15m, 3h or 30d, at most 3650d",
        )
    };
    let (number, unit) = UNITS
        .iter()
        .find_map(|(letter, seconds)| Some((text.strip_suffix(*letter)?, *seconds)))
        .ok_or_else(wrong)?;
    // `u64::from_str` would take a sign.
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(unit) {
        Some(seconds) if seconds <= DAYS_MAX * 24 * 60 * 60 => Ok(Duration::from_secs(seconds)),
        _ => Err(wrong()),
    }
}

/// Writes whole seconds as [`parse`] reads them, in the longest unit that fits.
pub(crate) fn display(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let fitting = UNITS.iter().find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit));
    let (letter, unit) = fitting.copied().unwrap_or(('s', 1));
    format!("{}{letter}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in
            [("0s", 0), ("10s", 10), ("15m", 900), ("3h", 10_800), ("30d", 2_592_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in
            ["", "15", "m", "-1m", "+1m", "1.5h", "15 m", "15min", "1h30m", "15M", "٣m", "3651d"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("99999999999999999999d").is_err());
        assert!(parse("18446744073709551615d").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read_again(seconds in 0..=DAYS_MAX * 24 * 60 * 60) {
            let duration = Duration::from_secs(seconds);
            prop_assert_eq!(parse(&display(duration)), Ok(duration));
        }
    }
}
