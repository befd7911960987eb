//! What templates may say: the values as text.

use std::time::Duration;

use contracts::MailValues;
use domain::{MailTemplate, Timestamp};
use minijinja::{Value, context};
use secrecy::{ExposeSecret, SecretString};

/// The variables of a template. Those that do not apply are there, as none.
pub(crate) fn context(product: &str, values: &MailValues) -> Value {
    let exposed = |secret: &SecretString| secret.expose_secret().to_owned();
    context! {
        product => product,
        link => values.link.as_ref().map(exposed),
        code => values.code.as_ref().map(exposed),
        link_ttl => values.link_ttl.map(in_words),
        code_ttl => values.code_ttl.map(in_words),
        at => values.at.and_then(date_and_time),
        device => values.device.as_deref().map(harmless),
        ip => values.ip.as_deref(),
        codes_left => values.codes_left,
    }
}

fn sample_code(page: &str, link_ttl: Duration) -> MailValues {
    let link = format!(
        "https://auth.example.com/pages/{page}?c=chal_01m815px3jebybsy1t2g8pcn9r\
         #dwo_AcISUmRbimJuYedlEe9gwZEfPuGvw379h4PNMyt8j_7YdXNlcl8wMW04MTVweDNqZXA4cm40ZDgy"
    );
    MailValues {
        link: Some(link.into()),
        code: Some("7KQ2-M9XD".into()),
        link_ttl: Some(link_ttl),
        code_ttl: Some(Duration::from_mins(10)),
        ..MailValues::default()
    }
}

fn sample_notice(codes_left: Option<usize>) -> MailValues {
    MailValues {
        at: Some(Timestamp::from_unix_ms(1_795_332_900_000)),
        device: Some("Firefox on Linux".to_owned()),
        ip: Some("203.0.113.7".to_owned()),
        codes_left,
        ..MailValues::default()
    }
}

/// Values as a real mail has them.
pub(crate) fn sample(template: MailTemplate) -> MailValues {
    match template {
        MailTemplate::VerifyAddress => sample_code("verify", Duration::from_hours(24)),
        MailTemplate::ConfirmAddress => sample_code("confirm", Duration::from_hours(24)),
        MailTemplate::ResetPassword => sample_code("reset", Duration::from_mins(10)),
        MailTemplate::PasswordChanged
        | MailTemplate::AddressChanged
        | MailTemplate::NewDevice
        | MailTemplate::FactorEnabled
        | MailTemplate::FactorDisabled
        | MailTemplate::WrongCodes => sample_notice(None),
        MailTemplate::BackupCodeUsed => sample_notice(Some(9)),
        MailTemplate::BackupCodesLow => sample_notice(Some(3)),
        MailTemplate::AlreadyRegistered | MailTemplate::AccountDeleted => MailValues::default(),
    }
}

/// `10 minutes`, `24 hours`: in the largest unit that is exact, and not days before there are two.
fn in_words(duration: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = duration.as_secs();
    let is_whole = |unit: u64| seconds >= unit && seconds.is_multiple_of(unit);
    let (count, unit) = match seconds {
        _ if is_whole(DAY) && seconds > DAY => (seconds / DAY, "day"),
        _ if is_whole(HOUR) => (seconds / HOUR, "hour"),
        _ if is_whole(MINUTE) => (seconds / MINUTE, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// `22 November 2026, 07:35 UTC`; `None` for a moment that has no date.
fn date_and_time(moment: Timestamp) -> Option<String> {
    let moment = jiff::Timestamp::from_millisecond(moment.unix_ms()).ok()?;
    Some(moment.strftime("%-d %B %Y, %H:%M UTC").to_string())
}

/// Longest device name that a mail shows, in characters.
const DEVICE_CHARS_MAX: usize = 100;

/// A device's name without what an attacker, who chooses it, could use: programs make links of
/// addresses in plain text, and control characters can hide or turn around what stands there.
fn harmless(device: &str) -> String {
    let mut shown = String::new();
    let mut characters = device.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        shown.push(if may_show(character, next) { character } else { ' ' });
    }
    let words: Vec<&str> = shown.split_whitespace().collect();
    words.join(" ").chars().take(DEVICE_CHARS_MAX).collect()
}

/// Whether the character may stand before `next`. A dot, a colon or a slash may only if no name
/// goes on after it: `Firefox/140.0` is left as it is, and `https://evil.example` is no address.
fn may_show(character: char, next: Option<char>) -> bool {
    match character {
        // The first makes an address; the others are invisible: soft hyphen, zero widths, marks of
        // direction, ends of lines.
        '@'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{feff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' => false,
        '.' | '\u{2024}' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '/' | ':' => {
            next.is_none_or(|next| next.is_whitespace() || next.is_ascii_digit() || next == ')')
        }
        other => !other.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_in_the_largest_exact_unit() {
        for (seconds, expected) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (600, "10 minutes"),
            (5_400, "90 minutes"),
            (3_600, "1 hour"),
            (86_400, "24 hours"),
            (172_800, "2 days"),
            (90_000, "25 hours"),
            (604_800, "7 days"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn moments_are_told_in_utc() {
        let told = |ms| date_and_time(Timestamp::from_unix_ms(ms));
        assert_eq!(told(1_795_332_900_000).unwrap(), "22 November 2026, 07:35 UTC");
        assert_eq!(told(0).unwrap(), "1 January 1970, 00:00 UTC");
        assert_eq!(told(i64::MAX), None);
    }

    #[test]
    fn the_name_of_a_usual_device_is_left_as_it_is() {
        for name in [
            "Firefox on Linux",
            "Ada’s iPhone",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)",
            "Téléphone d'Éloïse",
        ] {
            assert_eq!(harmless(name), name);
        }
    }

    #[test]
    fn the_name_of_a_device_makes_no_link_and_no_second_line() {
        for (name, shown) in [
            ("see https://evil.example/x", "see https evil example x"),
            ("www.evil.example", "www evil example"),
            ("evil。example", "evil example"),
            ("ada@evil.example", "ada evil example"),
            ("http://1.2.3.4", "http /1.2.3.4"),
            ("A\r\nSubject: B\u{202e}C\u{200b}D", "A Subject: B C D"),
            ("mailto:ada", "mailto ada"),
        ] {
            assert_eq!(harmless(name), shown);
        }
        assert_eq!(harmless(&"é".repeat(101)).chars().count(), 100);
    }
}
