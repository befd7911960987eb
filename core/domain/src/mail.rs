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
    /// Sign-ins ask for a second factor from now on.
    FactorEnabled,
    /// They do no longer: the user or an operator removed it.
    FactorDisabled,
    /// A backup code was used, and so many are left.
    BackupCodeUsed,
    /// Few backup codes are left.
    BackupCodesLow,
    /// Somebody who knows the password enters wrong codes.
    WrongCodes,
    /// The account was erased.
    AccountDeleted,
}

impl MailTemplate {
    /// Every template.
    pub const ALL: [Self; 13] = [
        Self::VerifyAddress,
        Self::ConfirmAddress,
        Self::ResetPassword,
        Self::PasswordChanged,
        Self::AddressChanged,
        Self::AlreadyRegistered,
        Self::NewDevice,
        Self::FactorEnabled,
        Self::FactorDisabled,
        Self::BackupCodeUsed,
        Self::BackupCodesLow,
        Self::WrongCodes,
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
            Self::FactorEnabled => "factor_enabled",
            Self::FactorDisabled => "factor_disabled",
            Self::BackupCodeUsed => "backup_code_used",
            Self::BackupCodesLow => "backup_codes_low",
            Self::WrongCodes => "wrong_codes",
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
