//! Log lines as JSON: one object per line, without duplicate keys.
//!
//! The JSON format of tracing-subscriber writes event fields beside `target`, and span fields beside the `name` of the span. An
//! event with a field `target`, or a span with a field `name`, then has a duplicate key. Strict readers drop such a line.

use std::{fmt, sync::Arc};

use regcred_core::Clock;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormattedFields,
        format::{JsonFields, Writer},
    },
    registry::LookupSpan,
};

use super::stderr::json_line;

/// Formats an event as one object: `timestamp`, `level`, `logger`, `span`, `message`, and the fields of the event and of its spans.
///
/// If two fields have the same name, the innermost one is kept. The clock gives the timestamp.
#[derive(Clone, Debug)]
pub(crate) struct JsonLines(pub(crate) Arc<dyn Clock>);

impl<S> FormatEvent<S, JsonFields> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields(mut fields) = fields;
        fields.insert("logger".into(), metadata.target().into());
        let spans = context.event_scope().into_iter().flatten();
        for (depth, span) in spans.enumerate() {
            if depth == 0 {
                fields.entry("span").or_insert_with(|| span.name().into());
            }
            let extensions = span.extensions();
            let texts = extensions.get::<FormattedFields<JsonFields>>();
            let of_span = texts.and_then(|it| serde_json::from_str::<Map<String, Value>>(it.fields.as_str()).ok());
            for (key, value) in of_span.into_iter().flatten() {
                fields.entry(key).or_insert(value);
            }
        }
        writer.write_str(&json_line(self.0.now(), metadata.level().as_str(), &fields))
    }
}

/// The fields of an event as JSON values.
#[derive(Default)]
struct Fields(Map<String, Value>);

impl Fields {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().trim_start_matches("r#").to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{pipe, read_to_string};

    use regcred_core::testing::TestClock;
    use tracing::{info, subscriber::with_default};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_line_has_the_time_of_the_clock() {
        let (printed, writer) = pipe().expect("there is one");
        let json = tracing_subscriber::fmt().json().event_format(JsonLines(Arc::new(TestClock::new())));
        with_default(json.with_writer(Arc::new(writer)).finish(), || info!(target: "regcred", count = 2, "done"));
        let expected = "{\"timestamp\":\"2015-08-19T16:00:00.000000Z\",\"level\":\"INFO\",\
                        \"count\":2,\"logger\":\"regcred\",\"message\":\"done\"}\n";
        assert_eq!(read_to_string(printed).expect("text"), expected);
    }
}
