//! People who sign up, sign in, and go on.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::Result;
use crate::http::{Answer, Connection, get, post};
use crate::load::Client;
use crate::process::Process;

const PASSWORD: &str = "correct horse battery staple";

/// The address of a user whom [`register`] made.
pub(crate) fn email(number: u32) -> String {
    format!("user{number}@example.com")
}

/// Makes users with the numbers from 0, so that they can sign in.
pub(crate) async fn register(process: &Process, users: u32) -> Result<()> {
    register_numbers(process, 0..users).await
}

/// The same with other numbers.
pub(crate) async fn register_numbers(process: &Process, numbers: Range<u32>) -> Result<()> {
    let mut connection = Connection::open(process.address).await?;
    for number in numbers {
        let answer = connection.exchange(&registration(&email(number))).await?;
        if answer.status != 201 {
            return Err(format!("a registration was answered with {}", answer.status).into());
        }
    }
    Ok(())
}

/// Signs in, and returns access and refresh token.
pub(crate) async fn sign_in(process: &Process, address: &str) -> Result<(String, String)> {
    let mut connection = Connection::open(process.address).await?;
    let answer = connection.exchange(&login(address)).await?;
    match (answer.member("accessToken"), answer.member("refreshToken")) {
        (Some(access), Some(refresh)) => Ok((access.to_owned(), refresh.to_owned())),
        _ => Err(format!("a sign-in was answered with {}", answer.status).into()),
    }
}

/// The first key that the server publishes.
pub(crate) async fn published_keys(process: &Process) -> Result<Vec<u8>> {
    let mut connection = Connection::open(process.address).await?;
    let answer = connection.exchange(&get("/.well-known/jwks.json", None)).await?;
    Ok(answer.body.to_vec())
}

/// Clients with a session each, of user 0.
pub(crate) async fn refreshers(process: &Process, count: usize) -> Result<Vec<Box<dyn Client>>> {
    let mut clients: Vec<Box<dyn Client>> = Vec::new();
    for _ in 0..count {
        let (_, token) = sign_in(process, &email(0)).await?;
        clients.push(Box::new(Refresher { token }));
    }
    Ok(clients)
}

/// Clients who sign in as one registered user after the other.
pub(crate) fn logins(count: usize, users: u32) -> Vec<Box<dyn Client>> {
    let next = Arc::new(AtomicU32::new(0));
    let client = || Login { users, next: Arc::clone(&next) };
    (0..count).map(|_| Box::new(client()) as Box<dyn Client>).collect()
}

/// Clients who sign up as somebody new each time.
pub(crate) fn registrations(count: usize) -> Vec<Box<dyn Client>> {
    let next = Arc::new(AtomicU32::new(1_000_000));
    let client = || Registration { next: Arc::clone(&next) };
    (0..count).map(|_| Box::new(client()) as Box<dyn Client>).collect()
}

/// A sign-in of a user with the password that all have.
pub(crate) fn login(address: &str) -> Vec<u8> {
    post("/auth/login", &format!(r#"{{"email":"{address}","password":"{PASSWORD}"}}"#))
}

/// A sign-up with the password that all have.
pub(crate) fn registration(address: &str) -> Vec<u8> {
    post(
        "/auth/register",
        &format!(r#"{{"email":"{address}","password":"{PASSWORD}","name":"Ada"}}"#),
    )
}

/// A rotation.
pub(crate) fn refresh(token: &str) -> Vec<u8> {
    post("/auth/refresh", &format!(r#"{{"refreshToken":"{token}"}}"#))
}

struct Refresher {
    token: String,
}

impl Client for Refresher {
    fn request(&mut self) -> Vec<u8> {
        refresh(&self.token)
    }

    fn accept(&mut self, answer: &Answer<'_>) -> bool {
        match answer.member("refreshToken") {
            Some(token) if answer.status == 200 => {
                token.clone_into(&mut self.token);
                true
            }
            _ => false,
        }
    }
}

struct Login {
    users: u32,
    next: Arc<AtomicU32>,
}

impl Client for Login {
    fn request(&mut self) -> Vec<u8> {
        login(&email(self.next.fetch_add(1, Ordering::Relaxed) % self.users))
    }

    fn accept(&mut self, answer: &Answer<'_>) -> bool {
        answer.status == 200
    }
}

struct Registration {
    next: Arc<AtomicU32>,
}

impl Client for Registration {
    fn request(&mut self) -> Vec<u8> {
        registration(&email(self.next.fetch_add(1, Ordering::Relaxed)))
    }

    fn accept(&mut self, answer: &Answer<'_>) -> bool {
        answer.status == 201
    }
}
