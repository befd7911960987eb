//! The operator's own words.

use std::fs;

use contracts::{MailRenderer, RenderedMail};
use domain::MailTemplate;
use mail::{OpenTemplatesError, Templates};
use secrecy::ExposeSecret;
use tempfile::TempDir;

use crate::fixtures::chain;

fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn render(files: &[(&str, &str)], template: MailTemplate) -> RenderedMail {
    let folder = folder_with(files);
    let templates = Templates::open(Some(folder.path()), "Example").unwrap();
    templates.render(template, &Templates::sample(template)).unwrap()
}

/// Why the folder cannot be used, as a log shows it.
fn mistake(files: &[(&str, &str)]) -> String {
    let folder = folder_with(files);
    let error = Templates::open(Some(folder.path()), "Example").err().unwrap();
    chain(&error).replace(folder.path().to_str().unwrap(), "FOLDER")
}

#[test]
fn a_file_takes_the_place_of_ours_and_the_others_stay() {
    let text = "Subject: Auf Wiedersehen, {{ product }}\r\n\r\nTschüß!\r\n";
    let mail = render(&[("account_deleted.txt", text)], MailTemplate::AccountDeleted);
    assert_eq!(mail.subject, "Auf Wiedersehen, Example");
    assert_eq!(mail.text.expose_secret(), "Tschüß!\n");
    assert!(mail.html.expose_secret().contains("Your account was deleted"));
}

#[test]
fn another_layout_is_used_by_our_pages() {
    let layout = "<body>{% block words %}{% endblock %}</body>";
    let mail = render(&[("layout.html", layout)], MailTemplate::AccountDeleted);
    assert!(mail.html.expose_secret().starts_with("<body><h1>Your account"));
}

#[test]
fn another_account_of_what_happened_is_used_by_our_mails() {
    let files = [("happened.txt", "On {{ at }}.\n"), ("happened.html", "<p>On {{ at }}</p>\n")];
    for template in [
        MailTemplate::PasswordChanged,
        MailTemplate::AddressChanged,
        MailTemplate::NewDevice,
        MailTemplate::FactorEnabled,
        MailTemplate::FactorDisabled,
        MailTemplate::BackupCodeUsed,
        MailTemplate::BackupCodesLow,
        MailTemplate::WrongCodes,
    ] {
        let mail = render(&files, template);
        let text = mail.text.expose_secret();
        assert!(text.contains("\n\nOn 22 November 2026, 07:35 UTC.\n\nIf it was you"), "{text}");
        let html = mail.html.expose_secret();
        assert!(html.contains("</p>\n<p>On 22 November 2026, 07:35 UTC</p>\n<p>If it"), "{html}");
        assert!(!text.contains("Device") && !html.contains("Device"));
    }
}

#[test]
fn what_is_no_template_is_left_alone() {
    let files = [("README.md", "{{ nothing }}"), ("account_deleted.txt~", "old")];
    assert!(render(&files, MailTemplate::AccountDeleted).text.expose_secret().contains("good-bye"));
}

#[test]
fn a_mistyped_name_is_told_with_the_right_ones() {
    let told = mistake(&[("verify_adress.txt", "Subject: A\n\nB")]);
    assert!(
        told.starts_with(
            "FOLDER/verify_adress.txt is no mail template: there are layout.html, \
             happened.txt, happened.html, verify_address.txt, verify_address.html, confirm_address.txt,"
        ),
        "{told}"
    );
}

#[test]
fn a_mistake_is_told_with_file_and_line() {
    let told = |text| mistake(&[("reset_password.txt", text)]);
    insta::assert_snapshot!(
        told("Subject: A\n\n{{ linc }}"),
        @"the mail template FOLDER/reset_password.txt:3 cannot be used: undefined value: `linc` is undefined (in reset_password.txt:3)"
    );
    insta::assert_snapshot!(
        told("Subject: A\n\n{% if ip %}\n"),
        @"the mail template FOLDER/reset_password.txt:3 cannot be used: syntax error: unexpected end of input, expected end of block (in reset_password.txt:3)"
    );
    insta::assert_snapshot!(
        told("Subject: A\n\n{{ ip }}"),
        @"the mail template FOLDER/reset_password.txt:3 cannot be used: invalid operation: this value may be absent: ask for it with {% if … %} before it is printed (in reset_password.txt:3)"
    );
    insta::assert_snapshot!(
        told("Hello\n\n{{ link }}"),
        @"the mail template FOLDER/reset_password.txt:1 cannot be used: the first line is not `Subject: …`"
    );
    insta::assert_snapshot!(
        told("Subject:\n\n{{ link }}"),
        @"the mail template FOLDER/reset_password.txt:1 cannot be used: the first line is not `Subject: …`"
    );
    insta::assert_snapshot!(
        told("Subject: A\n{{ link }}"),
        @"the mail template FOLDER/reset_password.txt:1 cannot be used: the line after the subject is not empty"
    );
    insta::assert_snapshot!(
        told("Subject: A\tB\n\n{{ link }}"),
        @"the mail template FOLDER/reset_password.txt:1 cannot be used: the subject has control characters"
    );
    insta::assert_snapshot!(
        told(""),
        @"the mail template FOLDER/reset_password.txt:1 cannot be used: the first line is not `Subject: …`"
    );
}

