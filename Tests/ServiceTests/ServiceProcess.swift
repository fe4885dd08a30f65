// A `serve` in a process of its own, for what needs one: signals, exit statuses, what is written.

import Glibc
import Testing

final class ServiceProcess {
    let id: pid_t
    let port: Int
    private let files: [Int32]
    private var isOver = false

    /// Starts it on a free port and waits until it listens.
    init(_ flags: [String] = []) throws {
        let binary = try #require(Command.binary)
        files = (0..<2).map { _ in Self.temporaryFile() }
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in files.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, file, Int32(number + 1))
        }
        let words = [binary, "serve", "--port", "0", "--drain-ms", "0", "--workers", "2"] + flags
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        let variables = ["HOME=/", "SWIFT_BACKTRACE=enable=no"] + Command.sanitizerVariables
        var names = unsafe variables.map { unsafe strdup($0) } + [nil]
        defer { unsafe (arguments + names).forEach { unsafe free($0) } }
        var child: pid_t = 0
        let code = unsafe posix_spawn(&child, binary, &actions, nil, &arguments, &names)
        try #require(code == 0)
        id = child
        var found: Int?
        for _ in 0..<12_000 where found == nil {
            let text = Self.contents(files[0])
            if text.hasSuffix("\n") {
                found = text.split(separator: ":").last.flatMap { Int($0.dropLast()) }
            }
            usleep(5_000)
        }
        port = try #require(found)
    }

    deinit {
        if !isOver {
            kill(id, SIGKILL)
            _ = wait()
        }
        for file in files { close(file) }
    }

    /// What it has written to its standard error.
    var message: String { Self.contents(files[1]) }

    func client() throws -> RawClient { try RawClient(port: port) }

    func ask(_ request: String) throws -> Reply {
        let client = try client()
        client.send(request)
        return Reply(client)
    }

    func signal(_ number: Int32) { kill(id, number) }

    /// Waits up to a minute.
    func wait(until condition: () -> Bool) -> Bool {
        for _ in 0..<12_000 {
            if condition() { return true }
            usleep(5_000)
        }
        return false
    }

    /// Waits for its end.
    /// - Returns: its exit status, or the number of the signal that ended it, negative.
    func wait() -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
        isOver = true
        return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
    }

    private static func temporaryFile() -> Int32 {
        var template = Array("/tmp/transform-service-test-XXXXXX\u{0}".utf8.map { CChar($0) })
        let file = unsafe mkstemp(&template)
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        unsafe unlink(template)
        return file
    }

    /// Read without moving the place that the process writes at.
    private static func contents(_ file: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe pread(file, &bytes, bytes.count, 0)
        return count <= 0 ? "" : String(decoding: bytes[..<count], as: UTF8.self)
    }
}

/// A file with a name, removed in the end.
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
