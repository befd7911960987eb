//! A run of several steps, of which each is reported and none hides another.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use crate::Result;

/// What became of the steps so far.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    outcome: Outcome,
    took: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// Not tried, because a step that it needs did not pass.
    Skipped,
}

impl Steps {
    /// Runs the step, unless one that it `needs` did not pass.
    pub(crate) fn run(
        &mut self,
        name: &'static str,
        needs: &[&str],
        step: impl FnOnce() -> Result<()>,
    ) {
        if !needs.iter().all(|needed| self.has_passed(needed)) {
            self.done.push(Step { name, outcome: Outcome::Skipped, took: Duration::ZERO });
            return;
        }
        eprintln!("\n==> {name}");
        let started = Instant::now();
        let outcome = match step() {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("error: {error}");
                Outcome::Failed
            }
        };
        self.done.push(Step { name, outcome, took: started.elapsed() });
    }

    /// Prints what became of each; an error if any did not pass.
    pub(crate) fn finish(&self) -> Result<()> {
        eprint!("\n{}", self.summary());
        let bad = self.done.iter().filter(|step| step.outcome != Outcome::Passed).count();
        if bad == 0 {
            Ok(())
        } else {
            Err(format!("{bad} of {} did not pass", self.done.len()).into())
        }
    }

    fn has_passed(&self, name: &str) -> bool {
        self.done.iter().any(|step| step.name == name && step.outcome == Outcome::Passed)
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        for step in &self.done {
            let outcome = match step.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "FAILED",
                Outcome::Skipped => "skipped",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{outcome:8} {:>7.1} s  {}", step.took.as_secs_f64(), step.name);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_fails_if_one_step_fails_and_still_does_the_rest() {
        let mut steps = Steps::default();
        let mut is_reached = false;
        steps.run("one", &[], || Err("broken".into()));
        steps.run("two", &[], || {
            is_reached = true;
            Ok(())
        });
        assert!(is_reached);
        assert_eq!(steps.finish().unwrap_err().to_string(), "1 of 2 did not pass");
    }

    #[test]
    fn a_step_whose_need_failed_is_skipped_and_the_run_fails() {
        let mut steps = Steps::default();
        steps.run("build", &[], || Err("broken".into()));
        steps.run("use", &["build"], || unreachable!("it needs what failed"));
        steps.run("use again", &["use"], || unreachable!("it needs what was skipped"));
        let summary = steps.summary();
        assert!(summary.contains("FAILED"), "{summary}");
        assert_eq!(summary.matches("skipped").count(), 2, "{summary}");
        assert!(steps.finish().is_err());
    }

    #[test]
    fn a_run_of_passing_steps_passes() {
        let mut steps = Steps::default();
        steps.run("build", &[], || Ok(()));
        steps.run("use", &["build"], || Ok(()));
        assert!(steps.finish().is_ok());
        assert_eq!(steps.summary().matches("passed").count(), 2);
    }
}
