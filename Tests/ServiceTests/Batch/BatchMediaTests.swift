// `Accept`, `outputs` and a transform's metadata -> the media type and form of a batch's answer.

import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(3)))
struct BatchMediaTests {
    struct Case: Sendable {
        var accept = ""
        var content = #"["a","b"]"#
        /// A transform's name; else the program is `.[]`.
        var name: String?
        var query = ""
        var status = 200
        /// What lines, and an array of the same inputs, are answered with: the content, or part of
        /// a problem.
        let lines: String
        let each: String
        /// The media types of those answers, without parameters.
        var lineType = "application/x-ndjson"
        var eachType = "application/json"
    }

    private static let (csv, tsv, plain) = ("text/csv", "text/tab-separated-values", "text/plain")
    private static let (raw, quoted) = ("a\nb\n", "\"a\"\n\"b\"\n")

    static let cases: [Case] = [
        Case(lines: quoted, each: #"["a","b"]"#),
        Case(accept: "*/*", lines: quoted, each: #"["a","b"]"#),
        Case(accept: "application/json", lines: quoted, each: #"["a","b"]"#),
        Case(
            accept: "application/x-ndjson", lines: quoted, each: quoted,
            eachType: "application/x-ndjson"),
        Case(
            accept: "application/jsonl", lines: quoted, each: quoted,
            lineType: "application/jsonl", eachType: "application/jsonl"),
        Case(accept: csv, lines: raw, each: raw, lineType: csv, eachType: csv),
        Case(accept: tsv, lines: raw, each: raw, lineType: tsv, eachType: tsv),
        Case(accept: plain, lines: raw, each: raw, lineType: plain, eachType: plain),
        Case(
            accept: "text/*, application/json;q=0.5", lines: raw, each: raw, lineType: plain,
            eachType: plain),
        Case(
            accept: "application/json, text/plain, */*", lines: quoted, each: #"["a","b"]"#),
        Case(
            accept: csv, query: "&outputs=array", lines: raw, each: raw, lineType: csv,
            eachType: csv),
        Case(accept: csv, content: "[]", lines: "", each: "", lineType: csv, eachType: csv),
        Case(
            accept: csv, content: #"["a",{}]"#, status: 422,
            lines: "Output 2 is no string but object; text/csv needs strings",
            each: "Output 2 is no string but object; text/csv needs strings"),
        Case(accept: "text/html", status: 406, lines: "not-acceptable", each: "not-acceptable"),
        Case(
            accept: csv, query: "&errors=inline", status: 406, lines: "errors=inline",
            each: "errors=inline"),
        Case(query: "&errors=inline", lines: quoted, each: #"["a","b"]"#),
        // What the transform's metadata says.
        Case(name: "rows", lines: raw, each: raw, lineType: csv, eachType: csv),
        Case(
            accept: "application/json", name: "rows", lines: quoted, each: #"["a","b"]"#),
        Case(accept: tsv, name: "rows", lines: raw, each: raw, lineType: tsv, eachType: tsv),
        Case(
            name: "rows", query: "?outputs=array", lines: "[\"a\",\"b\"]\n",
            each: #"[["a","b"]]"#),
        Case(name: "rows", query: "?errors=inline", lines: quoted, each: #"["a","b"]"#),
        Case(name: "list", lines: "[\"a\",\"b\"]\n", each: #"[["a","b"]]"#),
        Case(accept: plain, name: "list", lines: raw, each: raw, lineType: plain, eachType: plain),
        Case(name: "many", lines: quoted, each: quoted, eachType: "application/x-ndjson"),
    ]

    static let folder = [
        "rows.jq": #"module {outputs: "csv"}; .[]"#, "list.jq": #"module {outputs: "array"}; .[]"#,
        "many.jq": #"module {outputs: "lines"}; .[]"#,
    ]

    private func check(_ test: Case, _ reply: BatchReply, _ expected: String, _ type: String) {
        let shown = "\(test): \(reply.head) \(reply.text)"
        #expect(reply.status == test.status && reply.isWhole, "\(shown)")
        if test.status == 200 {
            #expect(reply.text == expected, "\(shown)")
            let parameter = type.hasPrefix("text/") ? "; charset=utf-8" : ""
            #expect(reply.has("Content-Type: \(type)\(parameter)\r\n"), "\(shown)")
        } else {
            #expect(reply.text.contains(expected), "\(shown)")
        }
    }

    @Test func answersHaveTheTypeThatIsAskedFor() async throws {
        let folder = TransformFolder(Self.folder)
        try await RunningService.with({ $0.transformsFolder = folder.path }) { running in
            for test in Self.cases {
                let path = test.name.map { "/transform/\($0)" } ?? "/transform?program=.[]"
                let accept = test.accept.isEmpty ? "" : "Accept: \(test.accept)\r\n"
                let lines = try await running.batch(
                    Array(
                        RunningService.request(
                            test.content, target: path + test.query,
                            fields: "Content-Type: application/x-ndjson\r\n" + accept
                        ).utf8))
                check(test, lines, test.lines, test.lineType)
                let target = path + test.query + (test.name == nil || test.query != "" ? "&" : "?")
                let each = try await running.batch(
                    Array(
                        RunningService.request(
                            "[\(test.content)]", target: target + "each", fields: accept
                        ).utf8))
                check(test, each, test.each, test.eachType)
            }
        }
    }

    /// The problem names the line, or the element, whose output is no string.
    @Test func aFailingInputIsNamed() async throws {
        try await RunningService.with { running in
            let fields = "Accept: text/plain\r\n"
            let lines = try await running.lines("\"a\"\n\n1\n", fields: fields)
            #expect(lines.status == 422 && lines.text.contains("output-not-text"))
            #expect(lines.text.contains(#""line":3"#), "\(lines.text)")
            let each = try await running.post(
                #"["a",1]"#, target: "/transform?each&program=.", fields: fields)
            #expect(each.status == 422 && each.problem == "output-not-text")
            #expect(each.content.contains(#""index":1"#), "\(each.content)")
        }
    }
}
