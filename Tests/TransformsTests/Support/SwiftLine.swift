// Lines of Swift -> their code, words, imports and functions, as far as the tidy tests need it.
// Reads characters, not grammar: sources are formatted, so a body's end is the `}` under its
// `func`.

enum SwiftLine {
    /// The line without strings in quotes and without the comment after `//`.
    static func code(_ line: Substring) -> String {
        var code = ""
        var isInString = false
        var last: Character = " "
        for character in line {
            if character == "\"" && last != "\\" {
                isInString.toggle()
            } else if !isInString {
                if character == "/" && last == "/" {
                    code.removeLast()
                    break
                }
                code.append(character)
            }
            last = character
        }
        return code
    }

    static func words(_ line: Substring) -> [Substring] {
        line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
    }

    /// The module that an import names.
    static func imported(_ line: Substring) -> String? {
        let words = line.split(separator: " ")
        guard !line.hasPrefix(" "), !line.hasPrefix("//"),
            let index = words.firstIndex(of: "import"), index + 1 < words.count
        else { return nil }
        // `import struct NIOCore.ByteBuffer`
        let isScoped = words[index + 1].allSatisfy(\.isLowercase) && index + 2 < words.count
        let name = words[isScoped ? index + 2 : index + 1]
        return name.split(separator: ".").first.map { String($0) }
    }
}

struct SwiftFunctions {
    struct Function {
        let name: String
        /// Counted from 1.
        let line: Int
        let lineCount: Int
    }

    static func all(in lines: [Substring]) -> [Function] {
        var functions: [Function] = []
        for (index, line) in lines.enumerated() {
            guard let name = name(SwiftLine.code(line)) else { continue }
            let indent = String(line.prefix { $0 == " " })
            if line.hasSuffix("}") { continue }
            // A protocol's function has no body: the scope around it ends first.
            let end = lines[(index + 1)...].firstIndex {
                $0 == indent + "}" || !$0.isEmpty && !$0.hasPrefix(indent)
            }
            guard let end, lines[end] == indent + "}" else { continue }
            functions.append(Function(name: name, line: index + 1, lineCount: end - index + 1))
        }
        return functions
    }

    private static func name(_ code: String) -> String? {
        let words = code.split { $0 == " " || $0 == "(" || $0 == "<" || $0 == "?" }
        for (index, word) in words.enumerated() {
            if word == "func", index + 1 < words.count { return String(words[index + 1]) }
            if word == "init" && index < 3 { return "init" }
        }
        return nil
    }
}
