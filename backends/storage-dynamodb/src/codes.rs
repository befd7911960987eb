use async_trait::async_trait;
use contracts::{CodePut, OneTimeCodeStore, PutCode, SpendCode, StoreError};
use domain::{ChallengeId, CodeKind, EmailAddress, OneTimeCode, Timestamp, UserId};

use crate::DynamoStorage;
use crate::fields::{Fields, bytes, counter, moment, number, text};
use crate::notices::insert_notices;
use crate::operation::within;
use crate::row::{Item, Row, known, parsed};
use crate::table::{KEPT_AFTER_EXPIRY, Key, Kind, challenge_list};
use crate::transaction::{Guard, Transacted, Transaction};
use crate::write::{Action, Written};

#[async_trait]
impl OneTimeCodeStore for DynamoStorage {
    async fn put_code(&self, put: &PutCode) -> Result<CodePut, StoreError> {
        within(self.put_unless_young(put)).await
    }

    async fn find_code(
        &self,
        user: &UserId,
        kind: CodeKind,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        let item = within(self.find(&Key::code(user, kind))).await?;
        let code = item.as_ref().map(to_code).transpose()?;
        Ok(code.filter(|code| code.expires_at > now))
    }

    async fn advance_tries(
        &self,
        challenge: ChallengeId,
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        within(self.count_try(challenge, tries_max, now)).await
    }
}

impl DynamoStorage {
    pub(crate) async fn put_unless_young(&self, put: &PutCode) -> Result<CodePut, StoreError> {
        let [code, challenge] = put_code(&put.code);
        let code = code
            .when("attribute_not_exists(#PK) OR #created_at_ms <= :unless_made_after")
            .value(":unless_made_after", moment(put.unless_made_after));
        let transaction = Transaction::default()
            .guarded(Guard::Code, code)
            .and(challenge)
            .all(insert_notices(&put.notices));
        match self.transact(transaction).await? {
            Transacted::Done => Ok(CodePut::Yes),
            Transacted::Refused(refusals) => match refusals.of(Guard::Code) {
                Some(standing) => Ok(CodePut::TooSoon(to_challenge(Row(standing))?)),
                None => Err(refusals.unexpected()),
            },
        }
    }

    /// A challenge leads to a code until its code expires, or would have: it is the code itself
    /// that says whether it is still the challenge's. Sweeps and purges find the challenge by the
    /// indexes, so that whoever replaces, spends or drops a code need not know it.
    async fn count_try(
        &self,
        challenge: ChallengeId,
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        let Some(found) = self.find(&Key::challenge(challenge)).await? else { return Ok(None) };
        let row = Row(&found);
        let key = Key::code(&row.user("user")?, to_kind(row)?);
        let action = Action::update(key, Fields::default())
            .add("tries", number(1))
            .when("#challenge = :challenge AND #tries < :tries_max")
            .when("#short_code_expires_at_ms > :now")
            .value(":challenge", text(challenge.to_string()))
            .value(":tries_max", counter(tries_max.into()))
            .value(":now", moment(now));
        match self.write(action).await? {
            Written::Done(code) => to_code(&code).map(Some),
            Written::Unmet(_) => Ok(None),
        }
    }
}

/// Writes a code in the place of any older one, and where its challenge leads.
pub(crate) fn put_code(code: &OneTimeCode) -> [Action; 2] {
    let key = Key::code(&code.user, code.kind);
    let challenge = code.challenge.to_string();
    let fields = Fields::default()
        .due(Kind::Code, &challenge, code.expires_at)
        .expiring(code.expires_at, KEPT_AFTER_EXPIRY)
        .with("user", text(code.user.as_str()))
        .with("kind", text(code.kind.name()))
        .with("challenge", text(&challenge))
        .with("secret_digest", bytes(&code.secret_digest))
        .with("short_code_mac", bytes(&code.short_code_mac))
        .with("tries", counter(code.tries.into()))
        .maybe("email", code.email.as_ref().map(|email| text(email.as_typed())))
        .with("created_at_ms", moment(code.created_at))
        .with("short_code_expires_at_ms", moment(code.short_code_expires_at));
    let leads_to = Fields::default()
        .due(Kind::Challenge, &challenge, code.expires_at)
        .listed(challenge_list(&code.user), &challenge)
        .expiring(code.expires_at, KEPT_AFTER_EXPIRY)
        .with("user", text(code.user.as_str()))
        .with("kind", text(code.kind.name()));
    [Action::put(&key, fields), Action::put(&Key::challenge(code.challenge), leads_to)]
}

/// The condition that a code is there to be spent.
pub(crate) fn spending(action: Action, spent: &SpendCode) -> Action {
    action
        .when("#secret_digest = :secret_digest AND #expires_at_ms > :now")
        .value(":secret_digest", bytes(&spent.secret_digest))
        .value(":now", moment(spent.now))
}

/// Whether the item is a code to be spent.
pub(crate) fn is_spendable(item: &Item, spent: &SpendCode) -> Result<bool, StoreError> {
    let row = Row(item);
    let digest: [u8; 32] = row.array("secret_digest")?;
    Ok(digest == spent.secret_digest && row.moment("expires_at_ms")? > spent.now)
}

/// Where the challenge of a code is.
fn to_challenge(row: Row<'_>) -> Result<ChallengeId, StoreError> {
    parsed("challenge", ChallengeId::parse(row.text("challenge")?))
}

fn to_kind(row: Row<'_>) -> Result<CodeKind, StoreError> {
    known("kind of a code", CodeKind::parse(row.text("kind")?))
}

fn to_code(item: &Item) -> Result<OneTimeCode, StoreError> {
    let row = Row(item);
    Ok(OneTimeCode {
        user: row.user("user")?,
        kind: to_kind(row)?,
        challenge: to_challenge(row)?,
        secret_digest: row.array("secret_digest")?,
        short_code_mac: row.array("short_code_mac")?,
        tries: row.small_counter("tries")?,
        email: row
            .optional_text("email")?
            .map(|text| parsed("address of a code", EmailAddress::parse(text)))
            .transpose()?,
        created_at: row.moment("created_at_ms")?,
        short_code_expires_at: row.moment("short_code_expires_at_ms")?,
        expires_at: row.moment("expires_at_ms")?,
    })
}
