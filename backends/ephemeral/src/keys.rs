use contracts::LimitKey;
use domain::{SessionId, UserId};

/// The names of keys. Each has exactly one hash tag, so that a cluster keeps together what belongs
/// together.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// `None` if the prefix would make a hash tag of its own.
    pub(crate) fn with_prefix(prefix: String) -> Option<Self> {
        (!prefix.contains(['{', '}'])).then_some(Self { prefix })
    }

    pub(crate) fn limit(&self, key: LimitKey) -> String {
        format!("{}limit:{{{:032x}}}", self.prefix, u128::from_be_bytes(key.0))
    }

    pub(crate) fn session(&self, user: &UserId, session: SessionId) -> String {
        format!("{}:{session}", self.sessions(user))
    }

    /// Which sessions a user has.
    pub(crate) fn sessions(&self, user: &UserId) -> String {
        format!("{}refresh:{{{}}}", self.prefix, tag(user))
    }
}

/// A foreign id may hold braces, which would end the hash tag early.
fn tag(user: &UserId) -> String {
    user.as_str().replace('%', "%25").replace('{', "%7B").replace('}', "%7D")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::with_prefix(String::new()).unwrap()
    }

    #[test]
    fn keys_have_exactly_one_hash_tag() {
        let session = SessionId::from_bytes([7; 16]);
        for id in ["user_1", "}{", "a}:{b", "%7D", "a:b"] {
            let user = UserId::parse(id).unwrap();
            for key in [keys().session(&user, session), keys().sessions(&user)] {
                assert_eq!(key.matches('{').count(), 1, "{key}");
                assert_eq!(key.matches('}').count(), 1, "{key}");
                assert!(!key.contains("{}"), "{key}: an empty tag is none");
            }
        }
        assert_eq!(keys().limit(LimitKey([0x0f; 16])), "limit:{0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f}");
    }

    #[test]
    fn no_two_users_share_a_key() {
        let ids = ["%", "%25", "}", "%7D", "%257D", "a", "a:b"];
        let names = ids.map(|id| keys().sessions(&UserId::parse(id).unwrap()));
        for (number, name) in names.iter().enumerate() {
            assert!(!names[number + 1..].contains(name), "{name}");
        }
    }

    #[test]
    fn keys_begin_with_the_prefix() {
        let keys = Keys::with_prefix("shop:".to_owned()).unwrap();
        let user = UserId::parse("user_1").unwrap();
        assert_eq!(keys.sessions(&user), "shop:refresh:{user_1}");
        assert!(Keys::with_prefix("{shop}".to_owned()).is_none());
    }
}
