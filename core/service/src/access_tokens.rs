use std::time::Duration;

use domain::{Account, Permission, RoleName, Session, Timestamp, TokenId, amr, foremost};
use doorward_claims::{ACCESS_TOKEN_TYP, AccessClaims, Audience, TOKEN_KIND};
use secrecy::SecretString;

use crate::Service;
use crate::failure::Failure;

/// The client that our own calls issue tokens to.
const FIRST_PARTY: &str = "first-party";

/// An access token and how long it lives.
pub(crate) struct AccessToken {
    pub(crate) token: SecretString,
    pub(crate) expires_in: Duration,
}

impl Service {
    /// Signs what the account may do, for this session, from `now` on.
    pub(crate) async fn access_token(
        &self,
        account: &Account,
        session: &Session,
        now: Timestamp,
    ) -> Result<AccessToken, Failure> {
        let expires_at = now.plus(self.policy.access_ttl).min(session.expires_at);
        let claims = self.claims(account, session, now, expires_at);
        let token = self.live_keys.sign(ACCESS_TOKEN_TYP, &claims, now).await?;
        Ok(AccessToken { token: token.into(), expires_in: expires_at.since(now) })
    }

    fn claims(
        &self,
        account: &Account,
        session: &Session,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> AccessClaims {
        let user = &account.user;
        let permissions: Vec<&str> = account.permissions.iter().map(Permission::as_str).collect();
        AccessClaims {
            iss: self.policy.issuer.clone(),
            sub: user.id.as_str().to_owned(),
            aud: Audience::from(self.policy.audiences.as_slice()),
            client_id: FIRST_PARTY.to_owned(),
            iat: now.unix_seconds(),
            exp: expires_at.unix_seconds(),
            nbf: None,
            jti: TokenId::new(now, self.entropy.bytes()).to_string(),
            sid: session.id.to_string(),
            session_epoch: session.epoch,
            kind: TOKEN_KIND.to_owned(),
            email: user.is_email_verified.then(|| user.email.as_typed().to_owned()),
            email_verified: user.is_email_verified,
            username: user.username.as_ref().map(|name| name.as_str().to_owned()),
            name: user.name.as_ref().map(|name| name.as_str().to_owned()),
            role: foremost(&user.roles, &self.policy.role_order).map(to_text),
            roles: user.roles.iter().map(to_text).collect(),
            scope: (!permissions.is_empty()).then(|| permissions.join(" ")),
            permissions: permissions.into_iter().map(str::to_owned).collect(),
            auth_time: Some(session.authenticated_at.unix_seconds()),
            amr: amr(&session.methods).into_iter().map(str::to_owned).collect(),
        }
    }
}

fn to_text(role: &RoleName) -> String {
    role.as_str().to_owned()
}
