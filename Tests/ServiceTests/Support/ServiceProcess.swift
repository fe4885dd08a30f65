// The command `serve` in a process of its own, for tests of signals, exit statuses, messages,
// memory and descriptors.

import Dispatch
import Glibc
import Testing

final class ServiceProcess: @unchecked Sendable {
    // Written by `init` only.
    let process: ChildProcess
    let port: Int
    private let files: [Int32]

    /// Starts it on a free port and waits until it listens.
    init(_ flags: [String] = []) throws {
        let binary = try #require(Command.binary)
        files = (0..<2).map { _ in ChildProcess.temporaryFile() }
        process = try ChildProcess(
            [binary, "serve", "--port", "0", "--drain-ms", "0", "--workers", "2"] + flags,
            environment: ["HOME=/", "SWIFT_BACKTRACE=enable=no"], files: [nil] + files)
        var found: Int?
        let output = files[0]
        _ = Self.wait {
            let text = ChildProcess.contents(output)
            // listening on http://127.0.0.1:8001
            if text.hasSuffix("\n") {
                found = text.split(separator: ":").last.flatMap { Int($0.dropLast()) }
            }
            return found != nil
        }
        port = try #require(found, "serve does not listen: \(ChildProcess.contents(files[1]))")
    }

    deinit { for file in files { close(file) } }

    /// What it has written to its standard error.
    var message: String { ChildProcess.contents(files[1]) }

    func client() throws -> RawClient { try RawClient(port: port) }

    /// One request on a connection of its own.
    func ask(_ request: [UInt8]) throws -> Reply {
        let client = try client()
        client.send(request)
        return Reply(client)
    }

    func ask(_ request: String) throws -> Reply { try ask(Array(request.utf8)) }

    /// The answer of an inline program, which must need no escaping in a URL, to a raw input.
    func transform(_ program: String, _ input: String) throws -> Reply {
        try ask(RunningService.request(input, target: "/transform?program=" + program))
    }

    /// Whether an ordinary client is served.
    func serves() -> Bool { (try? transform("length", "[1,2,3]"))?.content == "3" }

    var residentBytes: Int { process.residentBytes }
    var descriptorCount: Int { process.descriptorCount }

    func signal(_ number: Int32) { process.signal(number) }

    /// Waits up to a minute.
    func wait(until condition: () -> Bool) -> Bool { Self.wait(until: condition) }

    private static func wait(until condition: () -> Bool) -> Bool {
        for _ in 0..<12_000 {
            if condition() { return true }
            usleep(5_000)
        }
        return false
    }

    /// Waits until at most `count` descriptors are open.
    func closesDescriptors(downTo count: Int) -> Bool {
        wait { process.descriptorCount <= count }
    }

    /// Waits for its end.
    /// - Returns: its exit status, or the number of the signal that ended it, negative.
    func wait() -> Int32 { process.wait() }

    /// Runs `body` with a service, on a thread that may block, and stops the service after it.
    static func with<Result: Sendable>(
        _ flags: [String] = [], _ body: @escaping @Sendable (ServiceProcess) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Swift.Result {
                        let service = try ServiceProcess(["--log-level", "error"] + flags)
                        defer {
                            service.signal(SIGTERM)
                            _ = service.wait()
                        }
                        return try body(service)
                    })
            }
        }
    }
}

/// A file in /tmp, removed in the end.
final class NamedFile {
    let path: String

    init(_ text: String) {
        path = "/tmp/transform-service-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        write(text)
    }

    deinit { unsafe unlink(path) }

    func write(_ text: String) {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
        close(file)
    }
}
