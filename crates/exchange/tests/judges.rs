//! The clients of Google and Microsoft judge the fake server, so that it is not only the mirror of our own client.
//!
//! It installs them from `PyPI` into a virtual environment below the target folder:
//! `cargo test -p regcred-exchange --features judges --test judges`.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use regcred_testkit::{FakeExchange, FaultProxy, tls::Authority};

/// The clients, in the versions that the fake was compared with.
const PACKAGES: [&str; 3] = ["google-auth==2.63.0", "requests==2.34.2", "azure-identity==1.27.0"];

fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_of_the_vendors_accept_the_fake_server() {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judges");
    let python = venv.join("bin/python");
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv));
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES));

    let fake = FakeExchange::start().await;
    fake.accept("subject-token");
    let authority = Authority::new();
    let tls = FaultProxy::start_tls(fake.address(), &authority.issue(&["127.0.0.1"])).await;
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("it can be written");
        path
    };
    let (ca, token) = (write("ca.pem", &authority.pem()), write("token", "subject-token"));

    let mut judge = Command::new(&python);
    judge.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judge.py"));
    judge.args([fake.url(), tls.url()]).arg(ca).arg(token).env_clear();
    let output = tokio::task::spawn_blocking(move || run(&mut judge)).await.expect("it does not panic");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "4 tokens\n", "{:?}", fake.calls());
}
