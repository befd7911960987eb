//! Rust source told apart into code, comments and text, without a parser: tidy builds in seconds.

use std::ops::Range;

/// One file. All three views have the lines and columns of the file; what is not theirs is blank.
pub(crate) struct Source<'a> {
    pub(crate) raw: &'a str,
    pub(crate) code: String,
    pub(crate) comments: String,
    /// String and character literals, with their quotes.
    pub(crate) literals: String,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    /// From the line of `fn` to that of the last brace, counted from 0.
    pub(crate) lines: Range<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

impl<'a> Source<'a> {
    pub(crate) fn read(raw: &'a str) -> Self {
        let kinds = kinds(raw);
        let view = |wanted: Kind| {
            let chars = raw.char_indices();
            chars.map(|(at, c)| if kinds[at] == wanted || c == '\n' { c } else { ' ' }).collect()
        };
        Self {
            raw,
            code: view(Kind::Code),
            comments: view(Kind::Comment),
            literals: view(Kind::Literal),
        }
    }

    /// For each line, whether it belongs to an item under `#[cfg(test)]` at the start of a line.
    pub(crate) fn test_lines(&self) -> Vec<bool> {
        let mut is_test = vec![false; self.raw.lines().count()];
        let mut start = 0;
        for (number, line) in self.code.split_inclusive('\n').enumerate() {
            if line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test") {
                let last = number + lines_within(&self.code[start..end_of_item(&self.code, start)]);
                is_test[number..=last].fill(true);
            }
            start += line.len();
        }
        is_test
    }

    /// The functions that have a body, nested ones too, in the order in which they begin.
    pub(crate) fn functions(&self) -> Vec<Function<'_>> {
        let mut found = Vec::new();
        for (at, _) in words(&self.code).filter(|(_, word)| *word == "fn") {
            let rest = &self.code[at + "fn".len()..];
            let Some((gap, name)) = words(rest).next() else { continue };
            // `fn(` is a type; `fn $name` stands in a macro.
            if !rest[..gap].trim().is_empty() {
                continue;
            }
            let end = end_of_item(&self.code, at);
            if self.code[..end].ends_with('}') {
                let first = lines_within(&self.code[..at]);
                let last = first + lines_within(&self.code[at..end]);
                found.push(Function { name, lines: first..last + 1 });
            }
        }
        found
    }
}

/// The words (identifiers, keywords, numbers) of a piece of code, with where they begin.
pub(crate) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let begin = at + code[at..].find(is_of_word)?;
        let length = code[begin..].find(|c| !is_of_word(c)).unwrap_or(code.len() - begin);
        at = begin + length;
        Some((begin, &code[begin..at]))
    })
}

fn lines_within(text: &str) -> usize {
    text.matches('\n').count()
}

/// Where the item that begins at `start` ends: after its body, or after its semicolon.
fn end_of_item(code: &str, start: usize) -> usize {
    let mut brackets = 0_usize;
    let mut braces = 0_usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => brackets += 1,
            b')' | b']' => brackets = brackets.saturating_sub(1),
            b'{' => braces += 1,
            b'}' => {
                braces = braces.saturating_sub(1);
                // A brace within brackets is a constant in a type, not the body.
                if braces == 0 && brackets == 0 {
                    return at + 1;
                }
            }
            b';' if brackets == 0 && braces == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// What each byte belongs to.
fn kinds(raw: &str) -> Vec<Kind> {
    let bytes = raw.as_bytes();
    let mut kinds = vec![Kind::Code; bytes.len()];
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let follows_word =
            at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let (kind, length) = if rest.starts_with(b"//") {
            (Kind::Comment, length_until(rest, b"\n"))
        } else if rest.starts_with(b"/*") {
            (Kind::Comment, length_of_block_comment(rest))
        } else if let Some(length) = length_of_raw_string(rest).filter(|_| !follows_word) {
            (Kind::Literal, length)
        } else if rest[0] == b'"' {
            (Kind::Literal, length_of_quoted(rest, b'"'))
        } else if is_character(&raw[at..]) {
            (Kind::Literal, length_of_quoted(rest, b'\''))
        } else {
            (Kind::Code, 1)
        };
        kinds[at..at + length].fill(kind);
        at += length;
    }
    kinds
}

/// Whether a character literal begins here, rather than a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars();
    chars.next() == Some('\'')
        && match chars.next() {
            Some('\\') => true,
            Some(_) => chars.next() == Some('\''),
            None => false,
        }
}

fn length_until(rest: &[u8], end: &[u8]) -> usize {
    rest.windows(end.len()).position(|window| window == end).unwrap_or(rest.len())
}

/// Block comments nest.
fn length_of_block_comment(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn length_of_quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a string such as `r#"…"#`, `br"…"`, if one begins here; `r#type` is none.
fn length_of_raw_string(rest: &[u8]) -> Option<usize> {
    let prefix = [&b"br"[..], b"cr", b"r"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest[prefix.len()..].iter().take_while(|byte| **byte == b'#').count();
    let open = prefix.len() + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let close = [b"\"", "#".repeat(hashes).as_bytes()].concat();
    let body = &rest[open + 1..];
    Some((open + 1 + length_until(body, &close) + close.len()).min(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(raw: &str) -> String {
        Source::read(raw).code
    }

    #[test]
    fn comments_are_no_code() {
        assert_eq!(code("a // b\nc"), "a     \nc");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(Source::read("a // b\nc").comments, "  // b\n ");
    }

    #[test]
    fn literals_are_no_code_and_hold_no_comments() {
        assert_eq!(code(r#"a("// b \" c") d"#), "a(           ) d");
        assert_eq!(code(r##"a(r#"b " c"#) d"##), "a(          ) d");
        assert_eq!(code(r#"a(br"b\") d"#), "a(      ) d");
        assert_eq!(Source::read(r#"a("//")"#).literals, r#"  "//" "#);
    }

    #[test]
    fn characters_are_literals_and_lifetimes_are_code() {
        assert_eq!(code("a('{', '\\'', 'é') b"), "a(   ,     ,    ) b");
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(code("r#type"), "r#type");
    }

    #[test]
    fn what_never_ends_ends_with_the_file() {
        for open in ["\"abc", "r#\"abc", "/* abc", "'\\", "\"abc\\"] {
            assert_eq!(code(open).trim(), "", "{open}");
        }
    }

    #[test]
    fn functions_are_found_with_their_lines() {
        let source = Source::read(
            "struct S { f: fn(u8) -> u8 }\n\
             trait T {\n    fn declared(&self) -> [u8; 4];\n}\n\
             fn one<F>(f: F) -> [u8; 2]\nwhere\n    F: Fn(),\n{\n    let s = \"}\";\n}\n\
             fn two() { fn nested() {\n } }\n",
        );
        assert_eq!(
            source.functions(),
            [
                Function { name: "one", lines: 4..10 },
                Function { name: "two", lines: 10..12 },
                Function { name: "nested", lines: 10..12 },
            ]
        );
    }

    #[test]
    fn test_items_end_where_their_braces_do() {
        let source = Source::read(
            "#[cfg(test)]\nmod outside;\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n\
             fn c() {}\n",
        );
        assert_eq!(source.test_lines(), [true, true, false, true, true, true, true, false]);
    }

    #[test]
    fn a_test_attribute_in_a_comment_or_within_an_item_hides_nothing() {
        let source =
            Source::read("// #[cfg(test)]\nimpl A {\n    #[cfg(test)]\n    fn b() {}\n}\n");
        assert_eq!(source.test_lines(), [false; 5]);
    }
}
