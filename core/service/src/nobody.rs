//! Whoever has no account, and must not be told apart from those who have.
//!
//! What is kept of somebody when a code is asked for is kept of nobody, too: a code, a mail and an
//! event, under an id that no user has. The relays drop the latter two, and the first expires.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{EmailAddress, UserId};

use crate::Service;

/// No user's id begins like this.
const PREFIX: &str = "nobody_";

/// Whether that is the id of nobody: nothing of it leaves the house.
pub fn is_nobody(user: &UserId) -> bool {
    user.as_str().starts_with(PREFIX)
}

/// Where the mails of nobody would go (RFC 2606 §2): the address that was typed is not kept.
pub(crate) fn nowhere() -> EmailAddress {
    EmailAddress::parse("nobody@example.invalid").expect("this has the shape of an address")
}

impl Service {
    /// The id of nobody that belongs to this address: always the same, and read by nobody.
    pub(crate) fn nobody(&self, email: &EmailAddress) -> UserId {
        let mac = self.code_key.mac(format!("nobody/{}", email.key()).as_bytes());
        let name = BASE64_URL_SAFE_NO_PAD.encode(&mac[..16]);
        UserId::parse(&format!("{PREFIX}{name}")).expect("base64url is visible ASCII")
    }
}
