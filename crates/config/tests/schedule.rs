//! Compares the schedule with robfig/cron 3.0.1, the library of Kubernetes: the same expressions must give the same
//! instants.

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, civil, tz::TimeZoneDatabase};
use regcred_config::Schedule;

/// The only reasons for which a row may differ.
enum Reason {
    /// robfig skips a time that clocks show on the day they change. This is the first skipped time, as local time.
    Skips(&'static str),
    /// Refused on purpose, with this text in the message.
    Refused(&'static str),
}

/// Expression, zone and start of each row that differs.
const DIFFERENT: [(&str, &str, &str, Reason); 8] = [
    // robfig advances from midnight in steps of an hour. If clocks are set back by half an hour at 02:00, it arrives at
    // minute 30. From there it only looks ahead.
    ("26 3 * * 0/7", "Australia/Lord_Howe", "1774789260", Reason::Skips("2026-04-05T03:26")),
    ("0 13-15 * * 0", "Australia/Lord_Howe", "1774968600", Reason::Skips("2026-04-05T13:00")),
    ("*/18 6-21/3 * 4/7 2-2/3,0", "Australia/Lord_Howe", "1775022660", Reason::Skips("2026-04-05T06:00")),
    // Clocks are set forward at midnight. robfig advances from midnight to midnight, finds none, and drops the whole
    // day.
    ("16/6 * * oct,4/1 0/5", "Africa/Cairo", "1840267963", Reason::Skips("2028-04-28T01:16")),
    // The zone is only accepted in its own key. Two processes can never agree on the instants of an interval.
    ("TZ=UTC 0 0 * * *", "UTC", "0", Reason::Refused("time_zone: UTC")),
    ("CRON_TZ=Europe/Warsaw 0 0 * * *", "UTC", "0", Reason::Refused("time_zone: Europe/Warsaw")),
    ("@every 1h", "UTC", "0", Reason::Refused("@every")),
    ("@every 90s", "UTC", "0", Reason::Refused("@every")),
];

/// A row of the vectors. `outcome` is the next runs in epoch seconds, or `NONE`. For rows that only test the grammar,
/// it is `OK` or `ERR`.
struct Row {
    expression: &'static str,
    zone: &'static str,
    start: &'static str,
    outcome: &'static str,
}

#[test]
fn every_schedule_agrees_with_robfig_cron_unless_a_reason_is_listed() {
    let (mut checked, mut different) = (0, HashSet::new());
    for row in rows() {
        let reason = DIFFERENT.iter().position(|(expression, zone, start, _)| {
            (*expression, *zone, *start) == (row.expression, row.zone, row.start)
        });
        let ours = row.ours();
        match reason {
            None => assert_eq!(ours, row.outcome, "{row}"),
            Some(index) => {
                assert_ne!(ours, row.outcome, "the row agrees, it needs no reason: {row}");
                row.check(&DIFFERENT[index].3);
                different.insert(index);
            }
        }
        checked += 1;
    }
    println!("{checked} rows checked, {} differ for a known reason", different.len());
    assert_eq!((checked, different.len()), (1524, DIFFERENT.len()), "rows or reasons are missing");
}

fn rows() -> impl Iterator<Item = Row> {
    let lines = include_str!("data/cron-vectors.tsv").lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| match *line.split('\t').collect::<Vec<_>>() {
        [expression, zone, start, outcome] => Row { expression, zone, start, outcome },
        _ => panic!("not a row of four columns: {line}"),
    })
}

impl Row {
    /// Returns our result in the notation of the vectors.
    fn ours(&self) -> String {
        match Schedule::parse(self.expression, Some(self.zone)) {
            // robfig accepts it and then finds no run. regcred reports this at once.
            Err(error) if error.to_string().contains("never fires") => "NONE".to_owned(),
            Err(_) => "ERR".to_owned(),
            Ok(_) if matches!(self.outcome, "OK" | "ERR") => "OK".to_owned(),
            Ok(schedule) => {
                let runs: Vec<_> = self.runs(&schedule).take(4).map(|run| run.to_string()).collect();
                runs.join(",")
            }
        }
    }

    fn runs(&self, schedule: &Schedule) -> impl Iterator<Item = i64> {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(self.start.parse().expect("it is a number"));
        schedule.upcoming(start).map(|run| Timestamp::try_from(run).expect("it is in range").as_second())
    }

    /// Checks that the row differs for this reason.
    fn check(&self, reason: &Reason) {
        let schedule = Schedule::parse(self.expression, Some(self.zone));
        match reason {
            Reason::Refused(text) => {
                let error = schedule.expect_err("it is refused").to_string();
                assert!(error.contains(text), "{error}");
            }
            Reason::Skips(local) => {
                let schedule = schedule.expect("it is valid");
                let theirs: Vec<i64> = self.outcome.split(',').map(|run| run.parse().expect("a number")).collect();
                let last = *theirs.last().expect("there are four");
                let ours: Vec<_> = self.runs(&schedule).take_while(|run| *run <= last).collect();
                let skipped = ours.iter().find(|run| !theirs.contains(run)).expect("robfig skips one");
                assert_eq!(*skipped, self.only_instant(local), "{self}");
                assert!(theirs.iter().all(|run| ours.contains(run)), "we skip none: {self}");
            }
        }
    }

    /// Returns the only instant at which clocks show this time. The time is in no gap and in no fold.
    fn only_instant(&self, local: &str) -> i64 {
        let zone = TimeZoneDatabase::bundled().get(self.zone).expect("it is a zone");
        let shown: civil::DateTime = local.parse().expect("it is a local time");
        zone.to_ambiguous_timestamp(shown).unambiguous().expect("clocks show it once").as_second()
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} in {} from {}", self.expression, self.zone, self.start)
    }
}
