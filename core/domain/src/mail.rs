/// What a mail says. Its words are in a template of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MailTemplate {
    /// To an address that an account was made with: is it yours?
    VerifyAddress,
    /// To an address that an account shall have: is it yours?
    ConfirmAddress,
    /// To somebody who asked for a new password.
    ResetPassword,
    /// The password was changed.
    PasswordChanged,
    /// To the old address: the account has another one.
    AddressChanged,
    /// Somebody wanted to use an address that has an account.
    AlreadyRegistered,
    /// A sign-in from a device that was not seen before.
    NewDevice,
    /// The account was erased.
    AccountDeleted,
}

impl MailTemplate {
    /// Every template.
    pub const ALL: [Self; 8] = [
        Self::VerifyAddress,
        Self::ConfirmAddress,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::AddressChanged,
        Self::AlreadyRegistered,
        Self::NewDevice,
        Self::AccountDeleted,
    ];

    /// The stable name, in stores and of the template's files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyAddress => "verify_address",
            Self::ConfirmAddress => "confirm_address",
            Self::ResetPassword => "reset_password",
            Self::PasswordChanged => "password_changed",
            Self::AddressChanged => "address_changed",
            Self::AlreadyRegistered => "already_registered",
            Self::NewDevice => "new_device",
            Self::AccountDeleted => "account_deleted",
        }
    }

    /// Reads the stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|template| template.name() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_reads_back_by_its_name() {
        for template in MailTemplate::ALL {
            assert_eq!(MailTemplate::parse(template.name()), Some(template));
        }
        assert_eq!(MailTemplate::parse("welcome"), None);
    }
}
