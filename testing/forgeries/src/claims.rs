//! Well-signed tokens that are not for us, not for now, or not to be understood in one way only.

use doorward_verify::VerifyError::{
    self, Expired, NotYetValid, WrongAudience, WrongIssuer, WrongType,
};
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::{Forgery, NO_CLAIMS, malformed, row};

/// Beyond the leeway of every verifier of ours, and within that of each.
const SECONDS_BEYOND: i64 = 31;
const SECONDS_WITHIN: i64 = 9;

/// Without these a token is none of ours.
const REQUIRED: [&str; 10] =
    ["iss", "sub", "aud", "client_id", "exp", "iat", "jti", "sid", "session_epoch", "type"];

pub(crate) fn rows(scene: &Scene<'_>) -> Vec<Forgery> {
    let changed = [times(scene), origins(scene)].concat().into_iter().map(|change| {
        let Change { claim, value, refusal } = change;
        let name = format!("{claim} {value}");
        row(name, scene.with_claims(|claims| claims[claim] = value), refusal)
    });
    changed.chain(missing(scene)).chain(ambiguous(scene)).collect()
}

/// Claims at the edge of what is accepted.
pub(crate) fn accepted(scene: &Scene<'_>) -> Vec<(&'static str, String)> {
    let now = scene.now;
    let with =
        |claim: &'static str, value: Value| scene.with_claims(move |claims| claims[claim] = value);
    let audiences = json!(["elsewhere", scene.claim("aud")]);
    vec![
        ("just expired", with("exp", json!(now - SECONDS_WITHIN))),
        ("issued just now by a clock ahead", with("iat", json!(now + SECONDS_WITHIN))),
        ("about to be valid", with("nbf", json!(now + SECONDS_WITHIN))),
        ("valid for ever", with("exp", json!(i64::MAX))),
        ("for others too", with("aud", audiences)),
        ("with a claim that nobody knows", with("zoneinfo", json!("Europe/Paris"))),
    ]
}

#[derive(Clone)]
struct Change {
    claim: &'static str,
    value: Value,
    refusal: VerifyError,
}

fn changes<const N: usize>(
    claim: &'static str,
    refusal: &VerifyError,
    values: [Value; N],
) -> Vec<Change> {
    values.map(|value| Change { claim, value, refusal: refusal.clone() }).to_vec()
}

fn times(scene: &Scene<'_>) -> Vec<Change> {
    let now = scene.now;
    let (past, future) = (now - SECONDS_BEYOND, now + SECONDS_BEYOND);
    let strange = |moment: i64| {
        let with_half = serde_json::from_str(&format!("{moment}.5")).unwrap();
        [json!(moment.to_string()), with_half, json!([moment])]
    };
    [
        changes("exp", &Expired, [json!(past), json!(0), json!(-1), json!(i64::MIN)]),
        changes("exp", &NO_CLAIMS, strange(now + 900)),
        changes("exp", &NO_CLAIMS, [json!(null), json!(true), json!(u64::MAX)]),
        changes("nbf", &NotYetValid, [json!(future), json!(i64::MAX)]),
        changes("nbf", &NO_CLAIMS, strange(now)),
        changes("iat", &NotYetValid, [json!(future), json!(i64::MAX)]),
        changes("iat", &NO_CLAIMS, strange(now)),
        changes("iat", &NO_CLAIMS, [json!(null)]),
    ]
    .concat()
}

fn origins(scene: &Scene<'_>) -> Vec<Change> {
    let (iss, aud) = (scene.claim("iss"), scene.claim("aud"));
    let others = [
        json!(format!("{iss}/")),
        json!(iss.to_uppercase()),
        json!(&iss[..iss.len() - 1]),
        json!(format!("{iss}.evil.example")),
        json!("https://elsewhere.example"),
        json!(format!(" {iss}")),
        json!(""),
    ];
    let audiences = [
        json!("elsewhere"),
        json!(aud.to_uppercase()),
        json!(&aud[..aud.len() - 1]),
        json!(format!("{aud} elsewhere")),
        json!(""),
        json!([]),
        json!(["elsewhere"]),
        json!(["elsewhere", ""]),
    ];
    let kinds = [json!("refresh"), json!("Access"), json!("id"), json!("")];
    [
        changes("iss", &WrongIssuer, others),
        changes("iss", &NO_CLAIMS, [json!([iss]), json!(null), json!(7)]),
        changes("aud", &WrongAudience, audiences),
        changes("aud", &NO_CLAIMS, [json!(null), json!(7), json!({ "0": aud }), json!([[aud]])]),
        changes("type", &WrongType, kinds),
        changes("type", &NO_CLAIMS, [json!(null), json!(["access"])]),
    ]
    .concat()
}

fn missing(scene: &Scene<'_>) -> Vec<Forgery> {
    let of_claim = |claim: &'static str| {
        let gone = scene.with_claims(|claims| drop(claims.as_object_mut().unwrap().remove(claim)));
        let odd = scene.with_claims(|claims| claims[claim] = json!({}));
        [row(format!("no {claim}"), gone, NO_CLAIMS), row(format!("odd {claim}"), odd, NO_CLAIMS)]
    };
    REQUIRED.into_iter().flat_map(of_claim).collect()
}

fn ambiguous(scene: &Scene<'_>) -> Vec<Forgery> {
    let whole = scene.payload();
    let first = |members: &str| whole.replacen('{', &format!("{{{members},"), 1);
    let last = |members: &str| format!("{},{members}}}", whole.trim_end_matches('}'));
    let texts = [
        ("sub twice", first(r#""sub":"user_0""#)),
        ("sub twice, the other last", last(r#""sub":"user_0""#)),
        ("sub twice and alike", first(&format!(r#""sub":"{}""#, scene.claim("sub")))),
        ("sub twice, once in escapes", last(r#""\u0073ub":"user_0""#)),
        ("exp twice", first(r#""exp":9999999999"#)),
        ("exp twice, once in escapes", last(r#""\u0065xp":9999999999"#)),
        ("iss twice", first(r#""iss":"https://elsewhere.example""#)),
        ("aud twice", last(r#""aud":"elsewhere""#)),
        ("type twice", first(r#""type":"access""#)),
        ("sid twice", last(r#""sid":"sess_0""#)),
        ("roles twice", last(r#""roles":["ADMIN"],"roles":["ADMIN"]"#)),
        ("a number beyond numbers", first(r#""exp":1e400"#)),
        ("something behind them", format!("{whole} {{}}")),
        ("a comma too many", last(r#""x":1,"#)),
        ("a byte order mark", format!("\u{feff}{whole}")),
        ("an array around them", format!("[{whole}]")),
        ("no members", "{}".into()),
        ("no text", String::new()),
        ("null", "null".into()),
        ("a text", r#""text""#.into()),
        ("an unprintable byte", "\u{1f}".into()),
    ];
    let rows = texts.map(|(name, text)| {
        row(format!("claims with {name}"), scene.with_payload(text), NO_CLAIMS)
    });
    let mut bytes = whole.clone().into_bytes();
    bytes.insert(2, 0xff);
    let refusal = malformed("its payload is not UTF-8");
    let not_text = row("claims that are no text", scene.with_payload(bytes), refusal);
    rows.into_iter().chain([not_text]).collect()
}
