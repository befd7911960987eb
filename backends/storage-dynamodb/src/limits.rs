use async_trait::async_trait;
use contracts::{Draw, Drawn, Limiter, StoreError};
use domain::Timestamp;

use crate::DynamoStorage;
use crate::failure::unavailable;
use crate::fields::{Fields, moment, number};
use crate::operation::within;
use crate::row::Row;
use crate::table::{KEPT_AFTER_EXPIRY, Key, TTL, ttl_of};
use crate::write::{Action, Written};

/// How often a draw is decided anew because others drew meanwhile.
const TURNS_MAX: usize = 8;

/// What is kept of a quota is the moment at which it is whole again; nothing, if it is whole and
/// nobody has drawn on it.
#[async_trait]
impl Limiter for DynamoStorage {
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        within(self.draw_in_turn(draw)).await
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        let action = Action::update(Key::limit(draw.key), Fields::default())
            .add("whole_at_ms", number(-step_ms(draw)))
            .when("#whole_at_ms > :now")
            .value(":now", moment(draw.at));
        within(self.write(action)).await.map(|_| ())
    }
}

impl DynamoStorage {
    /// A whole quota is drawn on by setting the moment, any other by adding to it: additions of
    /// several callers do not hinder each other.
    async fn draw_in_turn(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        let mut is_whole = true;
        for _ in 0..TURNS_MAX {
            let action = if is_whole { draw_on_whole(draw) } else { draw_on_used(draw) };
            let found = match self.write(action).await? {
                Written::Done(_) => return Ok(Drawn::Yes),
                Written::Unmet(item) => item,
            };
            let whole_at = Row(&found).optional_moment("whole_at_ms")?;
            if let Err(wait) = draw.quota.draw(whole_at, draw.at) {
                return Ok(Drawn::No { wait });
            }
            is_whole = whole_at.is_none_or(|at| at <= draw.at);
        }
        Err(unavailable("a limit changed again and again"))
    }
}

fn draw_on_whole(draw: &Draw) -> Action {
    let fields = with_ttl(draw).with("whole_at_ms", moment(draw.at.plus(draw.quota.step())));
    Action::update(Key::limit(draw.key), fields)
        .when("attribute_not_exists(#whole_at_ms) OR #whole_at_ms <= :now")
        .value(":now", moment(draw.at))
}

fn draw_on_used(draw: &Draw) -> Action {
    let latest = draw.at.plus(draw.quota.reach()).minus(draw.quota.step());
    Action::update(Key::limit(draw.key), with_ttl(draw))
        .add("whole_at_ms", number(step_ms(draw)))
        .when("#whole_at_ms > :now AND #whole_at_ms <= :latest")
        .value(":now", moment(draw.at))
        .value(":latest", moment(latest))
}

/// The quota is whole by the end of its reach, whoever draws on it.
fn with_ttl(draw: &Draw) -> Fields {
    let whole_at = draw.at.plus(draw.quota.reach());
    Fields::default().with(TTL, number(ttl_of(whole_at, KEPT_AFTER_EXPIRY)))
}

fn step_ms(draw: &Draw) -> i64 {
    Timestamp::from_unix_ms(0).plus(draw.quota.step()).unix_ms()
}
