//! Keys of one's own on the Redis that all tests share. Spoken to without a driver: that is
//! `ephemeral`'s alone.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

const DELETE_ALL: &str = "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do \
                          redis.call('DEL', key) end return 'OK'";

const GET_ALL: &str = "local all = {} for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do \
                       table.insert(all, key) \
                       local is_text = redis.call('TYPE', key)['ok'] == 'string' \
                       table.insert(all, is_text and redis.call('GET', key) or \
                       table.concat(redis.call('ZRANGE', key, 0, -1), ' ')) end \
                       return table.concat(all, '\\0')";

/// All keys that begin with the prefix, gone with this value.
pub(crate) struct RedisKeys {
    pub(crate) url: String,
    pub(crate) prefix: String,
}

impl RedisKeys {
    /// Keys named after a folder whose name is nobody else's.
    #[allow(clippy::disallowed_methods, reason = "a test finds its server there")]
    pub(crate) fn of(folder: &Path) -> Self {
        let url = std::env::var("TEST_REDIS_URL");
        let url = url.expect("TEST_REDIS_URL names a Redis for tests; `cargo xtask test` sets it");
        let name = folder.file_name().unwrap().to_str().unwrap();
        Self { url, prefix: format!("test-{}:", name.trim_start_matches('.')) }
    }

    /// All keys and values, as they are.
    pub(crate) fn content(&self) -> Vec<u8> {
        self.evaluate(GET_ALL)
    }

    /// Runs a script that answers with a text.
    fn evaluate(&self, script: &str) -> Vec<u8> {
        let server = self.url.strip_prefix("redis://").unwrap();
        let mut stream = TcpStream::connect(server.trim_end_matches('/')).unwrap();
        let words = ["EVAL", script, "0", &self.prefix];
        let bulk = words.map(|word| format!("${}\r\n{word}\r\n", word.len())).concat();
        stream.write_all(format!("*{}\r\n{bulk}", words.len()).as_bytes()).unwrap();
        let mut answer = BufReader::new(stream);
        let mut length = String::new();
        answer.read_line(&mut length).unwrap();
        let length = length.strip_prefix('$').unwrap().trim_end().parse().unwrap();
        let mut text = vec![0; length];
        answer.read_exact(&mut text).unwrap();
        text
    }
}

impl Drop for RedisKeys {
    fn drop(&mut self) {
        assert_eq!(self.evaluate(DELETE_ALL), b"OK");
    }
}
