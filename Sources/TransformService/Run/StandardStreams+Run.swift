// The command's messages and outputs, in jq's words.

import Glibc

extension StandardStreams {
    /// A line for people: `jq: SENTENCE`.
    static func complain(_ sentence: String) { write("jq: \(sentence)\n", to: STDERR_FILENO) }

    /// Writes outputs; if that fails, there is nothing left to do.
    static func drainOutput(_ bytes: UnsafeRawBufferPointer) {
        // Safety: the caller keeps the bytes for the call.
        let code = unsafe write(bytes, to: STDOUT_FILENO)
        if code == 0 { return }
        if code != EPIPE {
            let reason = Process.message(ofSystemError: code)
            complain("error: writing output failed: \(reason)")
        }
        exit(ExitStatus.badInput)
    }
}
