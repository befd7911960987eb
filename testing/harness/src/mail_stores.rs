//! The rest of [`ObservedStore`]: codes, mails and limits.

use async_trait::async_trait;
use contracts::{
    CodePut, Draw, Drawn, Limiter, MailOutboxStore, OneTimeCodeStore, OutboxMail, PutCode,
    Replaced, Resealed, StoreError,
};
use domain::{ChallengeId, CodeKind, MailId, OneTimeCode, Timestamp, UserId};

use crate::ObservedStore;

#[async_trait]
impl OneTimeCodeStore for ObservedStore {
    async fn put_code(&self, put: &PutCode) -> Result<CodePut, StoreError> {
        self.calls.enter("put_code").await?;
        self.inner.put_code(put).await
    }

    async fn find_code(
        &self,
        user: &UserId,
        kind: CodeKind,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        self.calls.enter("find_code").await?;
        self.inner.find_code(user, kind, now).await
    }

    async fn advance_tries(
        &self,
        challenge: ChallengeId,
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        self.calls.enter("advance_tries").await?;
        self.inner.advance_tries(challenge, tries_max, now).await
    }
}

#[async_trait]
impl MailOutboxStore for ObservedStore {
    async fn claim_mails(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        self.calls.enter("claim_mails").await?;
        self.inner.claim_mails(now, lease_until, limit).await
    }

    async fn find_mail(&self, id: MailId) -> Result<Option<OutboxMail>, StoreError> {
        self.calls.enter("find_mail").await?;
        self.inner.find_mail(id).await
    }

    async fn list_mails(
        &self,
        after: Option<MailId>,
        limit: usize,
    ) -> Result<Vec<OutboxMail>, StoreError> {
        self.calls.enter("list_mails").await?;
        self.inner.list_mails(after, limit).await
    }

    async fn replace_mail(
        &self,
        mail: &OutboxMail,
        due_at: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.calls.enter("replace_mail").await?;
        self.inner.replace_mail(mail, due_at).await
    }

    async fn replace_mail_values(
        &self,
        id: MailId,
        values: &Resealed,
    ) -> Result<Replaced, StoreError> {
        self.calls.enter("replace_mail_values").await?;
        self.inner.replace_mail_values(id, values).await
    }

    async fn delete_mail(&self, id: MailId) -> Result<(), StoreError> {
        self.calls.enter("delete_mail").await?;
        self.inner.delete_mail(id).await
    }

    async fn delete_mails_of(&self, user: &UserId, limit: usize) -> Result<usize, StoreError> {
        self.calls.enter("delete_mails_of").await?;
        self.inner.delete_mails_of(user, limit).await
    }
}

#[async_trait]
impl Limiter for ObservedStore {
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        self.calls.enter("draw").await?;
        self.inner.draw(draw).await
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        self.calls.enter("give_back").await?;
        self.inner.give_back(draw).await
    }
}
