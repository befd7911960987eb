//! Whether a test said a secret: what all of them printed is searched for all that they used.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use roxmltree::{Document, Node};
use tempfile::NamedTempFile;
use used_secrets::Secrets;

use crate::Result;

/// Where nextest reports (`.config/nextest.toml`): in the checkout, wherever cargo builds.
const REPORT: &str = "target/nextest/default/junit.xml";

/// The tests of what searches, by program and beginning of their name: they say what looks like
/// secrets.
const SEARCHERS: [(&str, &str); 3] =
    [("used-secrets", ""), ("xtask::bin/xtask", ""), ("doorward::it", "discretion::tests::")];

/// How many characters of a secret a person may see, to find out which it is.
const SHOWN_CHARACTERS: usize = 4;

/// A run of tests whose secrets are noted.
pub(crate) struct Watch {
    /// Nobody else may read it, and it goes with this.
    notes: NamedTempFile,
    report: PathBuf,
}

/// A test that said a secret.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    test: String,
    secret: String,
}

impl Watch {
    /// Before the run: the report of the last one goes, so that it is not taken for this one's.
    pub(crate) fn begin(root: &Path) -> Result<Self> {
        let report = root.join(REPORT);
        match fs::remove_file(&report) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(format!("{}: {error}", report.display()).into())
            }
            _ => Ok(Self { notes: NamedTempFile::with_prefix("doorward-")?, report }),
        }
    }

    /// Tells the tests where to note what they use.
    pub(crate) fn tell(&self, tests: &mut Command) {
        tests.env(used_secrets::FILE_VARIABLE, self.notes.path());
    }

    /// After the run: an error that names each test that said a secret.
    pub(crate) fn end(self) -> Result<()> {
        let secrets = Secrets::of_notes(&fs::read_to_string(self.notes.path())?);
        self.notes.close()?;
        let report = fs::read_to_string(&self.report)
            .map_err(|error| format!("the report of the tests, {REPORT}: {error}"))?;
        let (tests, told) = search(&report, &secrets)?;
        if told.is_empty() {
            eprintln!("{tests} tests printed none of {} secrets", secrets.count());
            return Ok(());
        }
        Err(complaint(&told).into())
    }
}

/// How many tests were looked at, and which of them said a secret.
fn search(report: &str, secrets: &Secrets) -> Result<(usize, Vec<Told>)> {
    // Nextest leaves these two in, which no XML may contain.
    let report = report.replace(['\u{fffe}', '\u{ffff}'], "");
    let report = Document::parse(&report)?;
    let cases = report.descendants().filter(|node| node.has_tag_name("testcase"));
    let (mut tests, mut told) = (0, Vec::new());
    for case in cases {
        let program = case.attribute("classname").ok_or("a test case without its program")?;
        let name = case.attribute("name").ok_or("a test case without a name")?;
        if SEARCHERS.iter().any(|(its, start)| *its == program && name.starts_with(start)) {
            continue;
        }
        tests += 1;
        let secret = outputs(case).find_map(|output| secrets.told_in(output, &[]));
        told.extend(secret.map(|secret| Told { test: format!("{program} {name}"), secret }));
    }
    Ok((tests, told))
}

/// All that a test printed, and what is said of its failure.
fn outputs<'report>(case: Node<'report, '_>) -> impl Iterator<Item = &'report str> {
    let nodes = case.descendants().filter(move |node| *node != case);
    nodes.flat_map(|node| {
        let text = node.is_text().then(|| node.text()).flatten();
        text.into_iter().chain(node.attributes().map(|attribute| attribute.value()))
    })
}

