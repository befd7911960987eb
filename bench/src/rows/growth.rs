//! Whether many users make anything slower: the same load on a small and on a grown database.

mod seed;

use std::collections::HashMap;
use std::sync::Arc;

use crate::accounts;
use crate::http::Answer;
use crate::load::{Client, Comparison, Load};
use crate::process::Process;
use crate::sample::{Sample, count, ms};
use crate::server::signing;
use crate::table::{Row, Table};
use crate::{Bench, Result};

use seed::{DATA_KEY_BASE64, Seeded, random};

const FEW_USERS: u32 = 1_000;
const REFRESH_CLIENTS: u32 = 8;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let few = Grown::open(bench, FEW_USERS).await?;
    let many = Grown::open(bench, bench.growth_users).await?;
    let kinds: [(&str, MakeClients); 2] =
        [("refresh", Grown::refreshers), ("login", Grown::logins)];
    for (name, clients) in kinds {
        let mut few_load = Load::new(&few.server, clients(&few, bench));
        let mut many_load = Load::new(&many.server, clients(&many, bench));
        let (mut few_sample, mut many_sample) = (Sample::default(), Sample::default());
        for _ in 0..bench.timing.rounds * 2 {
            few_sample.add(few_load.run(bench.timing.round / 2).await?);
            many_sample.add(many_load.run(bench.timing.round / 2).await?);
        }
        push(table, name, bench, &Comparison { measured: many_sample, reference: few_sample });
    }
    Ok(())
}

type MakeClients = fn(&Grown, &Bench) -> Vec<Box<dyn Client>>;

fn push(table: &mut Table, name: &str, bench: &Bench, outcome: &Comparison) {
    let (many, few) = (&outcome.measured, &outcome.reference);
    let ratio = many.quantile_ms(0.5) / few.quantile_ms(0.5);
    let ratio_of_slow = many.quantile_ms(0.99) / few.quantile_ms(0.99);
    let text = |sample: &Sample| {
        let (half, slow) = (ms(sample.quantile_ms(0.5)), ms(sample.quantile_ms(0.99)));
        format!("p50 {half} ms, p99 {slow} ms, {} errors", sample.errors)
    };
    let users = count(f64::from(bench.growth_users));
    table.push(Row {
        what: format!("{name} with {users} users and sessions"),
        measured: format!("{} (p99 {ratio_of_slow:.2} ×)", text(many)),
        reference: format!("with {}: {}", count(f64::from(FEW_USERS)), text(few)),
        ratio: Some(ratio),
        target: "≤ 1.30 ×".to_owned(),
        is_met: Some(ratio <= 1.3),
    });
}

/// A server over a seeded database.
struct Grown {
    server: Process,
    seeded: Arc<Seeded>,
}

impl Grown {
    async fn open(bench: &Bench, users: u32) -> Result<Self> {
        let name = format!("growth-{users}");
        let settings = [signing("EdDSA"), ("DOORWARD_DATA_KEY", DATA_KEY_BASE64)];
        let server = bench.doorward(&name, &settings).await?;
        accounts::register(&server, 1).await?;
        accounts::sign_in(&server, &accounts::email(0)).await?;
        server.stop().await?;
        let seeded = Arc::new(Seeded::new(users)?);
        seeded.fill(&bench.folder.join(&name).join("data/doorward.db"))?;
        Ok(Self { server: bench.doorward(&name, &settings).await?, seeded })
    }

    fn refreshers(&self, _: &Bench) -> Vec<Box<dyn Client>> {
        let client = |number| RandomRefresher {
            seeded: Arc::clone(&self.seeded),
            number,
            turn: u64::from(number),
            current: 0,
            tokens: HashMap::new(),
        };
        (0..REFRESH_CLIENTS).map(|number| Box::new(client(number)) as Box<dyn Client>).collect()
    }

    fn logins(&self, bench: &Bench) -> Vec<Box<dyn Client>> {
        let client = |number: usize| RandomLogin {
            users: self.seeded.users,
            turn: 1_000_000 * u64::try_from(number).unwrap_or(0),
        };
        (0..bench.cores).map(|number| Box::new(client(number)) as Box<dyn Client>).collect()
    }
}

/// Refreshes any session of its share, and remembers those that it has.
struct RandomRefresher {
    seeded: Arc<Seeded>,
    number: u32,
    turn: u64,
    current: u32,
    tokens: HashMap<u32, String>,
}

impl Client for RandomRefresher {
    fn request(&mut self) -> Vec<u8> {
        self.turn += u64::from(REFRESH_CLIENTS);
        let share = self.seeded.users / REFRESH_CLIENTS;
        self.current = below(share, self.turn) * REFRESH_CLIENTS + self.number;
        match self.tokens.get(&self.current) {
            Some(token) => accounts::refresh(token),
            None => accounts::refresh(&self.seeded.refresh_token(self.current)),
        }
    }

    fn accept(&mut self, answer: &Answer<'_>) -> bool {
        match answer.member("refreshToken") {
            Some(token) if answer.status == 200 => {
                self.tokens.insert(self.current, token.to_owned());
                true
            }
            _ => false,
        }
    }
}

/// Signs in as any user.
struct RandomLogin {
    users: u32,
    turn: u64,
}

impl Client for RandomLogin {
    fn request(&mut self) -> Vec<u8> {
        self.turn += 1;
        accounts::login(&seed::email(below(self.users, self.turn)))
    }

    fn accept(&mut self, answer: &Answer<'_>) -> bool {
        answer.status == 200
    }
}

fn below(bound: u32, turn: u64) -> u32 {
    u32::try_from(random(turn) % u64::from(bound.max(1))).unwrap_or(0)
}
