//! The fix if a server does not answer.

/// The variables that name proxies and authorities.
const VARIABLES: [&str; 3] = ["HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"];

/// Returns the fix for a place that could not be reached. `probe` is a command that connects to the same place.
///
/// It reports only whether a variable is set, because a proxy URL can contain a password.
pub fn connection_fix(place: &str, probe: &str, is_set: impl Fn(&str) -> bool) -> String {
    let set = VARIABLES
        .map(|it| format!("{it} is {}", if is_set(it) || is_set(&it.to_lowercase()) { "set" } else { "not set" }));
    format!(
        "check whether you can reach {place} from here: `{probe}`\n\
         if not, look at name resolution, firewall and proxy; {}",
        set.join(", ")
    )
}

/// Returns whether a variable of the environment has a value.
pub fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fix_lists_which_proxy_variables_are_set_in_either_case() {
        let text = connection_fix("x.example", "curl https://x.example", |it| it == "https_proxy");
        assert!(text.contains("HTTPS_PROXY is set, NO_PROXY is not set"), "{text}");
    }
}
