use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::unusable::UnusableSecret;

/// The text under `key` of the JSON object that `whole` is; `None` if it has no such member.
///
/// No other member is copied.
pub(crate) fn of(whole: &SecretString, key: &str) -> Result<Option<SecretString>, UnusableSecret> {
    let text = whole.expose_secret();
    // Of another value the parser would make an error that quotes it, and not erase that.
    if !text.trim_start().starts_with('{') {
        return Err(UnusableSecret::NotJsonObject);
    }
    let mut parser = serde_json::Deserializer::from_str(text);
    let found = (&mut parser).deserialize_map(Wanted { key });
    let found = found.and_then(|found| parser.end().map(|()| found));
    match found.map_err(|_| UnusableSecret::NotJsonObject)? {
        Some(Member::Text(text)) => Ok(Some(text)),
        Some(Member::Other) => Err(UnusableSecret::NotTextMember),
        None => Ok(None),
    }
}

/// Keeps one member of an object; of several under one key, the last.
struct Wanted<'a> {
    key: &'a str,
}

/// What a member is.
enum Member {
    Text(SecretString),
    Other,
}

impl<'de> Visitor<'de> for Wanted<'_> {
    type Value = Option<Member>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Self::Value, M::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            if name == self.key {
                found = Some(members.next_value()?);
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(MemberVisitor)
    }
}

struct MemberVisitor;

impl<'de> Visitor<'de> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Member, E> {
        Ok(Member::Text(SecretString::from(text)))
    }

    fn visit_unit<E: Error>(self) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Member, E> {
        Ok(Member::Other)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut values: S) -> Result<Member, S::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Member, M::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Member::Other)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(whole: &str) -> Result<Option<String>, UnusableSecret> {
        let found = of(&SecretString::from(whole), "key")?;
        Ok(found.map(|text| text.expose_secret().to_owned()))
    }

    #[test]
    fn a_member_is_read_whatever_stands_beside_it() {
        for (whole, expected) in [
            (r#"{"key":"hunter2"}"#, "hunter2"),
            (r#" { "other" : {"key":"no"} , "key" : "hunter2" } "#, "hunter2"),
            (r#"{"key":"a\n\u00e9\"b","other":[1,{"key":2}]}"#, "a\né\"b"),
            (r#"{"key":"first","key":"last"}"#, "last"),
            (r#"{"key":1,"key":"last"}"#, "last"),
            (r#"{"k\u0065y":"hunter2"}"#, "hunter2"),
        ] {
            assert_eq!(member(whole).unwrap().as_deref(), Some(expected), "{whole}");
        }
        assert_eq!(member(r#"{"other":"a"}"#).unwrap(), None);
    }

    #[test]
    fn a_member_of_every_other_kind_is_no_text() {
        for value in ["null", "true", "-1", "1", "0.5", "[[1],2]", r#"{"a":{"b":1}}"#] {
            let refused = member(&format!(r#"{{"key":{value}}}"#));
            assert!(matches!(refused, Err(UnusableSecret::NotTextMember)), "{value}");
        }
    }

    #[test]
    fn what_is_no_object_to_its_end_is_not_read() {
        for whole in [r#"{"key":"a"} b"#, r#"{"key":"a""#, r#"{"key":"a",}"#, r#"{key:"a"}"#] {
            assert!(matches!(member(whole), Err(UnusableSecret::NotJsonObject)), "{whole}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reading_of_members_panic(whole in ".*", key in ".*") {
            let _ = of(&SecretString::from(whole), &key);
        }
    }
}
