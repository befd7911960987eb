//! Crockford's base32 for what people type: it has no `I`, `L`, `O` and `U`, five bits a character.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The last `5 * N` of these bits as characters.
pub(crate) fn write<const N: usize>(bits: u64) -> Zeroizing<[u8; N]> {
    let mut code = Zeroizing::new([0; N]);
    for (place, character) in code.iter_mut().rev().enumerate() {
        *character = ALPHABET[((bits >> (5 * place)) & 31) as usize];
    }
    code
}

/// Reads what a person typed: in any case, with spaces and hyphens, and with the letters that look
/// like digits. `None` if it has not `N` characters of the alphabet.
pub(crate) fn read<const N: usize>(typed: &str) -> Option<Zeroizing<[u8; N]>> {
    let mut code = Zeroizing::new([0; N]);
    let mut places = code.iter_mut();
    for character in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
        let read = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        };
        let byte = u8::try_from(read).ok().filter(|byte| ALPHABET.contains(byte));
        *places.next()? = byte?;
    }
    if places.next().is_some() { None } else { Some(code) }
}

/// The code in two halves, as people read it.
pub(crate) fn to_text<const N: usize>(code: &[u8; N]) -> Zeroizing<String> {
    let (head, tail) = code.split_at(N / 2);
    let mut text = Zeroizing::new(String::with_capacity(N + 1));
    text.extend(head.iter().copied().map(char::from));
    text.push('-');
    text.extend(tail.iter().copied().map(char::from));
    text
}
