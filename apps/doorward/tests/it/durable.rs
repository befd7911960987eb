//! Stores that keep what they have confirmed also when they are killed.

use std::fs;

use servers::Mongo;

/// What `SecantusDB` reads in its folder. Without it what it has confirmed is in its own memory for
/// a while, which no MongoDB does for whoever asks for a majority.
const SETTINGS: &str = "[storage]\nsync_on_commit = true\n";

/// Blocks until it is ready.
pub(crate) fn start_mongo() -> Mongo {
    let mongo = Mongo::start().unwrap();
    mongo.kill();
    fs::write(mongo.folder().join("secantusd.toml"), SETTINGS).unwrap();
    mongo.start_again().unwrap();
    mongo
}
