//! One token has one writing: three segments of canonical base64url (RFC 7515 §2, RFC 4648 §3.5).

use doorward_verify::VerifyError::{self, BadSignature};

use crate::key::encode;
use crate::scene::Scene;
use crate::{
    Forgery, HEADER_NOT_BASE64, NO_CLAIMS, NO_HEADER, PAYLOAD_NOT_BASE64, SIGNATURE_NOT_BASE64,
    malformed, row,
};

const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const THREE: VerifyError = malformed("it does not have three segments");

pub(crate) fn rows(scene: &Scene<'_>) -> Vec<Forgery> {
    let parts = Parts::of(scene);
    [
        cut_short(scene, &parts),
        signatures(scene, &parts),
        too_many_or_few(&parts),
        written_otherwise(scene, &parts),
    ]
    .concat()
}

struct Parts {
    header: String,
    payload: String,
    signature: String,
}

impl Parts {
    /// Of a token whose signature has a letter that differs between the alphabets of base64.
    fn of(scene: &Scene<'_>) -> Self {
        loop {
            let token = scene.token();
            let segments: Vec<&str> = token.split('.').collect();
            let [header, payload, signature] = segments[..] else { panic!("three segments") };
            if signature.contains(['-', '_']) {
                let (header, payload) = (header.to_owned(), payload.to_owned());
                return Self { header, payload, signature: signature.to_owned() };
            }
        }
    }
}

fn cut_short(scene: &Scene<'_>, parts: &Parts) -> Vec<Forgery> {
    let Parts { header, payload, signature } = parts;
    let (whole_header, no_header) = cuts(header);
    let (whole_payload, no_payload) = cuts(payload);
    let (whole_signature, no_signature) = cuts(signature);
    let token =
        |header: &str, payload: &str, signature: &str| format!("{header}.{payload}.{signature}");
    let signed = |header: &str, payload: &str| scene.key.sign(&format!("{header}.{payload}"));
    vec![
        row("a header cut short", token(whole_header, payload, signature), NO_HEADER),
        row("a header cut within a group", token(no_header, payload, signature), HEADER_NOT_BASE64),
        row("no header", token("", payload, signature), NO_HEADER),
        row("a signed header cut short", signed(whole_header, payload), NO_HEADER),
        row("a payload cut short", token(header, whole_payload, signature), BadSignature),
        row("a payload cut within a group", token(header, no_payload, signature), BadSignature),
        row("no payload", token(header, "", signature), BadSignature),
        row("a signed payload cut short", signed(header, whole_payload), NO_CLAIMS),
        row("a signed payload cut in a group", signed(header, no_payload), PAYLOAD_NOT_BASE64),
        row("a signed token without payload", signed(header, ""), NO_CLAIMS),
        row("a signature cut short", token(header, payload, whole_signature), BadSignature),
        row(
            "a signature cut within a group",
            token(header, payload, no_signature),
            SIGNATURE_NOT_BASE64,
        ),
        row("an empty signature", token(header, payload, ""), BadSignature),
        row("nothing but a header's dots", token("", "", ""), NO_HEADER),
    ]
}

/// The start of a segment as whole groups of base64, and so that its end is none.
fn cuts(segment: &str) -> (&str, &str) {
    let groups = (segment.len() - 1) / 4 * 4;
    let within = if groups + 1 < segment.len() { groups + 1 } else { groups - 3 };
    (&segment[..groups], &segment[..within])
}

/// Signatures that somebody made up, or made of something else.
fn signatures(scene: &Scene<'_>, parts: &Parts) -> Vec<Forgery> {
    let Parts { header, payload, signature } = parts;
    let bytes = signature.len() * 3 / 4;
    let message = format!("{header}.{payload}");
    let of = |message: &str| scene.key.sign(message).rsplit_once('.').unwrap().1.to_owned();
    let texts = [
        ("of zeros", encode(vec![0; bytes])),
        ("of ones", encode(vec![0xff; bytes])),
        ("of another token", of(&format!("{message}A"))),
        ("of the payload alone", of(payload)),
        ("of the header alone", of(header)),
        ("twice", format!("{}{}", encode(vec![0; 3]), encode(vec![0; bytes]))),
        ("of one byte", encode([1])),
    ];
    texts
        .map(|(name, text)| {
            row(format!("a signature {name}"), format!("{message}.{text}"), BadSignature)
        })
        .to_vec()
}

