//! What mails say.

use std::time::Duration;

use contracts::{MailRenderer, MailValues, RenderedMail};
use domain::MailTemplate;
use mail::Templates;
use secrecy::{ExposeSecret, SecretString};

fn render(template: MailTemplate, values: &MailValues) -> RenderedMail {
    Templates::open(None, "Example").unwrap().render(template, values).unwrap()
}

fn both(mail: &RenderedMail) -> [&str; 2] {
    [mail.text.expose_secret(), mail.html.expose_secret()]
}

#[test]
fn every_value_of_a_template_stands_in_both_parts() {
    for template in MailTemplate::ALL {
        let values = Templates::sample(template);
        let mail = render(template, &values);
        assert!(mail.subject.contains("Example"), "{}", mail.subject);
        let secret = |secret: &Option<SecretString>| {
            secret.as_ref().map(|secret| secret.expose_secret().to_owned())
        };
        let said = [
            secret(&values.link),
            secret(&values.code),
            values.link_ttl.map(|ttl| {
                let is_a_day = ttl == Duration::from_hours(24);
                if is_a_day { "24 hours" } else { "10 minutes" }.to_owned()
            }),
            values.code_ttl.map(|_| "10 minutes".to_owned()),
            values.at.map(|_| "22 November 2026, 07:35 UTC".to_owned()),
            values.device.clone(),
            values.ip.clone(),
            values.codes_left.map(|left| format!("codes left: {left}.")),
            Some("You get this mail because".to_owned()),
            Some("ou did not want this".to_owned())
                .filter(|_| template == MailTemplate::AccountDeleted),
        ];
        for part in both(&mail) {
            let part = part.replace('\n', " ");
            for value in said.iter().flatten() {
                assert!(part.contains(value), "{}: {value}", template.name());
            }
        }
    }
}

#[test]
fn every_mail_says_what_to_do_if_it_was_not_you() {
    for template in MailTemplate::ALL {
        for part in both(&render(template, &Templates::sample(template))) {
            let says = ["If you did not", "If it was not you"].map(|words| part.contains(words));
            assert_ne!(says, [false, false], "{}", template.name());
        }
    }
}

#[test]
fn the_pages_load_nothing() {
    for template in MailTemplate::ALL {
        let mail = render(template, &Templates::sample(template));
        let html = mail.html.expose_secret();
        for loading in ["src=", "url(", "@import", "<link", "<img", "<script", "http-equiv"] {
            assert!(!html.contains(loading), "{}: {loading}", template.name());
        }
        let links = html.matches("https://").count();
        let own = Templates::sample(template)
            .link
            .map_or(0, |link| html.matches(link.expose_secret()).count());
        assert_eq!(links, own, "{}", template.name());
    }
}

#[test]
fn a_mail_without_device_and_ip_does_not_speak_of_them() {
    let values = Templates::sample(MailTemplate::NewDevice);
    let values = MailValues { device: None, ip: None, ..values };
    for part in both(&render(MailTemplate::NewDevice, &values)) {
        assert!(!part.contains("IP address") && !part.contains("as it calls itself"), "{part}");
    }
}

#[test]
fn a_mail_that_needs_a_link_is_not_written_without_one() {
    let values = MailValues { link: None, ..Templates::sample(MailTemplate::VerifyAddress) };
    let templates = Templates::open(None, "Example").unwrap();
    let error = templates.render(MailTemplate::VerifyAddress, &values).unwrap_err();
    assert_eq!(error.to_string(), "the mail template verify_address.txt cannot be used");
    assert_eq!(error.source.to_string(), "invalid operation in line 7");
}

#[test]
fn a_device_is_shown_as_text() {
    let device = Some("<script>alert('&\"')</script>\r\nhttps://evil.example".to_owned());
    let values = MailValues { device, ..Templates::sample(MailTemplate::NewDevice) };
    let mail = render(MailTemplate::NewDevice, &values);
    let [text, html] = both(&mail);
    assert!(text.contains("itself): <script>alert('&\"')< script> https evil example\n"), "{text}");
    assert!(
        html.contains("&lt;script&gt;alert(&#39;&amp;&quot;&#39;)&lt; script&gt; https evil"),
        "{html}"
    );
    assert!(!html.contains("<script"));
}

