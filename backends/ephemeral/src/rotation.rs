use contracts::{Advance, StoreError};
use domain::{Session, Timestamp};

/// The form of values that we write. Another number means another form.
const FORM: u8 = 1;
/// The same form, of a session that has ended.
pub(crate) const ENDED: u8 = 2;

/// What every refresh of a session moves. It is all that Redis keeps of a session.
///
/// As a value: the form's number, both generations, the times in milliseconds, each as eight bytes
/// with the highest first, and the user agent behind a byte that says whether there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rotation {
    generation: u64,
    forgiven_generation: u64,
    rotated_at: Timestamp,
    last_used_at: Timestamp,
    idle_expires_at: Timestamp,
    rotated_by: Option<Box<str>>,
}

impl Rotation {
    pub(crate) fn of(session: &Session) -> Self {
        Self {
            generation: session.generation,
            forgiven_generation: session.forgiven_generation,
            rotated_at: session.rotated_at,
            last_used_at: session.last_used_at,
            idle_expires_at: session.idle_expires_at,
            rotated_by: session.rotated_by.clone(),
        }
    }

    /// Brings a session from the main store up to date.
    pub(crate) fn apply(self, session: &mut Session) {
        session.generation = self.generation;
        session.forgiven_generation = self.forgiven_generation;
        session.rotated_at = self.rotated_at;
        session.last_used_at = self.last_used_at;
        session.idle_expires_at = self.idle_expires_at;
        session.rotated_by = self.rotated_by;
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut value = head(self.generation);
        value.extend(self.forgiven_generation.to_be_bytes());
        put_moments(&mut value, [self.rotated_at, self.last_used_at, self.idle_expires_at]);
        put_agent(&mut value, self.rotated_by.as_deref());
        value
    }

    pub(crate) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        Self::read(value).ok_or_else(malformed)
    }

    fn read(value: &[u8]) -> Option<Self> {
        let (form, rest) = value.split_first()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (forgiven_generation, rest) = rest.split_first_chunk()?;
        let (rotated_at, rest) = rest.split_first_chunk()?;
        let (last_used_at, rest) = rest.split_first_chunk()?;
        let (idle_expires_at, rest) = rest.split_first_chunk()?;
        let rotated_by = match rest {
            [0] => None,
            [1, agent @ ..] => Some(std::str::from_utf8(agent).ok()?.into()),
            _ => return None,
        };
        let moment = |bytes: &[u8; 8]| Timestamp::from_unix_ms(i64::from_be_bytes(*bytes));
        [FORM, ENDED].contains(form).then(|| Self {
            generation: u64::from_be_bytes(*generation),
            forgiven_generation: u64::from_be_bytes(*forgiven_generation),
            rotated_at: moment(rotated_at),
            last_used_at: moment(last_used_at),
            idle_expires_at: moment(idle_expires_at),
            rotated_by,
        })
    }
}

/// The value up to the generation's end.
pub(crate) fn head(generation: u64) -> Vec<u8> {
    let mut value = vec![FORM];
    value.extend(generation.to_be_bytes());
    value
}

/// The value from the forgiven generation's end on, after a rotation.
pub(crate) fn tail(advance: &Advance) -> Vec<u8> {
    let mut value = Vec::new();
    put_moments(&mut value, [advance.at, advance.at, advance.idle_expires_at]);
    put_agent(&mut value, advance.by.as_deref());
    value
}

pub(crate) fn malformed() -> StoreError {
    StoreError::Malformed { what: "session in Redis", source: "an unknown form".into() }
}

fn put_moments(value: &mut Vec<u8>, moments: [Timestamp; 3]) {
    value.extend(moments.into_iter().flat_map(|moment| moment.unix_ms().to_be_bytes()));
}

fn put_agent(value: &mut Vec<u8>, agent: Option<&str>) {
    value.push(u8::from(agent.is_some()));
    value.extend(agent.unwrap_or_default().as_bytes());
}

#[cfg(test)]
mod tests {
    use domain::{SessionId, UserId};

    use super::*;

    const AT: Timestamp = Timestamp::from_unix_ms(1_731_333_100_007);
    /// Where scripts cut, which count from 1.
    const GENERATION_END: usize = 9;
    const FORGIVEN_END: usize = 17;

    fn rotation(rotated_by: Option<&str>) -> Rotation {
        Rotation {
            generation: u64::MAX,
            forgiven_generation: 7,
            rotated_at: AT,
            last_used_at: Timestamp::from_unix_ms(i64::MIN),
            idle_expires_at: Timestamp::from_unix_ms(i64::MAX),
            rotated_by: rotated_by.map(Into::into),
        }
    }

    #[test]
    fn a_value_reads_back() {
        for agent in [None, Some(""), Some("ü😀\0")] {
            let rotation = rotation(agent);
            let mut value = rotation.encode();
            assert_eq!(Rotation::decode(&value).unwrap(), rotation);
            value[0] = ENDED;
            assert_eq!(Rotation::decode(&value).unwrap(), rotation);
        }
    }

    #[test]
    fn scripts_cut_a_value_where_its_generations_end() {
        let value = rotation(Some("browser/1")).encode();
        assert_eq!(value[..GENERATION_END], head(u64::MAX));
        assert_eq!(value[GENERATION_END..FORGIVEN_END], 7_u64.to_be_bytes());
        let advance = Advance {
            user: UserId::parse("user_1").unwrap(),
            session: SessionId::from_bytes([0; 16]),
            from: 1,
            to: u64::MAX,
            at: AT,
            by: None,
            idle_expires_at: AT,
            resealed: None,
        };
        let moved = [&value[..FORGIVEN_END], &tail(&advance)].concat();
        let expected =
            Rotation { last_used_at: AT, idle_expires_at: AT, rotated_by: None, ..rotation(None) };
        assert_eq!(Rotation::decode(&moved).unwrap(), expected);
    }

    #[test]
    fn what_we_never_write_is_malformed() {
        let whole = rotation(None).encode();
        let other_form = [&[3], &whole[1..]].concat();
        let no_text = [rotation(Some("a")).encode(), vec![0xff]].concat();
        let longer = [whole.clone(), vec![0]].concat();
        let cuts = (0..whole.len()).map(|length| whole[..length].to_vec());
        for value in cuts.chain([other_form, no_text, longer]) {
            let read = Rotation::decode(&value);
            assert!(matches!(read, Err(StoreError::Malformed { .. })), "{value:?}");
        }
    }
}
