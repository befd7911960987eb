//! A token does not choose whom we trust (RFC 8725 §3.10), and is checked with the key that it
//! names and no other.

use doorward_verify::VerifyError::{self, BadSignature, UnknownKey, WrongAlgorithm};
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::{Forgery, NO_HEADER, NO_KID, malformed, row};

pub(crate) fn rows(scene: &Scene<'_>) -> Vec<Forgery> {
    [brought_along(scene), swapped(scene), misnamed(scene)].concat()
}

fn brought_along(scene: &Scene<'_>) -> Vec<Forgery> {
    let members: [(&str, Value); 6] = [
        ("jwk", scene.stranger.to_jwk()),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIBszCCAVmgAwIBAgIUQm9ndXM"])),
        ("x5t", json!("dGh1bWJwcmludA")),
        ("x5t#S256", json!("dGh1bWJwcmludA")),
    ];
    let (kid, ours) = (&scene.stranger.kid, &scene.key.kid);
    let mut rows = vec![
        row("a stranger's key", scene.strange(|_| ()), unknown(scene, kid)),
        row("a stranger's key by our name", scene.strange(name(ours)), BadSignature),
    ];
    for (member, value) in members {
        let with = |change: &dyn Fn(&mut Value)| {
            scene.strange(|header| {
                header[member] = value.clone();
                change(header);
            })
        };
        let of = format!("a stranger's key and {member}");
        rows.push(row(&of, with(&|_| ()), unknown(scene, kid)));
        rows.push(row(format!("{of}, by our name"), with(&name(ours)), BadSignature));
        let nameless = if scene.is_shared() { BadSignature } else { NO_KID };
        rows.push(row(format!("{of}, nameless"), with(&remove_name), nameless));
    }
    rows
}

/// Names that belong to other keys than the one that signed.
fn swapped(scene: &Scene<'_>) -> Vec<Forgery> {
    let twin = scene.with_header(name(&scene.twin.kid));
    let mut rows = vec![row("the kid of a key of the same algorithm", twin, BadSignature)];
    for other in &scene.others {
        let token = scene.with_header(name(&other.kid));
        rows.push(row(format!("the kid of a key for {}", other.algorithm), token, WrongAlgorithm));
        let token = scene.with_header(|header| {
            name(&other.kid)(header);
            header["alg"] = json!(other.algorithm);
        });
        let name = format!("alg and kid of a key for {}", other.algorithm);
        rows.push(row(name, token, BadSignature));
    }
    rows
}

fn misnamed(scene: &Scene<'_>) -> Vec<Forgery> {
    let mut rows = Vec::new();
    for kid in [json!(null), json!(7), json!([scene.key.kid]), json!({})] {
        let name = format!("kid {kid}");
        rows.push(row(name, scene.with_header(|header| header["kid"] = kid), NO_HEADER));
    }
    let endless = scene.with_header(name(&"k".repeat(257)));
    rows.push(row("an endless kid", endless, malformed("its kid is too long")));
    // Of a secret, the name need not be known.
    if !scene.is_shared() {
        rows.push(row("no kid", scene.with_header(remove_name), NO_KID));
        let near = [scene.key.kid.to_lowercase(), format!("{} ", scene.key.kid)];
        let names = ["", "../../dev/null", "' OR 1=1 --", "%00"].map(str::to_owned);
        for kid in near.into_iter().chain(names) {
            let token = scene.with_header(name(&kid));
            rows.push(row(format!("kid {kid:?}"), token, UnknownKey { kid }));
        }
    }
    rows
}

fn unknown(scene: &Scene<'_>, kid: &str) -> VerifyError {
    if scene.is_shared() { BadSignature } else { UnknownKey { kid: kid.to_owned() } }
}

fn name(kid: &str) -> impl Fn(&mut Value) {
    move |header| header["kid"] = json!(kid)
}

fn remove_name(header: &mut Value) {
    header.as_object_mut().unwrap().remove("kid");
}
