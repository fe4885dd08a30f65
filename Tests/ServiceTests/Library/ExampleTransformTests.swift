// deploy/transforms: each transform's example input -> its example output, through HTTP.

import TestSupport
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct ExampleTransformTests {
    static let folder = SharedFiles.root + "/deploy/transforms"

    static let names = [
        "deduplicate", "flatten", "mask-pii", "order-totals", "pivot", "task-import",
        "tasks-report", "to-csv", "top-n", "unflatten",
    ]

    private func text(_ name: String) -> String? {
        SharedFiles.text("\(Self.folder)/examples/\(name)")
    }

    @Test func runEach() async throws {
        try await RunningService.with({ $0.transformsFolder = Self.folder }) { running in
            let library = running.service.transforms
            #expect(library.status.faults == [])
            #expect(library.current.all.map(\.name) == Self.names)
            for transform in library.current.all {
                let name = transform.name
                #expect(transform.metadata.description != nil, "\(name)")
                let input = try #require(text("\(name).input.json"))
                let arguments = text("\(name).args.json") ?? "{}"
                let envelope = #"{"transform":"\#(name)","input":\#(input),"args":\#(arguments)}"#
                let reply = try await running.post(envelope)
                #expect(reply.status == 200, "\(name): \(reply.content)")
                if let csv = text("\(name).output.csv") {
                    #expect(reply.content == csv, "\(name)")
                    continue
                }
                // Compared as values: an example may be indented.
                let output = try #require(text("\(name).output.json"))
                let same = try await running.post(
                    #"{"program":".[0] == .[1]","input":[\#(output),\#(reply.content)]}"#)
                #expect(same.content == "true", "\(name): \(reply.content)")
            }
        }
    }

    @Test func unflattenUndoesFlatten() async throws {
        try await RunningService.with({ $0.transformsFolder = Self.folder }) { running in
            let input = try #require(text("flatten.input.json"))
            let flat = try await running.post(input, target: "/transform/flatten?separator=/")
            let back = try await running.post(
                flat.content, target: "/transform/unflatten?separator=/")
            let same = try await running.post(
                #"{"program":".[0] == .[1]","input":[\#(input),\#(back.content)]}"#)
            #expect(same.content == "true", "\(back.content)")
        }
    }

    /// Tasks, and the faults that are named.
    static let tasks: [(String, String)] = [
        ("{}", "title: is missing"), ("[]", "a task is an object, not array"),
        (#"{"title":"  "}"#, "title: has 0 characters, not 1 to 200"),
        (#"{"title":7}"#, "title: is no string"),
        (#"{"title":"a","priority":0}"#, "priority: 0 is no whole number from 1 to 5"),
        (#"{"title":"a","priority":"5"}"#, #"priority: \"5\" is no whole number from 1 to 5"#),
        (#"{"title":"a","description":false}"#, "description: is no string"),
        (
            #"{"title":"a","priority":6,"status":""}"#,
            "priority: 6 is no whole number from 1 to 5; status: is no text"
        ),
    ]

    @Test func namesTheFaultsOfTasks() async throws {
        try await RunningService.with({ $0.transformsFolder = Self.folder }) { running in
            for (task, fault) in Self.tasks {
                let reply = try await running.post(task, target: "/transform/task-import")
                #expect(reply.problem == "program-error", "\(task)")
                #expect(reply.content.contains("\"detail\":\"\(fault)\""), "\(reply.content)")
            }
            for (count, status) in [(200, 200), (201, 422)] {
                let title = String(repeating: "\u{e4}", count: count)
                let reply = try await running.post(
                    #"{"title":"\#(title)"}"#, target: "/transform/task-import")
                #expect(reply.status == status)
            }
        }
    }
}
