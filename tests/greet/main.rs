//! Asks an API server for its version, as regcred's library does. It uses the kubeconfig and the proxies in its
//! environment.
//!
//! This is a separate process, because both come from the environment. The argument is the name of a context.

use std::{env, process::ExitCode};

use regcred_openshift::{Cluster, Connection, check};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let connection = Connection { kubeconfig: None, context: env::args().nth(1) };
    let asked = match Cluster::connect(&connection).await {
        Ok(cluster) => check::server_info(&cluster).await.map(drop),
        Err(error) => Err(error),
    };
    match asked {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{}: {}", error.kind(), error.chain());
            ExitCode::FAILURE
        }
    }
}
