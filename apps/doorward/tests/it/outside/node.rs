//! Programs in Node that use what others wrote.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use super::path_of;
use crate::deployment::Deployment;
use crate::discretion;
use crate::process::Process;

/// Node with the first of the scripts, which may import the others and the packages of the tests,
/// and sees none of our environment.
pub(super) fn node(deployment: &Deployment, scripts: &[&str]) -> Command {
    let folder = deployment.path(Path::new(scripts[0]).file_stem().unwrap());
    // Node looks for packages only in the folders above a script, so each comes to lie beside them.
    fs::create_dir(&folder).unwrap();
    symlink(packages(), folder.join("node_modules")).unwrap();
    for script in scripts {
        fs::copy(script, folder.join(Path::new(script).file_name().unwrap())).unwrap();
    }
    let mut command = Command::new("node");
    command.arg(Path::new(scripts[0]).file_name().unwrap()).current_dir(folder).env_clear();
    command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command
}

/// Tokens by the names that `sign_with_jsonwebtoken.mjs` has for them, with `more` claims.
pub(super) async fn signed_by_jsonwebtoken(
    deployment: &Deployment,
    secret: &str,
    more: &Value,
) -> Value {
    let mut command = node(deployment, &[&path_of("sign_with_jsonwebtoken.mjs")]);
    command.env("JWT_SECRET", secret);
    let process = Process::start(&mut command, &more.to_string()).that_tells_secrets();
    let tokens = process.end().await.is(0).json();
    let texts = tokens.as_object().unwrap().values().map(|token| token.as_str().unwrap());
    texts.for_each(discretion::remember_token);
    tokens
}

fn packages() -> PathBuf {
    let folder = env::var_os("TEST_NODE_MODULES").expect(
        "TEST_NODE_MODULES names no folder with jose, jsonwebtoken and jwks-rsa: \
         run `cargo xtask test`, or set it as `cargo xtask services status` says",
    );
    let packages = PathBuf::from(folder).join("node_modules");
    assert!(packages.exists(), "{}: run `cargo xtask services`", packages.display());
    packages
}
