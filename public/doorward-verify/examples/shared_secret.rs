//! Checks a token with a secret that is shared with the issuer: no network, no key set.
//!
//! `cargo run --example shared_secret -- FILE_WITH_SECRET TOKEN`

use doorward_verify::Verifier;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this example speaks to a person at a terminal")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(token)) = (arguments.next(), arguments.next()) else {
        return Err("name a file with the secret, and a token".into());
    };
    let verifier = Verifier::builder("https://auth.example.com")
        .audience("api")
        .shared_secret_file(file)
        .build()?;

    let claims = verifier.verify(&token).await?;
    println!("{} may {}", claims.sub, claims.permissions.join(", "));
    Ok(())
}
