//! A pool that does not compute what it must.

use super::*;

/// As a processor, or a compiler, that computes something else would.
struct Broken(fn(&mut [u8], &[u8]));

impl Argon2Engine for Broken {
    fn hash(
        &mut self,
        params: Argon2Params,
        password: &[u8],
        salt: &[u8],
        tag: &mut [u8],
    ) -> Result<(), HashingFailure> {
        Argon2EngineKind::RustCrypto.build().hash(params, password, salt, tag)?;
        (self.0)(tag, password);
        Ok(())
    }
}

fn self_test_error(fault: fn(&mut [u8], &[u8])) -> SelfTestError {
    let workshop = Workshop {
        build_engine: Box::new(move || Box::new(Broken(fault))),
        on_thread_start: Arc::new(|| ()),
        idle_max: PATIENCE,
    };
    match PasswordPool::start_with(settings(cheap()), DUMMY_SALT, workshop) {
        Err(StartPoolError::SelfTest(error)) => error,
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it started"),
    }
}

#[test]
fn a_pool_that_computes_something_else_does_not_start() {
    let error = self_test_error(|tag, _| tag[31] ^= 1);
    assert!(matches!(error, SelfTestError::WrongAnswer("argon2id")));
    let error = self_test_error(|tag, password| {
        if password != b"password" {
            tag[0] ^= 1;
        }
    });
    assert!(matches!(error, SelfTestError::Disagreement));
}
