//! What commands read from and write to the terminal.

use std::io::{self, IsTerminal, Read, Write};

use secrecy::SecretString;
use tokio::runtime::Runtime;

use crate::failure::Failure;

/// A password is a line; no file of any size is read into memory for one.
const PASSWORD_INPUT_BYTES_MAX: u64 = 8 * 1024;

/// Writes to standard output. A reader that has gone away, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(output, "{text}{end}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::of("the output could not be written")(error))
        }
        _ => Ok(()),
    }
}

/// Says on standard error what went wrong.
pub(crate) fn complain(failure: &Failure) {
    // There is nowhere left to say that this failed.
    let _ = writeln!(io::stderr(), "doorward: {}", failure.report());
}

/// Asks for a password twice on a terminal, else reads the first line of standard input.
pub(crate) fn read_password() -> Result<SecretString, Failure> {
    if io::stdin().is_terminal() {
        let ask = |prompt| {
            rpassword::prompt_password(prompt)
                .map(SecretString::from)
                .map_err(Failure::of("the password could not be read"))
        };
        let (first, second) = (ask("Password: ")?, ask("Once more: ")?);
        return if is_same(&first, &second) {
            Ok(first)
        } else {
            Err(Failure::Refused("the two passwords differ".to_owned()))
        };
    }
    let mut text = zeroize::Zeroizing::new(String::new());
    io::stdin()
        .take(PASSWORD_INPUT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(Failure::of("the password could not be read"))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        let help = "give the password on standard input, or run this on a terminal".to_owned();
        return Err(Failure::Usage(help));
    }
    Ok(SecretString::from(line))
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    use secrecy::ExposeSecret;
    one.expose_secret() == other.expose_secret()
}

/// A small runtime for commands that do one thing and end.
pub(crate) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::of("the runtime could not be started"))
}
