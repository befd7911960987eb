/// What ids begin with, and what tests see in their place.
const IDS: [(&str, &str); 7] = [
    ("user_", "USER"),
    ("sess_", "SESSION"),
    ("evt_", "EVENT"),
    ("tok_", "TOKEN"),
    ("req_", "REQUEST"),
    ("chal_", "CHALLENGE"),
    ("mail_", "MAIL"),
];
/// Of the part behind the prefix.
const ID_CHARACTERS: usize = 26;

/// The text with every id replaced by the name of its kind, so that exact bytes can be compared.
pub fn mask_ids(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some((name, behind)) = split_id(rest) {
            masked.push_str(name);
            rest = behind;
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            masked.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }
    masked
}

/// Compact JSON with one member a line: nothing but line breaks is added, and there are none
/// before, so two texts are equal where their folded forms are.
pub fn fold(json: &str) -> String {
    assert!(!json.contains('\n'), "this is not compact: {json}");
    let members = json.replace(",\"", ",\n\"").replace(",{", ",\n{");
    let lines = members.lines().map(|line| match line.split_once("\":\"") {
        Some((name, text)) if line.len() > LINE_BYTES_MAX => format!("{name}\":\n\"{text}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Leaves room for the indentation of a test.
const LINE_BYTES_MAX: usize = 80;

fn split_id(text: &str) -> Option<(&'static str, &str)> {
    IDS.iter().find_map(|(prefix, name)| {
        let behind = text.strip_prefix(prefix)?;
        let id = behind.get(..ID_CHARACTERS)?;
        let is_id = id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        is_id.then(|| (*name, &behind[ID_CHARACTERS..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_only_adds_line_breaks() {
        let json = r#"{"a":"b, c","d":[{"e":1},{"f":2}]}"#;
        let folded = "{\"a\":\"b, c\",\n\"d\":[{\"e\":1},\n{\"f\":2}]}";
        assert_eq!(fold(json), folded);
        assert_eq!(fold(json).replace('\n', ""), json);
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(90));
        assert_eq!(fold(&long).lines().count(), 2);
        assert_eq!(fold(&long).replace('\n', ""), long);
    }

    #[test]
    fn ids_are_masked_and_nothing_else() {
        let text = r#"{"id":"user_01jcdv4h8c0000000000000000","kind":"user_","é":1}"#;
        assert_eq!(mask_ids(text), r#"{"id":"USER","kind":"user_","é":1}"#);
    }
}
