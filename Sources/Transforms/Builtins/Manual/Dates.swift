// The manual of the builtins for dates: seconds since 1970, broken down times, text. Below each
// name and its description is an example, `PROGRAM -> OUTPUTS`; a test runs them all, on null, and
// requires one for each builtin.

/// `now/0`: the time in seconds since 1970
///     now > 1e9 -> true
/// `mktime/0`: the seconds of a broken down time in UTC
///     [2024, 1, 29, 0, 0, 0, 4, 59] | mktime -> 1709164800
/// `gmtime/0`: the broken down time of seconds, in UTC
///     1709164800 | gmtime -> [2024,1,29,0,0,0,4,59]
/// `localtime/0`: the broken down time of seconds, in the local zone
///     0 | localtime | length -> 8
/// `strftime/1`: a time as text in UTC, by a format
///     0 | strftime("%Y-%m-%d") -> "1970-01-01"
/// `strflocaltime/1`: a time as text in the local zone, by a format
///     0 | strflocaltime("%Y") | length -> 4
/// `strptime/1`: the broken down time that a text gives, by a format
///     "2024-02-29" | strptime("%Y-%m-%d") | mktime -> 1709164800
/// `todate/0`: seconds as ISO 8601 text
///     0 | todate -> "1970-01-01T00:00:00Z"
/// `fromdate/0`: the seconds of ISO 8601 text
///     "1970-01-01T00:01:00Z" | fromdate -> 60
/// `todateiso8601/0`: seconds as ISO 8601 text
///     1 | todateiso8601 -> "1970-01-01T00:00:01Z"
/// `fromdateiso8601/0`: the seconds of ISO 8601 text
///     "1970-01-01T00:00:09Z" | fromdateiso8601 -> 9
/// `date/0`: seconds as ISO 8601 text
///     60 | date -> "1970-01-01T00:01:00Z"
/// `dateadd/2`: the input and a number of seconds
///     60 | dateadd("seconds"; 5) -> 65
/// `datesub/2`: the input less a number of seconds
///     60 | datesub("seconds"; 5) -> 55
