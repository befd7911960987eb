use doorward_claims::{ACCESS_TOKEN_TYP, Algorithm, REVOCATIONS_TYP};
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

/// What a token must be like from outside before anything in it is believed.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) form: TokenForm,
    pub(crate) typ: TypRule,
    /// A token under any other is refused before a key is looked for.
    pub(crate) algorithms: &'a [Algorithm],
}

/// How much the header's `typ` must say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypRule {
    /// The form's `typ`.
    Exact,
    /// The form's `typ`, or `JWT`, or nothing: as makers do that have one kind of token.
    MayBePlain,
}

/// Claims whose signature is good, and what it was made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified<T> {
    /// What the token says.
    pub claims: T,
    /// What it is signed with.
    pub algorithm: Algorithm,
}

/// Checks form and signature of a compact JWS (RFC 7515 §7.1), and only then reads its claims.
///
/// The caller must judge the claims: whose they are, for whom, and until when.
pub fn verify_signed<T: DeserializeOwned>(
    token: &str,
    form: TokenForm,
    keys: &KeySet,
) -> Result<T, VerifyError> {
    let expected = Expected { form, typ: TypRule::Exact, algorithms: &Algorithm::ALL };
    verify_expected(token, expected, keys).map(|verified| verified.claims)
}

/// Does what [`verify_signed`] does for all who expect more, or less, of a token.
pub(crate) fn verify_expected<T: DeserializeOwned>(
    token: &str,
    expected: Expected<'_>,
    keys: &KeySet,
) -> Result<Verified<T>, VerifyError> {
    if token.len() > expected.form.bytes_max {
        return Err(VerifyError::malformed("it is too long"));
    }
    let parts = Parts::split(token)?;
    let algorithm = verify_envelope(&parts, expected, keys)?;

    let mut buffer = [0; PAYLOAD_BYTES_ON_STACK];
    let payload = base64url::decode_into(parts.payload, &mut buffer)
        .ok_or(VerifyError::malformed("its payload is not base64url"))?;
    // As text, since checking it once is quicker than checking each of its strings.
    let json = std::str::from_utf8(&payload)
        .map_err(|_| VerifyError::malformed("its payload is not UTF-8"))?;
    let claims = serde_json::from_str(json)
        .map_err(|_| VerifyError::malformed("its claims are not those of its type"))?;
    Ok(Verified { claims, algorithm })
}

fn verify_envelope(
    parts: &Parts<'_>,
    expected: Expected<'_>,
    keys: &KeySet,
) -> Result<Algorithm, VerifyError> {
    let mut buffer = [0; SIGNATURE_BYTES_MAX];
    let signature = decode_within(parts.signature, &mut buffer)
        .ok_or(VerifyError::malformed("its signature is not base64url, or too long"))?;
    let jws = SignedBytes { message: parts.message.as_bytes(), signature };

    if expected.form.typ == ACCESS_TOKEN_TYP
        && let Some(key) = keys.find_by_usual_header(parts.header)
        && expected.algorithms.contains(&key.algorithm())
    {
        return key.verify(jws.message, jws.signature).map(|()| key.algorithm());
    }
    verify_by_header(parts.header, expected, keys, jws)
}

fn verify_by_header(
    segment: &str,
    expected: Expected<'_>,
    keys: &KeySet,
    jws: SignedBytes<'_>,
) -> Result<Algorithm, VerifyError> {
    let mut buffer = [0; HEADER_BYTES_MAX];
    let header = parse_header(segment, &mut buffer)?;
    let signer = header.signer()?;
    if !expected.algorithms.contains(&signer.algorithm) {
        return Err(VerifyError::UnacceptedAlgorithm);
    }
    let may_be_plain = expected.typ == TypRule::MayBePlain;
    if !(header.is_of_type(expected.form.typ) || (may_be_plain && header.is_plain())) {
        return Err(VerifyError::WrongType);
    }
    keys.verify(signer, jws).map(|()| signer.algorithm)
}

fn parse_header<'b>(
    segment: &str,
    buffer: &'b mut [u8; HEADER_BYTES_MAX],
) -> Result<Header<'b>, VerifyError> {
    let json = decode_within(segment, buffer)
        .ok_or(VerifyError::malformed("its header is not base64url, or too long"))?;
    Header::parse(json)
}

/// A key that a token may be good under, and that we do not have.
#[cfg(feature = "jwks")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingKey {
    Public,
    Secret,
}

#[cfg(feature = "jwks")]
impl MissingKey {
    /// What `keys` may lack, if `token` was refused with `error` under them.
    ///
    /// A token that names a key of ours has been judged by it, whatever other keys there are.
    pub(crate) fn of(token: &str, error: &VerifyError, keys: &KeySet) -> Option<Self> {
        match error {
            VerifyError::UnknownKey { .. } => Some(Self::Public),
            VerifyError::BadSignature | VerifyError::WrongAlgorithm => {
                let mut buffer = [0; HEADER_BYTES_MAX];
                let header = parse_header(token.split('.').next()?, &mut buffer).ok()?;
                let signer = header.signer().ok()?;
                let is_known = signer.kid.is_some_and(|kid| keys.find(kid).is_some());
                (signer.algorithm.is_symmetric() && !is_known).then_some(Self::Secret)
            }
            _ => None,
        }
    }
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