fn too_many_or_few(parts: &Parts) -> Vec<Forgery> {
    let Parts { header, payload, signature } = parts;
    let token = format!("{header}.{payload}.{signature}");
    let tokens = [
        ("a dot behind it", format!("{token}."), SIGNATURE_NOT_BASE64),
        ("a fourth segment", format!("{token}.AAAA"), SIGNATURE_NOT_BASE64),
        ("its signature twice", format!("{token}.{signature}"), SIGNATURE_NOT_BASE64),
        ("five segments, as a JWE has", format!("{token}.AAAA.AAAA"), SIGNATURE_NOT_BASE64),
        ("a dot before it", format!(".{token}"), SIGNATURE_NOT_BASE64),
        ("a segment before it", format!("{header}.{token}"), SIGNATURE_NOT_BASE64),
        ("two dots within", format!("{header}..{payload}.{signature}"), SIGNATURE_NOT_BASE64),
        ("two segments", format!("{header}.{payload}"), THREE),
        ("one segment", header.clone(), THREE),
        ("no text", String::new(), THREE),
        ("a dot and nothing else", ".".into(), THREE),
        ("a space before it", format!(" {token}"), HEADER_NOT_BASE64),
        ("a quotation mark around it", format!("\"{token}\""), SIGNATURE_NOT_BASE64),
    ];
    tokens
        .map(|(name, token, refusal)| row(format!("a token with {name}"), token, refusal))
        .to_vec()
}

fn written_otherwise(scene: &Scene<'_>, parts: &Parts) -> Vec<Forgery> {
    let Parts { header, payload, signature } = parts;
    let mut rows = Vec::new();
    for (name, other) in writings(header) {
        let token = format!("{other}.{payload}.{signature}");
        rows.push(row(format!("a header with {name}"), token, HEADER_NOT_BASE64));
        let signed = scene.key.sign(&format!("{other}.{payload}"));
        rows.push(row(format!("a signed header with {name}"), signed, HEADER_NOT_BASE64));
    }
    for (name, other) in writings(payload) {
        let token = format!("{header}.{other}.{signature}");
        rows.push(row(format!("a payload with {name}"), token, BadSignature));
        let signed = scene.key.sign(&format!("{header}.{other}"));
        rows.push(row(format!("a signed payload with {name}"), signed, PAYLOAD_NOT_BASE64));
    }
    for (name, other) in writings(signature) {
        let token = format!("{header}.{payload}.{other}");
        rows.push(row(format!("a signature with {name}"), token, SIGNATURE_NOT_BASE64));
    }
    rows
}

/// Texts that a lenient reader would decode to the same bytes.
fn writings(segment: &str) -> Vec<(&'static str, String)> {
    let (start, end) = segment.split_at(segment.len() - 1);
    let place = ALPHABET.find(end).unwrap();
    assert!(place.is_multiple_of(4), "its last letter has bits that stand for nothing");
    let standard = segment.replace('-', "+").replace('_', "/");
    assert_ne!(standard, segment, "it has a letter of the other alphabet");
    let (left, right) = segment.split_at(4);
    vec![
        ("one sign of padding", format!("{segment}=")),
        ("padding", format!("{segment}==")),
        ("padding inside", format!("{left}={right}")),
        ("a space inside", format!("{left} {right}")),
        ("a space behind", format!("{segment} ")),
        ("a line feed inside", format!("{left}\n{right}")),
        ("a line feed behind", format!("{segment}\n")),
        ("CRLF behind", format!("{segment}\r\n")),
        ("a tab behind", format!("{segment}\t")),
        ("a zero byte behind", format!("{segment}\0")),
        ("an escape of URLs", format!("{left}%41{right}")),
        ("a letter of no alphabet", format!("{left}\u{e4}{right}")),
        ("trailing bits", format!("{start}{}", &ALPHABET[place + 1..=place + 1])),
        ("the standard alphabet", standard),
    ]
}
