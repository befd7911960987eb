//! Starting processes that do not outlive us.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{self, Sender};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use crate::{Result, ServerError};

/// A user and a group by their numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Owner {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

/// The program as a command that is killed when the thread that spawned it ends: see [`spawn`].
pub(crate) fn mortal(program: &Path, owner: Option<Owner>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if let Some(Owner { user, group }) = owner {
        command.args(["--reuid", &user.to_string(), "--regid", &group.to_string()]);
        command.arg("--clear-groups");
    }
    command.arg("--").arg(program);
    command
}

/// Starts the command in a process group of its own, which no signal from a terminal reaches.
///
/// One thread spawns everything and ends with the process only, since the system watches the
/// thread that spawned, which for most callers is that of one test.
pub(crate) fn spawn(mut command: Command) -> Result<Child> {
    type Order = (Command, Sender<io::Result<Child>>);
    static SPAWNER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
        let (orders, received) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in received {
                // Nobody waits for the answer any more if the caller was killed.
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    command.process_group(0);
    let program = command.get_program().to_owned();
    let lost = || ServerError::new("the thread that spawns is gone");
    let (answer, answered) = mpsc::channel();
    let orders = SPAWNER.lock().unwrap_or_else(PoisonError::into_inner).clone();
    orders.send((command, answer)).map_err(|_| lost())?;
    let spawned = answered.recv().map_err(|_| lost())?;
    spawned.map_err(|error| ServerError::new(format!("{}: {error}", program.display())))
}
