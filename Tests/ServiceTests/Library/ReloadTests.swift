// A transforms folder that changes under a running service, and the commands that load one.

import Glibc
import HTTPKit
import Testing

@testable import TransformService

@Suite(.timeLimit(.minutes(2)))
struct ReloadTests {
    private func with(
        _ folder: TransformFolder, _ body: (RunningService) async throws -> Void
    ) async throws {
        try await RunningService.with({ $0.transformsFolder = folder.path }, body)
    }

    @Test func reloadsAllOrNothing() async throws {
        let folder = TransformFolder(["a.jq": "1", "b.jq": "1"])
        try await with(folder) { running in
            let library = running.service.transforms
            let first = library.current
            library.reload(always: false)
            #expect(library.current === first)
            folder.write("a.jq", "2")
            folder.write("b.jq", "(")
            library.reload(always: false)
            let old = try await running.post("null", target: "/transform/a")
            #expect(old.content == "1")
            let health = try await running.ask(
                "GET /healthz?verbose HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(health.status == 200)
            #expect(health.content.contains(#""failed_reloads":1"#), "\(health.content)")
            #expect(health.content.contains(#""faults":["b.jq:1:2: "#), "\(health.content)")
            // The same fault is not read and reported again.
            library.reload(always: false)
            #expect(library.status.failureCount == 1)
            folder.write("b.jq", "3")
            library.reload(always: false)
            for (name, answer) in [("a", "2"), ("b", "3")] {
                let new = try await running.post("null", target: "/transform/\(name)")
                #expect(new.content == answer)
            }
            #expect(library.status.faults == [])
            #expect(library.status.reloadCount == 1)
            folder.remove("a.jq")
            library.reload(always: false)
            let gone = try await running.post("null", target: "/transform/a")
            #expect(gone.status == 404)
            library.reload(always: true)
            #expect(library.status.reloadCount == 3)
        }
    }

    @Test func watches() async throws {
        let folder = TransformFolder(["a.jq": "1"])
        try await with(folder) { running in
            running.service.transforms.watch(everyMilliseconds: 10)
            folder.write("a.jq", "2")
            #expect(await running.wait { running.service.transforms.status.reloadCount > 0 })
            let reply = try await running.post("null", target: "/transform/a")
            #expect(reply.content == "2")
        }
    }

    /// The two parts of an answer, one of them from a module, are of the same version, as is the
    /// digest.
    @Test func everyAnswerIsOfOneVersion() async throws {
        let folder = TransformFolder([
            "..v0/a.jq": "import \"lib\" as l; [0, l::version]", "..v0/lib.jq": "def version: 0;",
            "..v1/a.jq": "import \"lib\" as l; [1, l::version]", "..v1/lib.jq": "def version: 1;",
        ])
        folder.mount(["a.jq", "lib.jq"], version: "..v0")
        try await with(folder) { running in
            let library = running.service.transforms
            var digests: [String] = []
            for version in ["..v1", "..v0"] {
                digests.append(try #require(library.current["a"]).digest)
                folder.swap("..data", to: version)
                library.reload(always: false)
            }
            let versions = Dictionary(
                uniqueKeysWithValues: zip(digests, ["[0,0]", "[1,1]"]))
            #expect(versions.count == 2)
            library.watch(everyMilliseconds: 1)
            let replies = try await withThrowingTaskGroup(of: [Reply].self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        var replies: [Reply] = []
                        for _ in 0..<50 {
                            replies.append(try await running.post("0", target: "/transform/a"))
                        }
                        return replies
                    }
                }
                for round in 0..<20 {
                    folder.swap("..data", to: round % 2 == 0 ? "..v1" : "..v0")
                    try await Task.sleep(nanoseconds: 20_000_000)
                }
                var all: [Reply] = []
                for try await replies in group { all += replies }
                return all
            }
            #expect(replies.count == 200)
            for reply in replies {
                #expect(reply.status == 200)
                #expect(versions[reply.field("Transform-Digest") ?? ""] == reply.content)
            }
            #expect(library.status.failureCount == 0)
            #expect(library.status.reloadCount > 2)
        }
    }

    @Test func checks() throws {
        let binary = try #require(Command.binary)
        let folder = TransformFolder(["a.jq": ".", "lib/b.jq": "def f: 1;"])
        let fine = Command.run([binary, "check", folder.path])
        #expect(fine.status == 0)
        #expect(fine.output == "1 transform, 1 module, 0 errors\n")
        folder.write("c/d.jq", "1 |\n  foo(2)")
        let wrong = Command.run([binary, "check", folder.path])
        #expect(wrong.status == 1)
        #expect(
            wrong.output == """
                \(folder.path)/c/d.jq:2:3: foo/1 is not defined
                      foo(2)
                      ^
                1 transform, 1 module, 1 error

                """)
        let missing = Command.run([binary, "check", folder.path + "/nope"])
        #expect(missing.status == 1)
        #expect(missing.output.hasPrefix(folder.path + "/nope: No such file or directory\n"))
    }

    @Test func doesNotStartWithFaults() throws {
        let binary = try #require(Command.binary)
        let folder = TransformFolder(["a.jq": "(", "b.jq": "nope", "c.jq": "1"])
        let result = Command.run([binary, "serve", "--port", "0", "--transforms", folder.path])
        #expect(result.status == 78)
        let lines = result.message.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("transform-service: \(folder.path)/a.jq:1:2: "))
        #expect(lines[1] == "transform-service: \(folder.path)/b.jq:1:1: nope/0 is not defined")
    }

    /// Started without the faulty transforms, the service reloads on SIGHUP and ends on SIGTERM.
    @Test func startsLeniently() throws {
        let binary = try #require(Command.binary)
        let folder = TransformFolder(["a.jq": "(", "c.jq": "1"])
        let script = """
            "\(binary)" serve --port 0 --drain-ms 0 --lenient --transforms "\(folder.path)" \
            > "\(folder.path)/out" 2> "\(folder.path)/log" & pid=$!
            wait_for() { for i in $(seq 600); do grep -q $1 "$2" && break; sleep 0.05; done; }
            wait_for listening "\(folder.path)/out"
            echo 2 > "\(folder.path)/.a" && mv "\(folder.path)/.a" "\(folder.path)/a.jq"
            kill -HUP $pid
            wait_for reloaded "\(folder.path)/log"
            kill -TERM $pid; wait $pid; echo "status $?"; cat "\(folder.path)/log"
            """
        let result = Command.run(["sh", "-c", script])
        #expect(result.output.hasPrefix("status 0\n"), "\(result.output)")
        #expect(result.output.contains("\(folder.path)/a.jq:1:2: "))
        #expect(result.output.contains("transforms loaded"))
        #expect(result.output.contains("transforms reloaded"))
    }
}
