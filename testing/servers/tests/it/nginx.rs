use servers::{Certificates, Nginx};

use crate::waiting::{listens, page, until};

fn server(port: u16) -> String {
    format!("server {{ listen 127.0.0.1:{port}; location / {{ return 200 'it is $uri'; }} }}")
}

#[test]
fn it_does_what_its_configuration_says_also_after_a_restart() {
    let nginx = Nginx::start(server).unwrap();
    assert_eq!(nginx.url(), format!("http://{}", nginx.address()));
    assert!(page(nginx.address(), "/here").ends_with("it is /here"));
    nginx.stop();
    assert!(!listens(nginx.address()));
    nginx.start_again().unwrap();
    nginx.kill();
    nginx.start_again().unwrap();
    assert!(page(nginx.address(), "/there").ends_with("it is /there"));

    let (address, folder) = (nginx.address(), nginx.folder().to_path_buf());
    drop(nginx);
    until("the port is free", || !listens(address));
    assert!(!folder.exists());
}

#[test]
fn a_wrong_configuration_is_an_error_that_shows_what_nginx_said() {
    let error = Nginx::start(|_| "no_such_directive;".to_owned()).err().unwrap().to_string();
    assert!(error.contains("unknown directive \"no_such_directive\""), "{error}");
}

#[test]
fn it_passes_requests_on_and_speaks_tls() {
    let behind = Nginx::start(server).unwrap();
    let target = behind.url();
    let before = Nginx::start(move |port| {
        format!("server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {target}; }} }}")
    })
    .unwrap();
    assert!(page(before.address(), "/x").ends_with("it is /x"));

    let folder = tempfile::tempdir().unwrap();
    let files = Certificates::create(folder.path(), &["127.0.0.1", "localhost"]).unwrap();
    let authority = files.authority.clone();
    let secure = Nginx::start(move |port| {
        format!(
            "server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {}; ssl_certificate_key {};\n\
             location / {{ return 200 ok; }} }}",
            files.certificate.display(),
            files.key.display()
        )
    })
    .unwrap();
    let script = "import ssl, sys, urllib.request\n\
                  context = ssl.create_default_context(cafile=sys.argv[1])\n\
                  print(urllib.request.urlopen(sys.argv[2], context=context).read().decode())";
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{}/", secure.port());
        let mut python = std::process::Command::new("python3");
        let output = python.args(["-c", script]).arg(&authority).arg(url).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "ok\n", "{said}");
    }
}
