use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One `key = value` of a TOML document.
pub(crate) struct Entry<'a> {
    /// The path from the root, with dots between sections.
    pub(crate) path: String,
    /// The line of the key, counted from 1.
    pub(crate) line: usize,
    pub(crate) value: &'a DeValue<'a>,
}

/// Lists the entries of a document in the order of their lines; `text` is what it was parsed from.
///
/// A section without entries counts as one, so that a misspelt one is found.
pub(crate) fn entries<'a>(table: &'a DeTable<'a>, text: &str) -> Vec<Entry<'a>> {
    let mut entries = Vec::new();
    collect(table, text, "", &mut entries);
    entries.sort_by_key(|entry| entry.line);
    entries
}

/// The line, counted from 1, in which the byte at `offset` stands.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// As deep as the parser lets documents be.
fn collect<'a>(table: &'a DeTable<'a>, text: &str, prefix: &str, entries: &mut Vec<Entry<'a>>) {
    for (key, value) in table {
        let path = format!("{prefix}{}", bare_or_quoted(key));
        match value.get_ref() {
            DeValue::Table(section) if !section.is_empty() => {
                collect(section, text, &format!("{path}."), entries);
            }
            value => entries.push(Entry { path, line: line_at(text, key.span().start), value }),
        }
    }
}

/// Quotes a key with a dot in it, which would else look like a path.
fn bare_or_quoted(key: &Spanned<std::borrow::Cow<'_, str>>) -> String {
    let key = key.get_ref();
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if key.bytes().all(is_bare) { key.clone().into_owned() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_have_their_path_and_line() {
        let text = "top = 1\n\n[a]\nx = 2\n\"y.z\" = 3\nb.c = 4\n[empty]\n";
        let table = DeTable::parse(text).unwrap().into_inner();
        let found: Vec<(String, usize)> =
            entries(&table, text).into_iter().map(|entry| (entry.path, entry.line)).collect();
        let expected = [("top", 1), ("a.x", 4), ("a.\"y.z\"", 5), ("a.b.c", 6), ("empty", 7)];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