#[test]
fn a_mistake_that_shows_only_for_some_clients_is_found() {
    let text = "Subject: A\n\n{{ device }}";
    insta::assert_snapshot!(
        mistake(&[("new_device.txt", text)]),
        @"the mail template FOLDER/new_device.txt:3 cannot be used: invalid operation: this value may be absent: ask for it with {% if … %} before it is printed (in new_device.txt:3)"
    );
}

#[test]
fn a_mistake_that_shows_only_for_the_last_codes_is_found() {
    let told = |left: usize| {
        let text =
            format!("Subject: A\n\n{{% if codes_left == {left} %}}{{{{ linc }}}}{{% endif %}}");
        mistake(&[("backup_code_used.txt", &text)])
    };
    for left in [0, 1] {
        assert_eq!(
            told(left),
            "the mail template FOLDER/backup_code_used.txt:3 cannot be used: undefined value: \
             `linc` is undefined (in backup_code_used.txt:3)"
        );
    }
}

#[test]
fn a_number_of_codes_is_counted_with_and_stands_in_no_other_mail() {
    let text =
        "Subject: A\n\n{{ codes_left + 1 }} {% if codes_left < 5 %}few{% else %}many{% endif %}";
    let words =
        |name: &str, template| render(&[(name, text)], template).text.expose_secret().to_owned();
    assert_eq!(words("backup_code_used.txt", MailTemplate::BackupCodeUsed), "10 many");
    assert_eq!(words("backup_codes_low.txt", MailTemplate::BackupCodesLow), "4 few");
    let told = mistake(&[("wrong_codes.txt", "Subject: A\n\n{{ codes_left }}")]);
    assert!(told.contains("wrong_codes.txt:3 cannot be used: invalid operation"), "{told}");
}

#[test]
fn a_mistake_in_a_layout_is_told_with_the_layout() {
    let layout = "<body>\n{{ produkt }}{% block words %}{% endblock %}</body>";
    insta::assert_snapshot!(
        mistake(&[("layout.html", layout)]),
        @"the mail template FOLDER/layout.html:2 cannot be used: undefined value: `produkt` is undefined (in layout.html:2)"
    );
}

#[test]
fn a_mistake_in_a_file_that_mails_include_is_told_with_that_file() {
    insta::assert_snapshot!(
        mistake(&[("happened.html", "<p>\n{{ wen }}</p>")]),
        @r#"the mail template FOLDER/happened.html:2 cannot be used: could not render include: error in "happened.html" (in password_changed.html:6): undefined value: `wen` is undefined (in happened.html:2)"#
    );
    insta::assert_snapshot!(
        mistake(&[("happened.txt", "From {{ ip }}")]),
        @r#"the mail template FOLDER/happened.txt:1 cannot be used: could not render include: error in "happened.txt" (in password_changed.txt:5): invalid operation: this value may be absent: ask for it with {% if … %} before it is printed (in happened.txt:1)"#
    );
}

#[test]
fn a_subject_of_two_lines_is_refused_though_the_second_comes_from_a_value() {
    let text = "Subject: A{{ '\\nBcc: eve@evil.example' }}\n\nB";
    insta::assert_snapshot!(
        mistake(&[("new_device.txt", text)]),
        @"the mail template FOLDER/new_device.txt:1 cannot be used: the line after the subject is not empty"
    );
}

#[test]
fn a_folder_that_is_not_there_is_a_mistake() {
    let folder = TempDir::new().unwrap();
    let error = Templates::open(Some(&folder.path().join("none")), "Example").err().unwrap();
    assert!(matches!(error, OpenTemplatesError::Unreadable { .. }), "{error}");
}

#[test]
fn a_file_that_is_not_utf8_is_a_mistake() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("layout.html"), b"\xff").unwrap();
    let error = Templates::open(Some(folder.path()), "Example").err().unwrap();
    assert!(matches!(error, OpenTemplatesError::Unreadable { .. }), "{error}");
}

#[test]
fn an_error_when_a_mail_is_due_shows_no_value_of_it() {
    // Works for the samples and fails for other values, quoting what it was given.
    let text = "Subject: A\n\n{% if code == '7KQ2-M9XD' %}B{% else %}{{ code|items }}{% endif %}";
    let folder = folder_with(&[("reset_password.txt", text)]);
    let templates = Templates::open(Some(folder.path()), "Example").unwrap();
    let mut values = Templates::sample(MailTemplate::ResetPassword);
    values.code = Some("hunter2".into());
    let error = templates.render(MailTemplate::ResetPassword, &values).unwrap_err();
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    insta::assert_snapshot!(
        chain(&error),
        @"the mail template reset_password.txt cannot be used: invalid operation in line 3"
    );
}
