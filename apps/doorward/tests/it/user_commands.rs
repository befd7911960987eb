//! What an operator does to users, beside a server that runs on the same database.

use serde_json::{Value, json};

use crate::authenticator::Program;
use crate::client::PASSWORD;
use crate::deployment::Deployment;
use crate::mfa::enrolled_ada;
use crate::process::Ended;

const EMAIL: &str = "ada@example.com";
const CREATE: [&str; 4] = ["user", "create", "--email", EMAIL];

async fn create(deployment: &Deployment, more: &[&str]) -> Ended {
    deployment.run_with(&[CREATE.as_slice(), more].concat(), PASSWORD).await
}

#[tokio::test]
async fn a_user_that_is_made_can_sign_in_with_the_roles_given() {
    let deployment = Deployment::new();
    let names = ["--username", "ada", "--name", "Ada Lovelace"];
    let roles = ["--role", "ADMIN", "--role", "USER", "--json"];
    let made = create(&deployment, &[names.as_slice(), &roles].concat()).await.is(0).json();
    assert_eq!(made["email"], EMAIL);
    assert_eq!(made["username"], "ada");
    assert_eq!(made["roles"], json!(["ADMIN", "USER"]));
    assert_eq!(made["status"], "active");

    let server = deployment.serve().await;
    let credentials = json!({ "username": "ada", "password": PASSWORD });
    let tokens = server.client.post("/auth/login", credentials).await.tokens();
    let me = server.client.get_as("/auth/me", &tokens.access).await.is(200).body;
    assert_eq!(
        (&me["id"], &me["role"], &me["name"]),
        (&made["id"], &json!("ADMIN"), &made["name"])
    );
}

#[tokio::test]
async fn a_user_without_roles_gets_those_of_the_settings() {
    let deployment = Deployment::new().with("DOORWARD_REGISTRATION__DEFAULT_ROLES", "SUPERVISOR");
    let made = create(&deployment, &["--json"]).await.is(0).json();
    assert_eq!(made["roles"], json!(["SUPERVISOR"]));
}

#[tokio::test]
async fn the_first_line_of_standard_input_is_the_password() {
    let deployment = Deployment::new();
    deployment.run_with(&CREATE, &format!("{PASSWORD}\r\nand a note\n")).await.is(0);
    deployment.serve().await.client.log_in(EMAIL).await;
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused_and_makes_none() {
    let deployment = Deployment::new();
    let unknown = create(&deployment, &["--role", "KING"]).await.is(1);
    assert!(
        unknown.stderr.contains("the role KING is not defined; there are ADMIN, "),
        "{unknown:?}"
    );
    for (password, why) in [("1234567", "8"), ("password123", "attackers try first")] {
        let weak = deployment.run_with(&CREATE, password).await.is(1);
        assert!(weak.stderr.contains("the password: "), "{weak:?}");
        assert!(weak.stderr.contains(why) && !weak.stderr.contains(password), "{weak:?}");
    }
    let none = deployment.run_with(&CREATE, "\n").await.is(2);
    assert!(none.stderr.contains("standard input"), "{none:?}");
    for (option, value) in
        [("--email", "nonsense"), ("--username", "No!"), ("--name", ""), ("--role", "two words")]
    {
        let mut arguments = vec!["user", "create", option, value];
        if option != "--email" {
            arguments.extend(["--email", EMAIL]);
        }
        let wrong = deployment.run_with(&arguments, PASSWORD).await.is(2);
        assert_eq!(wrong.stdout, "");
    }
    let listed = deployment.run(&["user", "list", "--json"]).await.is(0).json();
    assert_eq!(listed, json!({ "items": [] }));
}

#[tokio::test]
async fn a_taken_address_or_name_is_refused() {
    let deployment = Deployment::new();
    create(&deployment, &["--username", "ada"]).await.is(0);
    let taken = create(&deployment, &[]).await.is(1);
    assert!(taken.stderr.contains("the address is taken"), "{taken:?}");
    let other = ["user", "create", "--email", "other@example.com", "--username", "ADA"];
    let taken = deployment.run_with(&other, PASSWORD).await.is(1);
    assert!(taken.stderr.contains("the user name is taken"), "{taken:?}");
}

#[tokio::test]
async fn no_password_is_taken_from_the_command_line_and_none_is_printed() {
    let deployment = Deployment::new();
    for arguments in [&["--password", PASSWORD] as &[&str], &[PASSWORD]] {
        let refused = create(&deployment, arguments).await.is(2);
        assert!(!refused.stderr.contains(PASSWORD), "{refused:?}");
    }
    let other = ["--json", "user", "create", "--email", "other@example.com"];
    for arguments in [CREATE.as_slice(), &other] {
        let made = deployment.run_with(arguments, PASSWORD).await.is(0);
        assert!(!(made.stdout + &made.stderr).contains(PASSWORD));
    }
}

#[tokio::test]
async fn a_user_is_shown_by_id_address_and_name() {
    let deployment = Deployment::new();
    let made = create(&deployment, &["--username", "ada", "--json"]).await.is(0).json();
    for name in [made["id"].as_str().unwrap(), EMAIL, "ADA@example.com", "ada", "Ada"] {
        assert_eq!(deployment.run(&["user", "show", name, "--json"]).await.is(0).json(), made);
    }
    let shown = deployment.run(&["user", "show", EMAIL]).await.is(0).stdout;
    assert!(shown.lines().any(|line| line == "email          ada@example.com"), "{shown}");
    let nobody = deployment.run(&["user", "show", "nobody"]).await.is(1);
    assert!(nobody.stderr.contains("there is no user nobody"), "{nobody:?}");
}

#[tokio::test]
async fn users_are_listed_in_pages_that_lead_to_one_another() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    for number in 0..5 {
        server.client.register(&format!("person-{number}@example.com")).await;
    }
    let mut seen: Vec<Value> = Vec::new();
    loop {
        let after = seen.last().map(|user| user["id"].as_str().unwrap().to_owned());
        let after: Vec<&str> = after.iter().flat_map(|id| ["--after", id]).collect();
        let list = ["user", "list", "--limit", "2", "--json"];
        let page = deployment.run(&[list.as_slice(), &after].concat()).await.is(0).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        if items.is_empty() {
            break;
        }
        seen.extend(items.iter().cloned());
    }
    let emails: Vec<_> = seen.iter().map(|user| user["email"].as_str().unwrap()).collect();
    assert_eq!(emails, [0, 1, 2, 3, 4].map(|number| format!("person-{number}@example.com")));

    let text = deployment.run(&["user", "list", "--limit", "2"]).await.is(0).stdout;
    let hint = format!("There may be more: --after {}\n", seen[1]["id"].as_str().unwrap());
    assert!(text.ends_with(&hint), "{text}");
    let whole = deployment.run(&["user", "list"]).await.is(0).stdout;
    assert_eq!(whole.lines().count(), 5, "{whole}");
}

