// `Accept` fields -> the media type of the answer, and its form.

import Testing

@testable import TransformService

struct AcceptanceTests {
    /// The field, what is chosen where JSON is usual, what where CSV is.
    static let cases: [(String, OutputMedia?, OutputMedia?)] = [
        ("", .json, .csv), ("*/*", .json, .csv), ("application/json", .json, .json),
        ("application/x-ndjson", .lines, .lines), ("application/jsonl", .linesText, .linesText),
        ("application/x-jsonlines", .lines, .lines),
        ("application/json, application/x-ndjson", .lines, .lines),
        ("application/json;q=0.9, application/x-ndjson;q=0.5", .json, .json),
        ("Application/X-NDJSON ; q=1", .lines, .lines), ("application/x-ndjson;q=0", nil, nil),
        ("application/json, text/plain, */*", .json, .json), ("text/csv", .csv, .csv),
        ("text/csv, */*;q=0.1", .csv, .csv), ("text/csv, */*", .csv, .csv),
        ("text/tab-separated-values", .tsv, .tsv), ("text/plain", .plain, .plain),
        ("text/*", .plain, .csv), ("application/*", .json, .json),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", .json, .csv),
        ("text/html", nil, nil), ("image/png, text/html;q=0.5", nil, nil),
        ("*/*, application/json;q=0", .plain, .csv), ("application/json;q=x", nil, nil),
        ("application/json; charset=utf-8", .json, .json),
        ("application/json;version=1;q=0.2, text/csv;q=0.3", .csv, .csv),
        ("text/*;q=0.5, text/csv;q=0.2, application/json;q=0.3", .plain, .plain),
        (",", .json, .csv),
    ]

    @Test(arguments: cases)
    func chooses(_ accept: String, _ media: OutputMedia?, _ csvMedia: OutputMedia?) {
        let acceptance = Acceptance(accept)
        #expect(acceptance?.choice(defaultMedia: .json) == media)
        #expect(acceptance?.choice(defaultMedia: .csv) == csvMedia)
    }

    @Test func formsFollowTheMedia() throws {
        let csv = try #require(OutputChoice(name: "csv"))
        #expect(OutputChoice(.anything, requested: nil, defaultChoice: csv) == csv)
        #expect(OutputChoice(.json, requested: nil, defaultChoice: csv).form == .array)
        #expect(OutputChoice(.anything, requested: .one, defaultChoice: csv).form == .one)
        #expect(OutputChoice(.anything, requested: .array, defaultChoice: .one).form == .array)
        for name in OutputChoice.names { #expect(OutputChoice(name: name)?.name == name) }
        #expect(OutputChoice(name: "two") == nil)
    }
}
