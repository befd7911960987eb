//! Headers that demand what we do not know, that two readers could read differently, or that are
//! of another kind of token.

use doorward_verify::VerifyError::WrongType;
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::{Forgery, NO_HEADER, malformed, row};

const CRITICAL: &str = "its header has critical extensions";

pub(crate) fn rows(scene: &Scene<'_>) -> Vec<Forgery> {
    [critical(scene), ambiguous(scene), of_another_type(scene)].concat()
}

/// Headers that are not written as ours and mean the same.
pub(crate) fn accepted(scene: &Scene<'_>) -> Vec<(&'static str, String)> {
    let (alg, kid) = (scene.key.algorithm, &scene.key.kid);
    let turned = format!(r#"{{ "typ":"at+jwt", "kid":"{kid}", "x":1, "alg":"{alg}" }}"#);
    let mut tokens = vec![
        ("as the issuer writes it", scene.with_header(|_| ())),
        ("with a member that nobody knows", scene.with_header_text(scene.header().to_string())),
        ("in another order", scene.with_header_text(turned)),
        ("with typ in capitals", scene.with_header(set("typ", json!("AT+JWT")))),
        ("with a whole typ", scene.with_header(set("typ", json!("application/at+jwt")))),
        ("with a jku beside our key", scene.with_header(set("jku", json!("https://evil.example")))),
        ("with a jwk beside our key", scene.with_header(set("jwk", scene.stranger.to_jwk()))),
    ];
    if scene.is_shared() {
        let unknown = scene.with_header(set("kid", json!("as another service calls it")));
        tokens.push(("with a name of its own for the secret", unknown));
        let nameless = format!(r#"{{"alg":"{alg}","typ":"at+jwt"}}"#);
        tokens.push(("with no name for the secret", scene.with_header_text(nameless)));
    }
    tokens
}

fn critical(scene: &Scene<'_>) -> Vec<Forgery> {
    let mut rows = Vec::new();
    for crit in [json!(["exp"]), json!([]), json!(["alg"]), json!(null), json!("exp"), json!({})] {
        let name = format!("crit {crit}");
        rows.push(row(name, scene.with_header(set("crit", crit)), malformed(CRITICAL)));
    }
    let unencoded = scene.with_header(|header| {
        header["crit"] = json!(["b64"]);
        header["b64"] = json!(false);
    });
    rows.push(row("crit for b64 (RFC 7797)", unencoded, malformed(CRITICAL)));
    rows
}

fn ambiguous(scene: &Scene<'_>) -> Vec<Forgery> {
    let whole = scene.key.header().to_string();
    let first = |members: &str| whole.replacen('{', &format!("{{{members},"), 1);
    let last = |members: &str| format!("{},{members}}}", whole.trim_end_matches('}'));
    let (alg, kid) = (scene.key.algorithm, &scene.key.kid);
    let texts = [
        ("alg twice, none first", first(r#""alg":"none""#)),
        ("alg twice, none last", last(r#""alg":"none""#)),
        ("alg twice and alike", first(&format!(r#""alg":"{alg}""#))),
        ("alg twice, once in escapes", last(r#""\u0061lg":"none""#)),
        ("alg in escapes", whole.replacen("alg", r"\u0061lg", 1)),
        ("kid twice", last(&format!(r#""kid":"{}""#, scene.twin.kid))),
        ("kid twice and alike", first(&format!(r#""kid":"{kid}""#))),
        ("typ twice", first(r#""typ":"JWT""#)),
        ("typ twice and alike", last(r#""typ":"at+jwt""#)),
        ("an unknown member twice", first(r#""zip":1,"zip":2"#)),
        ("something behind it", format!("{whole} {{}}")),
        ("a comma too many", whole.replace('}', ",}")),
        ("a byte order mark", format!("\u{feff}{whole}")),
        ("an array", format!("[{whole}]")),
        ("nothing", String::new()),
        ("null", "null".into()),
    ];
    let rows = texts.map(|(name, text)| {
        row(format!("a header with {name}"), scene.with_header_text(text), NO_HEADER)
    });
    let mut bytes = whole.clone().into_bytes();
    bytes.insert(2, 0xff);
    let not_text = row("a header that is no text", scene.with_header_text(bytes), NO_HEADER);
    let none = malformed("its header has no alg");
    let empty = row("a header with no members", scene.with_header_text("{}"), none);
    rows.into_iter().chain([not_text, empty]).collect()
}

fn of_another_type(scene: &Scene<'_>) -> Vec<Forgery> {
    let types = [
        "JWT",
        "jwt",
        "application/jwt",
        "rt+jwt",
        "refresh+jwt",
        "revocations+jwt",
        "dpop+jwt",
        "id+jwt",
        "logout+jwt",
        "at+jwt+x",
        "at+jwt ",
        "text/at+jwt",
        "application/",
        "",
    ];
    let mut rows: Vec<_> = types
        .into_iter()
        .map(|typ| {
            let token = scene.with_header(set("typ", json!(typ)));
            row(format!("typ {typ:?}"), token, WrongType)
        })
        .collect();
    let missing = scene.with_header(|header| drop(header.as_object_mut().unwrap().remove("typ")));
    rows.push(row("no typ", missing, WrongType));
    for typ in [json!(null), json!(7), json!(["at+jwt"])] {
        let name = format!("typ {typ}");
        rows.push(row(name, scene.with_header(set("typ", typ)), NO_HEADER));
    }
    rows
}

fn set(member: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |header| header[member] = value
}
