//! The algorithm is the key's, never the token's (RFC 8725 §2.1, §3.1).

use doorward_verify::VerifyError::{BadSignature, WrongAlgorithm};
use doorward_verify::shared_secret_kid;
use serde_json::json;

use crate::key::{Key, encode};
use crate::scene::Scene;
use crate::{Forgery, NO_HEADER, malformed, row};

pub(crate) fn rows(scene: &Scene<'_>) -> Vec<Forgery> {
    [unsigned(scene), renamed(scene), public_key_as_secret(scene)].concat()
}

fn unsigned(scene: &Scene<'_>) -> Vec<Forgery> {
    let genuine = scene.token();
    let signature = genuine.rsplit_once('.').unwrap().1;
    let mut rows = Vec::new();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let mut header = scene.key.header();
        header["alg"] = json!(alg);
        let message = format!("{}.{}", encode(header.to_string()), encode(scene.payload()));
        for signature in ["", "AAAA", signature] {
            let name = format!("alg {alg:?} and the signature {signature:?}");
            rows.push(row(name, format!("{message}.{signature}"), WrongAlgorithm));
        }
    }
    let without = scene.with_header(|header| drop(header.as_object_mut().unwrap().remove("alg")));
    rows.push(row("no alg", without, malformed("its header has no alg")));
    for alg in [json!(null), json!(7), json!(["RS256"]), json!({})] {
        let name = format!("alg {alg}");
        rows.push(row(name, scene.with_header(|header| header["alg"] = alg), NO_HEADER));
    }
    rows
}

fn renamed(scene: &Scene<'_>) -> Vec<Forgery> {
    let own = scene.key.algorithm.name();
    let (lower, spaced) = (own.to_lowercase(), format!("{own} "));
    let known = ["RS256", "ES256", "EdDSA", "HS256"];
    let unknown = ["RS384", "RS512", "PS256", "ES384", "ES256K", "Ed25519", "HS384", "HS512"];
    let names = known.into_iter().chain(unknown).chain([lower.as_str(), &spaced]);
    names
        .filter(|name| *name != own)
        .map(|alg| {
            let token = scene.with_header(|header| header["alg"] = json!(alg));
            row(format!("alg {alg:?}"), token, WrongAlgorithm)
        })
        .collect()
}

/// Whoever lets the token choose the algorithm takes a public key for a secret. With the `kid` of a
/// public key it is the wrong algorithm; with none, or an unknown one, all secrets are tried.
fn public_key_as_secret(scene: &Scene<'_>) -> Vec<Forgery> {
    let mut rows = Vec::new();
    for (form, bytes) in scene.key.public_forms() {
        let forger = Key::from_secret(&bytes);
        let token = |kid: Option<&str>| {
            let mut header = json!({ "alg": "HS256", "typ": "at+jwt" });
            if let Some(kid) = kid {
                header["kid"] = json!(kid);
            }
            forger.compact(header.to_string(), scene.payload())
        };
        let name = format!("HS256 with {form} as its secret");
        rows.push(row(&name, token(Some(&scene.key.kid)), WrongAlgorithm));
        rows.push(row(format!("{name} and no kid"), token(None), BadSignature));
        let its_own = shared_secret_kid(&bytes);
        let name = format!("{name} and the kid of that");
        rows.push(row(name, token(Some(&its_own)), BadSignature));
    }
    let empty = Key::from_secret(b"");
    let header = json!({ "alg": "HS256", "kid": scene.key.kid, "typ": "at+jwt" }).to_string();
    let refusal = if scene.is_shared() { BadSignature } else { WrongAlgorithm };
    rows.push(row("HS256 with no secret", empty.compact(header, scene.payload()), refusal));
    rows
}
