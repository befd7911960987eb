use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The jobs that wait for a hashing thread, oldest first, and never more than is allowed.
pub(super) struct JobQueue<J> {
    state: Mutex<State<J>>,
    changed: Condvar,
    waiting_max: usize,
}

/// What the queue must know of a job.
pub(super) trait Abandon {
    /// Whether nobody waits for its outcome any more.
    fn is_abandoned(&self) -> bool;
}

struct State<J> {
    jobs: VecDeque<J>,
    /// Threads that have no job; a job that is for one of them does not count as waiting.
    free_threads: usize,
    is_closed: bool,
}

/// The queue has as many jobs as it may.
#[derive(Debug)]
pub(super) struct QueueFull;

/// What a thread is to do next.
pub(super) enum Next<'q, J: Abandon> {
    Job(J, Busy<'q, J>),
    /// There was no job for as long as the thread would wait.
    Idle,
    /// The queue is closed.
    Stop,
}

/// While it lives, its thread is not free; it ends with the job, even by a panic.
pub(super) struct Busy<'q, J: Abandon>(&'q JobQueue<J>);

impl<J: Abandon> JobQueue<J> {
    pub(super) fn new(threads: usize, waiting_max: usize) -> Self {
        let state = State { jobs: VecDeque::new(), free_threads: threads, is_closed: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), waiting_max }
    }

    /// Adds a job, unless as many as allowed are waiting.
    pub(super) fn push(&self, job: J) -> Result<(), QueueFull> {
        let mut state = self.lock();
        let jobs_max = self.waiting_max.saturating_add(state.free_threads);
        if state.jobs.len() >= jobs_max {
            // Whoever has left must not keep others out.
            state.jobs.retain(|waiting| !waiting.is_abandoned());
        }
        if state.jobs.len() >= jobs_max {
            return Err(QueueFull);
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for a job that somebody still wants done, for at most `patience`, if any is given.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next<'_, J> {
        let is_empty = |state: &mut State<J>| {
            while state.jobs.front().is_some_and(J::is_abandoned) {
                state.jobs.pop_front();
            }
            state.jobs.is_empty() && !state.is_closed
        };
        let state = self.lock();
        let mut state = match patience {
            Some(patience) => {
                self.changed
                    .wait_timeout_while(state, patience, is_empty)
                    .unwrap_or_else(PoisonError::into_inner)
                    .0
            }
            None => {
                self.changed.wait_while(state, is_empty).unwrap_or_else(PoisonError::into_inner)
            }
        };
        if state.is_closed {
            return Next::Stop;
        }
        match state.jobs.pop_front() {
            Some(job) => {
                state.free_threads -= 1;
                Next::Job(job, Busy(self))
            }
            None => Next::Idle,
        }
    }

    /// Drops all jobs and tells the threads to stop.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.jobs.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// How many jobs wait.
    pub(super) fn len(&self) -> usize {
        self.lock().jobs.len()
    }

    /// No code that could panic runs under the lock, so what it guards is in order even if some
    /// thread did panic.
    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Abandon> Drop for Busy<'_, J> {
    fn drop(&mut self) {
        self.0.lock().free_threads += 1;
    }
}
