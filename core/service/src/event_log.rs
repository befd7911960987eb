//! Events as consumers get them: the envelope of `api.md`, "Events".

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use contracts::{Entropy, OutboxEvent};
use domain::{Event, EventId, EventKind, RandomBits, Timestamp, UserId};
use serde_json::{Map, Value, json};

use crate::Service;
use crate::policy::Origin;

/// What an event is about and who caused it; the rest is the same for all of them.
pub(crate) struct Happening<'a> {
    pub(crate) origin: &'a Origin,
    pub(crate) actor: Option<&'a UserId>,
    /// None, if it is about the deployment itself.
    pub(crate) subject: Option<&'a UserId>,
    pub(crate) at: Timestamp,
}

impl Service {
    /// An event that changes no user.
    pub(crate) fn event(&self, happening: &Happening<'_>, kind: EventKind) -> OutboxEvent {
        self.event_with_version(happening, None, kind)
    }

    /// An event that leaves the user at `version`.
    pub(crate) fn event_of_change(
        &self,
        happening: &Happening<'_>,
        version: u64,
        kind: EventKind,
    ) -> OutboxEvent {
        self.event_with_version(happening, Some(version), kind)
    }

    fn event_with_version(
        &self,
        happening: &Happening<'_>,
        subject_version: Option<u64>,
        kind: EventKind,
    ) -> OutboxEvent {
        to_outbox(&Event {
            id: self.events.next_id(happening.at),
            at: happening.at,
            request_id: happening.origin.request_id.clone(),
            actor: happening.actor.cloned(),
            subject: happening.subject.cloned(),
            subject_version,
            kind,
        })
    }
}

/// Names events.
pub(crate) struct EventLog {
    entropy: Arc<dyn Entropy>,
    /// Orders events of one millisecond.
    made: AtomicU16,
}

impl EventLog {
    pub(crate) const fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, made: AtomicU16::new(0) }
    }

    /// An event about the deployment itself, which nobody is known to have caused.
    pub(crate) fn of_deployment(&self, at: Timestamp, kind: EventKind) -> OutboxEvent {
        let (request_id, actor, subject, subject_version) = (None, None, None, None);
        let id = self.next_id(at);
        to_outbox(&Event { id, at, request_id, actor, subject, subject_version, kind })
    }

    /// An id that sorts behind those that this instance made before, also within one millisecond:
    /// the 12 bits behind the time count (RFC 9562 §6.2, method 1), so that the events of one user
    /// go out in the order of what happened.
    fn next_id(&self, at: Timestamp) -> EventId {
        let mut bits: RandomBits = self.entropy.bytes();
        let count = self.made.fetch_add(1, Ordering::Relaxed);
        bits[..2].copy_from_slice(&count.to_be_bytes());
        EventId::new(at, bits)
    }
}

fn to_outbox(event: &Event) -> OutboxEvent {
    OutboxEvent {
        id: event.id,
        name: event.kind.name().to_owned(),
        subject: event.subject.clone(),
        at: event.at,
        envelope: envelope(event).to_string(),
    }
}

fn envelope(event: &Event) -> Value {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| {
        if !value.is_null() {
            members.insert(name.to_owned(), value);
        }
    };
    put("id", json!(event.id.to_string()));
    put("type", json!(event.kind.name()));
    put("time", json!(rfc3339(event.at)));
    put("requestId", json!(event.request_id.as_ref().map(domain::RequestId::as_str)));
    put("actor", json!(event.actor.as_ref().map(UserId::as_str)));
    put("subject", json!(event.subject.as_ref().map(UserId::as_str)));
    put("subjectVersion", json!(event.subject_version));
    put("data", data(event));
    Value::Object(members)
}

/// A moment as answers, events and commands show it: RFC 3339 with milliseconds, UTC.
pub fn rfc3339(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.unix_ms())
        .map(|moment| format!("{moment:.3}"))
        .unwrap_or_default()
}

