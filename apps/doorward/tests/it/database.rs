//! Databases in the hands of somebody else: Python's `sqlite3`.

use std::path::Path;

use crate::process::Process;
use crate::python::python;

const SCRIPT: &str = "import sqlite3, sys\n\
                      database = sqlite3.connect(sys.argv[1])\n\
                      database.executescript(sys.stdin.read())\n\
                      database.close()\n";

/// Prints all tables and their rows as statements.
const DUMP_SCRIPT: &str = "import sqlite3, sys\n\
                           database = sqlite3.connect(sys.argv[1])\n\
                           print(*database.iterdump(), sep='\\n')\n\
                           database.close()\n";

/// Runs statements on a database, which is made if it is not there.
pub(crate) async fn run_sql(database: &Path, statements: &str) {
    let mut command = python();
    command.args(["-c", SCRIPT]).arg(database);
    Process::start(&mut command, statements).end().await.is(0);
}

/// All that a database holds, to be compared.
pub(crate) async fn dump(database: &Path) -> String {
    let mut command = python();
    command.args(["-c", DUMP_SCRIPT]).arg(database);
    Process::start(&mut command, "").end().await.is(0).stdout
}
