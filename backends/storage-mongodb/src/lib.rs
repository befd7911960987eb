//! MongoDB and Amazon DocumentDB.
