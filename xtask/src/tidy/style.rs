//! Lengths, names, and what may not be left lying about: style guide §2, §3, §7.

use super::Finding;
use super::source::{Source, words};
use crate::project::{Tree, is_of_type};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 60;
const COLUMNS_MAX: usize = 100;

/// Names that say nothing, so that anything can be put there.
const EMPTY_NAMES: [&str; 4] = ["utils", "helpers", "common", "misc"];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings: Vec<_> = tree.paths().filter_map(file_name).collect();
    for (path, text) in tree.rust() {
        let file = File::read(path, text);
        findings.extend(file.length());
        findings.extend(file.functions());
        findings.extend(file.lines());
        findings.extend(file.modules());
        findings.extend(file.leftovers());
    }
    for (path, text) in tree.texts().filter(|(path, _)| is_other_code(path)) {
        findings.extend(open_ends(path, text));
    }
    findings
}

struct File<'a> {
    path: &'a str,
    source: Source<'a>,
    /// For each line, whether it is a test's.
    is_test: Vec<bool>,
    /// Test servers, suites and benchmarks may be as long as they like.
    is_for_tests: bool,
}

impl<'a> File<'a> {
    fn read(path: &'a str, text: &'a str) -> Self {
        let source = Source::read(text);
        let is_for_tests = path.starts_with("testing/")
            || path.starts_with("bench/")
            || path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"));
        let is_test =
            if is_for_tests { vec![true; text.lines().count()] } else { source.test_lines() };
        Self { path, source, is_test, is_for_tests }
    }

    fn length(&self) -> Option<Finding> {
        let lines = self.is_test.iter().filter(|is_test| !**is_test).count();
        (!self.is_for_tests && lines > FILE_LINES_MAX).then(|| Finding {
            path: self.path.to_owned(),
            line: FILE_LINES_MAX + 1,
            what: format!("{lines} lines of production code, at most {FILE_LINES_MAX}"),
            why: "a longer file holds more than one subject",
            mend: "split it by what its parts mean, not by size",
        })
    }

    fn functions(&self) -> Vec<Finding> {
        let is_long = |lines: usize| lines > FUNCTION_LINES_MAX;
        let functions = self.source.functions().into_iter();
        functions
            .filter(|function| is_long(function.lines.len()) && !self.is_test[function.lines.start])
            .map(|function| Finding {
                path: self.path.to_owned(),
                line: function.lines.start + 1,
                what: format!(
                    "`{}` has {} lines, at most {FUNCTION_LINES_MAX}",
                    function.name,
                    function.lines.len()
                ),
                why: "a longer function does more than one thing",
                mend: "give its steps names: branching in the caller, arithmetic in what it calls",
            })
            .collect()
    }

    fn lines(&self) -> Vec<Finding> {
        let lines = self.source.raw.lines().enumerate();
        let is_long = |line: &str| line.chars().count() > COLUMNS_MAX;
        lines
            .filter(|(index, line)| is_long(line) && !self.is_text_of_test(*index))
            .map(|(index, line)| Finding {
                path: self.path.to_owned(),
                line: index + 1,
                what: format!("{} columns, at most {COLUMNS_MAX}", line.chars().count()),
                why: "two files side by side, and a review, show 100 columns",
                mend: "break the line; a long string goes on after a backslash",
            })
            .collect()
    }

    /// Whether the line is in a test and holds a literal and no code but punctuation: an exact
    /// answer of the service is compared as one piece.
    fn is_text_of_test(&self, index: usize) -> bool {
        let blank = |view: &str| view.lines().nth(index).is_none_or(|line| line.trim().is_empty());
        let code = self.source.code.lines().nth(index).unwrap_or_default();
        let holds_no_code = !code.contains(|c: char| c.is_alphanumeric());
        self.is_test[index]
            && holds_no_code
            && blank(&self.source.comments)
            && !blank(&self.source.literals)
    }

