// Words of a command line -> a process of its own, its outputs and its exit status.

import Glibc
import TestSupport

final class ChildProcess: @unchecked Sendable {
    // A test waits for it from one thread at a time.
    let id: pid_t
    private var exitStatus: Int32?

    struct Failure: Error, CustomStringConvertible { let description: String }

    /// - Parameters:
    ///   - words: the program, which is looked for in PATH, and its arguments.
    ///   - environment: `NAME=value`; PATH and the sanitizers' options are added.
    ///   - files: the descriptors that it has as 0, 1, ...; nil for the test's own.
    init(_ words: [String], environment: [String], files: [Int32?]) throws(Failure) {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in files.enumerated() {
            guard let file else { continue }
            unsafe posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
        }
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        var names = unsafe (environment + Self.inherited).map { unsafe strdup($0) } + [nil]
        defer { unsafe (arguments + names).forEach { unsafe free($0) } }
        var child: pid_t = 0
        let code = unsafe posix_spawnp(&child, words[0], &actions, nil, &arguments, &names)
        if code != 0 { throw Failure(description: "\(words[0]): spawn: error \(code)") }
        id = child
    }

    deinit {
        guard exitStatus == nil else { return }
        kill(id, SIGKILL)
        _ = wait()
    }

    private static let inherited = ["PATH", "ASAN_OPTIONS", "TSAN_OPTIONS"].compactMap { name in
        unsafe getenv(name).map { unsafe name + "=" + String(cString: $0) }
    }

    func signal(_ number: Int32) { kill(id, number) }

    /// Waits for its end.
    /// - Returns: its exit status, or the number of the signal that ended it, negative.
    @discardableResult
    func wait() -> Int32 {
        if let exitStatus { return exitStatus }
        var status: Int32 = 0
        while unsafe waitpid(id, &status, 0) < 0 && errno == EINTR {}
        let found = status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
        exitStatus = found
        return found
    }

    /// A file without a name, for what a process reads or writes.
    static func temporaryFile() -> Int32 {
        var template = Array("/tmp/transform-service-test-XXXXXX\u{0}".utf8.map { CChar($0) })
        let file = unsafe mkstemp(&template)
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        unsafe unlink(template)
        return file
    }

    /// All bytes of a file, without moving the file offset at which the process writes.
    static func contents(_ file: Int32) -> String {
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe pread(file, &part, part.count, all.count)
            if count <= 0 { return String(decoding: all, as: UTF8.self) }
            all.append(contentsOf: part[..<count])
        }
    }

    // MARK: The kernel's statistics

    /// Bytes of memory that are resident.
    var residentBytes: Int {
        let text = SharedFiles.text("/proc/\(id)/statm") ?? ""
        let words = text.split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * 4096 : 0
    }

    var descriptorCount: Int { SharedFiles.names(in: "/proc/\(id)/fd").count }

    /// Milliseconds of CPU time of each thread whose name has this prefix.
    func threadMilliseconds(_ prefix: String) -> [Int] {
        SharedFiles.names(in: "/proc/\(id)/task").compactMap { task in
            // 27 (worker-0) S ...: the 12th and 13th word after the name are ticks of 10 ms.
            let text = SharedFiles.text("/proc/\(id)/task/\(task)/stat") ?? ""
            guard let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")"),
                text[open...].dropFirst().hasPrefix(prefix)
            else { return nil }
            let words = text[close...].split(separator: " ")
            return words.count > 13 ? 10 * ((Int(words[12]) ?? 0) + (Int(words[13]) ?? 0)) : nil
        }
    }
}
