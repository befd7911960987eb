//! A write as data: the documents that change together, and what must be true of them.
//!
//! One document is changed by one command. Several are changed by a transaction, which ends without
//! a trace where a guard is unmet. See `docs/decisions/0003-operations-are-data.md`.

use std::sync::Arc;

use mongodb::action::ReplaceOne;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Error;
use mongodb::{ClientSession, Collection, Database};

use crate::attempts::{Attempt, DUPLICATE_KEY, code, spread};
use crate::collections::{COUNTER_SHARDS, COUNTERS};
use crate::transaction::transact;

/// What must be true, or the operation ends there and nothing of it remains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The record is there as it was read.
    Record,
    /// The code is there.
    Code,
}

/// A change of one collection.
pub(crate) enum Step {
    /// Looks for one document, and writes nothing.
    Check { of: &'static str, filter: Document, guard: Guard },
    /// Inserts documents with ids of their own.
    Insert { into: &'static str, documents: Vec<Document> },
    /// Changes one document.
    Update { of: &'static str, filter: Document, change: Document, guard: Option<Guard> },
    /// Writes a document over the one that the filter finds.
    Replace { of: &'static str, filter: Document, document: Document, guard: Guard },
    /// Writes a document over the one that the filter finds, or as a new one: so if the filter
    /// refuses the one that is there, its id is taken.
    Put { into: &'static str, filter: Document, document: Document },
    /// Removes documents.
    Delete { from: &'static str, filter: Document, guard: Option<Guard> },
    /// Adds one to a counter, in whichever of its parts.
    Count { counter: &'static str },
}

/// The changes that are made together.
pub(crate) struct Operation {
    /// Names this call of a contract method, in the document by which it is known to have happened.
    pub(crate) id: ObjectId,
    traced_in: &'static str,
    traced_as: Bson,
    traced_by: &'static str,
    has_ids_of_its_own: bool,
    steps: Vec<Step>,
}

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// All of it was written.
    Done,
    /// A guard was unmet, and nothing was written.
    Unmet(Guard),
    /// A unique key was taken, and nothing was written.
    Duplicate,
}

impl Operation {
    /// An operation whose trace is the field `operation` of that document. One of its steps has to
    /// write it.
    pub(crate) fn traced(collection: &'static str, document: impl Into<Bson>) -> Self {
        Self {
            id: ObjectId::new(),
            traced_in: collection,
            traced_as: document.into(),
            traced_by: "operation",
            has_ids_of_its_own: false,
            steps: Vec::new(),
        }
    }

    /// An operation that only inserts, with ids that nobody else ever writes. Its trace is that
    /// field of that document: others change `operation` as soon as they see it.
    pub(crate) fn insertion(
        collection: &'static str,
        document: impl Into<Bson>,
        field: &'static str,
    ) -> Self {
        let traced = Self::traced(collection, document).traced_by(field);
        Self { has_ids_of_its_own: true, ..traced }
    }

    /// The same operation, with its trace in another field: others go by what is in `operation`.
    pub(crate) fn traced_by(self, field: &'static str) -> Self {
        Self { traced_by: field, ..self }
    }

    /// The changes, in their order.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Adds a step.
    pub(crate) fn push(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Adds steps.
    pub(crate) fn extend(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.steps.extend(steps);
    }

    /// Does it, unless an attempt that was lost has done it.
    pub(crate) async fn attempt(self: &Arc<Self>, attempt: Attempt) -> Result<Written, Error> {
        let Attempt { connected, may_be_done, turn } = attempt;
        if may_be_done && self.is_done(&connected.database).await? {
            return Ok(Written::Done);
        }
        let written = match self.steps.as_slice() {
            [] => Written::Done,
            [step] if step.is_one_document() => step.run(&connected.database, None).await?,
            _ => transact(&connected, self, turn).await?,
        };
        // The lost attempt may have arrived only now.
        if may_be_done && written != Written::Done {
            let is_ours = written == Written::Duplicate && self.has_ids_of_its_own;
            if is_ours || self.is_done(&connected.database).await? {
                return Ok(Written::Done);
            }
        }
        Ok(written)
    }

    /// Looks for the trace by writing it again as it is: the server answers when all that was
    /// written before is on a majority of its members, so that no failover takes it back.
    async fn is_done(&self, database: &Database) -> Result<bool, Error> {
        let mut filter = doc! { "_id": &self.traced_as };
        filter.insert(self.traced_by, self.id);
        let change = doc! { "$set": { self.traced_by: self.id } };
        let collection = database.collection(self.traced_in);
        update(&collection, (filter, change), None).await.map(|matched| matched > 0)
    }
}

impl Step {
    /// Whether one command does it atomically.
    const fn is_one_document(&self) -> bool {
        match self {
            Self::Insert { documents, .. } => documents.len() == 1,
            Self::Check { .. } | Self::Delete { .. } => false,
            Self::Update { .. } | Self::Replace { .. } | Self::Put { .. } | Self::Count { .. } => {
                true
            }
        }
    }

    /// Runs it, in a transaction if there is a session.
    pub(crate) async fn run(
        &self,
        database: &Database,
        session: Option<&mut ClientSession>,
    ) -> Result<Written, Error> {
        match self.write(database, session).await {
            Ok(written) => Ok(written),
            Err(error) if code(&error) == Some(DUPLICATE_KEY) => Ok(Written::Duplicate),
            Err(error) => Err(error),
        }
    }

    async fn write(
        &self,
        database: &Database,
        session: Option<&mut ClientSession>,
    ) -> Result<Written, Error> {
        match self {
            Self::Check { of, filter, guard } => {
                let found = check(&database.collection(of), filter, session).await?;
                Ok(met(Some(*guard), u64::from(found)))
            }
            Self::Insert { into, documents } => {
                insert(&database.collection(into), documents, session).await?;
                Ok(Written::Done)
            }
            Self::Update { of, filter, change, guard } => {
                let change = (filter.clone(), change.clone());
                Ok(met(*guard, update(&database.collection(of), change, session).await?))
            }
            Self::Replace { of, filter, document, guard } => {
                let collection = database.collection::<Document>(of);
                let replace = collection.replace_one(filter.clone(), document);
                Ok(met(Some(*guard), run_replace(replace, session).await?))
            }
            Self::Put { into, filter, document } => {
                let collection = database.collection::<Document>(into);
                let put = collection.replace_one(filter.clone(), document).upsert(true);
                run_replace(put, session).await?;
                Ok(Written::Done)
            }
            Self::Delete { from, filter, guard } => {
                let collection = database.collection::<Document>(from);
                let delete = collection.delete_many(filter.clone());
                let deleted = match session {
                    Some(session) => delete.session(session).await?,
                    None => delete.await?,
                };
                Ok(met(*guard, deleted.deleted_count))
            }
            Self::Count { counter } => {
                let filter = doc! { "_id": shard(counter, spread() % COUNTER_SHARDS) };
                let change = (filter, doc! { "$inc": { "value": 1_i64 } });
                update(&database.collection(COUNTERS), change, session).await?;
                Ok(Written::Done)
            }
        }
    }
}

/// One batch of one document: DocumentDB has no cursors in transactions.
async fn check(
    collection: &Collection<Document>,
    filter: &Document,
    session: Option<&mut ClientSession>,
) -> Result<bool, Error> {
    let find = collection.find_one(filter.clone()).projection(doc! { "_id": 1 });
    let found = match session {
        Some(session) => find.session(session).await?,
        None => find.await?,
    };
    Ok(found.is_some())
}

async fn insert(
    collection: &Collection<Document>,
    documents: &[Document],
    session: Option<&mut ClientSession>,
) -> Result<(), Error> {
    let insert = collection.insert_many(documents);
    match session {
        Some(session) => insert.session(session).await?,
        None => insert.await?,
    };
    Ok(())
}

async fn update(
    collection: &Collection<Document>,
    (filter, change): (Document, Document),
    session: Option<&mut ClientSession>,
) -> Result<u64, Error> {
    let update = collection.update_one(filter, change);
    let updated = match session {
        Some(session) => update.session(session).await?,
        None => update.await?,
    };
    Ok(updated.matched_count)
}

async fn run_replace(
    replace: ReplaceOne<'_>,
    session: Option<&mut ClientSession>,
) -> Result<u64, Error> {
    let replaced = match session {
        Some(session) => replace.session(session).await?,
        None => replace.await?,
    };
    Ok(replaced.matched_count)
}

/// The document that holds a part of a counter.
pub(crate) fn shard(counter: &str, number: u64) -> String {
    format!("{counter}/{number}")
}

fn met(guard: Option<Guard>, changed: u64) -> Written {
    match guard {
        Some(guard) if changed == 0 => Written::Unmet(guard),
        _ => Written::Done,
    }
}
