//! Reads the passwords in a Secret.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Returns the password of each login.
pub(super) fn of(secret: &Value) -> Vec<String> {
    let text = |base64: &Value| {
        let bytes = STANDARD.decode(base64.as_str().expect("text")).expect("base64");
        String::from_utf8(bytes).expect("text")
    };
    let config = serde_json::from_str::<Value>(&text(&secret["data"][".dockerconfigjson"])).expect("JSON");
    let logins = config["auths"].as_object().expect("logins").values();
    logins.map(|login| text(&login["auth"]).split_once(':').expect("a user and a password").1.to_owned()).collect()
}
