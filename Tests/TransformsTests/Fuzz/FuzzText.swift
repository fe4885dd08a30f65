// Any bytes as a string -> what is wrong with the builtins that turn text into text or time, or
// nil. Each check is a program whose output must not be false; a complaint names the check.
//
//     input: text | 0xFF | format

@testable import Transforms

final class FuzzText: FuzzTarget {
    static let words = [
        "%Y", "%m", "%d", "%H", "%M", "%S", "%Z", "%z", "%j", "%U", "%G", "%s", "%C", "%y", "%e",
        "%c",
        "%10Y", "%-d", "%^a", "%#Z", "%Ey", "%Od", "%+", "%%", "%", "2015-03-05T23:51:47Z", "99999",
        "-1", "+0530", "Thu", "March", "PM", " ", "\u{0}", "é", "日本", "\u{10FFFF}", "\u{FF}",
        "====",
        "%E4", "%zz", "\\", "\"", "{\"a\":1}", "[nan]", "1e5", "AAAA", "YQ==", "a,b", "\n",
    ]
    private static let checks: [(name: String, program: String)] = [
        ("base64", "(@base64 | @base64d) == ."), ("base32", "(@base32 | @base32d) == ."),
        ("uri", "(@uri | @urid) == ."), ("json", "(tojson | fromjson) == ."),
        ("explode", "(explode | implode) == ."),
        ("split", "($f == \"\") or (split($f) | join($f)) == ."),
        ("trimstr", "(ltrimstr($f) | length) <= length"),
        ("order", "([., $f] | sort | .[0]) <= ."),
        ("slice", "[range(-2; length + 2)] | all(. as $i | true)"),
        ("halves", "(.[:(length / 2 | floor)] + .[(length / 2 | floor):]) == ."),
        ("indices", "all(indices($f)[]; . >= 0)"),
        ("lower", "(ascii_downcase | ascii_upcase) == ascii_upcase"),
        (
            "tries",
            "[(try @base64d catch 0), (try @base32d catch 0), (try @urid catch 0), "
                + "(try fromjson catch 0), (try tonumber catch 0), (try @sh catch 0), "
                + "(try @html catch 0), "
                + "(try @csv catch 0), (try todate catch 0), (try fromdate catch 0), trim, "
                + "ltrim, rtrim, "
                + "(try test($f) catch 0), (try ltrimstr($f) catch 0), utf8bytelength]"
                + " | length > 0"
        ),
        (
            "times",
            "(try strptime($f) catch null) as $t | [$t, ($t | try mktime catch 0), "
                + "($t | try strftime($f) catch 0), (tonumber? // 0 | try strftime($f) catch 0), "
                + "([explode[] * 1e7] | try strftime($f) catch 0), "
                + "([explode[] * 1e7] | try mktime catch 0), "
                + "(tonumber? // 0 | try gmtime catch 0), (try strflocaltime($f) catch 0), "
                + "(tonumber? // 0 | try (localtime | strflocaltime($f)) catch 0)] | length > 0"
        ),
        (
            "moment",
            "(tonumber? // 0 | floor | select(fabs < 1e11)) as $n | ($n | gmtime | mktime) == $n"
        ),
    ]
    private let programs: [Program]
    private let runner: Runner

    init() {
        var limits = RunLimits()
        limits.memoryBytesMax = 32 << 20
        runner = Runner(limits: limits)
        runner.releasesAll = true
        programs = FuzzText.checks.map {
            // A check that does not compile makes the list too short, which the first input
            // reports.
            try? Program.compile($0.program, argumentNames: ["f"])
        }.compactMap { $0 }
    }

    func complaint(_ input: [UInt8]) -> String? {
        if programs.count != FuzzText.checks.count { return "a check does not compile" }
        let cut = input.firstIndex(of: 0xFF) ?? input.endIndex
        let text = String(decoding: input[..<cut], as: UTF8.self)
        let format = String(decoding: input[cut...].dropFirst(), as: UTF8.self)
        for (index, program) in programs.enumerated() {
            let name = FuzzText.checks[index].name
            runner.begin(stepsMax: 3_000_000)
            var isTrue: Bool? = nil
            do throws(RunFailure) {
                let argument = try runner.string(format)
                let document = try runner.string(text)
                try runner.evaluate(program, document, arguments: [argument]) {
                    isTrue = $0.isTrue
                    return true
                }
                if isTrue == false { return name }
                runner.heap.release(argument.value)
                runner.heap.release(document.value)
                if runner.liveBlocks != 0 { return "\(name) leaves \(runner.liveBlocks) blocks" }
            } catch {
                if case .limit = error { continue }
                return "\(name): \(error)"
            }
        }
        return nil
    }
}