    /// Modules with an empty name, which need no file of that name.
    fn modules(&self) -> Vec<Finding> {
        let mut previous = "";
        let mut findings = Vec::new();
        for (at, word) in words(&self.source.code) {
            if previous == "mod" && EMPTY_NAMES.contains(&word) {
                let line = self.source.code[..at].matches('\n').count() + 1;
                findings.push(empty_name(self.path, line, word));
            }
            previous = word;
        }
        findings
    }

    /// Unfinished work, ignored tests, and open ends without an issue.
    fn leftovers(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, line) in self.source.code.lines().enumerate() {
            for (at, word) in words(line) {
                let is_macro = line[at + word.len()..].trim_start().starts_with('!');
                if is_macro && matches!(word, "todo" | "unimplemented") {
                    findings.push(self.unfinished(index, word));
                }
            }
            if is_ignored_test(line) {
                findings.push(self.ignored(index));
            }
        }
        findings.extend(open_ends(self.path, &self.source.comments));
        findings
    }

    fn unfinished(&self, index: usize, word: &str) -> Finding {
        Finding {
            path: self.path.to_owned(),
            line: index + 1,
            what: format!("`{word}!`"),
            why: "it fails when a user gets there",
            mend: "do it now, or leave out what is not done",
        }
    }

    fn ignored(&self, index: usize) -> Finding {
        Finding {
            path: self.path.to_owned(),
            line: index + 1,
            what: "an ignored test".to_owned(),
            why: "a test that nobody runs says nothing and looks as if it did",
            mend: "make it pass, or delete it",
        }
    }
}

fn is_ignored_test(line: &str) -> bool {
    let squeezed: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    squeezed.contains("#[ignore")
        || (squeezed.contains("#[cfg_attr(") && words(line).any(|(_, word)| word == "ignore"))
}

/// Each mark of work to do that does not name the issue that is open for it.
fn open_ends(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut marks = words(line).filter(|(_, word)| *word == "TODO");
        if marks.any(|(at, word)| !names_issue(&line[at + word.len()..])) {
            findings.push(Finding {
                path: path.to_owned(),
                line: index + 1,
                what: "a `TODO` without an issue".to_owned(),
                why: "what no issue tracks is never done",
                mend: "do it, or open an issue and write its number: `TODO(#123):`",
            });
        }
    }
    findings
}

