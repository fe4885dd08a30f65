// Words of a command line and bytes for its standard input -> its outputs and exit status, in a
// process of its own.

import Glibc
import TestSupport

enum Command {
    struct Result {
        var output: String
        var message: String
        var status: Int32
    }

    /// The executable, built together with these tests.
    static let binary: String? = {
        var candidates: [String] = []
        // The tests' own bundle is in the folder that the executable was built into.
        if let own = CommandLine.arguments.first(where: { $0.hasSuffix(".xctest") }) {
            candidates.append(folder(own) + "/transform-service")
        }
        if let own = link("/proc/self/exe") {
            candidates.append(folder(own) + "/transform-service")
        }
        candidates.append(SharedFiles.root + "/.build/debug/transform-service")
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

    /// Runs a script in bash, in an empty folder, with `T` as the command `run`; nil where the
    /// executable is missing.
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
        let files = (0..<3).map { _ in ChildProcess.temporaryFile() }
        defer { for file in files { close(file) } }
        _ = unsafe input.withUnsafeBytes { unsafe write(files[0], $0.baseAddress, $0.count) }
        lseek(files[0], 0, SEEK_SET)
        do throws(ChildProcess.Failure) {
            let process = try ChildProcess(words, environment: ["HOME=/"], files: files)
            let status = process.wait()
            return Result(
                output: ChildProcess.contents(files[1]), message: ChildProcess.contents(files[2]),
                status: status)
        } catch {
            return Result(output: "", message: error.description, status: -1)
        }
    }
}
