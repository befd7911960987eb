//! What the time of an answer tells of whose address it is: the same request with addresses of two
//! kinds in turns, over one connection.

use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection as Database, params};

use crate::accounts;
use crate::http::{Connection, post};
use crate::load::microseconds;
use crate::process::Process;
use crate::sample::quantile_ms;
use crate::server::Settings;
use crate::table::{Row, Table};
use crate::{Bench, Result};

/// Registrations do not say which addresses are taken.
const SILENT: Settings<'_> = &[
    ("DOORWARD_REGISTRATION__REVEAL_EXISTING", "false"),
    ("DOORWARD_REGISTRATION__VERIFY_EMAIL", "required"),
];
/// Whoever asks for a code again within this time gets none.
const COOL_DOWN_MS: i64 = 120_000;

/// Numbers of addresses; all have six digits, so that requests are of one length.
#[derive(Clone, Copy)]
enum Addresses {
    Verified = 100_000,
    Unverified = 200_000,
    /// Nobody's. A part for each measurement: what asks with one leaves a trace.
    Free = 300_000,
}

/// A request with addresses of two kinds.
struct Question {
    what: &'static str,
    request: fn(&str) -> Vec<u8>,
    status: u16,
    /// Whether each address was asked for before, just now.
    is_too_soon: bool,
    asked: (&'static str, Addresses),
    beside: (&'static str, Addresses),
}

const QUESTIONS: [Question; 7] = [
    Question {
        what: "forgot",
        request: forgot,
        status: 202,
        is_too_soon: false,
        asked: ("no account", Addresses::Free),
        beside: ("no account either", Addresses::Free),
    },
    Question {
        what: "forgot",
        request: forgot,
        status: 202,
        is_too_soon: false,
        asked: ("account", Addresses::Verified),
        beside: ("no account", Addresses::Free),
    },
    Question {
        what: "forgot, again at once",
        request: forgot,
        status: 202,
        is_too_soon: true,
        asked: ("account", Addresses::Verified),
        beside: ("no account", Addresses::Free),
    },
    Question {
        what: "resend",
        request: resend,
        status: 202,
        is_too_soon: false,
        asked: ("unverified account", Addresses::Unverified),
        beside: ("no account", Addresses::Free),
    },
    Question {
        what: "register",
        request: accounts::registration,
        status: 202,
        is_too_soon: false,
        asked: ("taken, verified", Addresses::Verified),
        beside: ("free", Addresses::Free),
    },
    Question {
        what: "register",
        request: accounts::registration,
        status: 202,
        is_too_soon: false,
        asked: ("taken, unverified", Addresses::Unverified),
        beside: ("free", Addresses::Free),
    },
    Question {
        what: "login, wrong password",
        request: wrong_login,
        status: 401,
        is_too_soon: false,
        asked: ("account", Addresses::Verified),
        beside: ("no account", Addresses::Free),
    },
];

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let pairs = bench.timing.pairs;
    let name = "enumeration";
    let database = bench.folder.join(name).join("data/doorward.db");
    // As strangers make them, by a server that says so.
    let server = bench.doorward(name, &[]).await?;
    for block in [Addresses::Verified, Addresses::Unverified] {
        accounts::register_numbers(&server, numbers(block, pairs)).await?;
    }
    server.stop().await?;
    verify(&database, pairs)?;
    for (at, question) in (0_u32..).zip(&QUESTIONS) {
        // A restart between two that ask for the same code of the same users.
        let_cool_down(&database)?;
        let server = bench.doorward(name, SILENT).await?;
        let free = at * 2 * pairs;
        if question.is_too_soon {
            ask_in_turns(&server, question, pairs, free).await?;
        }
        let times = ask_in_turns(&server, question, pairs, free).await?;
        push(table, question, &times);
        server.stop().await?;
    }
    Ok(())
}

fn numbers(block: Addresses, count: u32) -> Range<u32> {
    let first = block as u32;
    first..first + count
}

/// Makes the first block what its name says. The server must not run.
fn verify(database: &Path, pairs: u32) -> Result<()> {
    let mut database = Database::open(database)?;
    let transaction = database.transaction()?;
    for number in numbers(Addresses::Verified, pairs) {
        let email = accounts::email(number);
        transaction.execute(
            "DELETE FROM one_time_codes
              WHERE user_id = (SELECT id FROM users WHERE email_key = ?1)",
            params![email],
        )?;
        transaction
            .execute("UPDATE users SET email_verified = 1 WHERE email_key = ?1", params![email])?;
    }
    Ok(transaction.commit()?)
}

/// Makes all codes older, so that the next ones are not too soon, and forgets what waits to be
/// told, so that nothing of the last measurement goes on in the next. The server must not run.
fn let_cool_down(database: &Path) -> Result<()> {
    let database = Database::open(database)?;
    database.execute(
        "UPDATE one_time_codes SET created_at_ms = created_at_ms - ?1",
        params![COOL_DOWN_MS],
    )?;
    Ok(database.execute_batch("DELETE FROM mails; DELETE FROM outbox;")?)
}

/// Microseconds of each answer: of the addresses that are asked for, and of those beside them.
struct Times {
    asked: Vec<u32>,
    beside: Vec<u32>,
}

async fn ask_in_turns(
    server: &Process,
    question: &Question,
    pairs: u32,
    free: u32,
) -> Result<Times> {
    let mut connection = Connection::open(server.address).await?;
    let mut times = Times { asked: Vec::new(), beside: Vec::new() };
    for turn in 0..pairs {
        let asked = address(question.asked.1, turn, free);
        times.asked.push(ask(&mut connection, question, &asked).await?);
        let beside = address(question.beside.1, turn, free + pairs);
        times.beside.push(ask(&mut connection, question, &beside).await?);
    }
    Ok(times)
}

fn address(block: Addresses, turn: u32, free: u32) -> String {
    let part = if matches!(block, Addresses::Free) { free } else { 0 };
    accounts::email(block as u32 + part + turn)
}

async fn ask(connection: &mut Connection, question: &Question, address: &str) -> Result<u32> {
    let request = (question.request)(address);
    let sent = Instant::now();
    let status = connection.exchange(&request).await?.status;
    let took = microseconds(sent.elapsed());
    // Alike for both kinds, or there would be no need to look at the time.
    if status == question.status {
        Ok(took)
    } else {
        Err(format!("{}: answered with {status}", question.what).into())
    }
}

fn push(table: &mut Table, question: &Question, times: &Times) {
    let (asked, beside) = (quantile_ms(&times.asked, 0.5), quantile_ms(&times.beside, 0.5));
    let text = |name: &str, microseconds: &[u32]| {
        let quantile = |share| quantile_ms(microseconds, share);
        let (low, half, high) = (quantile(0.25), quantile(0.5), quantile(0.75));
        format!("{name}: p50 {half:.3} ms, middle half {low:.3} to {high:.3}")
    };
    table.push(Row {
        what: format!("{}: {} or {}", question.what, question.asked.0, question.beside.0),
        measured: format!(
            "{}; {:+.0} µs",
            text(question.asked.0, &times.asked),
            (asked - beside) * 1000.0
        ),
        reference: text(question.beside.0, &times.beside),
        ratio: Some(asked / beside),
        ..Row::default()
    });
}

fn forgot(address: &str) -> Vec<u8> {
    post("/auth/password/forgot", &format!(r#"{{"email":"{address}"}}"#))
}

fn resend(address: &str) -> Vec<u8> {
    post("/auth/verify-email/resend", &format!(r#"{{"email":"{address}"}}"#))
}

fn wrong_login(address: &str) -> Vec<u8> {
    post("/auth/login", &format!(r#"{{"email":"{address}","password":"not that password"}}"#))
}
