//! `doorward doctor`: tries every dependency, changes nothing, and says what is wrong and how to
//! mend it.

mod here;
mod outside;

use contracts::Clock as _;
use serde_json::json;
use settings::Loaded;

use crate::console;
use crate::elsewhere::Elsewhere;
use crate::failure::Failure;
use crate::system::SystemClock;

/// What became of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    /// It could not be tried; perhaps it need not be.
    Untried,
    Wrong,
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Untried => "not tried",
            Self::Wrong => "wrong",
        }
    }
}

/// What a trial showed.
#[derive(Clone, Debug)]
struct Finding {
    /// What was tried.
    what: &'static str,
    verdict: Verdict,
    /// What was seen.
    seen: String,
    /// What to do about it.
    mend: Option<String>,
}

impl Finding {
    fn fine(what: &'static str, seen: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Fine, seen: seen.into(), mend: None }
    }

    fn untried(what: &'static str, seen: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Untried, seen: seen.into(), mend: None }
    }

    fn wrong(what: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what, verdict: Verdict::Wrong, seen: seen.into(), mend: Some(mend.into()) }
    }
}

/// Tries everything, prints what was found, and fails if anything is wrong.
pub(crate) fn run(loaded: &Loaded, is_json: bool) -> Result<(), Failure> {
    let findings = console::runtime()?.block_on(examine(loaded));
    print(&findings, is_json)?;
    match findings.iter().filter(|finding| finding.verdict == Verdict::Wrong).count() {
        0 => Ok(()),
        1 => Err(Failure::Refused("one thing is wrong".to_owned())),
        wrong => Err(Failure::Refused(format!("{wrong} things are wrong"))),
    }
}

async fn examine(loaded: &Loaded) -> Vec<Finding> {
    let settings = &loaded.settings;
    let elsewhere = Elsewhere::default();
    let mut findings = vec![here::settings(loaded), here::clock_alone(SystemClock.now())];
    findings.extend(here::storage_and_keys(settings, &elsewhere).await);
    findings.extend(here::mail(&settings.mail, &elsewhere).await);
    findings.extend(outside::public_url(settings).await);
    findings
}

fn print(findings: &[Finding], is_json: bool) -> Result<(), Failure> {
    if is_json {
        let items: Vec<_> = findings
            .iter()
            .map(|finding| {
                json!({
                    "what": finding.what,
                    "verdict": finding.verdict.name(),
                    "seen": finding.seen,
                    "mend": finding.mend,
                })
            })
            .collect();
        return console::print(&json!({ "findings": items }).to_string());
    }
    for Finding { what, verdict, seen, mend } in findings {
        console::print(&format!("{:10} {what}: {seen}", verdict.name()))?;
        if let Some(mend) = mend {
            console::print(&format!("{:10} {mend}", ""))?;
        }
    }
    Ok(())
}
