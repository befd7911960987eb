use std::process::{Command, Output};

use servers::{Mongo, TcpProxy};

use crate::waiting::{listens, until};

/// Runs `statement` with a `client` of this URI.
fn python(uri: &str, statement: &str) -> Output {
    let script = format!(
        "import sys; from pymongo import MongoClient\n\
         client = MongoClient(sys.argv[1], serverSelectionTimeoutMS=10000)\n{statement}"
    );
    let interpreter = std::env::var_os("TEST_PYTHON").expect("TEST_PYTHON is not set");
    Command::new(interpreter).args(["-c", &script, uri]).output().unwrap()
}

fn says(uri: &str, statement: &str) -> String {
    let output = python(uri, statement);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

#[test]
fn it_wants_credentials_and_keeps_its_data() {
    let mongo = Mongo::start().unwrap();
    let uri = mongo.uri();
    says(&uri, "client.kept.things.insert_one({'number': 7})");
    let anonymous = uri.replace("doorward:p%40ss%2Fword@", "");
    let refused = python(&anonymous, "print(client.kept.things.find_one())");
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("requires authentication"), "{said}");

    mongo.stop();
    assert!(!listens(mongo.address()));
    mongo.start_again().unwrap();
    assert_eq!(says(&uri, "print(client.kept.things.find_one()['number'])"), "7");
    mongo.kill();
    mongo.start_again().unwrap();
    assert_eq!(says(&uri, "print(client.kept.things.find_one()['number'])"), "7");
}

#[test]
fn it_can_be_told_to_fail_is_reached_through_a_proxy_and_is_gone_when_dropped() {
    let mongo = Mongo::start().unwrap();
    let proxy = TcpProxy::open(mongo.address()).unwrap();
    let uri = mongo.uri_at(proxy.address()) + "&directConnection=true";
    let fail_once = "
client.admin.command('configureFailPoint', 'failCommand', mode={'times': 1},
                     data={'failCommands': ['insert'], 'errorCode': 50})
try:
    client.any.things.insert_one({})
except Exception as error:
    print(error.code)
client.any.things.insert_one({})
print(client.any.things.count_documents({}))";
    assert_eq!(says(&uri, fail_once), "50\n1");
    assert!(proxy.accepted() > 0);

    let (address, folder) = (mongo.address(), mongo.folder().to_path_buf());
    drop(mongo);
    until("the port is free", || !listens(address));
    assert!(!folder.exists());
}
