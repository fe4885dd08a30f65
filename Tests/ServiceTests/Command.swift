// Words of a command line and bytes for its standard input -> its outputs and exit status, in a
// process of its own.

import Glibc

enum Command {
    struct Result {
        var output: String
        var message: String
        var status: Int32
    }

    /// The package's root folder.
    static let root = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    /// The executable, built beside these tests.
    static let binary: String? = {
        var candidates: [String] = []
        // The tests' own bundle lies in the folder that the executable was built into.
        if let own = CommandLine.arguments.first(where: { $0.hasSuffix(".xctest") }) {
            candidates.append(folder(own) + "/transform-service")
        }
        if let own = link("/proc/self/exe") {
            candidates.append(folder(own) + "/transform-service")
        }
        candidates.append(root + "/.build/debug/transform-service")
        if let set = unsafe getenv("TRANSFORM_SERVICE") {
            candidates.insert(unsafe String(cString: set), at: 0)
        }
        return candidates.first { unsafe access($0, X_OK) == 0 }
    }()

    private static func folder(_ path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }

    private static func link(_ path: String) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = unsafe buffer.withUnsafeMutableBytes {
            unsafe readlink(path, $0.bindMemory(to: CChar.self).baseAddress!, $0.count)
        }
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }

    /// What a shell makes of a line in which `T` is `run` and an empty folder the current one; nil
    /// where the executable is missing.
    static func shell(_ script: String) -> Result? {
        guard let binary else { return nil }
        return run([
            "bash", "-c",
            """
            T="$(realpath "\(binary)") run"; d=$(mktemp -d); cd $d; export HOME=$d
            \(script)
            cd /; rm -r $d
            """,
        ])
    }

    /// Runs it to its end. Input and outputs go through files, so that neither waits for the other.
    static func run(_ words: [String], input: [UInt8] = []) -> Result {
        let files = (0..<3).map { _ in temporaryFile() }
        defer { for file in files { close(file) } }
        _ = unsafe input.withUnsafeBytes { unsafe write(files[0], $0.baseAddress, $0.count) }
        lseek(files[0], 0, SEEK_SET)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in files.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
        }
        var arguments = unsafe words.map { unsafe strdup($0) } + [nil]
        let variables = ["PATH=" + path, "HOME=/"]
        var names = unsafe variables.map { unsafe strdup($0) } + [nil]
        var child: pid_t = 0
        let code = unsafe posix_spawnp(&child, words[0], &actions, nil, &arguments, &names)
        unsafe (arguments + names).forEach { unsafe free($0) }
        if code != 0 { return Result(output: "", message: "spawn: error \(code)", status: -1) }
        var status: Int32 = 0
        while unsafe waitpid(child, &status, 0) < 0 && errno == EINTR {}
        let exitStatus = status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
        return Result(output: contents(files[1]), message: contents(files[2]), status: exitStatus)
    }

    private static var path: String {
        guard let path = unsafe getenv("PATH") else { return "/usr/bin:/bin" }
        return unsafe String(cString: path)
    }

    /// A file without a name.
    private static func temporaryFile() -> Int32 {
        var template = Array("/tmp/transform-service-test-XXXXXX\u{0}".utf8.map { CChar($0) })
        let file = unsafe mkstemp(&template)
        _ = fcntl(file, F_SETFD, FD_CLOEXEC)
        unsafe unlink(template)
        return file
    }

    private static func contents(_ file: Int32) -> String {
        lseek(file, 0, SEEK_SET)
        var all: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = unsafe read(file, &part, part.count)
            if count <= 0 { return String(decoding: all, as: UTF8.self) }
            all.append(contentsOf: part[..<count])
        }
    }
}
