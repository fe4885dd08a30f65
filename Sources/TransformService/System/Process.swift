// The process's environment, its standard streams, and the system's error messages.

import CMalloc
import Glibc

enum Process {
    private static var largeBlockBytes: Int32 { 1 << 20 }

    /// Makes the C library map each block from 1 MiB on separately, so that freeing it returns the
    /// memory. By default the library raises that bound to 32 MiB, and allocates bodies and
    /// responses from heaps whose remainder it keeps. A substituted allocator may not have this
    /// bound, nor need it.
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

    /// A line for people that begins with this program's name.
    static func writeError(_ text: String) {
        StandardStreams.write("transform-service: \(text)\n", to: STDERR_FILENO)
    }

    static func message(ofSystemError code: Int32) -> String {
        // Safety: the string is the C library's own, and is copied at once.
        unsafe String(cString: strerror(code))
    }
}
