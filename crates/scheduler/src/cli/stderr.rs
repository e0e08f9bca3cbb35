//! Lines on standard error besides the logs: errors, warnings, notes, and the address of the cluster.
//!
//! With `--log-format json`, each of them is one JSON object on one line, like the logs.

use std::{
    io::{Write, stderr},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use jiff::Timestamp;
use regcred_config::Config;
use regcred_core::{Clock, Code};
use serde_json::{Map, Value};

use super::{flags::LogFormat, terminal};

/// How this process writes to standard error, once it is set.
static VOICE: OnceLock<Voice> = OnceLock::new();

/// How this process writes to standard error until [`VOICE`] is set.
static DEFAULT: Voice = Voice { lines: Lines::Text, quiet: false };

/// How a process writes to standard error.
#[derive(Debug)]
pub(crate) struct Voice {
    pub(crate) lines: Lines,
    /// Whether to write only errors.
    pub(crate) quiet: bool,
}

/// The form of a line.
#[derive(Debug)]
pub(crate) enum Lines {
    /// Text for people.
    Text,
    /// One JSON object. The clock gives its time.
    Json(Arc<dyn Clock>),
}

impl Lines {
    /// Returns the form of lines for this format. `clock`: gives the time of each JSON line.
    pub(crate) fn new(format: LogFormat, clock: Arc<dyn Clock>) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json(clock),
        }
    }
}

/// Sets the voice of the process. Only the first call has an effect.
pub(crate) fn install(voice: Voice) {
    VOICE.get_or_init(|| voice);
}

/// Whether standard error may show progress: it has text lines, and is not limited to errors.
pub(crate) fn is_for_people() -> bool {
    let Voice { lines, quiet } = voice();
    !quiet && matches!(lines, Lines::Text)
}

fn voice() -> &'static Voice {
    VOICE.get().unwrap_or(&DEFAULT)
}

/// Reports why a command fails.
pub(crate) fn error(code: &Code, text: &str) {
    write(&line(&voice().lines, "ERROR", "error: ", Some(code), text));
}

/// Reports a problem that does not stop the command.
pub(crate) fn warning(text: &str) {
    say("WARN", "warning: ", text);
}

/// Reports the warnings of a valid config.
pub(crate) fn config_warnings(config: &Config) {
    config.warnings().iter().for_each(|it| warning(&it.to_string()));
}

/// Reports what a person still has to do.
pub(crate) fn note(text: &str) {
    say("INFO", "note: ", text);
}

/// Reports a fact, such as the server that a command uses.
pub(crate) fn info(text: &str) {
    say("INFO", "", text);
}

fn say(level: &str, prefix: &str, text: &str) {
    let Voice { lines, quiet } = voice();
    if !quiet {
        write(&line(lines, level, prefix, None, text));
    }
}

/// Returns a JSON line for machines, or a text line with a prefix that names its type.
fn line(lines: &Lines, level: &str, prefix: &str, code: Option<&Code>, text: &str) -> String {
    match lines {
        Lines::Text => {
            // The code ends the first line. A fix follows on lines of its own.
            let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
            let code = code.map(|code| format!(" [{code}]")).unwrap_or_default();
            format!("{prefix}{first}{code}{rest}\n")
        }
        Lines::Json(clock) => {
            let code = code.map(|code| ("code".to_owned(), Value::from(code.id())));
            let fields = code.into_iter().chain([("message".to_owned(), Value::from(text))]).collect();
            json_line(clock.now(), level, &fields)
        }
    }
}

/// Returns one JSON object on one line: time and level first, then the fields. No key is repeated.
pub(crate) fn json_line(now: SystemTime, level: &str, fields: &Map<String, Value>) -> String {
    let now = Timestamp::try_from(now).unwrap_or(Timestamp::MAX);
    let mut line = format!("{{\"timestamp\":\"{now:.6}\",\"level\":\"{level}\"");
    for (key, value) in fields.iter().filter(|(key, _)| !matches!(key.as_str(), "timestamp" | "level")) {
        line += &[",", &Value::from(key.as_str()).to_string(), ":", &value.to_string()].concat();
    }
    line + "}\n"
}

/// Writes a whole line at once.
///
/// If standard error is closed or full, the text is lost and the command continues.
fn write(text: &str) {
    terminal::clear();
    let mut stderr = stderr().lock();
    stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush()).ok();
}

#[cfg(test)]
mod tests {
    use regcred_core::{codes::INVALID, testing::TestClock};
    use serde_json::json;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_multi_line_message_is_one_json_line_with_the_time_of_the_clock() {
        let lines = Lines::Json(Arc::new(TestClock::new()));
        let text = line(&lines, "ERROR", "error: ", Some(&INVALID), "one \"quoted\"\nand\ttwo \u{2028} \u{7f}");
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let object = serde_json::from_str::<Value>(&text).expect("JSON");
        assert_eq!(object["message"], "one \"quoted\"\nand\ttwo \u{2028} \u{7f}");
        assert_eq!((&object["level"], &object["code"]), (&json!("ERROR"), &json!("RC0001")));
        assert_eq!(object["timestamp"], "2015-08-19T16:00:00.000000Z");
        let text = line(&Lines::Text, "ERROR", "error: ", Some(&INVALID), "one\n  fix: two");
        assert_eq!(text, "error: one [RC0001]\n  fix: two\n");
        assert_eq!(line(&Lines::Text, "WARN", "warning: ", None, "one"), "warning: one\n");
    }

    #[test]
    fn a_field_does_not_repeat_the_time_or_the_level() {
        let fields = json!({ "level": "mine", "timestamp": 1, "message": "x", "count": 2 });
        let text = json_line(SystemTime::UNIX_EPOCH, "INFO", fields.as_object().expect("a map"));
        assert_eq!(
            text,
            "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\"count\":2,\"message\":\"x\"}\n"
        );
    }
}
