use doorward_claims::{ACCESS_TOKEN_TYP, REVOCATIONS_TYP};
use serde::de::DeserializeOwned;

use crate::base64url;
use crate::error::VerifyError;
use crate::header::Header;
use crate::key_set::{KeySet, SignedBytes};

/// Longest header, in bytes once decoded: ours has about 90.
const HEADER_BYTES_MAX: usize = 1_024;

/// Payloads up to this size are decoded on the stack; ours has about 700 bytes.
const PAYLOAD_BYTES_ON_STACK: usize = 2_048;

/// Longest signature, that of an RSA key with 8,192 bits.
const SIGNATURE_BYTES_MAX: usize = 1_024;

/// What one kind of token looks like from outside. Kinds exclude each other by `typ`, so that none
/// can pass for another (RFC 8725 §3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenForm {
    /// The header's `typ`, without `application/`.
    pub typ: &'static str,
    /// Longest token, in bytes. Nothing of a longer one is looked at.
    pub bytes_max: usize,
}

impl TokenForm {
    /// An access token (RFC 9068).
    pub const ACCESS: Self = Self { typ: ACCESS_TOKEN_TYP, bytes_max: 16 * 1_024 };

    /// The list of revocations: 10,000 entries of at most 90 bytes, in base64.
    pub const REVOCATIONS: Self = Self { typ: REVOCATIONS_TYP, bytes_max: 2 * 1_024 * 1_024 };
}

/// Checks form and signature of a compact JWS (RFC 7515 §7.1), and only then reads its claims.
///
/// The caller must judge the claims: whose they are, for whom, and until when.
pub fn verify_signed<T: DeserializeOwned>(
    token: &str,
    form: TokenForm,
    keys: &KeySet,
) -> Result<T, VerifyError> {
    if token.len() > form.bytes_max {
        return Err(VerifyError::malformed("it is too long"));
    }
    let parts = Parts::split(token)?;
    verify_envelope(&parts, form.typ, keys)?;

    let mut buffer = [0; PAYLOAD_BYTES_ON_STACK];
    let payload = base64url::decode_into(parts.payload, &mut buffer)
        .ok_or(VerifyError::malformed("its payload is not base64url"))?;
    // As text, since checking it once is quicker than checking each of its strings.
    let json = std::str::from_utf8(&payload)
        .map_err(|_| VerifyError::malformed("its payload is not UTF-8"))?;
    serde_json::from_str(json)
        .map_err(|_| VerifyError::malformed("its claims are not those of its type"))
}

fn verify_envelope(parts: &Parts<'_>, typ: &str, keys: &KeySet) -> Result<(), VerifyError> {
    let mut buffer = [0; SIGNATURE_BYTES_MAX];
    let signature = decode_within(parts.signature, &mut buffer)
        .ok_or(VerifyError::malformed("its signature is not base64url, or too long"))?;
    let jws = SignedBytes { message: parts.message.as_bytes(), signature };

    if typ == ACCESS_TOKEN_TYP
        && let Some(key) = keys.find_by_usual_header(parts.header)
    {
        return key.verify(jws.message, jws.signature);
    }
    verify_by_header(parts.header, typ, keys, jws)
}

fn verify_by_header(
    segment: &str,
    typ: &str,
    keys: &KeySet,
    jws: SignedBytes<'_>,
) -> Result<(), VerifyError> {
    let mut buffer = [0; HEADER_BYTES_MAX];
    let json = decode_within(segment, &mut buffer)
        .ok_or(VerifyError::malformed("its header is not base64url, or too long"))?;
    let header = Header::parse(json)?;
    let signer = header.signer()?;
    if !header.is_of_type(typ) {
        return Err(VerifyError::WrongType);
    }
    keys.verify(signer, jws)
}

/// The segments of a compact JWS, as they stand in the token.
struct Parts<'a> {
    header: &'a str,
    payload: &'a str,
    signature: &'a str,
    /// Header, dot, payload: what is signed.
    message: &'a str,
}

impl<'a> Parts<'a> {
    /// A fourth segment would be part of `signature`, where base64url has no place for its dot.
    fn split(token: &'a str) -> Result<Self, VerifyError> {
        let parts = || {
            let (header, rest) = token.split_once('.')?;
            let (payload, signature) = rest.split_once('.')?;
            let message = token.get(..header.len() + 1 + payload.len())?;
            Some(Self { header, payload, signature, message })
        };
        parts().ok_or(VerifyError::malformed("it does not have three segments"))
    }
}

fn decode_within<'b>(text: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    match base64url::decode_into(text, buffer)? {
        std::borrow::Cow::Borrowed(bytes) => Some(bytes),
        std::borrow::Cow::Owned(_) => None,
    }
}
