use crate::accounts;
use crate::http::get;
use crate::load::{Client, Load, Repeat, compare};
use crate::server::signing;
use crate::table::{Row, Table};
use crate::{Bench, Result};

/// Clients at once, each with a token of its own.
const CLIENTS: usize = 32;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    for algorithm in ["EdDSA", "RS256"] {
        let name = format!("bearer-{algorithm}");
        let server = bench.doorward(&name, &[signing(algorithm)]).await?;
        accounts::register(&server, 1).await?;
        let mut tokens = Vec::new();
        for _ in 0..CLIENTS {
            tokens.push(accounts::sign_in(&server, &accounts::email(0)).await?.0);
        }
        let keys: serde_json::Value =
            serde_json::from_slice(&accounts::published_keys(&server).await?)?;
        let reference = bench.hello(Some(&keys["keys"][0].to_string())).await?;
        let mut hello = Load::new(&reference, bearers("/me", &tokens));
        for path in ["/auth/me", "/auth/verify"] {
            let mut measured = Load::new(&server, bearers(path, &tokens));
            let outcome = compare(bench.timing, &mut measured, &mut hello).await?;
            let row = Row {
                what: format!("`GET {path}`, {algorithm}"),
                measured: outcome.measured.text(),
                reference: format!(
                    "axum hello + the same verify: {}",
                    outcome.reference.rate_text()
                ),
                ..Row::default()
            };
            table.push_at_least(row, outcome.ratio(), 0.70);
        }
    }
    Ok(())
}

fn bearers(path: &str, tokens: &[String]) -> Vec<Box<dyn Client>> {
    let client = |token: &String| Repeat { request: get(path, Some(token)), status: 200 };
    tokens.iter().map(|token| Box::new(client(token)) as Box<dyn Client>).collect()
}
