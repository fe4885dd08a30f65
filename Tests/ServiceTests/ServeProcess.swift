// `serve` in a process of its own on a socket in the file system, and what the kernel says of that
// process: so a test can measure its memory and its descriptors.

import Dispatch
import Glibc

final class ServeProcess: @unchecked Sendable {
    // Written by `init` only; a test asks from one thread at a time.
    private let identifier: pid_t
    private let path: String

    struct Failure: Error { let text: String }

    init(_ flags: [String] = []) throws {
        guard let binary = Command.binary else { throw Failure(text: "no executable") }
        path = "/tmp/transform-service-hostile-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let words = [binary, "serve", "--unix", path, "--log-level", "error"] + flags
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        var names = unsafe Command.sanitizerVariables.map { unsafe strdup($0) } + [nil]
        var child: pid_t = 0
        let code = unsafe posix_spawn(&child, binary, nil, nil, &arguments, &names)
        unsafe (arguments + names).forEach { unsafe free($0) }
        if code != 0 { throw Failure(text: "spawn: error \(code)") }
        identifier = child
        for _ in 0..<1_000 {
            if (try? client()) != nil { return }
            usleep(20_000)
        }
        stop()
        throw Failure(text: "serve does not listen")
    }

    func client() throws -> RawClient { try RawClient(path: path) }

    /// One request on a connection of its own.
    func ask(_ request: [UInt8]) throws -> Reply {
        let client = try client()
        client.send(request)
        return Reply(client)
    }

    func ask(_ request: String) throws -> Reply { try ask(Array(request.utf8)) }

    /// The raw input's answer from an inline program that is URL-safe.
    func transform(_ program: String, _ input: String) throws -> Reply {
        try ask(RunningService.request(input, target: "/transform?program=" + program))
    }

    /// Whether a client that means well is served.
    func serves() -> Bool { (try? transform("length", "[1,2,3]"))?.content == "3" }

    /// Bytes of memory that are resident.
    var residentBytes: Int {
        let words = contents("/proc/\(identifier)/statm").split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * 4096 : 0
    }

    var descriptorCount: Int {
        guard let folder = unsafe opendir("/proc/\(identifier)/fd") else { return -1 }
        defer { unsafe closedir(folder) }
        var count = 0
        while unsafe readdir(folder) != nil { count += 1 }
        return count
    }

    /// Waits up to 20 seconds until no more descriptors are open than these.
    func closesDescriptors(downTo count: Int) -> Bool {
        for _ in 0..<1_000 {
            if descriptorCount <= count { return true }
            usleep(20_000)
        }
        return false
    }

    private func contents(_ path: String) -> String {
        guard let file = unsafe fopen(path, "r") else { return "" }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    /// Ends it; its exit status.
    @discardableResult
    func stop() -> Int32 {
        kill(identifier, SIGTERM)
        var status: Int32 = 0
        while unsafe waitpid(identifier, &status, 0) < 0 && errno == EINTR {}
        unsafe unlink(path)
        return status
    }

    /// Runs `body` with a service, on a thread that may block, and stops the service behind it.
    static func with<Result: Sendable>(
        _ flags: [String] = [], _ body: @escaping @Sendable (ServeProcess) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    with: Swift.Result {
                        let process = try ServeProcess(flags)
                        defer { process.stop() }
                        return try body(process)
                    })
            }
        }
    }
}
