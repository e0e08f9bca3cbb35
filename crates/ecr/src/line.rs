//! Settings that fit on one line: a role ARN, a session name, a profile name.

use regcred_core::{Error, Result};

use crate::{arn, codes};

/// Returns a value without the whitespace around it.
///
/// Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid) for a control character inside. `place` returns
/// the origin of the value. The value is not shown.
pub(crate) fn line(value: &str, place: impl Fn() -> String) -> Result<String> {
    let value = value.trim();
    let Some((at, odd)) = value.chars().enumerate().find(|(_, it)| it.is_control()) else { return Ok(value.into()) };
    let what = if matches!(odd, '\n' | '\r') { "a newline" } else { "a control character" };
    let cause = format!("it contains {what} at character {}", at + 1);
    Err(Error::new(&codes::SETTING, format!("cannot use {}", place())).with_cause(cause))
}

/// Does the same as `line` for the ARN of a role. Fails with [`ErrorKind::Invalid`](regcred_core::ErrorKind::Invalid)
/// if the value is not one.
pub(crate) fn role_arn(value: &str, place: impl Fn() -> String) -> Result<String> {
    let value = line(value, &place)?;
    if arn::is_role(&value) {
        return Ok(value);
    }
    let cause = "it is not the ARN of a role, which is arn:aws:iam::ACCOUNT:role/NAME";
    Err(Error::new(&codes::SETTING, format!("cannot use {}", place())).with_cause(cause))
}

#[cfg(test)]
mod tests {
    use regcred_core::ErrorKind;

    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/pull";

    #[test]
    fn whitespace_around_a_value_is_trimmed() {
        for around in ["", " ", "\n", "\r\n", "\t", "\n\n", " \n ", "\u{a0}", "\u{2028}", "\u{b}"] {
            let pasted = format!("{around}{ROLE}{around}");
            assert_eq!(role_arn(&pasted, || "it".into()).expect("it is trimmed"), ROLE, "{around:?}");
        }
        assert_eq!(line("my dev", || "it".into()).expect("a blank inside is allowed"), "my dev");
    }

    #[test]
    fn a_value_with_a_control_character_is_refused_with_its_position_and_not_quoted() {
        for (value, what) in [
            ("canary\nx", "a newline at character 7"),
            ("canary\r\nx", "a newline at character 7"),
            ("c\rx", "a newline at character 2"),
            ("can\tary", "a control character at character 4"),
            ("can\0ary", "a control character at character 4"),
            ("canary\u{7f}x", "a control character at character 7"),
            ("\u{1b}[2Jcanary", "a control character at character 1"),
            ("canary\u{1}", "a control character at character 7"),
            ("can\u{85}ary", "a control character at character 4"),
            ("a\n\ncanary", "a newline at character 2"),
        ] {
            for check in [line, role_arn] as [fn(&str, fn() -> String) -> Result<String>; 2] {
                let error = check(value, || "AWS_ROLE_ARN".into()).expect_err(what);
                let said = format!("cannot use AWS_ROLE_ARN: it contains {what}");
                assert_eq!((error.kind(), error.chain()), (ErrorKind::Invalid, said));
            }
        }
    }

    #[test]
    fn a_value_that_is_not_a_role_arn_is_refused_and_not_quoted() {
        for value in [
            "",
            "canary",
            "arn:aws:iam::123456789012:user/canary",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam:eu-west-1:123456789012:role/canary",
            "arn:aws:iam::12345678901:role/canary",
            "arn:aws:iam::12345678901x:role/canary",
            "arn:aws:sts::123456789012:assumed-role/canary/x",
            "arn:aws:iam::123456789012:role/can ary",
            "arn:aws:s3:::canary",
            "ARN:aws:iam::123456789012:role/canary",
            "\"arn:aws:iam::123456789012:role/canary\"",
        ] {
            let error = role_arn(value, || "role_arn".into()).expect_err(value);
            assert!(error.kind() == ErrorKind::Invalid && !error.chain().contains("canary"), "{error:?}");
            assert!(error.chain().starts_with("cannot use role_arn: it is not the ARN of a role"), "{error:?}");
        }
    }
}
