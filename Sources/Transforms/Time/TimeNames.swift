// Weekday and month names of the C locale <-> their numbers.

enum TimeNames {
    /// 0 is Sunday; "?" for anything else, as glibc writes.
    static func weekday(_ number: Int) -> StaticString {
        switch number {
        case 0: "Sunday"
        case 1: "Monday"
        case 2: "Tuesday"
        case 3: "Wednesday"
        case 4: "Thursday"
        case 5: "Friday"
        case 6: "Saturday"
        default: "?"
        }
    }

    /// 0 is January; "?" for anything else.
    static func month(_ number: Int) -> StaticString {
        switch number {
        case 0: "January"
        case 1: "February"
        case 2: "March"
        case 3: "April"
        case 4: "May"
        case 5: "June"
        case 6: "July"
        case 7: "August"
        case 8: "September"
        case 9: "October"
        case 10: "November"
        case 11: "December"
        default: "?"
        }
    }
}