#[tokio::test]
async fn roles_that_are_set_hold_at_once_on_a_running_server_which_tells_of_it() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let token = server.client.log_in(EMAIL).await.access;
    assert_eq!(server.client.get_as("/auth/me", &token).await.is(200).body["role"], "USER");

    let set = ["user", "set-roles", EMAIL, "ADMIN", "USER", "--json"];
    let changed = deployment.run(&set).await.is(0).json();
    assert_eq!(changed["roles"], json!(["ADMIN", "USER"]));
    let me = server.client.get_as("/auth/me", &token).await.is(200).body;
    assert_eq!((&me["role"], &me["roles"]), (&json!("ADMIN"), &json!(["ADMIN", "USER"])));
    assert!(me["permissions"].as_array().unwrap().contains(&json!("users:write")), "{me}");
    server.process.logs(r#""event.type":"user.updated""#).await;

    let unknown = deployment.run(&["user", "set-roles", EMAIL, "KING"]).await.is(1);
    assert!(unknown.stderr.contains("the role KING is not defined"), "{unknown:?}");
    let nobody = deployment.run(&["user", "set-roles", "nobody", "USER"]).await.is(1);
    assert!(nobody.stderr.contains("there is no such user"), "{nobody:?}");
    deployment.run(&["user", "set-roles", EMAIL]).await.is(2);
    let me = server.client.get_as("/auth/me", &token).await.is(200).body;
    assert_eq!(me["role"], "ADMIN");
}

#[tokio::test]
async fn commands_about_users_leave_the_keys_of_a_running_server_alone() {
    let chosen = Deployment::with_stable_issuer().with("DOORWARD_KEYS__ALGORITHM", "ES256");
    let server = chosen.serve().await;
    server.client.register(EMAIL).await;
    let token = server.client.log_in(EMAIL).await.access;
    let keys = server.client.published_keys().await;
    // An operator's shell seldom has all that the server was given.
    let shell = chosen.clone().with("DOORWARD_KEYS__ALGORITHM", "RS256");
    shell.run(&["user", "list"]).await.is(0);
    server.stop().await;
    let server = chosen.serve().await;
    assert_eq!(server.client.published_keys().await, keys);
    assert_eq!(server.client.status_of(&token).await, 200);
}

#[tokio::test]
async fn a_second_factor_is_shown_and_removed_once_and_who_has_none_is_told_so() {
    let deployment = Deployment::new();
    let server = deployment.serve().await;
    enrolled_ada(&server.client, Program::Oathtool).await;
    let shown = deployment.run(&["user", "show", EMAIL]).await.is(0).stdout;
    assert!(shown.lines().any(|line| line == "mfaEnabled     true"), "{shown}");
    let before = deployment.run(&["user", "show", EMAIL, "--json"]).await.is(0).json();
    assert_eq!(before["mfaEnabled"], true);

    let reset = deployment.run(&["user", "reset-mfa", EMAIL, "--json"]).await.is(0);
    let mut expected = before.clone();
    expected["mfaEnabled"] = json!(false);
    assert_eq!((reset.json(), reset.stderr.as_str()), (expected, ""));
    for more in [&[] as &[&str], &["--json"]] {
        let again = [&["user", "reset-mfa", EMAIL], more].concat();
        let again = deployment.run(&again).await.is(1);
        assert!(again.stderr.contains("the user has no second factor"), "{again:?}");
        assert_eq!(again.stdout, "");
    }
    let nobody = deployment.run(&["user", "reset-mfa", "nobody"]).await.is(1);
    assert!(nobody.stderr.contains("there is no such user"), "{nobody:?}");
    deployment.run(&["user", "reset-mfa"]).await.is(2);

    server.client.register("grace@example.com").await;
    let begun = server.client.log_in("grace@example.com").await;
    server.client.post_as("/auth/mfa/setup", &begun.access, json!({})).await.is(200);
    let none = deployment.run(&["user", "reset-mfa", "grace@example.com"]).await.is(1);
    assert!(none.stderr.contains("the user has no second factor"), "nothing was enabled: {none:?}");
    let id = before["id"].as_str().unwrap();
    let text = deployment.run(&["user", "show", id]).await.is(0).stdout;
    assert!(text.lines().any(|line| line == "mfaEnabled     false"), "{text}");
}
