//! What mails say about the second factor.

use contracts::{MailRenderer, MailValues};
use domain::MailTemplate;
use mail::Templates;
use secrecy::ExposeSecret;

fn text(template: MailTemplate, values: &MailValues) -> String {
    let mail = Templates::open(None, "Example").unwrap().render(template, values).unwrap();
    mail.text.expose_secret().to_owned()
}

fn sample_text(template: MailTemplate) -> String {
    text(template, &Templates::sample(template))
}

#[test]
fn the_text_of_a_factor_that_was_set_up_is_this() {
    insta::assert_snapshot!(sample_text(MailTemplate::FactorEnabled), @r"
    A second factor was set up for your Example account. Whoever signs
    in from now on needs a code of the authenticator app, too.

    When: 22 November 2026, 07:35 UTC
    Device (as it calls itself): Firefox on Linux
    IP address: 203.0.113.7

    If it was you, keep your backup codes where you find them without the
    app: when the app is lost, each of them signs you in once.

    If it was not you, somebody else is using your account and can keep you
    out of it. Reset your password now: go to Example and say that you
    forgot it. Then tell the people who run Example: they can remove
    the second factor.

    You get this mail because a second factor was set up for the account
    with this address.
    ");
}

#[test]
fn the_text_of_a_factor_that_was_removed_is_this() {
    insta::assert_snapshot!(sample_text(MailTemplate::FactorDisabled), @r"
    The second factor of your Example account was removed, in the
    account or by the people who run Example. The codes of your
    authenticator app and your backup codes do not work any more.

    When: 22 November 2026, 07:35 UTC
    Device (as it calls itself): Firefox on Linux
    IP address: 203.0.113.7

    If it was you, or if you asked for it, there is nothing to do.

    If it was not you, somebody else may be using your account, and your
    password alone protects it now. Reset it: go to Example and say
    that you forgot it. Then set up a second factor again, and tell the
    people who run Example.

    You get this mail because the second factor of the account with this
    address was removed.
    ");
}

/// An operator has no device that the user would know.
#[test]
fn a_factor_that_an_operator_removed_is_told_with_its_time_alone() {
    let template = MailTemplate::FactorDisabled;
    let values = MailValues { device: None, ip: None, ..Templates::sample(template) };
    let text = text(template, &values);
    assert!(text.contains("\n\nWhen: 22 November 2026, 07:35 UTC\n\nIf it was you"), "{text}");
}

#[test]
fn the_text_of_a_backup_code_that_was_used_is_this() {
    insta::assert_snapshot!(sample_text(MailTemplate::BackupCodeUsed), @r"
    A backup code was used for your Example account, in place of a
    code of your authenticator app. It does not work a second time. Backup
    codes left: 9.

    When: 22 November 2026, 07:35 UTC
    Device (as it calls itself): Firefox on Linux
    IP address: 203.0.113.7

    If it was you, there is nothing to do.

    If it was not you, somebody else knows your password and your backup
    codes. Reset your password now: go to Example and say that you
    forgot it. Then sign in and make new backup codes, so that the old ones
    do not work any more, and tell the people who run Example.

    You get this mail because a backup code of the account with this address
    was used.
    ");
}

#[test]
fn a_backup_code_that_was_the_last_is_told_as_such() {
    for template in [MailTemplate::BackupCodeUsed, MailTemplate::BackupCodesLow] {
        let values = MailValues { codes_left: Some(0), ..Templates::sample(template) };
        assert!(text(template, &values).replace('\n', " ").contains("codes left: 0."));
    }
}

#[test]
fn the_text_of_backup_codes_that_run_out_is_this() {
    insta::assert_snapshot!(sample_text(MailTemplate::BackupCodesLow), @r"
    Each backup code of your Example account works once. Backup codes
    left: 3. This was the last time that one was used:

    When: 22 November 2026, 07:35 UTC
    Device (as it calls itself): Firefox on Linux
    IP address: 203.0.113.7

    If it was you, make new ones soon: sign in to Example and ask for
    them. Once all are used, you cannot sign in without your authenticator
    app. The old ones do not work any more when you have new ones.

    If it was not you, somebody else knows your password and your backup
    codes. Reset your password now: go to Example and say that you
    forgot it. Then sign in and make new backup codes, and tell the people
    who run Example.

    You get this mail because few backup codes of the account with this
    address are left.
    ");
}

#[test]
fn the_text_of_wrong_codes_is_this() {
    insta::assert_snapshot!(sample_text(MailTemplate::WrongCodes), @r"
    Somebody who knows the password of your Example account entered
    wrong codes for your second factor, again and again. A wrong code lets
    nobody in. This was the last time:

    When: 22 November 2026, 07:35 UTC
    Device (as it calls itself): Firefox on Linux
    IP address: 203.0.113.7

    If it was you, wait a while and try again: look whether the time on the
    device with your authenticator app is right, or use a backup code.

    If it was not you, somebody else knows your password. Reset it now: go
    to Example and say that you forgot it. Then tell the people who
    run Example.

    You get this mail because many wrong codes were entered for the account
    with this address.
    ");
}

#[test]
fn the_page_of_a_backup_code_that_was_used_is_this() {
    let template = MailTemplate::BackupCodeUsed;
    let templates = Templates::open(None, "Example").unwrap();
    let mail = templates.render(template, &Templates::sample(template)).unwrap();
    let (_, page) = mail.html.expose_secret().split_once("<main>\n").unwrap();
    insta::assert_snapshot!(page, @r#"
    <h1>A backup code was used</h1>
    <p>A backup code was used for your Example account, in place of a code of your authenticator app. It does not work a second time. Backup codes left: 9.</p>
    <dl>
    <dt>When</dt><dd>22 November 2026, 07:35 UTC</dd>
    <dt>Device (as it calls itself)</dt><dd>Firefox on Linux</dd>
    <dt>IP address</dt><dd>203.0.113.7</dd>
    </dl>
    <p>If it was you, there is nothing to do.</p>
    <p><strong>If it was not you,</strong> somebody else knows your password and your backup codes. Reset your password now: go to Example and say that you forgot it. Then sign in and make new backup codes, so that the old ones do not work any more, and tell the people who run Example.</p>
    </main>
    <p class="reason">You get this mail because a backup code of the account with this address was used.</p>
    </body>
    </html>
    "#);
}
