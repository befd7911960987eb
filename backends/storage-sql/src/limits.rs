use async_trait::async_trait;
use contracts::{Draw, Drawn, Limiter, StoreError};
use domain::Timestamp;

use crate::SqlStorage;
use crate::outcomes::unexpected;
use crate::statement::{Statement, Written};

/// The rule of `Quota::draw` where the row is: `$2` is one step from now, and a quota that is whole
/// later than `$5` has no step left.
const DRAW: &str = "
    INSERT INTO limits AS old (limit_key, whole_at_ms) VALUES ($1, $2)
        ON CONFLICT (limit_key) DO UPDATE
       SET whole_at_ms = CASE WHEN old.whole_at_ms > $3 THEN old.whole_at_ms + $4 ELSE $2 END
     WHERE old.whole_at_ms <= $5";

const FIND_LIMIT: &str = "SELECT whole_at_ms FROM limits WHERE limit_key = $1";

/// A quota that was whole stays so: a draw never counts from before its own moment.
const GIVE_BACK: &str = "
    UPDATE limits SET whole_at_ms = whole_at_ms - $1 WHERE limit_key = $2 AND whole_at_ms > $3";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[DRAW, FIND_LIMIT, GIVE_BACK];

#[async_trait]
impl Limiter for SqlStorage {
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        let step = draw.quota.step();
        let latest = draw.at.plus(draw.quota.reach());
        let parameters = [
            draw.key.0.as_slice().into(),
            draw.at.plus(step).into(),
            draw.at.into(),
            milliseconds(draw).into(),
            latest.minus(step).into(),
        ];
        match self.engine.write(vec![Statement::new(DRAW, parameters).guard()]).await? {
            Written::Done => Ok(Drawn::Yes),
            Written::Unmet(_) => self.refusal(draw).await,
            refused @ Written::Conflict(_) => Err(unexpected(&refused)),
        }
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        let parameters = [milliseconds(draw).into(), draw.key.0.as_slice().into(), draw.at.into()];
        self.write_all(vec![Statement::new(GIVE_BACK, parameters)]).await
    }
}

impl SqlStorage {
    /// How long to wait by what stands there now. Somebody may have given back meanwhile: then the
    /// wait is over at once.
    async fn refusal(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        let statement = Statement::new(FIND_LIMIT, [draw.key.0.as_slice().into()]);
        let whole_at = self
            .engine
            .read(&statement, None, |whole_at: &mut Option<Timestamp>, row| {
                *whole_at = Some(row.moment("limit")?);
                Ok(())
            })
            .await?;
        let wait = draw.quota.draw(whole_at, draw.at).err().unwrap_or_default();
        Ok(Drawn::No { wait })
    }
}

/// What one draw costs.
fn milliseconds(draw: &Draw) -> u64 {
    u64::try_from(draw.quota.step().as_millis()).unwrap_or(u64::MAX)
}