fn names_issue(rest: &str) -> bool {
    let number = rest.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
    number.is_some_and(|(digits, _)| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Code in which a comment may be left, other than Rust; prose may speak of such marks.
fn is_other_code(path: &str) -> bool {
    const EXTENSIONS: [&str; 14] = [
        "py", "sh", "bash", "js", "mjs", "cjs", "ts", "tf", "toml", "yml", "yaml", "sql", "html",
        "css",
    ];
    let is_script = path.ends_with(".ci/run") || path.ends_with("Dockerfile");
    is_script || EXTENSIONS.iter().any(|extension| is_of_type(path, extension))
}

fn file_name(path: &str) -> Option<Finding> {
    let stems = path.split('/').map(|part| part.split('.').next().unwrap_or(part));
    let name = stems.into_iter().find(|stem| EMPTY_NAMES.contains(stem))?;
    Some(empty_name(path, 1, name))
}

fn empty_name(path: &str, line: usize, name: &str) -> Finding {
    Finding {
        path: path.to_owned(),
        line,
        what: format!("something is named `{name}`"),
        why: "nothing keeps such a place small, for anything fits its name",
        mend: "name it by what it holds, or put it where it is used",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<(usize, String)> {
        let found = check(&Tree::of(&[(path, text)]));
        found.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    fn lines_of(path: &str, text: &str) -> Vec<usize> {
        findings(path, text).into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn a_file_has_at_most_400_lines_before_its_tests() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// test\n".repeat(500));
        let full = "// code\n".repeat(400);
        assert!(findings("core/a/src/a.rs", &(full.clone() + &tests)).is_empty());
        let long = full + "// code\n";
        let found = findings("core/a/src/a.rs", &(long.clone() + &tests));
        assert_eq!(found, [(401, "401 lines of production code, at most 400".to_owned())]);
        assert_eq!(findings("xtask/src/a.rs", &long).len(), 1);
        assert_eq!(findings("core/a/src/b.rs", &(tests + &long)).len(), 1, "after the tests");
    }

    #[test]
    fn tests_and_benchmarks_may_be_long() {
        let body = "    f();\n".repeat(500);
        let long = format!("fn f() {{\n{body}}}\n");
        for path in ["testing/a/src/lib.rs", "core/a/tests/it/b.rs", "bench/src/main.rs"] {
            assert!(findings(path, &long).is_empty(), "{path}");
        }
        assert_eq!(findings("core/a/src/testing.rs", &long).len(), 2);
    }

    #[test]
    fn a_function_has_at_most_60_lines() {
        let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
        assert!(findings("core/a/src/a.rs", &function(60)).is_empty());
        let found = findings("core/a/src/a.rs", &format!("\n{}", function(61)));
        assert_eq!(found, [(2, "`f` has 61 lines, at most 60".to_owned())]);
        let test = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(61));
        assert!(findings("core/a/src/a.rs", &test).is_empty());
    }

    #[test]
    fn a_line_has_at_most_100_columns() {
        let line = |columns: usize| format!("// {}\n", "é".repeat(columns - 3));
        assert!(findings("core/a/src/a.rs", &line(100)).is_empty());
        let found = findings("core/a/tests/a.rs", &line(101));
        assert_eq!(found, [(1, "101 columns, at most 100".to_owned())]);
    }

    #[test]
    fn only_in_tests_a_line_of_nothing_but_text_may_be_long() {
        let text = format!("f(\n    r#\"{}\"#,\n);\n", "x".repeat(120));
        assert!(findings("core/a/tests/a.rs", &text).is_empty());
        assert_eq!(lines_of("core/a/src/a.rs", &text), [2]);
        let within = format!("let a = \"\n{}\n\";\n", "x".repeat(120));
        assert!(findings("core/a/tests/a.rs", &within).is_empty());
        let with_code = format!("f(\"{}\");\n", "x".repeat(120));
        assert_eq!(lines_of("core/a/tests/a.rs", &with_code), [1]);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        for path in ["core/a/src/utils.rs", "web/common/a.rs", "helpers/a.txt", "misc"] {
            assert_eq!(lines_of(path, ""), [1], "{path}");
        }
        assert!(findings("core/a/src/commons.rs", "").is_empty());
        assert_eq!(lines_of("core/a/src/lib.rs", "\npub mod utils {}\nmod fine;"), [2]);
    }

    #[test]
    fn unfinished_code_is_found_and_its_mention_is_not() {
        let unfinished = format!("fn f() {{\n    {}!()\n}}\n", "todo");
        assert_eq!(lines_of("core/a/src/a.rs", &unfinished), [2]);
        assert_eq!(
            lines_of("core/a/tests/a.rs", &unfinished.replace("todo", "unimplemented")),
            [2]
        );
        let mention = format!("// {0}!()\nconst A: &str = \"{0}!()\";\nlet todo = 1;\n", "todo");
        assert!(findings("core/a/src/a.rs", &mention).is_empty());
    }

    #[test]
    fn ignored_tests_are_found() {
        for attribute in ["#[ignore]", "#[ignore = \"slow\"]", "#[cfg_attr(unix, ignore)]"] {
            assert_eq!(lines_of("core/a/tests/a.rs", attribute), [1], "{attribute}");
        }
        assert!(findings("core/a/src/a.rs", "// #[ignore]\nlet ignore = #[cfg(x)] 1;").is_empty());
    }

    #[test]
    fn an_open_end_names_its_issue() {
        let mark = "TODO";
        for open in ["", ":", " (#1)", "(#)", "(#x)", "(someone)"] {
            assert_eq!(lines_of("core/a/src/a.rs", &format!("// {mark}{open} x")), [1], "{open}");
            assert_eq!(lines_of("deploy/a.py", &format!("x = 1 # {mark}{open}")), [1], "{open}");
        }
        assert!(findings("core/a/src/a.rs", &format!("// {mark}(#12): x")).is_empty());
        assert!(findings("core/a/src/a.rs", &format!("const A: &str = \"{mark}\";")).is_empty());
        assert!(findings("docs/a.md", mark).is_empty());
    }
}
