// The process around the service: its environment, its standard streams, the system's words.

import CMalloc
import Glibc

enum Process {
    private static var largeBlockBytes: Int32 { 1 << 20 }

    /// Has each block from 1 MiB on mapped alone, so that it goes back when it is freed. By itself
    /// the C library raises that bound to 32 MiB, and bodies and answers are cut from heaps whose
    /// rest it keeps. Another allocator in its place may know no such bound, and needs none.
    static func returnLargeBlocks() { mallopt(M_MMAP_THRESHOLD, largeBlockBytes) }

    static var environment: [String: String] {
        var variables: [String: String] = [:]
        // Safety: `environ` is a list of C strings that ends in nil; nothing here changes it.
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let parts = unsafe String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            unsafe entry += 1
        }
        return variables
    }

    static func writeLine(_ text: String) { StandardStreams.write(text + "\n", to: STDOUT_FILENO) }

    /// A line that names this program, for people.
    static func writeError(_ text: String) {
        StandardStreams.write("transform-service: \(text)\n", to: STDERR_FILENO)
    }

    static func message(ofSystemError code: Int32) -> String {
        // Safety: the C library's own string, copied at once.
        unsafe String(cString: strerror(code))
    }
}
