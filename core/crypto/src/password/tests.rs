//! The pool as its callers see it, with engines that count, wait, or fail on command.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use domain::{Password, PasswordHash};

use super::argon2::Argon2Engine;
use super::pool::Workshop;
use super::*;

mod queueing;
mod self_testing;
mod verdicts;

const SALT: [u8; 16] = [7; 16];
const DUMMY_SALT: [u8; 16] = [9; 16];
/// For what must happen, but might not: long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn password(text: &str) -> Password {
    Password::parse(&text.into()).unwrap()
}

fn cheap() -> HashAlgorithm {
    HashAlgorithm::Argon2id(Argon2Params::new(64, 2, 1).unwrap())
}

fn bcrypt_4() -> HashAlgorithm {
    HashAlgorithm::Bcrypt { cost: BcryptCost::new(4).unwrap() }
}

fn settings(algorithm: HashAlgorithm) -> HashingSettings {
    HashingSettings {
        algorithm,
        engine: Argon2EngineKind::Fast,
        threads: NonZeroUsize::MIN,
        queue_max: 1,
    }
}

fn start(algorithm: HashAlgorithm) -> PasswordPool {
    PasswordPool::start(settings(algorithm), DUMMY_SALT, Arc::new(|| ())).unwrap()
}

fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// What an engine did.
#[derive(Debug, PartialEq, Eq)]
enum Deed {
    Hash { params: Argon2Params, password: String, salt_bytes: usize, tag_bytes: usize },
    Drop,
}

/// Tells its deeds; waits for the gate at the password "wait", and panics at "panic".
struct Puppet {
    real: Box<dyn Argon2Engine>,
    deeds: Sender<Deed>,
    gate: Arc<Mutex<Receiver<()>>>,
}

impl Argon2Engine for Puppet {
    fn hash(
        &mut self,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure> {
        let text = String::from_utf8(password.to_vec()).unwrap();
        let deed = Deed::Hash {
            params,
            password: text.clone(),
            salt_bytes: salt.len(),
            tag_bytes: tag.len(),
        };
        drop(self.deeds.send(deed));
        match text.as_str() {
            "wait" => self.gate.lock().unwrap().recv().unwrap(),
            "panic" => panic!("on command"),
            "fail" => return Err(HashingFailure::engine(std::fmt::Error)),
            _ => (),
        }
        self.real.hash(params, password, salt, tag)
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        drop(self.deeds.send(Deed::Drop));
    }
}

/// A pool of puppets, what they do, and the gate that they wait at.
struct Theatre {
    pool: PasswordPool,
    deeds: Receiver<Deed>,
    gate: Sender<()>,
}

impl Theatre {
    fn open(settings: HashingSettings, idle_max: Duration) -> Self {
        let (told, deeds) = channel();
        let (gate, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let workshop = Workshop {
            build_engine: Box::new(move || {
                let real = Argon2EngineKind::RustCrypto.build();
                Box::new(Puppet { real, deeds: told.clone(), gate: Arc::clone(&waiting) })
            }),
            on_thread_start: Arc::new(|| ()),
            idle_max,
        };
        let pool = PasswordPool::start_with(settings, DUMMY_SALT, workshop).unwrap();
        // The self-test comes first and ends with its engine.
        while deeds.recv().unwrap() != Deed::Drop {}
        Self { pool, deeds, gate }
    }

    fn with_one_thread() -> Self {
        Self::open(settings(cheap()), PATIENCE)
    }

    fn next_deed(&self) -> Deed {
        self.deeds.recv_timeout(PATIENCE).unwrap()
    }

    fn next_password(&self) -> String {
        match self.next_deed() {
            Deed::Hash { password, .. } => password,
            Deed::Drop => panic!("the engine was dropped"),
        }
    }
}
