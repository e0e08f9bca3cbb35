//! The hosts of AWS that a token needs. The SDKs know their names. It does no IO.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use aws_sdk_ecr::config::endpoint::{self as ecr, ResolveEndpoint as _};
use aws_sdk_ecrpublic::config::endpoint::{self as public, ResolveEndpoint as _};
use aws_sdk_sts::config::endpoint::{self as sts, ResolveEndpoint as _};
use http::Uri;

use super::token::Token;

/// Returns the hosts and ports, as far as the options show them. The environment and a profile can change them.
pub(super) fn egress(token: &Token) -> Vec<String> {
    let options = &token.options;
    let api = match &options.endpoint {
        Some(endpoint) => Some(endpoint.clone()),
        None if options.is_public => api_of_public(token),
        None => api(token),
    };
    // STS returns the keys of a role, and identifies the caller.
    api.into_iter().chain(api_of_sts(token)).filter_map(|url| host_and_port(&url)).collect()
}

fn api(token: &Token) -> Option<String> {
    let params = ecr::Params::builder().region(token.region.to_string());
    let params = params.set_use_fips(token.options.fips).set_use_dual_stack(token.options.dual_stack).build().ok()?;
    Some(ready(ecr::DefaultResolver::new().resolve_endpoint(&params))?.ok()?.url().to_owned())
}

fn api_of_public(token: &Token) -> Option<String> {
    let params = public::Params::builder().region(token.region.to_string()).build().ok()?;
    Some(ready(public::DefaultResolver::new().resolve_endpoint(&params))?.ok()?.url().to_owned())
}

fn api_of_sts(token: &Token) -> Option<String> {
    let params = sts::Params::builder().region(token.region.to_string());
    let params = params.set_use_fips(token.options.fips).set_use_dual_stack(token.options.dual_stack).build().ok()?;
    Some(ready(sts::DefaultResolver::new().resolve_endpoint(&params))?.ok()?.url().to_owned())
}

/// Returns the value of a future that does not wait. The rules of an SDK are a table.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

fn host_and_port(url: &str) -> Option<String> {
    let uri = url.parse::<Uri>().ok()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("http") { 80 } else { 443 });
    Some(format!("{}:{port}", uri.host()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::options::EcrOptions;

    fn egress_of(region: &str, change: impl FnOnce(&mut EcrOptions)) -> String {
        let mut options = EcrOptions::in_region(region);
        change(&mut options);
        egress(&Token::of(&options).expect("valid")).join(" ")
    }

    #[test]
    fn the_hosts_follow_the_region_and_the_options() {
        let none = |_: &mut EcrOptions| {};
        assert_eq!(egress_of("eu-west-1", none), "api.ecr.eu-west-1.amazonaws.com:443 sts.eu-west-1.amazonaws.com:443");
        assert_eq!(
            egress_of("cn-north-1", none),
            "api.ecr.cn-north-1.amazonaws.com.cn:443 sts.cn-north-1.amazonaws.com.cn:443"
        );
        let fips = |options: &mut EcrOptions| options.fips = Some(true);
        assert_eq!(
            egress_of("us-east-1", fips),
            "api.ecr-fips.us-east-1.amazonaws.com:443 sts-fips.us-east-1.amazonaws.com:443"
        );
        let own = |options: &mut EcrOptions| options.endpoint = Some("https://ecr.example.com:8443/".into());
        assert_eq!(egress_of("eu-west-1", own), "ecr.example.com:8443 sts.eu-west-1.amazonaws.com:443");
        let public = |options: &mut EcrOptions| options.is_public = true;
        assert_eq!(
            egress_of("us-east-1", public),
            "api.ecr-public.us-east-1.amazonaws.com:443 sts.us-east-1.amazonaws.com:443"
        );
    }
}
