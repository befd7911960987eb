//! Keys of one's own on the Redis that all tests share. Spoken to without a driver: that is
//! `ephemeral`'s alone.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

const DELETE_ALL: &str = "for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do \
                          redis.call('DEL', key) end return 'OK'";

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
}

impl Drop for RedisKeys {
    fn drop(&mut self) {
        let server = self.url.strip_prefix("redis://").unwrap();
        let mut stream = TcpStream::connect(server.trim_end_matches('/')).unwrap();
        let words = ["EVAL", DELETE_ALL, "0", &self.prefix];
        let bulk = words.map(|word| format!("${}\r\n{word}\r\n", word.len())).concat();
        stream.write_all(format!("*{}\r\n{bulk}", words.len()).as_bytes()).unwrap();
        let mut answer = [0; 5];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"$2\r\nO");
    }
}
