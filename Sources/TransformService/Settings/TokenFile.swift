// The file of --auth-token-file -> the tokens that grant access, one per line, so that an old and a
// new one are valid while clients change.

import Glibc

enum TokenFile {
    static let bytesMax = 64 * 1024
    static let tokenBytesMax = 4_096

    /// - Throws: one line for people, without any of the file's content.
    static func tokens(at path: String) throws(ConfigurationError) -> [[UInt8]] {
        guard let text = SystemFile.read(path) else {
            let reason = Process.message(ofSystemError: errno)
            throw ConfigurationError(description: "token file \(path): \(reason)")
        }
        guard text.utf8.count < bytesMax else {
            throw ConfigurationError(description: "token file \(path): \(bytesMax) bytes or more")
        }
        return try tokens(in: text, path)
    }

    /// Lines without surrounding white space; empty ones are ignored.
    static func tokens(in text: String, _ path: String) throws(ConfigurationError) -> [[UInt8]] {
        var tokens: [[UInt8]] = []
        let lines = text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let token = Array(trimmed(line))
            if token.isEmpty { continue }
            guard token.count <= tokenBytesMax, token.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw ConfigurationError(
                    description: "token file \(path), line \(index + 1): a token is 1 to "
                        + "\(tokenBytesMax) visible ASCII characters")
            }
            tokens.append(token)
        }
        if tokens.isEmpty {
            throw ConfigurationError(description: "token file \(path): there is no token in it")
        }
        return tokens
    }

    private static func trimmed(_ line: Substring.UTF8View) -> Substring.UTF8View {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        var rest = line.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }
}
