// `$ARGS`, which jq binds in every program: an additional argument of programs that mention it.

import Glibc

enum ArgumentsObject {
    static let name = "ARGS"

    /// The names of a program's arguments, preceded by `ARGS` if the text contains it, so that an
    /// argument with that name hides it, as in jq.
    static func names(_ names: [String], in text: UnsafeRawBufferPointer) -> [String] {
        unsafe isMentioned(in: text) ? [name] + names : names
    }

    /// Whether the text contains `ARGS`. A capital A is rare in programs.
    static func isMentioned(in text: UnsafeRawBufferPointer) -> Bool {
        guard let base = text.baseAddress else { return false }
        var start = 0
        // Safety: the search and the comparison stay below the count.
        while let found = unsafe memchr(base + start, 0x41, text.count - start) {
            let offset = unsafe UnsafeRawPointer(found) - base
            if text.count - offset >= 4,
                unsafe base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                    == UInt32(littleEndian: 0x5347_5241)
            {
                return true
            }
            start = offset + 1
        }
        return false
    }
}
