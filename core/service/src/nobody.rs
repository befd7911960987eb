//! Whoever has no account, and must not be told apart from those who have.
//!
//! What is kept of somebody when a code is asked for is kept of nobody, too: a code, a mail and an
//! event, under an id that no user has. The relays drop the latter two, and the first expires.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contracts::QueuedMail;
use domain::{EmailAddress, UserId};

use crate::Service;

/// No user's id begins like this.
const PREFIX: &str = "nobody_";

/// Whether that is the id of nobody: nothing of it leaves the house.
pub fn is_nobody(user: &UserId) -> bool {
    user.as_str().starts_with(PREFIX)
}

/// The one whom all mails of nobody are of, so that they can be removed together.
pub(crate) fn nobody_at_all() -> UserId {
    nobody_named(&[0; 16])
}

/// Makes a mail one that nobody gets. The address that was typed is not kept (RFC 2606 §2).
pub(crate) fn to_nobody(mail: &mut QueuedMail) {
    mail.user = Some(nobody_at_all());
    mail.recipient =
        EmailAddress::parse("nobody@example.invalid").expect("this has the shape of an address");
}

/// The id of nobody with that name.
pub(crate) fn nobody_named(name: &[u8; 16]) -> UserId {
    let name = BASE64_URL_SAFE_NO_PAD.encode(name);
    UserId::parse(&format!("{PREFIX}{name}")).expect("base64url is visible ASCII")
}

impl Service {
    /// The id of nobody that belongs to this address: always the same, and read by nobody.
    pub(crate) fn nobody(&self, email: &EmailAddress) -> UserId {
        let mac = self.code_key.mac(format!("nobody/{}", email.key()).as_bytes());
        let (name, _) = mac.split_first_chunk().expect("a MAC has 32 bytes");
        nobody_named(name)
    }
}
