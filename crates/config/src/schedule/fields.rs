//! Parses an expression into explicit sets, as robfig/cron v3 does. Kubernetes uses that library.

use std::collections::BTreeSet;

/// The values that one field can have.
#[derive(Debug)]
pub(super) struct Unit {
    name: &'static str,
    first: u32,
    last: u32,
    /// Names of the values, starting with the first.
    names: &'static [&'static str],
}

const MINUTE: Unit = Unit { name: "minute", first: 0, last: 59, names: &[] };
const HOUR: Unit = Unit { name: "hour", first: 0, last: 23, names: &[] };
pub(super) const DAY_OF_MONTH: Unit = Unit { name: "day of month", first: 1, last: 31, names: &[] };
const MONTH: Unit = Unit {
    name: "month",
    first: 1,
    last: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
pub(super) const DAY_OF_WEEK: Unit =
    Unit { name: "day of week", first: 0, last: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// The five fields. A set is empty if its list has no items, such as `,`.
#[derive(Debug)]
pub(super) struct Fields {
    pub(super) minute: BTreeSet<u32>,
    pub(super) hour: BTreeSet<u32>,
    pub(super) day_of_month: BTreeSet<u32>,
    pub(super) month: BTreeSet<u32>,
    /// Sunday is 0.
    pub(super) day_of_week: BTreeSet<u32>,
    /// Whether one of the two day fields is a star. Then the other one decides alone. Otherwise either may match.
    pub(super) any_day: bool,
}

impl Unit {
    /// Returns every value of the field.
    pub(super) fn all(&self) -> BTreeSet<u32> {
        (self.first..=self.last).collect()
    }

    /// Returns the set of a field, and whether the field is a star: its list contains `*` or `?` without a step above
    /// 1. `1-31` is not a star.
    fn parse(&self, field: &str) -> Result<(BTreeSet<u32>, bool), String> {
        let (mut values, mut star) = (BTreeSet::new(), false);
        // Empty items are ignored, so `1,` means `1`.
        for item in field.split(',').filter(|item| !item.is_empty()) {
            star |= self.item(item, &mut values).map_err(|reason| format!("{} {item:?}: {reason}", self.name))?;
        }
        Ok((values, star))
    }

    /// Adds the values of one item of the list. Returns whether it is a star.
    fn item(&self, item: &str, values: &mut BTreeSet<u32>) -> Result<bool, String> {
        let (range, step) = item.split_once('/').map_or((item, None), |(range, step)| (range, Some(step)));
        let (low, high) = range.split_once('-').map_or((range, None), |(low, high)| (low, Some(high)));
        let every = matches!(low, "*" | "?");
        let first = if every { self.first } else { self.value(low)? };
        let last = match (high, step) {
            // Like robfig, which ignores the text after the star of `*-5`.
            _ if every => self.last,
            (Some(high), _) => self.value(high)?,
            (None, Some(_)) => self.last,
            (None, None) => first,
        };
        if first > last {
            return Err("the range ends before it begins".to_owned());
        }
        let step = match step.map(str::parse) {
            None => 1,
            Some(Ok(0) | Err(_)) => return Err("the step is not a number of at least 1".to_owned()),
            Some(Ok(step)) => step,
        };
        values.extend((first..=last).step_by(step));
        Ok(every && step == 1)
    }

    /// Parses one value, given as number or name.
    fn value(&self, text: &str) -> Result<u32, String> {
        if let Some(value) = (self.first..).zip(self.names).find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(value.0);
        }
        let Ok(value) = text.parse() else {
            let or_name = self.names.first().map(|name| format!(" or a name as {name}")).unwrap_or_default();
            return Err(format!("{text:?} is not a number{or_name}"));
        };
        if (self.first..=self.last).contains(&value) {
            return Ok(value);
        }
        Err(format!("{value} is not in {} to {}", self.first, self.last))
    }
}

impl Fields {
    /// Parses an expression. The error is the reason, which can follow "is not a schedule: ".
    pub(super) fn parse(expression: &str) -> Result<Self, String> {
        for prefix in ["TZ=", "CRON_TZ="] {
            if let Some(rest) = expression.strip_prefix(prefix) {
                let zone = rest.split_whitespace().next().unwrap_or("Europe/Berlin");
                return Err(format!("the zone has its own key, write `time_zone: {zone}`"));
            }
        }
        let expanded = if expression.starts_with('@') { expand(expression)? } else { expression };
        let fields: Vec<_> = expanded.split_whitespace().collect();
        let [minute, hour, day_of_month, month, day_of_week] = *fields else {
            return Err(match fields.len() {
                0 => "it is empty".to_owned(),
                6 => "it has six fields: remove the field for seconds".to_owned(),
                count => format!("it has {count} of the five fields minute, hour, day of month, month, day of week"),
            });
        };
        let (minute, _) = MINUTE.parse(minute)?;
        let (hour, _) = HOUR.parse(hour)?;
        let (day_of_month, any_day_of_month) = DAY_OF_MONTH.parse(day_of_month)?;
        let (month, _) = MONTH.parse(month)?;
        let (day_of_week, any_day_of_week) = DAY_OF_WEEK.parse(day_of_week)?;
        let any_day = any_day_of_month || any_day_of_week;
        Ok(Self { minute, hour, day_of_month, month, day_of_week, any_day })
    }
}

/// Returns the fields of a shorthand.
fn expand(shorthand: &str) -> Result<&'static str, String> {
    match shorthand {
        "@hourly" => Ok("0 * * * *"),
        "@daily" | "@midnight" => Ok("0 0 * * *"),
        "@weekly" => Ok("0 0 * * 0"),
        "@monthly" => Ok("0 0 1 * *"),
        "@yearly" | "@annually" => Ok("0 0 1 1 *"),
        // `@every` counts from the start of a process. A renewal time must not depend on the process.
        _ if shorthand.starts_with("@every") => {
            Err("`@every` is not fixed to the clock, write fields as `0 */6 * * *`".to_owned())
        }
        _ => {
            Err("unknown shorthand: use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(field: &str) -> Vec<u32> {
        MINUTE.parse(field).expect("it is valid").0.into_iter().collect()
    }

    fn days_of_week(field: &str) -> Vec<u32> {
        DAY_OF_WEEK.parse(field).expect("it is valid").0.into_iter().collect()
    }

    fn reason(expression: &str) -> String {
        Fields::parse(expression).expect_err("it is not valid")
    }

    #[test]
    fn a_field_is_a_list_of_numbers_ranges_and_steps() {
        assert_eq!(minutes("7"), [7]);
        assert_eq!(minutes("3-5,1,,4"), [1, 3, 4, 5]);
        assert_eq!(minutes("10-20/5"), [10, 15, 20]);
        assert_eq!(minutes("50/4"), [50, 54, 58], "a step without an end runs to the last value");
        assert_eq!(minutes("*/20"), [0, 20, 40]);
        assert_eq!(minutes("*/90"), [0]);
        assert_eq!(minutes("?").len(), 60);
        assert!(minutes(",").is_empty());
    }

    #[test]
    fn months_and_days_of_the_week_have_names_in_any_case() {
        assert_eq!(days_of_week("sun,TUE-Thu"), [0, 2, 3, 4]);
        assert_eq!(days_of_week("fri/1"), [5, 6]);
        let (months, _) = MONTH.parse("jan,Dec").expect("it is valid");
        assert_eq!(months, BTreeSet::from([1, 12]));
    }

    #[test]
    fn only_a_star_or_question_mark_with_no_step_or_step_one_counts_as_a_star() {
        for (field, star) in [("*", true), ("?", true), ("*/1", true), ("3,*", true), ("*/2", false), ("1-31", false)] {
            assert_eq!(DAY_OF_MONTH.parse(field).expect("it is valid").1, star, "{field}");
        }
    }

    #[test]
    fn an_invalid_field_is_reported_with_its_problem() {
        assert_eq!(reason("60 * * * *"), r#"minute "60": 60 is not in 0 to 59"#);
        assert_eq!(reason("* 1,24 * * *"), r#"hour "24": 24 is not in 0 to 23"#);
        assert_eq!(reason("* * 0 * *"), r#"day of month "0": 0 is not in 1 to 31"#);
        assert_eq!(reason("* * * foo *"), r#"month "foo": "foo" is not a number or a name as jan"#);
        assert_eq!(reason("* * * * 7"), r#"day of week "7": 7 is not in 0 to 6"#);
        assert_eq!(reason("* * L * *"), r#"day of month "L": "L" is not a number"#);
        assert_eq!(reason("5-2 * * * *"), r#"minute "5-2": the range ends before it begins"#);
        assert_eq!(reason("1-2-3 * * * *"), r#"minute "1-2-3": "2-3" is not a number"#);
        assert_eq!(reason("*/0 * * * *"), r#"minute "*/0": the step is not a number of at least 1"#);
        assert_eq!(reason("*/2/3 * * * *"), r#"minute "*/2/3": the step is not a number of at least 1"#);
    }

    #[test]
    fn an_invalid_expression_is_reported_with_a_fix() {
        assert_eq!(reason(" "), "it is empty");
        assert_eq!(reason("* * * *"), "it has 4 of the five fields minute, hour, day of month, month, day of week");
        assert_eq!(reason("0 0 * * * *"), "it has six fields: remove the field for seconds");
        assert_eq!(reason("TZ=UTC 0 0 * * *"), "the zone has its own key, write `time_zone: UTC`");
        assert_eq!(
            reason("CRON_TZ=Europe/Warsaw 0 0 * * *"),
            "the zone has its own key, write `time_zone: Europe/Warsaw`"
        );
        assert_eq!(reason("@every 1h"), "`@every` is not fixed to the clock, write fields as `0 */6 * * *`");
        assert_eq!(
            reason("@reboot"),
            "unknown shorthand: use @hourly, @daily, @midnight, @weekly, @monthly, @yearly or @annually"
        );
    }
}
