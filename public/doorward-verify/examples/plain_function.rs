//! Checks a token with a plain function: no runtime, no network, the time is an argument. It needs
//! none of this crate's features.
//!
//! `cargo run --no-default-features --example plain_function -- JWKS_FILE TOKEN UNIX_SECONDS`

use doorward_verify::{Authorize, KeySet, Policy, verify_access_token};

#[expect(clippy::print_stdout, reason = "this example speaks to a person at a terminal")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [file, token, now] = arguments.as_slice() else {
        return Err("name a file with the key set, a token, and the time".into());
    };
    let keys = KeySet::parse(&std::fs::read(file)?)?;
    let policy = Policy::new("https://auth.example.com", ["api"]);

    let claims = verify_access_token(token, &keys, &policy, now.parse()?)?;
    claims.require_scope("profile:read")?;
    println!("{} may read their profile", claims.sub);
    Ok(())
}