fn complaint(told: &[Told]) -> String {
    let mut text = format!("secrets of tests were printed ({REPORT}), by");
    for Told { test, secret } in told {
        let start: String = secret.chars().take(SHOWN_CHARACTERS).collect();
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {test}: {start}…");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const NOTES: &str = "a secret of <two> & \"more\"\nthe other secret\n";

    /// A report of tests, each with its program, its name and what is reported of it.
    fn report(tests: &[(&str, &str, &str)]) -> String {
        let case = |(program, name, inner): &(&str, &str, &str)| {
            format!("<testcase name=\"{name}\" classname=\"{program}\">{inner}</testcase>")
        };
        let cases: String = tests.iter().map(case).collect();
        format!("<?xml version=\"1.0\"?><testsuites><testsuite>{cases}</testsuite></testsuites>")
    }

    fn told(tests: &[(&str, &str, &str)]) -> Vec<(String, String)> {
        let (_, told) = search(&report(tests), &Secrets::of_notes(NOTES)).unwrap();
        told.into_iter().map(|told| (told.test, told.secret)).collect()
    }

    fn is_told(inner: &str) -> bool {
        !told(&[("web::it", "name", inner)]).is_empty()
    }

    #[test]
    fn whoever_says_a_secret_is_named_with_it() {
        let said = "<system-out>running\nx=the other secret;</system-out>";
        let found = told(&[("web::it", "a::b", said), ("web", "c", "<system-out>ok</system-out>")]);
        assert_eq!(found, [("web::it a::b".to_owned(), "the other secret".to_owned())]);
    }

    #[test]
    fn a_secret_is_found_on_either_output_and_in_a_failure() {
        for inner in [
            "<system-out>the other secret</system-out>",
            "<system-err>the other secret</system-err>",
            "<failure message=\"m\" type=\"t\">the other secret</failure>",
            "<failure message=\"the other secret\" type=\"t\"/>",
            "<flakyFailure><system-err>the other secret</system-err></flakyFailure>",
        ] {
            assert!(is_told(inner), "{inner}");
        }
        assert!(!is_told("<system-out>the other</system-out><system-err> secret</system-err>"));
    }

    #[test]
    fn what_xml_writes_otherwise_is_found() {
        for inner in [
            "<system-out>a secret of &lt;two&gt; &amp; &quot;more&quot;</system-out>",
            "<system-out>&#x61; secret of &#60;two&gt; &amp; \"more\"</system-out>",
            "<system-out><![CDATA[a secret of <two> & \"more\"]]></system-out>",
            "<system-out>a secret of &lt;two<![CDATA[> & \"more\"]]></system-out>",
            "<system-out>\u{fffe}the other \u{ffff}secret</system-out>",
        ] {
            assert!(is_told(inner), "{inner}");
        }
    }

    #[test]
    fn a_private_key_is_found_though_nobody_noted_it() {
        assert!(is_told("<system-err>-----BEGIN PRIVATE KEY-----</system-err>"));
    }

    #[test]
    fn the_tests_of_what_searches_may_say_what_looks_like_secrets() {
        let said = "<system-out>the other secret</system-out>";
        let excepted = [
            ("used-secrets", "tests::a", said),
            ("xtask::bin/xtask", "told_secrets::tests::a", said),
            ("doorward::it", "discretion::tests::a", said),
        ];
        assert_eq!(search(&report(&excepted), &Secrets::of_notes(NOTES)).unwrap(), (0, vec![]));
        for test in
            [("doorward::it", "keys::discretion::tests::a", said), ("web", "tests::a", said)]
        {
            assert_eq!(told(&[test]).len(), 1, "{test:?}");
        }
    }

    #[test]
    fn a_report_that_cannot_be_read_is_an_error() {
        let secrets = Secrets::of_notes("");
        for bad in ["", "<testsuites>", "<testsuites><testcase name=\"a\"/></testsuites>"] {
            assert!(search(bad, &secrets).is_err(), "{bad}");
        }
    }

    /// A run in a checkout of its own, whose tests note and print that.
    fn run(notes: &str, printed: &str) -> (PathBuf, Result<()>) {
        let root = tempfile::tempdir().unwrap();
        let report_path = root.path().join(REPORT);
        fs::create_dir_all(report_path.parent().unwrap()).unwrap();
        fs::write(&report_path, "of the last run").unwrap();
        let watch = Watch::begin(root.path()).unwrap();
        assert!(!report_path.exists());

        let mut tests = Command::new("sh");
        tests.args(["-c", "printf '%s' \"$NOTES\" >>\"$TEST_SECRETS\""]).env("NOTES", notes);
        watch.tell(&mut tests);
        crate::cargo::succeed(&mut tests).unwrap();
        let printed = format!("<system-out>{printed}</system-out>");
        fs::write(&report_path, report(&[("web::it", "a_name", &printed)])).unwrap();

        let notes_path = watch.notes.path().to_owned();
        let mode = fs::metadata(&notes_path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "for its owner alone");
        (notes_path, watch.end())
    }

    #[test]
    fn of_a_secret_only_the_beginning_is_shown_and_nothing_is_left_of_the_notes() {
        let (notes, silent) = run(NOTES, "nothing");
        silent.unwrap();
        assert!(!notes.exists());
        let (notes, told) = run(NOTES, "hear: the other secret!");
        assert!(!notes.exists());
        let complaint = told.unwrap_err().to_string();
        assert_eq!(
            complaint,
            "secrets of tests were printed (target/nextest/default/junit.xml), by\n  \
             web::it a_name: the …"
        );
    }

    #[test]
    fn a_run_without_a_report_fails() {
        let root = tempfile::tempdir().unwrap();
        let watch = Watch::begin(root.path()).unwrap();
        let notes = watch.notes.path().to_owned();
        let error = watch.end().unwrap_err().to_string();
        assert!(error.starts_with("the report of the tests, target/nextest/"), "{error}");
        assert!(!notes.exists());
    }
}
