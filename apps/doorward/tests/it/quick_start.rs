//! The README's quick start, run as it stands there.
//!
//! Every `sh` block of the section is run, all in one shell, but those after `<!-- not run -->`,
//! which start the servers. A `text` block promises lines that the blocks since the one before
//! print.

use std::path::Path;
use std::process::Command;

use crate::chatbot::Chatbot;
use crate::deployment::Deployment;
use crate::process::Process;

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
const HEADING: &str = "## Quick start";
const NOT_RUN: &str = "<!-- not run -->";
const END: &str = "=== end of a step ===";
const MARK_THE_END: &str = "\nprintf '%s' '=== end of a step ==='\n";

/// Commands to run one after another, and what they print.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    commands: String,
    promised: Vec<String>,
}

#[tokio::test]
async fn the_quick_start_of_the_readme_does_what_it_says() {
    let readme = std::fs::read_to_string(Path::new(README)).expect("there is a README");
    let section = section(&readme).expect("the README has a quick start");
    let steps = read(&section);
    assert!(steps.len() > 1, "something is promised");

    let deployment = Deployment::new();
    let server = deployment.serve().await;
    let chatbot = Chatbot::start(&server.url).await;
    let here = |text: &str| {
        text.replace("http://127.0.0.1:8080", &server.url)
            .replace("http://127.0.0.1:8081", &chatbot.url)
    };
    let script: String = steps.iter().map(|step| here(&step.commands) + MARK_THE_END).collect();
    assert!(!script.contains(":8080") && !script.contains(":8081"), "{script}");

    let mut command = Command::new("sh");
    command.args(["-eu", "-c", &script]).current_dir(deployment.path("")).env_clear();
    let inherited = ["PATH", "HOME"];
    command.envs(inherited.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let ended = Process::start(&mut command, "").end().await.is(0);
    for (step, printed) in steps.iter().zip(ended.stdout.split(END)) {
        for line in &step.promised {
            assert!(printed.contains(&here(line)), "{line:?} is promised: {printed}");
        }
    }
}

/// The lines below the heading, up to the next one of its kind.
fn section(readme: &str) -> Option<Vec<&str>> {
    let mut lines = readme.lines().skip_while(|line| line.trim_end() != HEADING);
    lines.next()?;
    Some(lines.take_while(|line| !line.starts_with("## ")).collect())
}

/// Each step ends with what it promises; the last may promise nothing.
fn read(section: &[&str]) -> Vec<Step> {
    let mut steps = vec![Step::default()];
    let mut lines = section.iter();
    let mut before = "";
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let block: Vec<&str> =
                lines.by_ref().take_while(|line| !line.starts_with("```")).copied().collect();
            let step = steps.last_mut().unwrap();
            if language == "sh" && before != NOT_RUN {
                step.commands.push_str(&block.join("\n"));
                step.commands.push('\n');
            } else if language == "text" {
                let told = block.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
                step.promised.extend(told.map(str::to_owned));
                steps.push(Step::default());
            }
        }
        if !line.trim().is_empty() {
            before = line.trim();
        }
    }
    steps
}

#[test]
fn blocks_are_read_as_the_readme_marks_them() {
    let readme = "# A\n## Quick start\n\n<!-- not run -->\n\n```sh\nserve\n```\n\nThen:\n\n\
                  ```sh\nask \\\n  more\n```\n\n```text\n  {\"a\":1}\n\n```\n```sh\nagain\n```\n\
                  ## Else\n```sh\nnever\n```\n";
    let steps = read(&section(readme).unwrap());
    let step = |commands: &str, promised: &[&str]| Step {
        commands: commands.to_owned(),
        promised: promised.iter().map(|line| (*line).to_owned()).collect(),
    };
    assert_eq!(steps, [step("ask \\\n  more\n", &["{\"a\":1}"]), step("again\n", &[])]);
    assert_eq!(section("# A\n"), None);
}
