use std::hint::black_box;

use doorward_verify::{KeySet, Policy, VerifyingKey, verify_access_token};

use crate::accounts;
use crate::raw_key::{RawKey, split};
use crate::sample::{Sample, bare_loop};
use crate::server::signing;
use crate::table::{Row, Table};
use crate::{Bench, Result};

const SECRET: &str = "a secret of thirty-two bytes or more";

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    for algorithm in ["RS256", "ES256", "EdDSA", "HS256"] {
        let is_shared = algorithm == "HS256";
        let mut settings = vec![signing(algorithm)];
        if is_shared {
            settings.push(("DOORWARD_KEYS__SHARED_SECRET", SECRET));
        }
        let server = bench.doorward(&format!("verify-{algorithm}"), &settings).await?;
        accounts::register(&server, 1).await?;
        let (token, _) = accounts::sign_in(&server, &accounts::email(0)).await?;
        let published = accounts::published_keys(&server).await?;
        let policy = Policy::new(format!("http://{}", server.address), ["api"]);
        drop(server);

        let (keys, raw) = if is_shared {
            let key = VerifyingKey::from_shared_secret(SECRET.as_bytes())?;
            (KeySet::from_iter([key]), RawKey::from_secret(SECRET.as_bytes()))
        } else {
            let jwks: serde_json::Value = serde_json::from_slice(&published)?;
            (KeySet::parse(&published)?, RawKey::from_jwk(&jwks["keys"][0])?)
        };
        let verified = Verified { token, keys, policy, raw };
        verified.compare(bench, table, algorithm)?;
    }
    Ok(())
}

struct Verified {
    token: String,
    keys: KeySet,
    policy: Policy,
    raw: RawKey,
}

impl Verified {
    fn compare(&self, bench: &Bench, table: &mut Table, algorithm: &str) -> Result<()> {
        let (message, signature) = split(&self.token)?;
        let now = jiff::Timestamp::now().as_second();
        verify_access_token(&self.token, &self.keys, &self.policy, now)?;
        if !self.raw.is_genuine(message, &signature) {
            return Err("the reference refuses the token".into());
        }
        let (mut ours, mut bare) = (Sample::default(), Sample::default());
        // Shorter turns, and more of them: nothing here waits for anything.
        for _ in 0..bench.timing.rounds * 4 {
            bare.add(bare_loop(bench.timing.round / 8, || {
                let _ = black_box(self.raw.is_genuine(black_box(message), &signature));
            })?);
            ours.add(bare_loop(bench.timing.round / 8, || {
                let token = black_box(self.token.as_str());
                let _ = black_box(verify_access_token(token, &self.keys, &self.policy, now));
            })?);
        }
        let row = Row {
            what: format!("`doorward-verify` in process, {algorithm}"),
            measured: ours.rate_text(),
            reference: format!("raw signature check: {}", bare.rate_text()),
            ..Row::default()
        };
        table.push_at_least(row, ours.per_cpu_second() / bare.per_cpu_second(), 0.90);
        Ok(())
    }
}