fn data(event: &Event) -> Value {
    let user = event.subject.as_ref().map(UserId::as_str);
    match &event.kind {
        EventKind::UserCreated(created) => json!({
            "id": user,
            "email": created.email.as_typed(),
            "username": created.username.as_ref().map(domain::Username::as_str),
            "name": created.name.as_ref().map(domain::PersonName::as_str),
            "roles": created.roles.iter().map(domain::RoleName::as_str).collect::<Vec<_>>(),
        }),
        EventKind::UserUpdated { email, fields } => {
            json!({ "id": user, "email": email.as_typed(), "fields": fields })
        }
        EventKind::UserEmailVerified(email) | EventKind::UserDeleted(email) => {
            json!({ "id": user, "email": email.as_typed() })
        }
        EventKind::UserPasswordChanged(client)
        | EventKind::UserPasswordResetRequested(client)
        | EventKind::UserMfaEnabled(client)
        | EventKind::UserMfaDisabled(client)
        | EventKind::UserBackupCodeUsed(client) => json!({ "id": user, "ip": client.address }),
        EventKind::UserLogin { session, client, methods } => json!({
            "id": user,
            "sessionId": session.to_string(),
            "ip": client.address,
            "userAgent": client.user_agent,
            "method": methods,
        }),
        EventKind::SessionCreated(session) => {
            json!({ "id": session.to_string(), "userId": user })
        }
        EventKind::SessionRevoked { session: Some(session), reason } => {
            json!({ "id": session.to_string(), "userId": user, "reason": reason.name() })
        }
        EventKind::SessionRevoked { session: None, reason } => {
            json!({ "userId": user, "reason": reason.name() })
        }
        EventKind::SessionRefreshReused { session, reason } => {
            json!({ "id": session.to_string(), "userId": user, "reason": reason })
        }
        EventKind::SessionReplayDetected(session) => {
            json!({ "id": session.to_string(), "userId": user, "reason": "replay" })
        }
        EventKind::KeyRotated { kid, algorithm } | EventKind::KeyRevoked { kid, algorithm } => {
            json!({ "kid": kid, "algorithm": algorithm })
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{Client, EndReason, RequestId, SessionId};

    use super::*;

    const AT: Timestamp = Timestamp::from_unix_ms(1_731_333_100_007);

    #[test]
    fn an_envelope_has_the_members_of_the_contract() {
        let event = Event {
            id: EventId::new(AT, [0; 10]),
            at: AT,
            request_id: RequestId::parse("req-1"),
            actor: None,
            subject: UserId::parse("user_1").ok(),
            subject_version: None,
            kind: EventKind::SessionRevoked {
                session: Some(SessionId::from_bytes([0; 16])),
                reason: EndReason::SignedOut,
            },
        };
        let text = envelope(&event).to_string();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["type"], "session.revoked");
        assert_eq!(value["time"], "2024-11-11T13:51:40.007Z");
        assert_eq!(value["requestId"], "req-1");
        assert_eq!(value["data"]["reason"], "signed_out");
        assert!(value.get("actor").is_none(), "absent, not null");
    }

    #[test]
    fn a_sign_in_tells_from_where_and_how() {
        let kind = EventKind::UserLogin {
            session: SessionId::from_bytes([0; 16]),
            client: Client::new("192.0.2.7".parse().ok(), Some("curl/8")),
            methods: vec!["pwd"],
        };
        let event = Event {
            id: EventId::new(AT, [0; 10]),
            at: AT,
            request_id: None,
            actor: None,
            subject: UserId::parse("user_1").ok(),
            subject_version: Some(2),
            kind,
        };
        let value = envelope(&event);
        assert_eq!(value["subjectVersion"], 2);
        assert_eq!(value["data"]["ip"], "192.0.2.7");
        assert_eq!(value["data"]["method"][0], "pwd");
    }

    #[test]
    fn an_event_of_the_deployment_is_about_no_user() {
        let key = ("key-1".to_owned(), "ES256".to_owned());
        let event = Event {
            id: EventId::new(AT, [0; 10]),
            at: AT,
            request_id: None,
            actor: None,
            subject: None,
            subject_version: None,
            kind: EventKind::KeyRotated { kid: key.0.clone(), algorithm: key.1.clone() },
        };
        let data = json!({ "kid": "key-1", "algorithm": "ES256" });
        let expected = json!({
            "id": event.id.to_string(),
            "type": "key.rotated",
            "time": "2024-11-11T13:51:40.007Z",
            "data": data,
        });
        assert_eq!(envelope(&event), expected);
        let revoked = EventKind::KeyRevoked { kid: key.0, algorithm: key.1 };
        let value = envelope(&Event { kind: revoked, ..event });
        assert_eq!((&value["type"], &value["data"]), (&json!("key.revoked"), &data));
    }
}
