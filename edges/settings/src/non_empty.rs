use std::iter;

/// A list with at least one item, the first of which is special.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonEmpty<T> {
    /// The one that is used where only one can be.
    pub first: T,
    /// The others, in the order in which they were written.
    pub rest: Vec<T>,
}

impl<T> NonEmpty<T> {
    /// `None` if `items` is empty.
    pub(crate) fn of(items: Vec<T>) -> Option<Self> {
        let mut items = items.into_iter();
        let first = items.next()?;
        Some(Self { first, rest: items.collect() })
    }

    /// All items, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        iter::once(&self.first).chain(&self.rest)
    }
}
