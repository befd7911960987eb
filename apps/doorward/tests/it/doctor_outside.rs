//! What `doorward doctor` finds about the way from the world to the server.

use crate::deployment::{Deployment, Server};
use crate::detour::{Detour, Way};
use crate::doctor::{examine, only_wrong};

/// A server whose public URL is that of a detour; the settings of a command beside it.
async fn behind(detour: &Detour) -> (Server, Deployment) {
    let public_url = format!("http://{}", detour.address);
    let deployment = Deployment::new().with("DOORWARD_SERVER__PUBLIC_URL", &public_url);
    let mut server = deployment.serve().await;
    let here = deployment.beside(&mut server).await;
    (server, here)
}

fn port_of(server: &Server) -> u16 {
    server.address().rsplit(':').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_proxy_that_nobody_told_us_of_is_told_and_one_that_is_known_is_fine() {
    let detour = Detour::open().await;
    let (server, here) = behind(&detour).await;
    detour.leads(Way::Proxy(port_of(&server)));
    let finding = only_wrong(&here, "proxies").await;
    assert!(finding.seen.contains("with 1 entries of X-Forwarded-For, not 0"), "{finding:?}");
    assert!(finding.mend.contains("set server.trusted_proxies to 1"), "{finding:?}");

    let told = here.with("DOORWARD_SERVER__TRUSTED_PROXIES", "1");
    examine(&told, 0).await;
    detour.leads(Way::To(port_of(&server)));
    let finding = only_wrong(&told, "proxies").await;
    assert!(finding.seen.contains("with 0 entries of X-Forwarded-For, not 1"), "{finding:?}");
}

#[tokio::test]
async fn a_public_url_that_leads_nowhere_is_told() {
    let detour = Detour::open().await;
    let (_server, here) = behind(&detour).await;
    let finding = only_wrong(&here, "public URL").await;
    assert!(finding.seen.starts_with(&format!("nothing answers at http://{}", detour.address)));
    assert!(finding.mend.contains("the proxy in front"), "{finding:?}");
}

#[tokio::test]
async fn a_public_url_that_leads_to_something_else_is_told() {
    let detour = Detour::open().await;
    let (mut server, here) = behind(&detour).await;
    // The operations listener is a web server, too, but knows no metadata.
    let operations = server.operations_address().await;
    detour.leads(Way::To(operations.rsplit(':').next().unwrap().parse().unwrap()));
    let findings = examine(&here, 1).await;
    let (_, finding) = findings.iter().find(|(what, _)| what == "public URL").unwrap();
    assert!(finding.seen.contains("404"), "{finding:?}");
    assert!(finding.seen.contains("not as Doorward does"), "{finding:?}");
}

#[tokio::test]
async fn a_server_that_calls_itself_otherwise_is_told() {
    let deployment = Deployment::new();
    let mut server = deployment.serve().await;
    let other = server.url.replace("127.0.0.1", "localhost");
    let here = deployment.beside(&mut server).await.with("DOORWARD_SERVER__PUBLIC_URL", &other);
    let finding = only_wrong(&here, "public URL").await;
    assert_eq!(finding.seen, format!("{other} says that its issuer is {}", server.url));
    assert!(finding.mend.contains("server.public_url"), "{finding:?}");
}

#[tokio::test]
async fn clocks_that_are_apart_are_told() {
    let detour = Detour::open().await;
    let (server, here) = behind(&detour).await;
    detour.leads(Way::Past(port_of(&server)));
    let finding = only_wrong(&here, "clock beside the public URL's").await;
    let seconds: u64 = finding.seen.strip_suffix(" s apart").unwrap().parse().unwrap();
    // Since 2001, a quarter of a century has passed.
    assert!(seconds > 25 * 365 * 24 * 3600, "{finding:?}");
    assert!(finding.mend.contains("NTP"), "{finding:?}");
}

#[tokio::test]
async fn away_from_the_server_the_proxies_are_not_tried() {
    let deployment = Deployment::new();
    let mut server = deployment.serve().await;
    let here = deployment.beside(&mut server).await;
    let away = here.with("DOORWARD_SERVER__OPERATIONS_LISTEN", "127.0.0.1:1");
    let findings = examine(&away, 0).await;
    let (_, proxies) = findings.iter().find(|(what, _)| what == "proxies").unwrap();
    assert_eq!(proxies.verdict, "not tried");
    assert!(proxies.seen.contains("run this beside the server"), "{proxies:?}");
}
