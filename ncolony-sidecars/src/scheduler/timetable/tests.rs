use super::*;

/// New York and London by rule, so that no database of zones is needed.
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";
const LONDON: &str = "GMT0BST,M3.5.0/1,M10.5.0";

fn calendar(cron: &str, zone: &str) -> Timetable {
    Timetable::Calendar {
        cron: Box::new(cron.parse().unwrap()),
        zone: TimeZone::posix(zone).unwrap(),
    }
}

fn point(text: &str) -> Point {
    from_timestamp(text.parse().unwrap()).unwrap()
}

/// The next due points after `from`, in UTC.
fn dues(timetable: &Timetable, from: &str, count: usize) -> Vec<String> {
    let first = timetable.next(point(from));
    let all = std::iter::successors(first, |due| timetable.next(*due));
    all.take(count)
        .map(|due| timestamp(due).unwrap().to_string())
        .collect()
}

#[test]
fn a_period_keeps_to_its_grid() {
    let every = Timetable::Every {
        first: Point(1000),
        period: Duration::from_nanos(300),
    };
    assert_eq!(every.next(Point(0)), Some(Point(1000)));
    assert_eq!(every.next(Point(1000)), Some(Point(1300)));
    assert_eq!(every.next(Point(1299)), Some(Point(1300)));
    assert_eq!(every.next(Point(2000)), Some(Point(2200)));
    assert_eq!(every.last(Point(999)), None);
    assert_eq!(every.last(Point(1000)), Some(Point(1000)));
    assert_eq!(every.last(Point(1899)), Some(Point(1600)));
    assert_eq!(every.count(Point(1000), Point(1900)), 3);
    assert_eq!(every.count(Point(1000), Point(1000)), 0);
}

#[test]
fn the_end_of_a_clock_is_no_panic() {
    let every = Timetable::Every {
        first: Point(u64::MAX - 5),
        period: Duration::from_secs(1),
    };
    assert_eq!(every.next(Point(u64::MAX - 5)), Some(Point(u64::MAX)));
    assert_eq!(calendar("* * * * *", "UTC0").last(Point(0)), Some(Point(0)));
}

#[test]
fn every_five_minutes() {
    let five = calendar("*/5 * * * *", "UTC0");
    let expected = [
        "2026-11-21T17:15:00Z",
        "2026-11-21T17:20:00Z",
        "2026-11-21T17:25:00Z",
    ];
    assert_eq!(dues(&five, "2026-11-21T17:12:34.5Z", 3), expected);
    let now = point("2026-11-21T17:15:00Z");
    assert_eq!(five.last(now), Some(now));
    assert_eq!(five.last(now.after(Duration::from_nanos(1))), Some(now));
    assert_eq!(
        five.last(now.before(Duration::from_nanos(1))),
        five.last(now.before(Duration::from_secs(1)))
    );
}

#[test]
fn the_ends_of_months() {
    let last_day = calendar("0 0 L * *", "UTC0");
    let expected = [
        "2027-12-31T00:00:00Z",
        "2028-01-31T00:00:00Z",
        "2028-02-29T00:00:00Z",
        "2028-03-31T00:00:00Z",
    ];
    assert_eq!(dues(&last_day, "2027-12-01T00:00:00Z", 4), expected);
    let the_31st = calendar("0 0 31 * *", "UTC0");
    let expected = ["2027-01-31T00:00:00Z", "2027-03-31T00:00:00Z"];
    assert_eq!(dues(&the_31st, "2027-01-01T00:00:00Z", 2), expected);
    let leap_day = calendar("0 0 29 2 *", "UTC0");
    assert_eq!(
        dues(&leap_day, "2026-01-01T00:00:00Z", 1),
        ["2028-02-29T00:00:00Z"]
    );
}

#[test]
fn what_never_comes_is_none() {
    let never = calendar("0 0 30 2 *", "UTC0");
    assert_eq!(never.next(point("2026-01-01T00:00:00Z")), None);
}

#[test]
fn a_time_that_spring_skips_comes_when_the_clock_has_moved() {
    // On 2026-03-08 the clocks of New York go from 02:00 EST to 03:00 EDT.
    let daily = calendar("30 2 * * *", NEW_YORK);
    let expected = [
        "2026-03-07T07:30:00Z",
        "2026-03-08T07:00:00Z",
        "2026-03-09T06:30:00Z",
    ];
    assert_eq!(dues(&daily, "2026-03-07T00:00:00Z", 3), expected);
    let hourly = calendar("0 * * * *", NEW_YORK);
    let expected = [
        "2026-03-08T06:00:00Z",
        "2026-03-08T07:00:00Z",
        "2026-03-08T08:00:00Z",
    ];
    assert_eq!(dues(&hourly, "2026-03-08T05:30:00Z", 3), expected);
}

#[test]
fn a_time_that_autumn_repeats_comes_once() {
    // On 2026-11-01 the clocks of New York go from 02:00 EDT back to 01:00 EST.
    let daily = calendar("30 1 * * *", NEW_YORK);
    let expected = ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"];
    assert_eq!(dues(&daily, "2026-11-01T00:00:00Z", 2), expected);
    // What comes every half hour goes on every half hour.
    let often = calendar("*/30 * * * *", NEW_YORK);
    let expected = [
        "2026-11-01T05:00:00Z",
        "2026-11-01T05:30:00Z",
        "2026-11-01T06:00:00Z",
        "2026-11-01T06:30:00Z",
        "2026-11-01T07:00:00Z",
    ];
    assert_eq!(dues(&often, "2026-11-01T04:30:00Z", 5), expected);
}

#[test]
fn a_zone_decides_what_an_hour_is() {
    let noon = calendar("0 12 * * *", LONDON);
    let expected = ["2026-10-24T11:00:00Z", "2026-10-25T12:00:00Z"];
    assert_eq!(dues(&noon, "2026-10-24T00:00:00Z", 2), expected);
    let words = noon.in_words(point("2026-10-24T11:00:00Z"));
    assert_eq!(words.as_deref(), Some("2026-10-24 12:00:00 +01:00"));
}

#[test]
fn runs_of_a_calendar_are_counted_up_to_a_limit() {
    let minutely = calendar("* * * * *", "UTC0");
    let first = point("2026-01-01T00:00:00Z");
    assert_eq!(minutely.count(first, point("2026-01-01T00:10:00Z")), 10);
    assert_eq!(
        minutely.count(first, point("2027-01-01T00:00:00Z")),
        COUNTED_MAX
    );
}

#[test]
fn looking_back_finds_what_looking_forward_has_found() {
    let days = [
        "2026-03-07T12:00:00Z",
        "2026-10-31T12:00:00Z",
        "2026-12-31T00:00:00Z",
    ];
    let expressions = [
        "30 2 * * *",
        "30 1 * * *",
        "0 * * * *",
        "*/20 1-2 * * *",
        "0 0 L * *",
    ];
    for (day, expression) in days
        .iter()
        .flat_map(|day| expressions.map(|cron| (day, cron)))
    {
        let timetable = calendar(expression, NEW_YORK);
        let mut due = timetable.next(point(day)).unwrap();
        let mut next = timetable.next(due).unwrap();
        for minutes in (0..2 * 24 * 60).step_by(10) {
            let now = due.max(point(day)).after(Duration::from_secs(minutes * 60));
            while next <= now {
                due = next;
                next = timetable.next(due).unwrap();
            }
            let words = timestamp(now).unwrap();
            assert_eq!(timetable.last(now), Some(due), "{expression} at {words}");
        }
    }
}
