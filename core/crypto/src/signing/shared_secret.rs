use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use zeroize::Zeroize;

/// Fewest bytes of a shared secret (RFC 7518 §3.2).
pub(super) const SECRET_BYTES_MIN: usize = 32;

/// Writes 256 random bits, from the caller's source, as a secret to be shared with verifiers:
/// base64url, so that it passes through environments, files and JSON unchanged.
///
/// The secret is the text, byte for byte, and not what it decodes to: so do the libraries of other
/// languages take it.
pub fn generate_shared_secret(mut bytes: [u8; SECRET_BYTES_MIN]) -> SecretString {
    let text = URL_SAFE_NO_PAD.encode(bytes);
    bytes.zeroize();
    text.into()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::super::SigningKey;
    use super::*;

    #[test]
    fn a_new_secret_is_the_text_of_its_bits_and_signs_as_it_is() {
        let secret = generate_shared_secret([0xfb; 32]);
        let text = secret.expose_secret();
        assert_eq!(text, "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
        assert_eq!(URL_SAFE_NO_PAD.decode(text).unwrap(), [0xfb; 32]);
        assert!(SigningKey::from_shared_secret(text.as_bytes()).is_ok());
        assert!(!format!("{secret:?}").contains(text));
    }
}