#[test]
fn a_products_name_is_escaped_in_html_and_only_there() {
    let templates = Templates::open(None, "Bücher & <Söhne>").unwrap();
    let values = Templates::sample(MailTemplate::AccountDeleted);
    let mail = templates.render(MailTemplate::AccountDeleted, &values).unwrap();
    assert_eq!(mail.subject, "Your Bücher & <Söhne> account was deleted");
    let [text, html] = both(&mail);
    assert!(text.contains("Bücher & <Söhne>"));
    assert!(html.contains("Bücher &amp; &lt;Söhne&gt;") && !html.contains("<Söhne>"));
}

#[test]
fn a_products_name_is_one_line() {
    for name in ["", " ", "Example\r\nBcc: eve@evil.example", "A\u{0}"] {
        let error = Templates::open(None, name).err().unwrap();
        assert_eq!(
            error.to_string(),
            "the product's name is empty or has control characters",
            "{name:?}"
        );
    }
}

#[test]
fn the_subjects_are_these() {
    let subject = |template| render(template, &Templates::sample(template)).subject;
    insta::assert_snapshot!(MailTemplate::ALL.map(subject).join("\n"), @r"
    Confirm your e-mail address for Example
    Confirm your new e-mail address for Example
    Reset your password for Example
    Your password for Example was changed
    Your e-mail address for Example was changed
    You already have an account at Example
    A new device signed in to Example
    Your second factor for Example was set up
    Your second factor for Example was removed
    A backup code for Example was used
    Make new backup codes for Example
    Wrong codes were entered for Example
    Your Example account was deleted
    ");
}

#[test]
fn the_text_of_a_new_account_is_this() {
    let template = MailTemplate::VerifyAddress;
    let mail = render(template, &Templates::sample(template));
    insta::assert_snapshot!(mail.text.expose_secret(), @r"
    Welcome to Example!

    Please confirm that this e-mail address is yours. Open this link:

    https://auth.example.com/pages/verify?c=chal_01m815px3jebybsy1t2g8pcn9r#dwo_AcISUmRbimJuYedlEe9gwZEfPuGvw379h4PNMyt8j_7YdXNlcl8wMW04MTVweDNqZXA4cm40ZDgy

    Or type this code where you were asked for it:

        7KQ2-M9XD

    The link works for 24 hours, the code for 10 minutes.

    If you did not sign up, ignore this mail: the account then cannot be
    used with your address.

    You get this mail because somebody signed up for Example with
    this address.
    ");
}

#[test]
fn the_page_of_a_new_account_is_this() {
    let template = MailTemplate::VerifyAddress;
    let mail = render(template, &Templates::sample(template));
    insta::assert_snapshot!(mail.html.expose_secret(), @r#"
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="supported-color-schemes" content="light dark">
    <title>Confirm your e-mail address</title>
    <style>
    :root { color-scheme: light dark; }
    body { margin: 0; padding: 24px 16px; background: #f3f4f6; color: #1f2933; font: 16px/1.5 -apple-system, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
    main { max-width: 560px; margin: 0 auto; padding: 24px; background: #ffffff; border-radius: 8px; }
    h1 { margin: 0 0 16px; font-size: 22px; line-height: 1.3; }
    p, dl { margin: 0 0 16px; }
    dt { font-weight: bold; }
    dd { margin: 0 0 8px; overflow-wrap: anywhere; }
    a { color: #1d4ed8; overflow-wrap: anywhere; }
    .product { max-width: 560px; margin: 0 auto 12px; font-weight: bold; }
    .button { display: inline-block; padding: 12px 20px; border-radius: 6px; background: #1d4ed8; color: #ffffff; font-weight: bold; text-decoration: none; }
    .code { font: bold 28px/1.2 ui-monospace, Menlo, Consolas, monospace; letter-spacing: 4px; }
    .reason { max-width: 560px; margin: 16px auto 0; font-size: 14px; color: #52606d; }
    @media (prefers-color-scheme: dark) {
    body { background: #111827; color: #e5e7eb; }
    main { background: #1f2937; }
    a { color: #93c5fd; }
    .button { background: #93c5fd; color: #111827; }
    .reason { color: #9ca3af; }
    }
    </style>
    </head>
    <body>
    <p class="product">Example</p>
    <main>
    <h1>Confirm your e-mail address</h1>
    <p>Welcome to Example! Please confirm that this e-mail address is yours.</p>
    <p><a class="button" href="https://auth.example.com/pages/verify?c=chal_01m815px3jebybsy1t2g8pcn9r#dwo_AcISUmRbimJuYedlEe9gwZEfPuGvw379h4PNMyt8j_7YdXNlcl8wMW04MTVweDNqZXA4cm40ZDgy">Confirm the address</a></p>
    <p>Or open this link:<br><a href="https://auth.example.com/pages/verify?c=chal_01m815px3jebybsy1t2g8pcn9r#dwo_AcISUmRbimJuYedlEe9gwZEfPuGvw379h4PNMyt8j_7YdXNlcl8wMW04MTVweDNqZXA4cm40ZDgy">https://auth.example.com/pages/verify?c=chal_01m815px3jebybsy1t2g8pcn9r#dwo_AcISUmRbimJuYedlEe9gwZEfPuGvw379h4PNMyt8j_7YdXNlcl8wMW04MTVweDNqZXA4cm40ZDgy</a></p>
    <p>Or type this code where you were asked for it:</p>
    <p class="code">7KQ2-M9XD</p>
    <p>The link works for 24 hours, the code for 10 minutes.</p>
    <p><strong>If you did not sign up,</strong> ignore this mail: the account then cannot be used with your address.</p>
    </main>
    <p class="reason">You get this mail because somebody signed up for Example with this address.</p>
    </body>
    </html>
    "#);
}

#[test]
fn the_text_of_a_new_device_is_this() {
    let template = MailTemplate::NewDevice;
    let mail = render(template, &Templates::sample(template));
    insta::assert_snapshot!(mail.text.expose_secret(), @r"
    Somebody signed in to your Example account from a device that was
    not used for it before.

    When: 22 November 2026, 07:35 UTC
    Device (as it calls itself): Firefox on Linux
    IP address: 203.0.113.7

    If it was you, there is nothing to do.

    If it was not you, somebody else knows your password. Reset it now: go
    to Example and say that you forgot it. Then tell the people who
    run Example.

    You get this mail because a new device signed in to the account with
    this address.
    ");
}

#[test]
fn the_page_of_a_new_device_says_when_and_from_where() {
    let template = MailTemplate::NewDevice;
    let mail = render(template, &Templates::sample(template));
    let (_, html) = mail.html.expose_secret().split_once("<h1>").unwrap();
    let (words, _) = html.split_once("<p>If it was you").unwrap();
    insta::assert_snapshot!(words, @r"
    A new device signed in</h1>
    <p>Somebody signed in to your Example account from a device that was not used for it before.</p>
    <dl>
    <dt>When</dt><dd>22 November 2026, 07:35 UTC</dd>
    <dt>Device (as it calls itself)</dt><dd>Firefox on Linux</dd>
    <dt>IP address</dt><dd>203.0.113.7</dd>
    </dl>
    ");
}

#[test]
fn an_address_that_has_an_account_is_told_so_whatever_it_was_wanted_for() {
    let template = MailTemplate::AlreadyRegistered;
    let mail = render(template, &Templates::sample(template));
    insta::assert_snapshot!(mail.text.expose_secret(), @r"
    Somebody wanted to use this e-mail address at Example. It has an
    account there already.

    If it was you, sign in to that account with its password. If you forgot
    it, go to Example and reset it.

    If it was not you, there is nothing to do: your account was not
    changed, and nobody got into it.

    You get this mail because somebody typed this address at
    Example.
    ");
}
