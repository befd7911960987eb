use std::fs;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Result;
use crate::launch::spawn;

/// How long processes that were killed may take to be gone.
const DYING: Duration = Duration::from_secs(10);

const PAUSE: Duration = Duration::from_millis(10);

/// A server's process with all that descend from it.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(command: Command) -> Result<Self> {
        Ok(Self { child: spawn(command)? })
    }

    /// The number of the first process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(crate) fn pause(&self) {
        // The parent first: it then starts no more. Groups do not help, since the processes of
        // PostgreSQL are each in one of their own.
        send(self.id(), Signal::STOP);
        for id in descendants(self.id()) {
            send(id, Signal::STOP);
        }
    }

    pub(crate) fn resume(&self) {
        for id in descendants(self.id()) {
            send(id, Signal::CONT);
        }
        send(self.id(), Signal::CONT);
    }

    /// Asks the first process to end, and kills them all if it does not in time.
    pub(crate) fn end(mut self, signal: Signal, patience: Duration) {
        if self.is_running() {
            send(self.id(), signal);
            self.resume();
            let deadline = Instant::now() + patience;
            while self.is_running() && Instant::now() < deadline {
                thread::sleep(PAUSE);
            }
        }
        self.kill();
    }

    /// Kills them all at once, and waits until they are gone.
    pub(crate) fn kill(mut self) {
        if !self.is_running() {
            return;
        }
        self.pause();
        let family = descendants(self.id());
        send(self.id(), Signal::KILL);
        for id in &family {
            send(*id, Signal::KILL);
        }
        // Only fails if somebody else has waited for it.
        let _ = self.child.wait();
        let deadline = Instant::now() + DYING;
        while family.iter().any(|id| is_alive(*id)) && Instant::now() < deadline {
            thread::sleep(PAUSE);
        }
    }
}

/// Whether there is such a process, and not just what remains until its parent asks for it.
fn is_alive(id: u32) -> bool {
    state_and_parent(id).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

fn send(id: u32, signal: Signal) {
    if let Ok(id) = i32::try_from(id)
        && let Some(id) = Pid::from_raw(id)
    {
        // It may be gone, which is as good.
        let _ = kill_process(id, signal);
    }
}

/// The processes that the process has started, those that they have started, and so on.
fn descendants(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parents: Vec<(u32, u32)> =
        ids.filter_map(|id| Some((id, state_and_parent(id)?.1))).collect();
    let mut family = vec![of];
    let mut at = 0;
    while let Some(parent) = family.get(at).copied() {
        let children = parents.iter().filter(|(id, of)| *of == parent && !family.contains(id));
        let children: Vec<u32> = children.map(|(id, _)| *id).collect();
        family.extend(children);
        at += 1;
    }
    family.remove(0);
    family
}

/// As `/proc/ID/stat` says: `12 (a name) S 1 …`, where the name may hold anything.
fn state_and_parent(id: u32) -> Option<(char, u32)> {
    let line = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut words = line.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// A process with a child and a grandchild, of which the latter is in a session of its own.
    fn family() -> (Process, Vec<u32>) {
        let mut command = Command::new("sh");
        command.args(["-c", "sh -c 'setsid sh -c \"sleep 61; :\"; :'; :"]).stdin(Stdio::null());
        let process = Process::start(command).unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let family = descendants(process.id());
            if family.len() >= 3 {
                return (process, family);
            }
            assert!(Instant::now() < deadline, "{family:?}");
            thread::sleep(PAUSE);
        }
    }

    fn states(ids: &[u32]) -> String {
        ids.iter().filter_map(|id| Some(state_and_parent(*id)?.0)).collect()
    }

    #[test]
    fn killing_a_process_kills_all_that_descend_from_it() {
        let (process, family) = family();
        process.kill();
        assert!(!family.iter().any(|id| is_alive(*id)));
    }

    #[test]
    fn pausing_a_process_pauses_all_that_descend_from_it() {
        let (process, family) = family();
        process.pause();
        let deadline = Instant::now() + PATIENCE;
        while !states(&family).chars().all(|state| state == 'T') {
            assert!(Instant::now() < deadline, "{}", states(&family));
        }
        process.resume();
        while states(&family).contains('T') {
            assert!(Instant::now() < deadline, "{}", states(&family));
        }
        process.pause();
        process.kill();
        assert!(!family.iter().any(|id| is_alive(*id)));
    }

    #[test]
    fn a_process_that_does_not_end_when_asked_is_killed() {
        let mut command = Command::new("sleep");
        command.arg("61");
        let process = Process::start(command).unwrap();
        let id = process.id();
        // One that every program ignores that does not ask for it.
        process.end(Signal::URG, Duration::from_millis(100));
        assert!(!is_alive(id));
    }
}
